"""The geometry of a model's timeline: one line of versions, and an arc for each rollback.

The template draws it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from countersign_ml.audit.judging.audit_result import ChangeAudit

Look = Literal["proven", "forced", "unproven"]
STEP = 96.0
"""Pixels between two changes, if there are few."""
LEAST_STEP = 30.0
"""Pixels between two changes, however many there are."""
WHOLE = 11
"""The most changes that are a full step apart."""
MARGIN = 52.0
ARC = 62.0


@dataclass(frozen=True)
class Dot:
    """One change: its place, its look, and the text below it."""

    number: int
    x: float
    look: Look
    label: str
    date: str
    title: str


@dataclass(frozen=True)
class Arc:
    """A rollback: from a change to the dot where its version was last set."""

    path: str
    look: Look


@dataclass(frozen=True)
class Timeline:
    """All of one model's changes, in pixels."""

    width: float
    height: float
    line: float
    dots: tuple[Dot, ...]
    arcs: tuple[Arc, ...]

    @property
    def ends(self) -> tuple[float, float]:
        return self.dots[0].x, self.dots[-1].x


def look_of(change: ChangeAudit) -> Look:
    if not change.proven:
        return "unproven"
    return "forced" if change.forced else "proven"


def timeline(changes: Sequence[ChangeAudit]) -> Timeline | None:
    """Return the timeline; None if there are no changes."""
    if not changes:
        return None
    step = max(LEAST_STEP, STEP * min(1.0, WHOLE / len(changes)))
    every = -(-int(STEP * 0.8) // int(step))
    line = ARC + 22 if any(change.way in ("back", "nothing") for change in changes) else 26
    dots, arcs = [], []
    last: dict[str | None, float] = {}
    for index, change in enumerate(changes):
        x = MARGIN + index * step
        shown = index % every == 0 or index == len(changes) - 1
        name = (change.after or "none").partition("-")[0]
        back = change.way in ("back", "nothing")
        dots.append(
            Dot(
                number=index + 1,
                x=round(x, 1),
                look=look_of(change),
                label=("back to " if back and step == STEP else "") + name if shown else "",
                date=change.commit.at[:10] if shown else "",
                title=f"{change.before or 'none'} to {change.after or 'none'}",
            )
        )
        if back and change.after in last:
            start = last[change.after]
            height = min(ARC, 18 + (x - start) * 0.22)
            top = line - 9
            middle = round((start + x) / 2, 1)
            path = f"M{x:.1f} {top} Q{middle} {top - 2 * height:.1f} {start:.1f} {top}"
            arcs.append(Arc(path, look_of(change)))
        last[change.after] = x
    width = MARGIN * 2 + step * (len(changes) - 1)
    return Timeline(round(width, 1), line + 56, line, tuple(dots), tuple(arcs))
