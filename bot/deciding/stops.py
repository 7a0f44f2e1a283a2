"""What people stop by hand: `/hold` one pull request, `/freeze` every promotion.

A hold is a label that the bot sets. GitHub's log of events shows who removed it, and nobody can
edit that log: a hold ends when the bot ends it, on `/unhold` by somebody who may. A freeze is an
issue that the bot opens; it ends when somebody who may freeze closes it, or comments `/unfreeze`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.facts import comment_commands
from bot.facts.actions import CancelRun, CloseFreeze, OpenFreeze, SetLabel
from bot.facts.comment_commands import Command
from bot.facts.late import Freeze
from bot.facts.markers import HOLD_LABEL
from bot.facts.model_facts import Run
from bot.facts.role_holders import holders, involved, writers
from bot.facts.snapshot import Snapshot
from policy.files.rules import Policy
from policy.verdict import Finding, Outcome


@dataclass(frozen=True)
class Stop:
    """A stop: a finding if there is one, and what makes GitHub show it."""

    finding: Finding | None = None
    actions: tuple[SetLabel | OpenFreeze | CloseFreeze, ...] = ()


def hold(snapshot: Snapshot, policy: Policy) -> Stop:
    """Return whether this pull request is on hold.

    Anyone who may hold may also end it, except people who have a part in the proposal.
    """
    may = holders(snapshot, policy.stop.hold)
    held = _is_held(snapshot, may)
    number = snapshot.pull.number
    shown = HOLD_LABEL in snapshot.labels
    actions = (SetLabel(number, HOLD_LABEL, present=held),) if held != shown else ()
    if not held:
        return Stop(actions=actions)
    by = _last(c for c in comment_commands.heard(snapshot.comments, "hold") if c.author in may)
    who = f"@{by.comment.author} put this pull request on hold" if by else "this is on hold"
    why = f": {by.argument}" if by and by.argument else ""
    sentence = f"{who}{why}; anyone who may hold, and has no part in it, ends that with /unhold"
    return Stop(Finding("hold", Outcome.MISSING, sentence), actions)


def _is_held(snapshot: Snapshot, may: frozenset[str]) -> bool:
    """The last command counts; the label remembers a hold whose comment was deleted or edited.

    When the bot removes the label says nothing: a hold may have been written just before that.
    """
    labelled, since = False, ""
    for event in snapshot.events:
        if event.label == HOLD_LABEL and event.actor == snapshot.bot:
            labelled, since = event.kind == "labeled", event.created
    command = _last(
        command
        for command in comment_commands.heard(snapshot.comments, "hold", "unhold")
        if command.author in may
        and not (command.name == "unhold" and command.author in involved(snapshot))
    )
    if command is None:
        return labelled
    return command.name == "hold" or (labelled and since > command.comment.created)


def freeze(snapshot: Snapshot, policy: Policy, newest: Freeze | None) -> Stop:
    """Return whether promotions are frozen; `newest` is the newest freeze.

    An issue closed by somebody who may not freeze is still a freeze, and is opened again.
    """
    may = holders(snapshot, policy.stop.freeze)
    ended = newest is not None and _ended(newest, may | {snapshot.bot.lower()})
    frozen = newest is not None and not ended
    command = _last(_since(snapshot, may, newest))
    if command is not None and command.name == "freeze" and not frozen:
        by, reason = command.comment.author, command.argument
        return Stop(_frozen("", reason), (OpenFreeze(reason, by, snapshot.pull.number),))
    if newest is None or not frozen:
        return Stop()
    if command is not None and command.name == "unfreeze":
        return Stop(actions=(CloseFreeze(newest.number),))
    reopen = () if newest.is_open else (CloseFreeze(newest.number, reopen=True),)
    return Stop(_frozen(f" (issue #{newest.number})", newest.reason), reopen)


def _since(snapshot: Snapshot, may: frozenset[str], newest: Freeze | None) -> Iterator[Command]:
    """Yield the commands about freezes that the newest freeze does not answer yet.

    After it ended these are the later ones, and those that follow the /unfreeze which ended it: the
    bot may not have seen them when it closed the freeze.
    """
    opened, closed = (newest.created, newest.closed) if newest is not None else ("", "")
    unfrozen = False
    for command in comment_commands.heard(snapshot.comments, "freeze", "unfreeze"):
        if command.author not in may or command.comment.created <= opened:
            continue
        by_bot = newest is not None and newest.closed_by.lower() == snapshot.bot.lower()
        if command.comment.created > closed or (by_bot and unfrozen):
            yield command
        unfrozen = unfrozen or command.name == "unfreeze"


def _frozen(where: str, reason: str) -> Finding:
    sentence = f"promotions are frozen{where}: {reason}; rollbacks are not"
    return Finding("freeze", Outcome.MISSING, sentence)


def _ended(newest: Freeze, may: frozenset[str]) -> bool:
    return not newest.is_open and newest.closed_by.lower() in may


def asks_about_freeze(snapshot: Snapshot) -> bool:
    """Return whether somebody gave a command that needs the freeze to be read."""
    return bool(comment_commands.heard(snapshot.comments, "freeze", "unfreeze"))


def cancel(snapshot: Snapshot, run: Run | None) -> tuple[CancelRun | None, tuple[str, ...]]:
    """Return how a run is stopped and a remark, if somebody with write access asked for that."""
    if run is None or run.status == "completed":
        return None, ()
    asked = _last(
        command
        for command in comment_commands.heard(snapshot.comments, "cancel")
        if command.author in writers(snapshot) and command.comment.created > run.created
    )
    if asked is None:
        return None, ()
    return CancelRun(run.id), (f"its run is being stopped, as @{asked.comment.author} asked",)


def _last(commands: Iterable[Command]) -> Command | None:
    found = None
    for command in commands:
        found = command
    return found
