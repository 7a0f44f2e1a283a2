"""Watching the default branch: a pointer that moved without a pull request leads to an incident.

A merge of a pull request is judged as one, in `after_merge`.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.deciding.after_merge import undo
from bot.facts.actions import Action, OpenIncident
from bot.facts.default_branch import Movement
from bot.report import letters


def decide_movements(movements: tuple[Movement, ...]) -> tuple[Action, ...]:
    """Return an incident and a rollback for every pointer that was pushed. Pure."""
    return tuple(action for m in movements if m.pull is None for action in _pushed(m))


def _pushed(movement: Movement) -> Iterator[Action]:
    model, commit = movement.model, movement.commit
    yield OpenIncident(
        model=model,
        version=f"push-{commit[:12]}",
        title=letters.pushed_title(model, commit),
        body=letters.pushed_body(model, commit),
    )
    yield undo(model, commit)
