"""Judge one commit that changed a model's pointer, with each record that may be about it."""

from __future__ import annotations

from datetime import UTC, datetime

from countersign_ml.audit.audit_sentences import by, listed, short, unsigned
from countersign_ml.audit.history.audit_facts import Candidate, ChangeFacts
from countersign_ml.audit.judging.audit_result import ChangeAudit, SignOff
from countersign_ml.audit.judging.best_record import Judged, best_of, sign_off_of
from countersign_ml.audit.judging.counted_looks import judge_looks
from countersign_ml.audit.judging.evidence_files import (
    judge_files,
    judge_inputs_of_none,
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
from countersign_ml.audit.judging.merge_judge import judge_merge
from countersign_ml.audit.judging.past_verdict import judge_verdict, read_policy
from countersign_ml.audit.judging.pointer_movement import Movement, movement
from countersign_ml.audit.judging.recorded_overrides import judge_overrides
from countersign_ml.audit.judging.signers import judge_people
from countersign_ml.audit.judging.spot_check_signers import judge_sample
from policy.files.calendar import judge_calendar
from policy.files.rules import Policy
from policy.governed import model_of
from policy.people.sign_off_record import Override
from policy.verdict import Finding, Outcome, gather


def judge_change(change: ChangeFacts, place: Place) -> ChangeAudit:
    """Return the best finding that any record gives; without a record, what is missing."""
    moved = movement(
        change.model,
        change.history,
        change.before.text if change.before else None,
        change.after.text if change.after else None,
    )
    finding: Finding
    sign_off: SignOff | None
    if change.candidates:
        finding, sign_off = best_of(
            [_with_record(change, moved, one, place) for one in change.candidates]
        )
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


def _without_record(change: ChangeFacts, moved: Movement) -> Finding:
    return _whole(
        change,
        [
            *_from_git(change, moved),
            judge_verdict(change, moved, None, ()),
            Finding("record", Outcome.MISSING, _why_no_record(change)),
            *_later(change, moved),
        ],
    )


def _with_record(
    change: ChangeFacts, moved: Movement, candidate: Candidate, place: Place
) -> Judged:
    policy, _ = read_policy(change.rules.policy)
    signature, key = judge_signature(candidate, change.rules, change.commit.parents[0])
    parts = [
        *_from_git(change, moved),
        *_verdict(change, moved, candidate, policy if key else None, bool(key)),
        gather(
            "record",
            [
                signature,
                *judge_place(candidate, change.commit, place),
                *judge_claim(candidate, change, moved),
            ],
        ),
        *(_people(change, moved, candidate, policy) if policy is not None else ()),
        judge_untouched(candidate, lambda path: model_of(path) == change.model),
        judge_merge(change.commit.id, change.merge),
        *_later(change, moved),
    ]
    return _whole(change, parts), sign_off_of(candidate, key, policy, change.model)


def _whole(change: ChangeFacts, parts: list[Finding]) -> Finding:
    return gather(f"{change.model} at {short(change.commit.id)}", parts)


def _from_git(change: ChangeFacts, moved: Movement) -> list[Finding]:
    """Return what git alone shows: how the pointer moved, and whether the files exist."""
    parts = [moved.finding]
    if moved.new is not None:
        parts.append(judge_files(change, moved.new))
    if moved.way == "nothing":
        parts.append(judge_inputs_of_none(change))
    return parts


def _verdict(
    change: ChangeFacts,
    moved: Movement,
    candidate: Candidate,
    policy: Policy | None,
    verified: bool,
) -> list[Finding]:
    """Return further attempts, the verdict and the forced gates.

    `policy` is None if it cannot be read or the record is not `verified`: then no override counts.
    """
    parts: list[Finding] = []
    overrides: tuple[Override, ...] = ()
    forced: Finding | None = None
    if policy is not None:
        evidence = judged_evidence(candidate, change, moved)
        others = evidence_of_attempts(candidate, change.model)
        valid, forced = judge_overrides(candidate, policy, change.model, evidence, others)
        overrides = tuple(one for one in valid if one.evidence == evidence)
        attempts = judge_attempts(change, candidate, moved, policy, valid)
        parts += [attempts] if attempts is not None else []
    parts.append(judge_verdict(change, moved, candidate.record if verified else None, overrides))
    return parts + ([forced] if forced is not None else [])


def _people(
    change: ChangeFacts, moved: Movement, candidate: Candidate, policy: Policy
) -> list[Finding]:
    """Return who signed what, and for a promotion the spot-check and the day."""
    parts = [judge_people(candidate, policy, change.rules)]
    if moved.kind == "promote":
        evidence = read_evidence(change.evidence, moved.new.evidence.path) if moved.new else None
        sample = judge_sample(candidate, policy, change.model, evidence)
        parts += [sample] if sample is not None else []
        looks = judge_looks(change, candidate, moved)
        parts += [looks] if looks is not None else []
        parts.append(_judge_day(candidate, policy))
    return parts


def _judge_day(candidate: Candidate, policy: Policy) -> Finding:
    try:
        at = datetime.fromisoformat(candidate.record.at)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        sentence = f"the record's time is not RFC 3339 with a time zone: {candidate.record.at!r}"
        return Finding("calendar", Outcome.ERRORED, sentence)
    return judge_calendar(policy.calendar, at.astimezone(UTC))


def _later(change: ChangeFacts, moved: Movement) -> list[Finding]:
    """Return whether the version's card and evidence are still as they were released."""
    name = "card and evidence since"
    if moved.way != "forward":
        return []
    if not change.edits:
        sentence = "card and evidence are unchanged since the release"
        return [Finding(name, Outcome.PASSED, sentence)]
    edits = []
    for edit in change.edits:
        verb = "removed" if edit.removed else "edited"
        sentence = f"{edit.path} was {verb} later, in {by(edit.commit)}"
        edits.append(Finding("edited card", Outcome.FAILED, sentence))
    return [gather(name, edits)]


def _why_no_record(change: ChangeFacts) -> str:
    if not change.commit.parents:
        return "this is the first commit of the branch: no rules were in force before it"
    sentence = unsigned(change.commit)
    if change.unreadable:
        tags = listed(change.unreadable)
        return f"{sentence}; these tags on the merged commit have no readable record: {tags}"
    if not change.any_records:
        return f"{sentence}; this clone has no records: fetch them with git fetch --tags"
    return sentence
