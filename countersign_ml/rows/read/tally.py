"""What a gate counts while rows are read: the number of findings, and the first of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from policy.facts.evidence import RowFinding

SHOWN = 50
"""Findings that are kept per gate; the count is always complete."""


@dataclass
class Tally:
    """The number of findings of a gate, and the first of them."""

    count: int = 0
    findings: list[RowFinding] = field(default_factory=list)
    not_run: str = ""
    """Why the gate could not run to its end; empty if it did."""

    def add(self, found: RowFinding) -> None:
        """Count one finding; keep it if there is room."""
        self.count += 1
        if len(self.findings) < SHOWN:
            self.findings.append(found)

    def join(self, other: Tally) -> None:
        """Add the findings of another tally after these."""
        self.count += other.count
        self.findings += other.findings[: SHOWN - len(self.findings)]
