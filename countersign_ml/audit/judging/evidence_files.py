"""Whether the evidence is there and matches, and what it comes to under the policy of that day."""

from __future__ import annotations

from collections.abc import Sequence

from countersign_ml.audit import messages
from countersign_ml.audit.history.audit_facts import ChangeFacts
from countersign_ml.audit.judging.movement import Movement, judge_quarantine
from policy.canonical import digest_bytes
from policy.errors import UserError
from policy.facts.evidence import Evidence, parse_evidence
from policy.facts.next_pointer import pointer_of
from policy.facts.pointer import Pointer
from policy.files.recipe import proposed
from policy.files.rules import Policy
from policy.gates.judge import judge, judge_recovery
from policy.gates.override import waive
from policy.governed import card_path, evidence_path
from policy.people.sign_off_record import Override, SignOffRecord
from policy.verdict import Finding, Outcome, gather


def judge_files(change: ChangeFacts, pointer: Pointer) -> Finding:
    """Return whether evidence, card and inputs at the commit are those that the pointer names."""
    path = evidence_path(change.model, pointer.version)
    parts = [_judge_evidence(change.evidence, pointer, path)]
    evidence = read_evidence(change.evidence, path)
    if evidence is not None:
        parts.append(_judge_release(evidence, pointer))
        parts.append(judge_inputs(change.model, change.inputs, change.recipe, evidence, pointer))
    card = card_path(change.model, pointer.version)
    parts.append(
        _check("card", change.has_card, messages.card_there(card), messages.card_missing(card))
    )
    if change.irregular:
        sentence = messages.irregular(change.irregular)
        parts.append(Finding("irregular files", Outcome.FAILED, sentence))
    return gather("files", parts)


def read_evidence(content: bytes | None, where: str) -> Evidence | None:
    """Return the evidence, or None where there is none that can be read."""
    if content is None:
        return None
    try:
        return parse_evidence(content, where)
    except UserError:
        return None


def _judge_evidence(content: bytes | None, pointer: Pointer, path: str) -> Finding:
    named = pointer.evidence
    if named.path != path:
        sentence = messages.evidence_misplaced(named.path, path)
        return Finding("evidence file", Outcome.FAILED, sentence)
    if content is None:
        return Finding("evidence file", Outcome.MISSING, messages.evidence_missing(path))
    digest = digest_bytes(content)
    if digest != named.digest:
        sentence = messages.evidence_differs(path, digest, named.digest)
        return Finding("evidence file", Outcome.FAILED, sentence)
    try:
        parse_evidence(content, path)
    except UserError as error:
        return Finding("evidence file", Outcome.ERRORED, str(error.problems[0]))
    return Finding("evidence file", Outcome.PASSED, messages.evidence_matches(path, digest))


def _judge_release(evidence: Evidence, pointer: Pointer) -> Finding:
    rebuilt = pointer_of(evidence)
    if rebuilt is None:
        return Finding("pointer", Outcome.FAILED, messages.NO_RELEASE)
    if rebuilt == pointer:
        sentence = messages.pointer_rebuilt(pointer.version)
        return Finding("pointer", Outcome.PASSED, sentence)
    fields = [
        name
        for name in type(pointer).model_fields
        if getattr(pointer, name) != getattr(rebuilt, name)
    ]
    return Finding("pointer", Outcome.FAILED, messages.pointer_not_rebuilt(fields))


def judge_inputs(
    model: str,
    inputs: Sequence[tuple[str, str]],
    recipe: str | None,
    evidence: Evidence,
    pointer: Pointer,
) -> Finding:
    """Return whether a model's files give the proposal that the pointer names."""
    try:
        found = proposed(model, inputs, recipe, evidence.proposal.runner_version).digest
    except UserError as error:
        return Finding("inputs", Outcome.ERRORED, str(error.problems[0]))
    return _check(
        "inputs",
        found == pointer.proposal,
        messages.inputs_match(found),
        messages.inputs_differ(found, pointer.proposal),
    )


def judge_verdict(
    change: ChangeFacts,
    moved: Movement,
    policy: Policy | None,
    problem: str,
    record: SignOffRecord | None,
    overrides: Sequence[Override],
) -> Finding:
    """Return what the evidence comes to under the policy of that day.

    `record` and `overrides` are those that were verified: nothing else is believed about a recovery
    run or a forced gate.
    """
    if policy is None:
        return Finding("verdict", Outcome.ERRORED if problem else Outcome.MISSING, problem or
                       messages.NO_POLICY)  # fmt: skip
    parts = list(judge_quarantine(change.history, change.after.text if change.after else None))
    if moved.way == "nothing":
        parts.append(Finding("nothing", Outcome.PASSED, messages.TO_NOTHING))
    elif moved.new is None:
        parts.append(Finding("evidence", Outcome.MISSING, messages.NO_POINTER))
    elif moved.kind == "rollback":
        parts.extend(_judge_recovery(change, moved, moved.new, policy, record))
    else:
        parts.insert(0, _judge_fine_tune(change, moved, moved.new, policy))
    return waive(gather("verdict", parts), overrides)


def _judge_fine_tune(
    change: ChangeFacts, moved: Movement, pointer: Pointer, policy: Policy
) -> Finding:
    evidence = read_evidence(change.evidence, pointer.evidence.path)
    if evidence is None:
        sentence = messages.evidence_missing(pointer.evidence.path)
        return Finding("evidence", Outcome.MISSING, sentence)
    incumbent = moved.old.artifact.digest if moved.old else None
    return judge(policy, evidence, proposal_digest=pointer.proposal, incumbent=incumbent)


def _judge_recovery(
    change: ChangeFacts,
    moved: Movement,
    target: Pointer,
    policy: Policy,
    record: SignOffRecord | None,
) -> list[Finding]:
    recorded = read_evidence(change.recorded, target.evidence.path)
    whole = (
        recorded is not None
        and change.recorded is not None
        and digest_bytes(change.recorded) == target.evidence.digest
        and pointer_of(recorded) == target
    )
    parts = [
        _check(
            "recorded evidence",
            whole,
            messages.recorded(target.version),
            messages.not_recorded(target.version),
        )
    ]
    text = record.recovery.get(change.model) if record is not None else None
    if text is None:
        return [Finding("recovery", Outcome.MISSING, messages.NO_RECOVERY), *parts]
    try:
        recovery = parse_evidence(text, "recovery")
    except UserError as error:
        sentence = messages.recovery_unreadable(str(error.problems[0]))
        return [Finding("recovery", Outcome.ERRORED, sentence), *parts]
    live = moved.old.artifact.digest if moved.old else None
    binds = (
        recovery.model == change.model
        and recovery.proposal.digest == target.proposal
        and (recovery.incumbent.artifact if recovery.incumbent else None) == live
    )
    parts.append(
        _check("recovery run", binds, messages.RECOVERY_BINDS, messages.RECOVERY_ELSEWHERE)
    )
    return [judge_recovery(policy, recorded if whole else None, recovery, target=target), *parts]


def _check(name: str, holds: bool, passed: str, failed: str) -> Finding:
    return Finding(name, Outcome.PASSED if holds else Outcome.FAILED, passed if holds else failed)
