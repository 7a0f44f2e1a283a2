"""What a workflow run shows: a summary without a verdict, and findings at their lines."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from policy.facts.evidence import DataFacts, Evidence, GateFacts, RowFinding, StageFacts
from policy.gates.judge import judge_data
from policy.verdict import Finding, Outcome
from runner.tell import job_summary, workflow_commands
from tests.bot.report_builders import found, told
from tests.policy import builders as measured

HOSTILE = "</details>\n::stop-commands::x\n# @grace <script> | `` [a](http://e) %0A::error::"


def page(evidence: Evidence) -> str:
    return str(MarkdownIt("gfm-like", {"linkify": False}).render(job_summary.render(evidence)))


def hostile() -> Evidence:
    row = RowFinding(file=f"train{HOSTILE}", line=3, id=HOSTILE, field=HOSTILE, message=HOSTILE)
    data = measured.data()
    gates = (GateFacts(gate="contract", count=1, findings=(row,)), *data.gates[1:])
    stages = (StageFacts(stage="validate", outcome="stopped", seconds=1.0, message=HOSTILE),)
    return told(data=data.model_copy(update={"gates": gates}), stages=stages)


def test_the_summary_tells_facts_and_no_verdict() -> None:
    text = job_summary.render(told())
    assert "| `near_duplicates` | 3 |" in text
    assert "1,250 to 1,300 rows (+50)" in text
    assert "| `exact_match` | `0.0 %` | `51.0 %` | `90.0 %` |" in text
    assert not re.search(r"\b(passed|failed|blocked)\b", text)


def test_what_rows_hold_stays_text() -> None:
    shown = page(hostile())
    allowed = r"</?(?:h2|h3|p|table|thead|tbody|tr|th|td|code|ul|li|strong)(?: style=\"[^\"]*\")?>"
    assert re.sub(allowed, "", shown).count("<") == 0
    assert not re.search(r"^#+ @", job_summary.render(hostile()), re.M)


def test_a_summary_is_written_where_github_names_a_file_and_within_its_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "summary.md"
    monkeypatch.setenv(job_summary.VARIABLE, str(place))
    for _ in range(400):
        job_summary.tell(told())
    assert 900_000 < place.stat().st_size <= job_summary.MOST_BYTES
    monkeypatch.setenv(job_summary.VARIABLE, str(tmp_path / "none" / "summary.md"))
    job_summary.tell(told())
    monkeypatch.delenv(job_summary.VARIABLE)
    job_summary.tell(told())


def verdict(data: DataFacts) -> Finding:
    return judge_data(measured.policy(), data)


def with_gates(*gates: GateFacts) -> DataFacts:
    named = {gate.gate: gate for gate in gates}
    data = measured.data()
    kept = tuple(named.get(gate.gate, gate) for gate in data.gates)
    return data.model_copy(update={"gates": kept})


def test_findings_are_marked_at_their_lines_by_what_they_come_to() -> None:
    data = with_gates(found("contract", 1, "the answer is no JSON"), found("near_duplicates", 2))
    assert list(workflow_commands.commands(data, verdict(data))) == [
        "::error file=models/support-triage/data/train.jsonl,line=10,title=contract gate"
        "::the answer is no JSON",
        "::warning file=models/support-triage/data/train.jsonl,line=10,title=near_duplicates gate"
        "::nearly the same question",
        "::warning file=models/support-triage/data/train.jsonl,line=11,title=near_duplicates gate"
        "::nearly the same question",
    ]


def test_no_more_are_printed_than_github_shows_of_a_step() -> None:
    data = with_gates(found("contract", 40), found("pii", 40), found("near_duplicates", 40))
    levels = [each.split()[0] for each in workflow_commands.commands(data, verdict(data))]
    assert (levels.count("::error"), levels.count("::warning")) == (10, 10)


@settings(deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_ends_a_command_or_begins_another(file: str, message: str) -> None:
    said = workflow_commands.command("error", file, 0, "gate", message)
    assert len(said.splitlines()) == 1
    read = re.fullmatch(r"::error file=([^:,]*),line=1,title=gate::(.*)", said)
    assert read is not None
    assert read[2].startswith("::") <= message.startswith("::")


def test_nothing_is_printed_outside_a_workflow(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = with_gates(found("contract", 1))
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    workflow_commands.tell(data, Finding("data", Outcome.FAILED, ""))
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    workflow_commands.tell(data, Finding("data", Outcome.FAILED, ""))
    assert capsys.readouterr().err.startswith("::error file=")
