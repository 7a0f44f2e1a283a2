"""Judge a branch's history: pure, from frozen facts to one finding for each change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

from countersign_ml.audit import messages
from countersign_ml.audit.history.audit_facts import (
    Candidate,
    ChangeFacts,
    HistoryFacts,
    RuleFacts,
    TipFacts,
)
from countersign_ml.audit.judging.evidence_files import (
    judge_files,
    judge_inputs,
    judge_verdict,
    read_evidence,
)
from countersign_ml.audit.judging.genuine_record import (
    Place,
    judge_claim,
    judge_place,
    judge_signature,
    judge_untouched,
    judged_evidence,
)
from countersign_ml.audit.judging.listed_attempts import evidence_of_attempts, judge_attempts
from countersign_ml.audit.judging.movement import Movement, movement
from countersign_ml.audit.judging.result import Audit, ChangeAudit, ModelAudit, RuleAudit, SignOff
from countersign_ml.audit.judging.signers import judge_overrides, judge_people, who_signed
from countersign_ml.audit.judging.spot_check_signers import judge_sample
from policy import documents
from policy.errors import UserError
from policy.facts.evidence import Evidence
from policy.facts.pointer_history import read_pointer
from policy.files.calendar import judge_calendar
from policy.files.rules import Policy
from policy.governed import POLICY_FILE, is_rule, model_of
from policy.people.sign_off_record import Override
from policy.verdict import Finding, Outcome, gather, worst


def judge_history(facts: HistoryFacts, repositories: Sequence[str] = ()) -> Audit:
    """Return what was found about every model and every change of the rules.

    `repositories` are the names that records may carry; where none is given, all must carry that of
    the earliest one that a key signed.
    """
    names = tuple(repositories) or _earliest_name(facts)
    spent: dict[str, str] = {}
    place = Place(facts.branch, names, spent)
    changes = []
    for noted in facts.changes:
        change = _judge_change(noted, place)
        changes.append(change)
        if change.sign_off is not None and change.proven:
            spent.setdefault(change.sign_off.tag, change.commit.id)
    models = tuple(
        ModelAudit(
            model=tip.model,
            live=pointer.version if (pointer := read_pointer(tip.pointer)) else None,
            changes=tuple(change for change in changes if change.model == tip.model),
            tip=_judge_tip(tip),
        )
        for tip in facts.tips
    )
    return Audit(
        ref=facts.ref,
        tip=facts.tip,
        commits=facts.commits,
        repositories=names,
        models=models,
        rules=tuple(_judge_rules(rule, place) for rule in facts.rules),
        keys=facts.keys,
        unreadable=tuple((stored.tag, stored.problem) for stored in facts.unreadable),
    )


def _earliest_name(facts: HistoryFacts) -> tuple[str, ...]:
    noted: tuple[ChangeFacts | RuleFacts, ...] = (*facts.changes, *facts.rules)
    for change in noted:
        for candidate in change.candidates:
            parent = change.commit.parents[0]
            if judge_signature(candidate, change.rules, parent)[1]:
                return (candidate.record.repository,)
    return ()


@lru_cache(maxsize=256)
def _policy(text: str | None) -> tuple[Policy | None, str]:
    """Return a policy, or why it cannot be read."""
    if text is None:
        return None, ""
    try:
        return documents.parse(Policy, text, POLICY_FILE), ""
    except UserError as error:
        return None, str(error.problems[0])


def _judge_change(change: ChangeFacts, place: Place) -> ChangeAudit:
    """Return the best that any record makes of a change; without one, what is missing."""
    moved = movement(
        change.model,
        change.history,
        change.before.text if change.before else None,
        change.after.text if change.after else None,
    )
    tried = [_with_record(change, moved, one, place) for one in change.candidates]
    if tried:
        finding, sign_off = min(tried, key=_rank)
    else:
        finding, sign_off = _without_record(change, moved), None
    return ChangeAudit(
        model=change.model,
        commit=change.commit,
        way=moved.way,
        before=moved.old.version if moved.old else None,
        after=moved.new.version if moved.new else None,
        sign_off=sign_off,
        finding=finding,
    )


def _rank(tried: tuple[Finding, SignOff]) -> tuple[int, int, str, str]:
    finding, sign_off = tried
    severity = list(Outcome).index(finding.outcome)
    return severity, len(finding.blocking()), sign_off.at, sign_off.tag


def _with_record(
    change: ChangeFacts, moved: Movement, candidate: Candidate, place: Place
) -> tuple[Finding, SignOff]:
    policy, problem = _policy(change.rules.policy)
    signature, key = judge_signature(candidate, change.rules, change.commit.parents[0])
    record = gather(
        "record",
        [
            signature,
            *judge_place(candidate, change.commit, place),
            *judge_claim(candidate, change, moved),
        ],
    )
    parts = _always(change, moved)
    overrides: tuple[Override, ...] = ()
    forced: Finding | None = None
    if policy is not None and key:
        evidence = judged_evidence(candidate, change, moved)
        others = evidence_of_attempts(candidate, change.model)
        counted, forced = judge_overrides(candidate, policy, change.model, evidence, others)
        overrides = tuple(one for one in counted if one.evidence == evidence)
        tried = judge_attempts(change, candidate, moved, policy, counted)
        parts += [tried] if tried is not None else []
    verified = candidate.record if key else None
    parts.append(judge_verdict(change, moved, policy, problem, verified, overrides))
    if forced is not None:
        parts.append(forced)
    parts.append(record)
    if policy is not None:
        parts.append(judge_people(candidate, policy, change.rules))
        if moved.kind == "promote":
            sample = judge_sample(candidate, policy, change.model, _evidence(change, moved))
            parts += [sample] if sample is not None else []
            parts.append(_judge_day(candidate, policy))
    parts.append(judge_untouched(candidate, lambda path: model_of(path) == change.model))
    parts.extend(_later(change, moved))
    return _whole(change, parts), _sign_off(candidate, key, policy, change.model)


def _evidence(change: ChangeFacts, moved: Movement) -> Evidence | None:
    return read_evidence(change.evidence, moved.new.evidence.path) if moved.new else None


def _without_record(change: ChangeFacts, moved: Movement) -> Finding:
    policy, problem = _policy(change.rules.policy)
    parts = _always(change, moved)
    parts.append(judge_verdict(change, moved, policy, problem, None, ()))
    parts.append(Finding("record", Outcome.MISSING, _why_no_record(change)))
    parts.extend(_later(change, moved))
    return _whole(change, parts)


def _why_no_record(change: ChangeFacts) -> str:
    commit = change.commit
    if not commit.parents:
        return messages.FIRST_COMMIT
    sentence = messages.rules_unsigned(commit)
    if change.unreadable:
        return f"{sentence}; {messages.also_unreadable(change.unreadable)}"
    if not change.any_records:
        return f"{sentence}; {messages.NO_RECORDS_AT_ALL}"
    return sentence


def _always(change: ChangeFacts, moved: Movement) -> list[Finding]:
    """Return what git alone shows: which way it moved, and whether the files are there."""
    parts = [moved.finding]
    if moved.new is not None:
        parts.append(judge_files(change, moved.new))
    return parts


def _judge_day(candidate: Candidate, policy: Policy) -> Finding:
    try:
        at = datetime.fromisoformat(candidate.record.at)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        return Finding("calendar", Outcome.ERRORED, messages.no_time(candidate.record.at))
    return judge_calendar(policy.calendar, at.astimezone(UTC))


def _later(change: ChangeFacts, moved: Movement) -> list[Finding]:
    """Return whether the version's card and evidence stayed as they were released."""
    if moved.way != "forward":
        return []
    if not change.edits:
        return [Finding("card and evidence since", Outcome.PASSED, messages.CARDS_KEPT)]
    edits = [Finding("edited card", Outcome.FAILED, messages.edited(e)) for e in change.edits]
    return [gather("card and evidence since", edits)]


