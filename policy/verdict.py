"""Outcomes, and findings as a tree that explains itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """The result of a gate. Only `passed`, `waived` and `warned` allow a proposal to merge."""

    PASSED = "passed"
    WAIVED = "waived"
    WARNED = "warned"
    MISSING = "missing"
    INCONCLUSIVE = "inconclusive"
    ERRORED = "errored"
    FAILED = "failed"

    @property
    def lets_through(self) -> bool:
        return self in (Outcome.PASSED, Outcome.WAIVED, Outcome.WARNED)


_SEVERITY = {outcome: rank for rank, outcome in enumerate(Outcome)}


@dataclass(frozen=True)
class Finding:
    """One result, with a plain sentence and the findings that it is based on."""

    name: str
    outcome: Outcome
    sentence: str
    parts: tuple[Finding, ...] = ()

    def leaves(self) -> Iterator[Finding]:
        """Yield the findings without parts, in order."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.leaves()

    def blocking(self) -> tuple[Finding, ...]:
        """Return every leaf that blocks."""
        return tuple(leaf for leaf in self.leaves() if not leaf.outcome.lets_through)

    def as_json(self) -> dict[str, object]:
        """Return the tree as plain JSON values."""
        value: dict[str, object] = {
            "name": self.name,
            "outcome": self.outcome.value,
            "sentence": self.sentence,
        }
        if self.parts:
            value["parts"] = [part.as_json() for part in self.parts]
        return value


Verdict = Finding
"""The root of a tree of findings: the result for the whole proposal."""


def check(name: str, ok: bool, passed: str, failed: str = "") -> Finding:
    """Return a finding that passes or fails; `failed` is its sentence if that differs."""
    if ok:
        return Finding(name, Outcome.PASSED, passed)
    return Finding(name, Outcome.FAILED, failed or passed)


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the most severe outcome; nothing to look at is `missing`, never `passed`."""
    return max(outcomes, key=_SEVERITY.__getitem__, default=Outcome.MISSING)


def gather(name: str, parts: Sequence[Finding], sentence: str = "") -> Finding:
    """Return a finding with the worst outcome of its parts; by default its sentence counts them."""
    outcome = worst([part.outcome for part in parts])
    return Finding(name, outcome, sentence or _count(parts), tuple(parts))


def _count(parts: Sequence[Finding]) -> str:
    blocked = sum(not part.outcome.lets_through for part in parts)
    if blocked:
        return f"{blocked} of {len(parts)} checks did not pass"
    text = "1 check passed" if len(parts) == 1 else f"all {len(parts)} checks passed"
    waived = sum(part.outcome is Outcome.WAIVED for part in parts)
    warned = sum(part.outcome is Outcome.WARNED for part in parts)
    text += f", {waived} by override" if waived else ""
    return f"{text}, {warned} with a warning" if warned else text
