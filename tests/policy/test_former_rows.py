"""Changed held-out rows: a regression on the old ones blocks like one on the new ones."""

from __future__ import annotations

from typing import Any

import pytest

from policy.facts.evidence import Evidence, FormerRows, Incumbent, PairedCounts
from policy.facts.run_context import EarlierVersion
from policy.gates.consistency import contradictions
from policy.gates.judge import judge
from policy.people.kinds_of_change import change_kinds
from policy.verdict import Finding, Outcome
from tests.policy import builders as b
from tests.policy.test_metric_gates import rules

OLD_ROWS = "sha256:" + "7" * 64
LIVE = Incumbent(version="v1-11111111", artifact=b.INCUMBENT)


def former(both: int = 150, lost: int = 3, won: int = 120, neither: int = 27) -> FormerRows:
    """Figures on the old rows: incumbent and candidate differ on exactly these."""
    n = both + lost + won + neither
    measured = (
        b.measurement("incumbent", b.INCUMBENT, (both + lost) / n, n),
        b.measurement("candidate", b.CANDIDATE, (both + won) / n, n),
    )
    return FormerRows(
        rows=OLD_ROWS,
        measurements=tuple(each.model_copy(update={"rows": OLD_ROWS}) for each in measured),
        comparisons=(b.compared(both, lost, won, neither),),
    )


def judged(evidence: Evidence, *, other_rows: bool = True) -> Finding:
    return judge(
        b.policy(),
        evidence,
        proposal_digest=evidence.proposal.digest,
        incumbent=b.INCUMBENT,
        other_rows=other_rows,
    )


def reasons(finding: Finding) -> str:
    return "; ".join(f"{leaf.name}: {leaf.sentence}" for leaf in finding.blocking())


def earlier(rows: str) -> tuple[EarlierVersion, ...]:
    return (EarlierVersion(version=LIVE.version, rows=rows, metrics={}),)


def test_a_candidate_that_holds_on_the_old_and_the_new_rows_passes() -> None:
    found = judged(b.evidence(former=former()))
    assert found.outcome is Outcome.PASSED, reasons(found)


def test_a_regression_on_the_old_rows_blocks_although_the_new_rows_show_none() -> None:
    found = judged(b.evidence(former=former(both=80, lost=73, won=10, neither=137)))
    assert found.outcome is Outcome.FAILED
    assert "incumbent on the former rows" in reasons(found)
    assert "from before this change" in reasons(found)


def test_a_few_old_rows_cannot_show_that_nothing_was_lost() -> None:
    found = judged(b.evidence(former=former(both=6, lost=2, won=1, neither=1)))
    assert found.outcome is Outcome.INCONCLUSIVE, reasons(found)


@pytest.mark.parametrize(
    ("changes", "other_rows", "outcome"),
    [
        ({}, False, Outcome.PASSED),
        ({}, True, Outcome.MISSING),
        ({"earlier": earlier(OLD_ROWS)}, False, Outcome.MISSING),
        ({"earlier": earlier(b.ROWS)}, False, Outcome.PASSED),
        ({"former": FormerRows(rows=b.ROWS)}, True, Outcome.PASSED),
        ({"former": FormerRows(rows=b.ROWS), "earlier": earlier(OLD_ROWS)}, True, Outcome.MISSING),
        ({"former": FormerRows(rows=b.ROWS), "earlier": earlier(OLD_ROWS)}, False, Outcome.PASSED),
        ({"former": FormerRows(rows=OLD_ROWS)}, True, Outcome.MISSING),
        ({"former": FormerRows(rows=OLD_ROWS)}, False, Outcome.MISSING),
        ({"former": FormerRows(why="no card")}, False, Outcome.MISSING),
    ],
)
def test_changed_rows_without_figures_on_the_old_ones_block(
    changes: dict[str, Any], other_rows: bool, outcome: Outcome
) -> None:
    found = judged(b.evidence(**changes), other_rows=other_rows)
    assert found.outcome is outcome, reasons(found)


def test_nothing_is_needed_where_no_gate_compares_with_the_live_version() -> None:
    evidence = b.evidence()
    found = judge(
        rules("{metric: exact_match, min: 0.5}"),
        evidence,
        proposal_digest=evidence.proposal.digest,
        incumbent=b.INCUMBENT,
        other_rows=True,
    )
    assert found.outcome is Outcome.PASSED, reasons(found)


def test_a_first_version_has_no_old_rows() -> None:
    first = b.evidence(incumbent=None, comparisons=())
    found = judge(
        b.policy(), first, proposal_digest=first.proposal.digest, incumbent=None, other_rows=True
    )
    assert found.outcome is Outcome.PASSED, reasons(found)


def test_a_metric_that_was_not_compared_on_the_old_rows_is_missing() -> None:
    shown = former().model_copy(update={"comparisons": ()})
    assert judged(b.evidence(former=shown)).outcome is Outcome.MISSING


def test_figures_of_another_model_or_other_rows_contradict() -> None:
    good = former()
    live, candidate = good.measurements
    other_model = candidate.model_copy(update={"model": b.BASE})
    other_rows = candidate.model_copy(update={"rows": b.ROWS})
    counts = PairedCounts(both=1, only_first=1, only_second=1, neither=1)
    unlike = good.comparisons[0].model_copy(update={"counts": counts})
    for changes in (
        {"measurements": (live, other_model)},
        {"measurements": (live, other_rows)},
        {"measurements": (live,)},
        {"comparisons": (unlike,)},
        {"comparisons": good.comparisons * 2},
    ):
        shown = b.evidence(former=good.model_copy(update=changes))
        assert any("on the former rows" in each for each in contradictions(shown)), changes
        assert judged(shown).outcome is Outcome.FAILED
    assert contradictions(b.evidence(former=good)) == ()


CARD = """---
license: CC0-1.0
configs:
  - data_files:
      - {split: train, path: train.jsonl}
      - {split: test, path: test.jsonl}
countersign: {source: s, owner: o, version: "1", guidelines: g, review_cadence: r, consent: c,
  classification: public}
---
"""
INPUTS = {
    "recipe.yml": "1",
    "data/README.md": "2",
    "data/train.jsonl": "3",
    "data/test.jsonl": "4",
}


@pytest.mark.parametrize(
    ("changed", "card", "counts"),
    [
        ({"data/test.jsonl": "5"}, CARD, True),
        ({"data/test.jsonl.dvc": "5"}, CARD, True),
        ({"data/test.jsonl": ""}, CARD, True),
        ({"data/README.md": "5"}, CARD.replace("test.jsonl", "train2.jsonl"), True),
        ({"data/README.md": "5"}, "no front matter", True),
        ({"data/train.jsonl": "5"}, CARD, False),
        ({"data/validation.jsonl": "5"}, CARD, False),
        ({"data/manifest.yml": "5"}, CARD, False),
        ({"data/README.md": "5"}, CARD.replace("source: s", "source: t"), False),
        (
            {"data/test.jsonl": "", "data/held.jsonl": "4", "data/README.md": "5"},
            CARD.replace("path: test.jsonl", "path: held.jsonl"),
            False,
        ),
    ],
)
def test_test_data_changes_if_the_test_rows_are_other_rows(
    changed: dict[str, str], card: str, counts: bool
) -> None:
    head = {path: blob for path, blob in (INPUTS | changed).items() if blob}
    kinds = change_kinds(tuple(head.items()), tuple(INPUTS.items()), card, CARD)
    assert ("test_data" in kinds) is counts
    assert "data" in kinds
