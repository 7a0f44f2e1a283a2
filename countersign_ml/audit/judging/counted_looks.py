"""Whether a record states as many looks at the held-out rows as the clone's tags show."""

from __future__ import annotations

from countersign_ml.attestation import EnvelopeError, verify
from countersign_ml.audit.history.audit_facts import Candidate, ChangeFacts, StoredAttempt
from countersign_ml.audit.judging.evidence_files import read_evidence
from countersign_ml.audit.judging.pointer_movement import Movement
from policy.errors import UserError
from policy.facts.look import LOOK_TYPE, LookRecord, count_looks
from policy.facts.proposal import run_key
from policy.facts.statement import read_statement
from policy.verdict import Finding, Outcome


def judge_looks(change: ChangeFacts, candidate: Candidate, moved: Movement) -> Finding | None:
    """Return the finding on the version's look; None if neither record nor tags have one.

    The looks are counted by the bot's own code, from the tags that a key in force signed.
    """
    if moved.kind != "promote" or moved.new is None:
        return None
    evidence = read_evidence(change.evidence, moved.new.evidence.path)
    measured = evidence.measurement("candidate") if evidence is not None else None
    if evidence is None or measured is None:
        return None
    incumbent = moved.old.artifact.digest if moved.old else None
    key = run_key(evidence.proposal.digest, incumbent, evidence.attempt)
    found = (_verified(stored, change, candidate) for stored in change.looks)
    records = [record for record in found if record is not None]
    shown = (count_looks(records, change.model, measured.rows).least or {}).get(key)
    stated = next((one for one in candidate.record.looks if one.model == change.model), None)
    if stated is None:
        if shown is None:
            return None
        sentence = f"the record states no look; the tags show that this was look {shown}"
        return Finding("looks", Outcome.FAILED, sentence)
    if (stated.rows, stated.key) != (measured.rows, key):
        sentence = "the record states a look of other evidence, or at other rows"
        return Finding("looks", Outcome.FAILED, sentence)
    if shown is None:
        sentence = (
            f"the record states look {stated.number}; the tags that show it are not in this clone: "
            "fetch them with git fetch --tags, or somebody deleted them"
        )
        return Finding("looks", Outcome.WARNED, sentence)
    if stated.number < shown:
        sentence = f"the record states look {stated.number}; the tags show look {shown}"
        return Finding("looks", Outcome.FAILED, sentence)
    sentence = f"it was look {stated.number} at its held-out rows, and the tags show no more"
    return Finding("looks", Outcome.PASSED, sentence)


def _verified(
    stored: StoredAttempt, change: ChangeFacts, candidate: Candidate
) -> LookRecord | None:
    try:
        payload, _ = verify(stored.envelope, LOOK_TYPE, dict(change.rules.keys))
        record = read_statement(LookRecord, payload, stored.tag)
    except (EnvelopeError, UserError):
        return None
    genuine = record.model == change.model and record.tag() == stored.tag
    return record if genuine and record.repository == candidate.record.repository else None
