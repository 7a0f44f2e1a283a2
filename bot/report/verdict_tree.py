"""Findings as Markdown: every sentence made harmless, nested as the verdict is."""

from __future__ import annotations

from collections.abc import Sequence

from countersign_ml.markdown import plain
from policy.verdict import Finding, Outcome

WORDS = {
    Outcome.PASSED: "passed",
    Outcome.WAIVED: "waived",
    Outcome.WARNED: "warned",
    Outcome.MISSING: "missing",
    Outcome.INCONCLUSIVE: "inconclusive",
    Outcome.ERRORED: "errored",
    Outcome.FAILED: "failed",
}


def sentence(finding: Finding) -> str:
    """Return a finding's sentence, safe for Markdown."""
    return plain(finding.sentence, 1000)


def tree(findings: Sequence[Finding], depth: int = 0) -> str:
    """Return findings as a nested list."""
    lines: list[str] = []
    for finding in findings:
        word = WORDS[finding.outcome]
        lines.append(f"{'  ' * depth}- {plain(finding.name)}: **{word}**, {sentence(finding)}")
        if finding.parts:
            lines.append(tree(finding.parts, depth + 1))
    return "\n".join(lines)