def _whole(change: ChangeFacts, parts: list[Finding]) -> Finding:
    name = f"{change.model} at {messages.short(change.commit.id)}"
    return gather(name, parts)


def _sign_off(candidate: Candidate, key: str, policy: Policy | None, model: str | None) -> SignOff:
    record = candidate.record
    return SignOff(
        tag=candidate.stored.tag,
        key=key,
        repository=record.repository,
        pull=record.pull,
        title=record.title,
        author=record.author,
        at=record.at,
        signers=who_signed(candidate, policy) if policy is not None and key else (),
        overrides=tuple(o for o in record.overrides if key and model in (None, o.model)),
        spot_checks=tuple(s for s in record.spot_checks if key and model in (None, s.model)),
    )


def _judge_rules(rule: RuleFacts, place: Place) -> RuleAudit:
    """Return whether a change of the rules was signed, once there were keys to sign with."""
    name = f"rules at {messages.short(rule.commit.id)}"
    if not rule.rules.keys:
        finding = Finding(name, Outcome.PASSED, messages.FOUNDED)
        return RuleAudit(rule.commit, rule.paths, True, None, finding)
    tried = []
    policy, problem = _policy(rule.rules.policy)
    for candidate in rule.candidates:
        signature, key = judge_signature(candidate, rule.rules, rule.commit.parents[0])
        parts = [signature, *judge_place(candidate, rule.commit, place)]
        if policy is None:
            sentence = problem or messages.NO_POLICY
            parts.append(Finding("signers", Outcome.ERRORED, sentence))
        else:
            parts.append(judge_people(candidate, policy, rule.rules))
        parts.append(judge_untouched(candidate, is_rule))
        tried.append((gather(name, parts), _sign_off(candidate, key, policy, None)))
    if not tried:
        finding = Finding(name, Outcome.FAILED, messages.rules_unsigned(rule.commit))
        return RuleAudit(rule.commit, rule.paths, False, None, finding)
    found, sign_off = min(tried, key=_rank)
    return RuleAudit(rule.commit, rule.paths, False, sign_off, found)


def _judge_tip(tip: TipFacts) -> Finding:
    """Return whether the model's files now are those that the live version was made from."""
    pointer = read_pointer(tip.pointer)
    if pointer is None:
        outcome = Outcome.PASSED if tip.pointer is None else Outcome.FAILED
        sentence = messages.NO_VERSION if tip.pointer is None else messages.unreadable_pointer("at")
        return Finding("now", outcome, sentence)
    evidence = read_evidence(tip.evidence, pointer.evidence.path)
    if evidence is None:
        return Finding("now", Outcome.MISSING, messages.evidence_missing(pointer.evidence.path))
    found = judge_inputs(tip.model, tip.inputs, tip.recipe, evidence, pointer)
    if found.outcome.lets_through:
        return Finding("now", Outcome.PASSED, messages.tip_holds(pointer.version))
    parts = [found]
    if tip.unsigned_inputs:
        sentence = messages.tip_inputs_in(tip.unsigned_inputs)
        parts.append(Finding("commits", Outcome.FAILED, sentence))
    outcome = worst([part.outcome for part in parts])
    return Finding("now", outcome, messages.tip_differs(pointer.version), tuple(parts))
