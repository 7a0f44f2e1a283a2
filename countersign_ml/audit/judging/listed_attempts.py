"""Whether a record lists every attempt of its proposal that the clone has, and each one passes."""

from __future__ import annotations

from collections.abc import Sequence

from countersign_ml.attestation import EnvelopeError, verify
from countersign_ml.audit.history.audit_facts import Candidate, ChangeFacts, StoredAttempt
from countersign_ml.audit.judging.evidence_files import read_evidence
from countersign_ml.audit.judging.pointer_movement import Movement
from policy.canonical import digest_bytes
from policy.errors import UserError
from policy.facts.attempt import ATTEMPT_TYPE, AttemptRecord, RecordedAttempt
from policy.facts.statement import read_statement
from policy.files.rules import Policy
from policy.gates.judge import judge
from policy.gates.override import waive
from policy.people.sign_off_record import Override
from policy.verdict import Finding, Outcome, gather


def evidence_of_attempts(candidate: Candidate, model: str) -> frozenset[str]:
    """Return the digests of the attempts' evidence, which overrides may name."""
    return frozenset(digest_bytes(one.evidence.encode()) for one in _listed(candidate, model))


def judge_attempts(
    change: ChangeFacts,
    candidate: Candidate,
    moved: Movement,
    policy: Policy,
    overrides: Sequence[Override],
) -> Finding | None:
    """Return the finding on all attempts after the first; None if the clone has none.

    A tag that no key in force signed is ignored. So is one that is later than the sign-off record:
    it was requested too late to count.
    """
    if moved.kind != "promote" or moved.new is None:
        return None
    proposal = moved.new.proposal
    listed = {one.number: one for one in _listed(candidate, change.model)}
    parts = [_judge(one, change, moved, proposal, policy, overrides) for one in listed.values()]
    for stored in change.attempts:
        record = _verified(stored, change)
        if record is None or record.proposal != proposal or record.at > candidate.record.at:
            continue
        if record.number not in listed:
            sentence = (
                f"@{record.user} requested attempt {record.number} by {record.at}, "
                "but the record does not list its result"
            )
            parts.append(Finding(f"attempt {record.number}", Outcome.FAILED, sentence))
    return gather("attempts", parts) if parts else None


def _listed(candidate: Candidate, model: str) -> tuple[RecordedAttempt, ...]:
    return tuple(one for one in candidate.record.attempts if one.model == model)


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
        sentence = f"the record's evidence of {name} cannot be read, or is for another model"
        return Finding(name, Outcome.ERRORED, sentence)
    incumbent = moved.old.artifact.digest if moved.old else None
    found = judge(
        policy,
        evidence,
        proposal_digest=proposal,
        incumbent=incumbent,
        attempt=one.number,
        other_rows="test_data" in change.kinds,
    )
    sentence = f"@{one.user} requested it on {one.asked}: {one.reason}"
    asked = Finding("asked", Outcome.PASSED, sentence)
    return waive(
        gather(name, (asked, found)),
        [override for override in overrides if override.evidence == evidence.digest()],
    )


def _verified(stored: StoredAttempt, change: ChangeFacts) -> AttemptRecord | None:
    try:
        payload, _ = verify(stored.envelope, ATTEMPT_TYPE, dict(change.rules.keys))
        record = read_statement(AttemptRecord, payload, stored.tag)
    except (EnvelopeError, UserError):
        return None
    return record if record.model == change.model and record.tag() == stored.tag else None
