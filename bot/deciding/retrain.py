"""Attempts after the first: `/retrain why` as a request, its run, and what it came to.

The proposal is the same and so are its seed and its key's inputs; what differs is the number. All
attempts have to hold, and the first one's file ships, so asking again can only take away.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from bot.deciding import attempt_messages as say
from bot.deciding import messages, overrides
from bot.deciding.awaited_run import awaited, earlier_evidence, is_of, record_measured, waiting
from bot.deciding.stops import holders, involved
from bot.facts import comment_commands
from bot.facts.actions import FINETUNE, Action, DispatchRun, RecordAttempt, Reply
from bot.facts.comment_commands import Command
from bot.facts.model_state import AttemptState, ModelState
from bot.facts.snapshot import AskedAttempt, ModelFacts, Run, Snapshot
from bot.facts.trusted_runs import Found, deciding
from policy.facts.attempt import MAX_REASON, MIN_REASON, AttemptRecord
from policy.facts.evidence import Evidence
from policy.facts.pointer import Pointer
from policy.facts.proposal import Proposal, run_key
from policy.files.rules import Policy
from policy.gates.judge import judge
from policy.gates.override import waivable, waive
from policy.verdict import Finding, Outcome, gather


@dataclass
class Attempts:
    """What the attempts after the first come to, and what has to be done about them."""

    states: list[AttemptState] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    """One for each attempt; the one that is awaited is named `run`."""
    pending: bool = False
    run: Run | None = None
    dispatch: DispatchRun | None = None
    actions: list[Action] = field(default_factory=list)
    answers: list[tuple[int, str]] = field(default_factory=list)
    """The id of each comment that asked, and what is answered."""


@dataclass(frozen=True)
class About:
    """What every attempt is about."""

    snapshot: Snapshot
    policy: Policy
    facts: ModelFacts
    proposal: Proposal
    live: Pointer | None

    @property
    def incumbent(self) -> str | None:
        return self.live.artifact.digest if self.live else None


def consider(about: About, first: Evidence) -> Attempts:
    """Return how far the attempts after a first one that was measured have come."""
    found, facts = Attempts(), about.facts
    if facts.attempts_foreign:
        sentence = messages.foreign_tag(facts.attempts_foreign)
        found.findings.append(Finding("record", Outcome.FAILED, sentence))
        return found
    for number, asked in enumerate(facts.attempts, 2):
        if asked.record.number != number:
            found.findings.append(Finding("attempts", Outcome.FAILED, say.missing(number)))
            return found
        _one(about, asked, found)
    _requests(about, first, found)
    return found


def _one(about: About, asked: AskedAttempt, found: Attempts) -> None:
    snapshot, facts, number = about.snapshot, about.facts, asked.record.number
    key = run_key(about.proposal.digest, about.incumbent, number)
    runs, dispatch = awaited(snapshot, facts, FINETUNE, key)
    earlier = earlier_evidence(snapshot, facts, about.proposal, key, number)
    decided = deciding(runs, is_of(key, earlier), asked.measured)
    state = AttemptState(number, key, asked.record)
    evidence = decided.evidence if decided is not None and decided.decides else None
    if asked.foreign:
        sentence = messages.foreign_tag(asked.foreign)
        finding = Finding(f"attempt {number}", Outcome.FAILED, sentence)
    elif evidence is not None:
        state, finding = _judged(about, state, evidence)
        if not asked.measured:
            found.actions.append(record_measured(snapshot, facts.name, key, evidence))
    elif asked.measured:
        sentence = messages.measured_gone(asked.measured)
        finding = Finding(f"attempt {number}", Outcome.FAILED, sentence)
    else:
        dispatch = replace(
            dispatch,
            incumbent=about.incumbent,
            reuse=next(iter(earlier), ""),
            attempt=number,
            asked=asked.record.asked,
        )
        finding = _awaited(snapshot, dispatch, decided, found)
    found.findings.append(finding)
    found.states.append(replace(state, finding=finding))


def _awaited(
    snapshot: Snapshot, dispatch: DispatchRun, decided: Found | None, found: Attempts
) -> Finding:
    outcome, sentence, start = waiting(snapshot, dispatch, decided)
    found.pending = found.pending or outcome is Outcome.MISSING
    found.run = decided.run if decided is not None else None
    found.dispatch = dispatch if start else None
    return Finding("run", outcome, say.waits(dispatch.attempt, sentence))


def _judged(about: About, state: AttemptState, evidence: Evidence) -> tuple[AttemptState, Finding]:
    """Return the attempt with what its evidence comes to; overrides name that very evidence."""
    policy = about.policy
    parts = [
        judge(
            policy,
            evidence,
            proposal_digest=about.proposal.digest,
            incumbent=about.incumbent,
            attempt=state.number,
        )
    ]
    if evidence.model != about.facts.name:
        parts.append(Finding("model", Outcome.FAILED, messages.OTHER_MODEL))
    named = evidence.incumbent.version if evidence.incumbent else None
    if named != (about.live.version if about.live else None):
        parts.append(Finding("live version", Outcome.FAILED, messages.OTHER_INCUMBENT))
    forced, refused = overrides.overrides(
        about.snapshot, policy, about.facts.name, evidence.digest()
    )
    finding = waive(gather(f"attempt {state.number}", parts), forced)
    judged = replace(
        state,
        evidence=evidence,
        overrides=forced,
        remarks=refused,
        waivable=waivable(policy, finding),
    )
    return judged, finding


def _requests(about: About, first: Evidence, found: Attempts) -> None:
    """Record the next attempt that somebody asked for, and answer whoever asked in vain."""
    snapshot, rules = about.snapshot, about.policy.attempts
    recorded = {asked.record.comment: asked.record for asked in about.facts.attempts}
    count = 1 + len(about.facts.attempts)
    for command in _unanswered(snapshot):
        known = recorded.get(command.comment.id)
        if known is not None:
            said = say.accepted(known.number, rules.max)
        elif not _may(snapshot, about.policy, command):
            said = say.may_not(rules.roles)
        elif not MIN_REASON <= len(command.argument.strip()) <= MAX_REASON:
            said = say.reason_needed(len(command.argument.strip()))
        elif first.measurement("candidate") is None:
            said = say.STOPPED
        elif any(finding.name == "run" for finding in found.findings):
            said = say.under_way(count)
        elif count >= rules.max:
            said = say.no_more(rules.max)
        else:
            count += 1
            record = _record(about, command, count)
            found.actions.append(RecordAttempt(record, snapshot.pull.head_sha))
            sentence = say.is_recorded(count, command.comment.author)
            found.findings.append(Finding("run", Outcome.MISSING, sentence))
            found.pending = True
            continue
        found.answers.append((command.comment.id, said))


def _record(about: About, command: Command, number: int) -> AttemptRecord:
    return AttemptRecord(
        repository=about.snapshot.repository,
        model=about.facts.name,
        proposal=about.proposal.digest,
        number=number,
        user=command.comment.author,
        reason=command.argument.strip(),
        comment=command.comment.id,
        asked=command.comment.created,
        at=about.snapshot.now,
    )


def _may(snapshot: Snapshot, policy: Policy, command: Command) -> bool:
    if policy.attempts.roles:
        return command.author in holders(snapshot, policy.attempts.roles)
    return command.author in {login.lower() for login in snapshot.writers}


def _unanswered(snapshot: Snapshot) -> tuple[Command, ...]:
    """Return every `/retrain` that has no answer yet, by people who have anything to say here."""
    heard = {login.lower() for login in snapshot.writers} | involved(snapshot)
    answered = {c.body.partition("\n")[0] for c in snapshot.comments if c.by_bot}
    return tuple(
        command
        for command in comment_commands.heard(snapshot.comments, "retrain")
        if command.author in heard and say.retrain_marker(command.comment.id) not in answered
    )


def replies(
    snapshot: Snapshot, states: tuple[ModelState, ...], policy: Policy
) -> tuple[Reply, ...]:
    """Return one answer to each `/retrain`, of all models together; a new record comes first."""
    recording = {
        action.record.comment
        for state in states
        for action in state.attempt_actions
        if isinstance(action, RecordAttempt)
    }
    found = {}
    for command in _unanswered(snapshot):
        comment = command.comment.id
        if comment in recording:
            continue
        said = [
            f"{state.model}: {text}" if len(states) > 1 else text
            for state in states
            for asked, text in state.answers
            if asked == comment
        ]
        marker = say.retrain_marker(comment)
        refused = "" if _may(snapshot, policy, command) else say.may_not(policy.attempts.roles)
        body = "\n\n".join(said) or refused or say.NOTHING_MEASURED
        found[marker] = Reply(snapshot.pull.number, marker, body)
    return tuple(found.values())
