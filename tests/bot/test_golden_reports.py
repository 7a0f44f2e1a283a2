"""Six kinds of report, word by word. COUNTERSIGN_WRITE_GOLDEN=1 writes the files anew."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.deciding.decide import decide
from policy.verdict import Finding
from tests.bot import builders as a
from tests.bot.report_kinds import POLICY, REPORTS
from tests.bot.test_golden import same_as_golden

EXPECTED = {
    "better": ("action_required", "Waiting for signatures"),
    "worse": ("failure", "Blocked"),
    "inconclusive": ("failure", "Inconclusive: the measurements cannot settle it"),
    "slice-regression": ("failure", "Blocked"),
    "quantisation-loss": ("failure", "Blocked"),
    "judge-disagreement": ("action_required", "Waiting for signatures"),
}
BLOCKED_BY = {
    "worse": {"min", "incumbent", "delivery", "refund", "account"},
    "slice-regression": {"refund"},
    "quantisation-loss": {"quantisation"},
}


@pytest.mark.parametrize("name", REPORTS)
def test_every_kind_of_report_reads_as_it_did(name: str) -> None:
    same_as_golden(f"report-{name}.md", a.comment_of(REPORTS[name]))


@pytest.mark.parametrize("name", REPORTS)
def test_its_title_says_what_kind_it_is(name: str) -> None:
    check = a.check_of(REPORTS[name])
    assert (check.conclusion, check.title) == EXPECTED[name]


@pytest.mark.parametrize("name", REPORTS)
def test_what_has_no_gate_is_folded(name: str) -> None:
    opened, _, folded = a.comment_of(REPORTS[name]).partition("<details>")
    assert "`exact_match`" in opened
    assert "`latency`" not in opened
    assert "`latency` | 12.3 ms" in folded


@pytest.mark.parametrize("name", BLOCKED_BY)
def test_only_what_it_is_about_blocks_it(name: str) -> None:
    def failed(finding: Finding) -> set[str]:
        return {leaf.name for leaf in finding.leaves() if leaf.outcome == "failed"}

    assert failed(decide(REPORTS[name]).verdict) <= BLOCKED_BY[name]
    assert failed(decide(REPORTS[name]).verdict)


def test_what_was_not_measured_is_no_matter_of_more_rows() -> None:
    asks_more = POLICY.replace(
        "  metrics:\n", "  metrics:\n    - {metric: macro_f1, min: 0.5, max_drop: 0.05}\n"
    )
    pull = replace(REPORTS["inconclusive"], policy=asks_more)
    assert a.check_of(pull).title == "Blocked"
