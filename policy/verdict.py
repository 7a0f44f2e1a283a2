"""Outcomes, and findings as a tree that explains itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What a gate found. Only `passed`, `waived` and `warned` let a proposal through."""

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
    """One judged statement, in a plain sentence, with the findings that it rests on."""

    name: str
    outcome: Outcome
    sentence: str
    parts: tuple[Finding, ...] = ()

    def leaves(self) -> Iterator[Finding]:
        """Yield the findings that rest on nothing else, in order."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.leaves()

    def blocking(self) -> tuple[Finding, ...]:
        """Return every leaf that does not let through."""
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
"""The root of a tree of findings: what the proposal as a whole came to."""


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the most severe outcome; nothing to look at is `missing`, never `passed`."""
    return max(outcomes, key=_SEVERITY.__getitem__, default=Outcome.MISSING)


def gather(name: str, parts: Sequence[Finding], sentence: str = "") -> Finding:
    """Return a finding whose outcome is the worst of its parts."""
    outcome = worst([part.outcome for part in parts])
    if not sentence:
        blocked = [part for part in parts if not part.outcome.lets_through]
        sentence = f"{len(blocked)} of {len(parts)} do not hold" if blocked else _held(parts)
    return Finding(name, outcome, sentence, tuple(parts))


def _held(parts: Sequence[Finding]) -> str:
    waived = sum(part.outcome is Outcome.WAIVED for part in parts)
    warned = sum(part.outcome is Outcome.WARNED for part in parts)
    text = f"{waived} of {len(parts)} only by override" if waived else f"all {len(parts)} hold"
    return f"{text}, {warned} with a warning" if warned else text
