"""The report tells what changed, what every gate found, how far answers drifted, what it took."""

from __future__ import annotations

from bot.report.check import CONCLUSIONS
from bot.report.data_change import sentence, tables
from bot.report.data_gate_table import MAX_ANNOTATIONS
from bot.report.spending import line
from policy.facts.evidence import Evidence, GateFacts
from policy.facts.run_context import DataChange, Expected
from tests.bot import builders as a
from tests.bot.report_builders import POLICY, TRAIN, change, found, told
from tests.policy import builders as measured


def comment(shown: Evidence, **changes: object) -> str:
    return a.comment_of(a.snapshot(shown=shown, released=False, policy=POLICY, **changes))  # type: ignore[arg-type]


def with_gates(*gates: GateFacts) -> Evidence:
    named = {gate.gate: gate for gate in gates}
    data = measured.data()
    return told(
        data=data.model_copy(
            update={"gates": tuple(named.get(gate.gate, gate) for gate in data.gates)}
        )
    )


def test_changed_rows_stand_in_the_comment_in_words_and_by_split() -> None:
    text = comment(told())
    assert "1,250 to 1,300 rows (+50): 60 added, 10 removed, 2 changed" in text
    assert "1 new exact duplicate" in text
    assert "| train | `models/support-triage/data/train.jsonl` | 950 | 1,000 | 60 | 10 |" in text


def test_a_first_version_says_how_many_rows_it_has() -> None:
    shown = told(data_change=DataChange(base="first", commit="d" * 40))
    assert "first version on this branch, 1,300 rows (train 1,000, test 300)" in sentence(shown)
    assert tables(shown) == ""


def test_an_unknown_base_is_said() -> None:
    shown = told(data_change=DataChange(base="unknown", why="train.jsonl: missing; add <b>it</b>"))
    assert "it is not known what changed: train.jsonl: missing; add &lt;b&gt;it" in comment(shown)


def test_evidence_of_before_there_were_such_facts_says_nothing_of_them() -> None:
    text = comment(a.evidence())
    assert "**Data**" not in text
    assert "what changed in the data" not in text


def test_every_data_gate_stands_in_a_folded_table_with_its_outcome() -> None:
    text = comment(with_gates(found("contract", 2)))
    folded = text.partition("support-triage: data gates</summary>")[2].partition("</details>")[0]
    assert "| contract | 2 | 1,300 | **failed** |" in folded
    assert "| near_leakage | 0 | 300 | passed |" in folded
    open_part = text.partition("<details>")[0]
    assert "| contract | 2 | 1,300 | **failed** |" in open_part
    assert "near_leakage | 0" not in open_part


def test_the_drift_table_names_measure_band_and_outcome() -> None:
    text = comment(told())
    assert "| length | live version | PSI | 0.115 |" in text
    assert "warns from 0.1, fails from 0.25 | warned |" in text
    assert "| vocabulary | live version | PSI | 0.000 | up to 0.005 | – | no gate |" in text


def test_the_cost_is_shown_next_to_the_estimate() -> None:
    said = line(told())
    assert "30.0 s on cpu with 1.0 GB" in said
    assert "estimate: 1 min 12 s and 0.05 EUR, at most 30 min 0 s allowed" in said
    assert "0.02 EUR at 2.4 an hour" in said


def test_without_a_speed_the_tokens_are_told() -> None:
    said = line(told(expected=Expected(tokens=360_000, max_tokens=1e6)))
    assert "usually too high: 360,000 tokens, 1,000,000 allowed; 360,000 were read" in said
    assert "EUR" not in said


def test_findings_that_block_are_annotated_first_and_as_failures() -> None:
    shown = with_gates(found("near_duplicates", 3), found("pii", 45, "holds an e-mail"))
    notes = a.check_of(a.snapshot(shown=shown, released=False)).annotations
    assert [note.level for note in notes] == ["failure"] * 45 + ["warning"] * 3
    assert (notes[0].path, notes[0].line, notes[0].title) == (TRAIN, 10, "pii gate")


def test_no_more_findings_are_annotated_than_one_request_takes() -> None:
    gates = [found(name, 900) for name in ("contract", "pii", "secrets")]
    check = a.check_of(a.snapshot(shown=with_gates(*gates), released=False))
    assert len(check.annotations) == MAX_ANNOTATIONS == 50
    assert check.conclusion == CONCLUSIONS["failed"]


def test_a_finding_in_a_file_that_the_head_does_not_hold_is_not_annotated() -> None:
    row = found("contract", 1).findings[0]
    gate = GateFacts(
        gate="contract",
        count=3,
        findings=(
            row.model_copy(update={"file": "s3://bucket/rows.parquet"}),
            row.model_copy(update={"file": "../../.github/workflows/ci.yml"}),
            row,
        ),
    )
    check = a.check_of(a.snapshot(shown=with_gates(gate), released=False))
    assert [note.path for note in check.annotations] == [TRAIN]


def test_names_from_the_data_stay_text() -> None:
    text = comment(told(data_change=change()))
    assert "`` `@omar` </details> ``" in text
    assert "<b>@all</b>" not in text.replace("`refunds ¦ <b>@all</b>`", "")
