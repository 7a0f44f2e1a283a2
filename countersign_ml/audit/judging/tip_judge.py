"""Judge a model's files on the branch's last commit: are they the inputs of its live version?"""

from __future__ import annotations

from countersign_ml.audit.audit_sentences import by, evidence_missing, listed, unreadable_pointer
from countersign_ml.audit.history.audit_facts import TipFacts
from countersign_ml.audit.judging.evidence_files import judge_inputs, read_evidence
from policy.facts.pointer_history import read_pointer
from policy.verdict import Finding, Outcome, worst


def judge_tip(tip: TipFacts) -> Finding:
    """Return whether data, recipe and contract are those of the live version."""
    pointer = read_pointer(tip.pointer)
    if tip.pointer is None:
        return Finding("now", Outcome.PASSED, "no version is live")
    if pointer is None:
        return Finding("now", Outcome.FAILED, unreadable_pointer("at"))
    evidence = read_evidence(tip.evidence, pointer.evidence.path)
    if evidence is None:
        return Finding("now", Outcome.MISSING, evidence_missing(pointer.evidence.path))
    found = judge_inputs(tip.model, tip.inputs, tip.recipe, evidence, pointer)
    if found.outcome.lets_through:
        sentence = f"data, recipe and contract on the branch are those of {pointer.version}"
        return Finding("now", Outcome.PASSED, sentence)
    parts = [found]
    if tip.unsigned_inputs:
        commits = listed(by(commit) for commit in tip.unsigned_inputs)
        sentence = f"changed without a new version in {commits}"
        parts.append(Finding("commits", Outcome.FAILED, sentence))
    sentence = (
        f"data, recipe or contract changed without a new version: not those of {pointer.version}"
    )
    return Finding("now", worst([part.outcome for part in parts]), sentence, tuple(parts))
