"""Watching the default branch: a pointer that moved without this process leads to an incident.

Judged from state, not from push events: the commit that a pointer's content came with must belong
to a pull request that was merged with a green check, and whose head has that very content.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.deciding.after_merge import undo, unsanctioned
from bot.facts.actions import Action, OpenIncident
from bot.facts.default_branch import Movement
from bot.report import letters


def decide_movements(movements: tuple[Movement, ...]) -> tuple[Action, ...]:
    """Return an incident and a rollback for every pointer that moved without this process. Pure."""
    return tuple(action for m in movements if not m.sanctioned for action in _unsanctioned(m))


def _unsanctioned(movement: Movement) -> Iterator[Action]:
    model, commit = movement.model, movement.merge or movement.commit
    if movement.pull is not None:
        yield from unsanctioned(model, movement.pull, "", movement.merge)
        return
    yield OpenIncident(
        model=model,
        version=f"push-{commit[:12]}",
        title=letters.pushed_title(model, commit),
        body=letters.pushed_body(model, commit),
    )
    yield undo(model, commit)
