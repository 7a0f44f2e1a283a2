"""What `doctor` says: one line for each check, with a remedy unless it passed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from policy.errors import Problem, UserError

Outcome = Literal["passed", "warning", "failed"]
WORST: tuple[Outcome, ...] = ("failed", "warning", "passed")

_CORRECT = "correct what this line says"


@dataclass(frozen=True)
class Check:
    """One checked thing."""

    check: str
    outcome: Outcome
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        fix = f"; {self.remedy}" if self.remedy else ""
        return f"{self.outcome:<8} {self.check}: {self.message}{fix}"


def failures(check: str, problems: Iterable[Problem] | UserError) -> list[Check]:
    """Return a failed check for each problem."""
    listed = problems.problems if isinstance(problems, UserError) else problems
    return [
        Check(check, "failed", f"{p.where}: {p.what}" if p.where else p.what, p.remedy or _CORRECT)
        for p in listed
    ]


def report(checks: Iterable[Check]) -> dict[str, Any]:
    """Return the whole as plain data: the worst outcome, and every check."""
    listed = list(checks)
    worst = next((word for word in WORST if any(c.outcome == word for c in listed)), "passed")
    return {"outcome": worst, "checks": [asdict(check) for check in listed]}
