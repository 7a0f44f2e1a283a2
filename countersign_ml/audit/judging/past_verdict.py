"""The verdict on a version's evidence, under the policy that was in force when it changed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from countersign_ml.audit.audit_sentences import NO_POLICY, evidence_missing
from countersign_ml.audit.history.audit_facts import ChangeFacts
from countersign_ml.audit.judging.evidence_files import read_evidence
from countersign_ml.audit.judging.pointer_movement import Movement, judge_quarantine
from policy import documents
from policy.canonical import digest_bytes
from policy.errors import UserError
from policy.facts.evidence import Evidence, parse_evidence
from policy.facts.next_pointer import pointer_of
from policy.facts.pointer import Pointer
from policy.files.rules import Policy
from policy.gates.judge import judge, judge_recovery
from policy.gates.override import waive
from policy.governed import POLICY_FILE
from policy.people.sign_off_record import Override, SignOffRecord
from policy.verdict import Finding, Outcome, gather


@lru_cache(maxsize=256)
def read_policy(text: str | None) -> tuple[Policy | None, str]:
    """Return a policy, or the problem with its text (empty if there is no text)."""
    if text is None:
        return None, ""
    try:
        return documents.parse(Policy, text, POLICY_FILE), ""
    except UserError as error:
        return None, str(error.problems[0])


def judge_verdict(
    change: ChangeFacts,
    moved: Movement,
    record: SignOffRecord | None,
    overrides: Sequence[Override],
) -> Finding:
    """Return the verdict under the policy of the commit before.

    `record` and `overrides` must be verified: nothing else counts as proof of a recovery run or of
    a forced gate.
    """
    policy, problem = read_policy(change.rules.policy)
    if policy is None:
        outcome = Outcome.ERRORED if problem else Outcome.MISSING
        return Finding("verdict", outcome, problem or NO_POLICY)
    parts = list(judge_quarantine(change.history, change.after.text if change.after else None))
    if moved.way == "nothing":
        sentence = "no version is live after this commit, so there is no evidence to judge"
        parts.append(Finding("nothing", Outcome.PASSED, sentence))
    elif moved.new is None:
        sentence = "the pointer cannot be read, so its evidence is unknown"
        parts.append(Finding("evidence", Outcome.MISSING, sentence))
    elif moved.kind == "rollback":
        parts.extend(_judge_rollback(change, moved, moved.new, policy, record))
    else:
        parts.insert(0, _judge_fine_tune(change, moved, moved.new, policy))
    return waive(gather("verdict", parts), overrides)


def _judge_fine_tune(
    change: ChangeFacts, moved: Movement, pointer: Pointer, policy: Policy
) -> Finding:
    evidence = read_evidence(change.evidence, pointer.evidence.path)
    if evidence is None:
        return Finding("evidence", Outcome.MISSING, evidence_missing(pointer.evidence.path))
    incumbent = moved.old.artifact.digest if moved.old else None
    return judge(
        policy,
        evidence,
        proposal_digest=pointer.proposal,
        incumbent=incumbent,
        other_rows="test_data" in change.kinds,
    )


def _judge_rollback(
    change: ChangeFacts,
    moved: Movement,
    target: Pointer,
    policy: Policy,
    record: SignOffRecord | None,
) -> list[Finding]:
    recorded = _recorded_evidence(change, target)
    parts = [_judge_recorded(recorded, target)]
    text = record.recovery.get(change.model) if record is not None else None
    if text is None:
        sentence = "no verified record has the evidence of a recovery run"
        return [Finding("recovery", Outcome.MISSING, sentence), *parts]
    try:
        recovery = parse_evidence(text, "recovery")
    except UserError as error:
        sentence = f"the record's recovery evidence cannot be read: {error.problems[0]}"
        return [Finding("recovery", Outcome.ERRORED, sentence), *parts]
    parts.append(_judge_recovery_run(change, moved, target, recovery))
    return [judge_recovery(policy, recorded, recovery, target=target), *parts]


def _recorded_evidence(change: ChangeFacts, target: Pointer) -> Evidence | None:
    """Return the target's evidence as the branch had it before; None unless it is genuine."""
    recorded = read_evidence(change.recorded, target.evidence.path)
    if recorded is None or change.recorded is None:
        return None
    genuine = digest_bytes(change.recorded) == target.evidence.digest
    return recorded if genuine and pointer_of(recorded) == target else None


def _judge_recorded(recorded: Evidence | None, target: Pointer) -> Finding:
    if recorded is None:
        sentence = (
            f"the evidence of {target.version} was not on the branch before, "
            "or gives a different pointer"
        )
        return Finding("recorded evidence", Outcome.FAILED, sentence)
    sentence = (
        f"the evidence of {target.version} was on the branch before and gives exactly this pointer"
    )
    return Finding("recorded evidence", Outcome.PASSED, sentence)


def _judge_recovery_run(
    change: ChangeFacts, moved: Movement, target: Pointer, recovery: Evidence
) -> Finding:
    """Return whether the recovery run was for this rollback and no other."""
    live = moved.old.artifact.digest if moved.old else None
    if (
        recovery.model == change.model
        and recovery.proposal.digest == target.proposal
        and (recovery.incumbent.artifact if recovery.incumbent else None) == live
    ):
        sentence = "the recovery run was for this rollback: same model, inputs and live artifact"
        return Finding("recovery run", Outcome.PASSED, sentence)
    return Finding("recovery run", Outcome.FAILED, "the recovery run was for another rollback")
