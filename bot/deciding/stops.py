"""What people stop by hand: `/hold` one pull request, `/freeze` every promotion.

A hold is a label that the bot sets. GitHub's log of events tells who took it off, and nobody can
edit that log: a hold ends when the bot ends it, on `/unhold` by somebody who may. A freeze is an
issue that the bot opens; it ends when somebody who may freeze closes it, or says `/unfreeze`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from bot.deciding import command_messages
from bot.facts import comment_commands
from bot.facts.actions import Action, CancelRun, CloseFreeze, OpenFreeze, SetLabel
from bot.facts.comment_commands import Command
from bot.facts.model_state import ModelState
from bot.facts.snapshot import Freeze, Snapshot
from policy.files.rules import Policy
from policy.verdict import Finding, Outcome


@dataclass(frozen=True)
class Stop:
    """What a stop comes to: a finding where there is one, and what makes GitHub show it."""

    finding: Finding | None = None
    actions: tuple[Action, ...] = ()


def holders(snapshot: Snapshot, roles: Iterable[str]) -> frozenset[str]:
    """Return the logins (lower case) that hold one of the roles and may write."""
    writers = {login.lower() for login in snapshot.writers}
    held = (snapshot.roles.get(role, frozenset()) for role in roles)
    return frozenset(login.lower() for logins in held for login in logins) & writers


def involved(snapshot: Snapshot) -> frozenset[str]:
    """Return everybody (lower case) who has a part in what is proposed."""
    made = (login.lower() for commit in snapshot.commits for login in commit.logins)
    return frozenset(made) | {snapshot.pull.author.lower()}


def hold(snapshot: Snapshot, policy: Policy) -> Stop:
    """Return whether this pull request is held.

    Everybody who may hold may also end it, but not somebody who has a part in the proposal.
    """
    may = holders(snapshot, policy.stop.hold)
    held, since = False, ""
    for event in snapshot.events:
        if event.label == command_messages.HOLD_LABEL and event.actor == snapshot.bot:
            held, since = event.kind == "labeled", event.created
    command = _last(
        command
        for command in comment_commands.heard(snapshot.comments, "hold", "unhold")
        if command.comment.created > since
        and command.author in may
        and not (command.name == "unhold" and command.author in involved(snapshot))
    )
    if command is not None:
        held = command.name == "hold"
    shown = command_messages.HOLD_LABEL in snapshot.labels
    number = snapshot.pull.number
    actions = (
        (SetLabel(number, command_messages.HOLD_LABEL, present=held),) if held != shown else ()
    )
    if not held:
        return Stop(actions=actions)
    by = _last(c for c in comment_commands.heard(snapshot.comments, "hold") if c.author in may)
    sentence = (
        command_messages.held(by.comment.author, by.argument)
        if by
        else command_messages.held("", "")
    )
    return Stop(Finding("hold", Outcome.MISSING, sentence), actions)


def freeze(snapshot: Snapshot, policy: Policy) -> Stop:
    """Return whether promotions are frozen; call it only once the freeze was looked up.

    An issue that somebody closed who may not freeze is still a freeze, and opened again.
    """
    if snapshot.freeze is None:
        return Stop(Finding("freeze", Outcome.MISSING, command_messages.FREEZE_UNREAD))
    may = holders(snapshot, policy.stop.freeze)
    newest = snapshot.freeze.newest
    ended = newest is not None and _ended(newest, may | {snapshot.bot.lower()})
    frozen = newest is not None and not ended
    since = max(newest.created, newest.closed) if newest is not None else ""
    command = _last(
        command
        for command in comment_commands.heard(snapshot.comments, "freeze", "unfreeze")
        if command.comment.created > since and command.author in may
    )
    if command is not None and command.name == "freeze" and not frozen:
        by, reason = command.comment.author, command.argument
        action = OpenFreeze(reason, by, snapshot.pull.number)
        return Stop(
            Finding("freeze", Outcome.MISSING, command_messages.frozen(0, reason)), (action,)
        )
    if newest is None or not frozen:
        return Stop()
    if command is not None and command.name == "unfreeze":
        return Stop(actions=(CloseFreeze(newest.number),))
    reopen = () if newest.is_open else (CloseFreeze(newest.number, reopen=True),)
    sentence = command_messages.frozen(newest.number, newest.reason)
    return Stop(Finding("freeze", Outcome.MISSING, sentence), reopen)


def cancel(snapshot: Snapshot, state: ModelState) -> ModelState:
    """Return the state with its run stopped, where somebody who may write asked for that."""
    run = state.run
    if run is None or run.status == "completed":
        return state
    writers = {login.lower() for login in snapshot.writers}
    asked = _last(
        command
        for command in comment_commands.heard(snapshot.comments, "cancel")
        if command.author in writers and command.comment.created > run.created
    )
    if asked is None:
        return state
    remark = command_messages.cancelled(asked.comment.author)
    return replace(state, cancel=CancelRun(run.id), remarks=(*state.remarks, remark))


def asks_about_freeze(snapshot: Snapshot) -> bool:
    """Return whether somebody gave a command for which the freeze has to be looked up."""
    return bool(comment_commands.heard(snapshot.comments, "freeze", "unfreeze"))


def _ended(newest: Freeze, may: frozenset[str]) -> bool:
    return not newest.is_open and newest.closed_by.lower() in may


def _last(commands: Iterable[Command]) -> Command | None:
    found = None
    for command in commands:
        found = command
    return found
