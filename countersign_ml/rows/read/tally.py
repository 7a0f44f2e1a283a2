"""What a gate counts while rows are read: how often it spoke, and the first of what it said."""

from __future__ import annotations

from dataclasses import dataclass, field

from policy.facts.evidence import RowFinding

SHOWN = 50
"""Findings that are kept for each gate; the count is always whole."""


@dataclass
class Tally:
    """How often a gate spoke, and the first of what it said."""

    count: int = 0
    findings: list[RowFinding] = field(default_factory=list)
    not_run: str = ""
    """Why the gate could not be run to its end; empty where it was."""

    def add(self, found: RowFinding) -> None:
        """Count one finding; keep it while there is room."""
        self.count += 1
        if len(self.findings) < SHOWN:
            self.findings.append(found)

    def join(self, other: Tally) -> None:
        """Count what another tally counted, after what is here."""
        self.count += other.count
        self.findings += other.findings[: SHOWN - len(self.findings)]
