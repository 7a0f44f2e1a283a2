"""Whether evidence, card and inputs at a commit are those that its pointer names."""

from __future__ import annotations

from collections.abc import Sequence

from countersign_ml.attestation.ml_bom import problem_of
from countersign_ml.audit.audit_sentences import evidence_missing, listed
from countersign_ml.audit.history.audit_facts import ChangeFacts
from policy.canonical import digest_bytes
from policy.errors import UserError
from policy.facts.evidence import Evidence, parse_evidence
from policy.facts.next_pointer import pointer_of
from policy.facts.pointer import Pointer
from policy.facts.proposal import POINTER_FILE
from policy.files.recipe import proposed
from policy.governed import bom_path, card_path, evidence_path
from policy.verdict import Finding, Outcome, gather


def judge_files(change: ChangeFacts, pointer: Pointer) -> Finding:
    """Return whether evidence, card and inputs at the commit are those that the pointer names."""
    path = evidence_path(change.model, pointer.version)
    parts = [_judge_evidence(change.evidence, pointer, path)]
    evidence = read_evidence(change.evidence, path)
    if evidence is not None:
        parts.append(_judge_release(evidence, pointer))
        parts.append(_judge_bom(change, evidence, pointer))
        parts.append(judge_inputs(change.model, change.inputs, change.recipe, evidence, pointer))
    parts.append(_judge_card(change, pointer))
    if change.irregular:
        sentence = f"the model's files include links or submodules: {listed(change.irregular)}"
        parts.append(Finding("irregular files", Outcome.FAILED, sentence))
    return gather("files", parts)


def judge_inputs_of_none(change: ChangeFacts) -> Finding:
    """Return whether a rollback to no version left every input alone, or removed all of them."""
    after, before = (
        {path: blob for path, blob in files if path != POINTER_FILE}
        for files in (change.inputs, change.inputs_before)
    )
    if not after or after == before:
        sentence = "recipe, data and contract went with the version, or stayed as they were"
        return Finding("inputs", Outcome.PASSED, sentence)
    changed = [path for path in sorted(after | before) if after.get(path) != before.get(path)]
    sentence = f"a rollback to no version changed {listed(changed)}, which nobody measured"
    return Finding("inputs", Outcome.FAILED, sentence)


def read_evidence(content: bytes | None, where: str) -> Evidence | None:
    """Return the evidence; None if it is missing or cannot be read."""
    if content is None:
        return None
    try:
        return parse_evidence(content, where)
    except UserError:
        return None


def judge_inputs(
    model: str,
    inputs: Sequence[tuple[str, str]],
    recipe: str | None,
    evidence: Evidence,
    pointer: Pointer,
) -> Finding:
    """Return whether a model's files are the proposal that the pointer names."""
    try:
        found = proposed(model, inputs, recipe, evidence.proposal.runner_version).digest
    except UserError as error:
        return Finding("inputs", Outcome.ERRORED, str(error.problems[0]))
    if found != pointer.proposal:
        sentence = (
            f"recipe, contract and data at this commit are the proposal {found}; "
            f"the measured proposal is {pointer.proposal}"
        )
        return Finding("inputs", Outcome.FAILED, sentence)
    sentence = f"recipe, contract and data at this commit are the measured proposal, {found}"
    return Finding("inputs", Outcome.PASSED, sentence)


def _judge_evidence(content: bytes | None, pointer: Pointer, path: str) -> Finding:
    def found(outcome: Outcome, sentence: str) -> Finding:
        return Finding("evidence file", outcome, sentence)

    named = pointer.evidence
    if named.path != path:
        return found(
            Outcome.FAILED, f"the pointer names {named.path} as its evidence; it must name {path}"
        )
    if content is None:
        return found(Outcome.MISSING, evidence_missing(path))
    digest = digest_bytes(content)
    if digest != named.digest:
        return found(
            Outcome.FAILED, f"{path} has the digest {digest}; the pointer names {named.digest}"
        )
    try:
        parse_evidence(content, path)
    except UserError as error:
        return found(Outcome.ERRORED, str(error.problems[0]))
    return found(
        Outcome.PASSED, f"{path} exists and has the digest that the pointer names, {digest}"
    )


def _judge_release(evidence: Evidence, pointer: Pointer) -> Finding:
    """Return whether the bot writes this pointer when it releases this evidence."""
    rebuilt = pointer_of(evidence)
    if rebuilt is None:
        sentence = "a release of this evidence writes no pointer"
        return Finding("pointer", Outcome.FAILED, sentence)
    if lie := pointer.artifact.misplaced():
        return Finding("pointer", Outcome.FAILED, lie)
    if rebuilt == pointer:
        sentence = f"a release of this evidence writes exactly this pointer, {pointer.version}"
        return Finding("pointer", Outcome.PASSED, sentence)
    fields = listed(
        name
        for name in type(pointer).model_fields
        if getattr(pointer, name) != getattr(rebuilt, name)
    )
    sentence = f"a release of this evidence writes a different pointer: {fields} differ"
    return Finding("pointer", Outcome.FAILED, sentence)


def _judge_bom(change: ChangeFacts, evidence: Evidence, pointer: Pointer) -> Finding:
    name, path = "bill of materials", bom_path(change.model, pointer.version)
    if change.bom is None:
        return Finding(name, Outcome.MISSING, f"{path} is missing at this commit")
    problem = problem_of(change.bom, evidence, pointer)
    if problem:
        return Finding(name, Outcome.FAILED, f"{path} {problem}")
    return Finding(name, Outcome.PASSED, f"{path} says what this evidence says")


def _judge_card(change: ChangeFacts, pointer: Pointer) -> Finding:
    card = card_path(change.model, pointer.version)
    if change.has_card:
        return Finding("card", Outcome.PASSED, f"{card} exists")
    sentence = f"{card}, the model card, is missing at this commit"
    return Finding("card", Outcome.FAILED, sentence)
