"""Whether every attempt of a proposal that a clone tells of was listed, and held that day."""

from __future__ import annotations

from collections.abc import Sequence

from countersign_ml.attestation import EnvelopeError, verify
from countersign_ml.audit import messages
from countersign_ml.audit.history.audit_facts import Candidate, ChangeFacts, StoredAttempt
from countersign_ml.audit.judging.evidence_files import read_evidence
from countersign_ml.audit.judging.movement import Movement
from policy.canonical import digest_bytes
from policy.documents import parse_json
from policy.errors import UserError
from policy.facts.attempt import ATTEMPT_TYPE, AttemptRecord, RecordedAttempt
from policy.files.rules import Policy
from policy.gates.judge import judge
from policy.gates.override import waive
from policy.people.sign_off_record import Override
from policy.verdict import Finding, Outcome, gather


def attempts_of(candidate: Candidate, model: str) -> tuple[RecordedAttempt, ...]:
    """Return the attempts after the first that a record lists for a model."""
    return tuple(one for one in candidate.record.attempts if one.model == model)


def evidence_of_attempts(candidate: Candidate, model: str) -> frozenset[str]:
    """Return the digests of their evidence, which overrides may name."""
    return frozenset(digest_bytes(one.evidence.encode()) for one in attempts_of(candidate, model))


def judge_attempts(
    change: ChangeFacts,
    candidate: Candidate,
    moved: Movement,
    policy: Policy,
    overrides: Sequence[Override],
) -> Finding | None:
    """Return what all attempts come to; None where the clone tells of none.

    A tag that no key of that day signed is nobody's record; one from after the record was asked
    for too late to count.
    """
    if moved.kind != "promote" or moved.new is None:
        return None
    proposal = moved.new.proposal
    listed = {one.number: one for one in attempts_of(candidate, change.model)}
    parts = [_judge(one, change, moved, proposal, policy, overrides) for one in listed.values()]
    for stored in change.attempts:
        record = _verified(stored, change)
        if record is None or record.proposal != proposal or record.at > candidate.record.at:
            continue
        if record.number not in listed:
            sentence = messages.attempt_not_listed(record.number, record.user, record.at)
            parts.append(Finding(f"attempt {record.number}", Outcome.FAILED, sentence))
    return gather("attempts", parts) if parts else None


def _judge(
    one: RecordedAttempt,
    change: ChangeFacts,
    moved: Movement,
    proposal: str,
    policy: Policy,
    overrides: Sequence[Override],
) -> Finding:
    name = f"attempt {one.number}"
    evidence = read_evidence(one.evidence.encode(), name)
    if evidence is None or evidence.model != change.model:
        return Finding(name, Outcome.ERRORED, messages.attempt_unreadable(one.number))
    incumbent = moved.old.artifact.digest if moved.old else None
    found = judge(
        policy, evidence, proposal_digest=proposal, incumbent=incumbent, attempt=one.number
    )
    asked = Finding("asked", Outcome.PASSED, messages.attempt_asked(one))
    return waive(
        gather(name, (asked, found)),
        [override for override in overrides if override.evidence == evidence.digest()],
    )


def _verified(stored: StoredAttempt, change: ChangeFacts) -> AttemptRecord | None:
    try:
        payload, _ = verify(stored.envelope, ATTEMPT_TYPE, dict(change.rules.keys))
        record = parse_json(AttemptRecord, payload, stored.tag)
    except (EnvelopeError, UserError):
        return None
    return record if record.model == change.model and record.tag() == stored.tag else None
