"""Attempts after the first: `/retrain why` as a request, its run, and its result.

Proposal, seed and key inputs are the same; only the number differs. All attempts must pass, and the
first one's file ships, so another attempt can only hold a version back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.deciding import overrides
from bot.deciding.awaited_run import (
    awaited,
    earlier_evidence,
    gone,
    is_of,
    names_this,
    record_measured,
    waiting,
)
from bot.deciding.changed_measures import other_rows
from bot.facts import comment_commands
from bot.facts.actions import FINETUNE, RecordAttempt, RecordMeasured, Reply
from bot.facts.answer_limits import within_limits
from bot.facts.bot_sentences import ATTEMPTS_RULE, foreign_tag
from bot.facts.comment_commands import Command
from bot.facts.markers import RETRAIN_MARKER, answer_marker
from bot.facts.model_facts import AskedAttempt, ModelFacts
from bot.facts.model_state import AttemptsPart, AttemptState, Awaited, ModelState
from bot.facts.proposed import Proposed
from bot.facts.role_holders import holders, involved, writers
from bot.facts.snapshot import Snapshot
from bot.facts.trusted_runs import deciding
from policy.facts.attempt import MAX_REASON, MIN_REASON, AttemptRecord
from policy.facts.evidence import Evidence
from policy.files.rules import Policy
from policy.gates.judge import judge
from policy.gates.override import waivable, waive
from policy.verdict import Finding, Outcome, gather


@dataclass(frozen=True)
class About:
    """What every attempt is about."""

    snapshot: Snapshot
    policy: Policy
    facts: ModelFacts
    proposed: Proposed


@dataclass(frozen=True)
class Tried:
    """How far one attempt has come; `awaited` until it is measured."""

    state: AttemptState
    awaited: Awaited | None = None
    record: RecordMeasured | None = None


@dataclass(frozen=True)
class Asked:
    """What follows from the requests for another attempt."""

    record: RecordAttempt | None
    awaited: Awaited | None
    answers: tuple[tuple[int, str], ...]


def consider(about: About, first: AttemptState) -> AttemptsPart:
    """Return how far the attempts after a first one that was measured have come."""
    facts = about.facts
    if facts.attempts_foreign:
        sentence = foreign_tag(facts.attempts_foreign)
        return AttemptsPart(findings=(Finding("record", Outcome.FAILED, sentence),))
    numbers = [asked.record.number for asked in facts.attempts]
    gap = next((n for n, number in enumerate(numbers, 2) if n != number), None)
    counted = facts.attempts if gap is None else facts.attempts[: gap - 2]
    tried = [_one(about, asked) for asked in counted]
    if gap is not None:
        sentence = (
            f"attempt {gap} was recorded in a tag that is gone, so nobody can see how it ended; "
            "restore the tag, or change the proposal"
        )
        return _part(first, tried, Finding("attempts", Outcome.FAILED, sentence), None)
    return _part(first, tried, None, _requests(about, first, tried))


def _part(
    first: AttemptState, tried: Sequence[Tried], gap: Finding | None, asked: Asked | None
) -> AttemptsPart:
    findings = [one.state.finding for one in tried if one.awaited is None]
    waits = [one.awaited for one in tried] + [asked.awaited if asked else None]
    records = [one.record for one in tried] + [asked.record if asked else None]
    return AttemptsPart(
        states=(first, *(one.state for one in tried)) if tried else (),
        findings=tuple(finding for finding in (*findings, gap) if finding is not None),
        awaited=tuple(one for one in waits if one is not None),
        records=tuple(record for record in records if record is not None),
        answers=asked.answers if asked else (),
    )


def _one(about: About, asked: AskedAttempt) -> Tried:
    snapshot, facts, proposed = about.snapshot, about.facts, about.proposed
    number = asked.record.number
    key = proposed.key_of(number)
    runs, dispatch = awaited(snapshot, facts, FINETUNE, key)
    earlier = earlier_evidence(snapshot, facts, proposed.digest, key, number)
    decided = deciding(runs, is_of(key, earlier), asked.measured)
    evidence = decided.evidence if decided is not None and decided.decides else None
    state = AttemptState(number, key, asked.record)
    name = f"attempt {number}"
    if asked.foreign:
        finding = Finding(name, Outcome.FAILED, foreign_tag(asked.foreign))
        return Tried(replace(state, finding=finding))
    if evidence is not None:
        first_seen = record_measured(snapshot, facts.name, key, evidence)
        record = None if asked.measured else first_seen
        return Tried(_judged(about, state, evidence), record=record)
    if asked.measured:
        return Tried(replace(state, finding=Finding(name, Outcome.FAILED, gone(asked.measured))))
    dispatch = replace(
        dispatch,
        incumbent=proposed.incumbent,
        reuse=next(iter(earlier), ""),
        attempt=number,
        asked=asked.record.asked,
    )
    waits = waiting(snapshot, dispatch, decided, f"attempt {number}: ")
    return Tried(replace(state, finding=waits.finding), waits)


def _judged(about: About, state: AttemptState, evidence: Evidence) -> AttemptState:
    """Return the attempt with its evidence judged; overrides name that very evidence."""
    policy, facts, proposed = about.policy, about.facts, about.proposed
    found = judge(
        policy,
        evidence,
        proposal_digest=proposed.digest,
        incumbent=proposed.incumbent,
        attempt=state.number,
        other_rows=other_rows(facts),
    )
    forced, refused = overrides.overrides(about.snapshot, policy, facts.name, evidence.digest())
    parts = (found, *names_this(facts, proposed.live, evidence))
    finding = waive(gather(f"attempt {state.number}", parts), forced)
    return replace(
        state,
        finding=finding,
        evidence=evidence,
        overrides=forced,
        remarks=refused,
        waivable=waivable(policy, finding),
    )


def _requests(about: About, first: AttemptState, tried: Sequence[Tried]) -> Asked:
    """Record the next attempt that somebody requested; answer the requests that do not count."""
    recorded = {asked.record.comment: asked.record for asked in about.facts.attempts}
    count = 1 + len(about.facts.attempts)
    record: RecordAttempt | None = None
    waits = any(one.awaited is not None for one in tried)
    answers: list[tuple[int, str]] = []
    for command in _unanswered(about.snapshot):
        known = recorded.get(command.comment.id)
        if known is not None:
            most = about.policy.attempts.max
            said = f"This is attempt {known.number} of at most {most}. {ATTEMPTS_RULE}"
        else:
            said = _against(about, first, command, count, waits=waits or record is not None)
        if said:
            answers.append((command.comment.id, said))
            continue
        count += 1
        asked = _record(about, command, count)
        record = RecordAttempt(asked, about.snapshot.pull.head_sha)
    if record is None:
        return Asked(None, None, tuple(answers))
    sentence = f"attempt {count} was requested by @{record.record.user} and is being recorded"
    return Asked(record, Awaited(Finding("run", Outcome.MISSING, sentence)), tuple(answers))


def _against(
    about: About, first: AttemptState, command: Command, count: int, *, waits: bool
) -> str:
    """Return why a request does not count; empty if it does. `count` attempts are there so far."""
    rules, length = about.policy.attempts, len(command.argument.strip())
    if not _may(about.snapshot, about.policy, command):
        return _may_not(about.policy)
    if not MIN_REASON <= length <= MAX_REASON:
        found = f"yours has {length}" if length else "it is missing"
        return (
            f"Give the reason, in {MIN_REASON} to {MAX_REASON} characters on the same line "
            f"({found}), such as `/retrain the runner's GPU was replaced, does the result "
            "repeat?`. It stays on record."
        )
    if first.evidence is None or first.evidence.measurement("candidate") is None:
        return (
            "The first attempt was stopped before it was measured, and the same files would stop "
            "another one in the same place. Change the proposal."
        )
    if waits:
        return f"Attempt {count} is not measured yet. Ask again afterwards, if you still want to."
    if count >= rules.max:
        return (
            f"The policy allows at most {rules.max} measurements of one proposal "
            "(`attempts.max`), and there were as many. Change the proposal."
        )
    return ""


def _record(about: About, command: Command, number: int) -> AttemptRecord:
    return AttemptRecord(
        repository=about.snapshot.repository,
        model=about.facts.name,
        proposal=about.proposed.digest,
        number=number,
        user=command.comment.author,
        reason=command.argument.strip(),
        comment=command.comment.id,
        asked=command.comment.created,
        at=about.snapshot.now,
    )


def _may(snapshot: Snapshot, policy: Policy, command: Command) -> bool:
    roles = policy.attempts.roles
    return command.author in (holders(snapshot, roles) if roles else writers(snapshot))


def _may_not(policy: Policy) -> str:
    roles = policy.attempts.roles
    held = f" and the role {' or '.join(roles)}" if roles else ""
    return f"Only people with write access{held} may ask for another attempt."


def _unanswered(snapshot: Snapshot) -> tuple[Command, ...]:
    """Return every `/retrain` without an answer, by people who have write access or take part.

    One beyond the limit of an hour asks for nothing: it would count later, unseen.
    """
    may = writers(snapshot) | involved(snapshot)
    answered = {c.body.partition("\n")[0] for c in snapshot.comments if c.by_bot}
    heard = comment_commands.heard(snapshot.comments, "retrain")
    asked = [command for command in heard if command.author in may]
    kept = within_limits(command.comment for command in asked)
    return tuple(
        command
        for command in asked
        if command.comment.id in kept
        and answer_marker(RETRAIN_MARKER, command.comment.id) not in answered
    )


def replies(
    snapshot: Snapshot, states: tuple[ModelState, ...], policy: Policy
) -> tuple[Reply, ...]:
    """Return one answer to each `/retrain`, of all models together; a new record comes first."""
    parts = {state.model: state.judged.attempts for state in states}
    recording = {
        record.record.comment
        for part in parts.values()
        for record in part.records
        if isinstance(record, RecordAttempt)
    }
    found = {}
    for command in _unanswered(snapshot):
        comment = command.comment.id
        if comment in recording:
            continue
        said = [
            f"{model}: {text}" if len(parts) > 1 else text
            for model, part in parts.items()
            for asked, text in part.answers
            if asked == comment
        ]
        if not said and not _may(snapshot, policy, command):
            said = [_may_not(policy)]
        marker = answer_marker(RETRAIN_MARKER, comment)
        body = "\n\n".join(said) or (
            "Nothing was measured here yet, so there is nothing to repeat. To start a run again "
            "that broke, comment `/train` and the full commit id; that is no new attempt."
        )
        found[marker] = Reply(snapshot.pull.number, marker, body)
    return tuple(found.values())
