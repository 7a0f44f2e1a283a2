"""Print a tree of findings as plain text, for `countersign judge` and for logs."""

from __future__ import annotations

from collections.abc import Iterator

from policy.errors import one_line
from policy.verdict import Finding, Outcome

MARKS = {
    Outcome.PASSED: "ok",
    Outcome.WAIVED: "waived",
    Outcome.WARNED: "warned",
    Outcome.MISSING: "MISSING",
    Outcome.INCONCLUSIVE: "INCONCLUSIVE",
    Outcome.ERRORED: "ERRORED",
    Outcome.FAILED: "FAILED",
}


def lines(finding: Finding, depth: int = 0) -> Iterator[str]:
    """Yield one line for each node, indented by its depth."""
    text = f"{one_line(finding.name)}: {one_line(finding.sentence)}"
    yield f"{'  ' * depth}{MARKS[finding.outcome]:<7} {text}"
    for part in finding.parts:
        yield from lines(part, depth + 1)
