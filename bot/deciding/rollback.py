"""A rollback: the pointer moves back to content that the base branch had before.

Content and history show that it is one, never a title. Nothing is trained. The artifact is
verified, its recorded benchmark is repeated, and an incident is opened.
"""

from __future__ import annotations

from bot.deciding import overrides, refused
from bot.deciding.awaited_run import awaited, named_model, other_runs, waiting
from bot.facts.actions import ROLLBACK
from bot.facts.model_facts import ModelFacts
from bot.facts.model_state import Awaited, Judged
from bot.facts.proposed import Proposed, head_proposal
from bot.facts.snapshot import Snapshot
from bot.facts.trusted_runs import deciding
from bot.report import incidents
from policy.canonical import digest_bytes
from policy.errors import UserError
from policy.facts.evidence import Evidence, parse_evidence
from policy.facts.next_pointer import pointer_of
from policy.facts.pointer import Pointer
from policy.facts.pointer_history import quarantined, read_pointer
from policy.facts.proposal import POINTER_FILE
from policy.files.rules import Policy
from policy.gates.judge import judge_recovery
from policy.gates.override import waivable, waive
from policy.governed import CARDS, version_of
from policy.verdict import Finding, Outcome, gather


def consider(snapshot: Snapshot, policy: Policy, facts: ModelFacts, proposed: Proposed) -> Judged:
    """Return how far this rollback has come."""
    live, target = proposed.live, proposed.target
    if live is None:
        sentence = refused.live_pointer_broken(facts.name, snapshot.default_branch)
        return refused.of(facts.name, "pointer", sentence)
    if facts.head_pointer is None:
        return _to_nothing(snapshot, facts, live)
    if target is None:
        sentence = "the pointer at the head cannot be read; revert the merge again as a whole"
        return refused.of(facts.name, "pointer", sentence)
    recorded = _recorded(facts, target)
    parts = _whole(facts, target, recorded)
    if recorded is None or any(not part.outcome.lets_through for part in parts):
        return Judged(facts.name, "refused", tuple(parts), pointer=target, replaced=live.version)
    return _verified(snapshot, policy, facts, proposed, live, target, recorded, parts)


def _recorded(facts: ModelFacts, target: Pointer) -> Evidence | None:
    """Return the target's evidence as the base branch has it, if it gives this very pointer.

    A merged branch may have had any pointer in a commit in between. Only evidence that is on the
    base branch was ever released, and it gives the pointer again, byte by byte.
    """
    if facts.recorded is None or digest_bytes(facts.recorded.encode()) != target.evidence.digest:
        return None
    try:
        evidence = parse_evidence(facts.recorded, target.evidence.path)
    except UserError:
        return None
    return evidence if pointer_of(evidence) == target else None


def _whole(facts: ModelFacts, target: Pointer, recorded: Evidence | None) -> list[Finding]:
    """Return whether inputs and records at head are those of the target version."""
    parts: list[Finding] = []
    version = target.version
    if facts.irregular:
        parts.append(Finding("files", Outcome.FAILED, refused.irregular(facts.irregular)))
    if recorded is None:
        sentence = f"the base branch has no evidence that gives this pointer of {version}"
        parts.append(Finding("record", Outcome.FAILED, sentence))
    else:
        sentence = f"the base branch has the evidence of {version}, and it gives this pointer"
        parts.append(Finding("record", Outcome.PASSED, sentence))
        parts += _same_inputs(facts, target, recorded)
    parts += refused.history_too_long(facts)
    if facts.head_pointer in quarantined(facts.history):
        parts.append(refused.quarantined(version))
    return parts + _records(facts, target)


def _same_inputs(facts: ModelFacts, target: Pointer, recorded: Evidence) -> list[Finding]:
    """Return whether the inputs at head are the target version's, for the runner of that time."""
    parts, digest = [], ""
    try:
        digest = head_proposal(facts, recorded.proposal.runner_version).digest
    except UserError as error:
        parts.append(Finding("recipe", Outcome.FAILED, str(error.problems[0])))
    if digest == target.proposal:
        sentence = "recipe, data and contract are those of the version that it goes back to"
        return [*parts, Finding("inputs", Outcome.PASSED, sentence)]
    sentence = (
        f"recipe, data or contract are not those of {target.version}; revert the merge as a "
        "whole, or make a new proposal"
    )
    return [*parts, Finding("inputs", Outcome.FAILED, sentence)]


def _records(facts: ModelFacts, target: Pointer | None) -> list[Finding]:
    """Return a finding if records were changed by hand."""
    touched = _touched_cards(facts, target)
    if not touched:
        return []
    sentence = f"records are changed by hand: {', '.join(touched[:5])}; restore them"
    return [Finding("records", Outcome.FAILED, sentence)]


def _touched_cards(facts: ModelFacts, target: Pointer | None) -> list[str]:
    """Return cards that head changed, other than removing those of versions after the target."""
    head, base = dict(facts.head_cards), dict(facts.base_cards)
    after = _versions_after(facts)
    return [
        f"{CARDS}/{facts.name}/{path}"
        for path in sorted(head.keys() | base.keys())
        if head.get(path) != base.get(path)
        and not (path not in head and "/" not in path and version_of(path) in after)
    ]


def _versions_after(facts: ModelFacts) -> frozenset[str]:
    """Return the versions that were live after the target last was."""
    texts = [None, *facts.history]
    last = max(index for index, text in enumerate(texts) if text == facts.head_pointer)
    later = [read_pointer(text) for text in (*texts[last + 1 :], facts.base_pointer)]
    return frozenset(pointer.version for pointer in later if pointer is not None)


def _to_nothing(snapshot: Snapshot, facts: ModelFacts, live: Pointer) -> Judged:
    """Return the state of taking back a model's first version: nothing is left to verify."""
    if live.predecessor is not None:
        before = live.predecessor.version
        sentence = f"the pointer is removed, but {before} was live before; revert to it instead"
        return refused.of(facts.name, "pointer", sentence)
    sentence = f"{live.version} was the first version; after this none is live"
    moved = Finding("pointer", Outcome.PASSED, sentence)
    return Judged(
        model=facts.name,
        kind="rollback",
        findings=(moved, _inputs_of_none(facts), *_records(facts, None)),
        replaced=live.version,
        incident=incidents.rolled_back(snapshot, facts, live, None),
    )


def _inputs_of_none(facts: ModelFacts) -> Finding:
    """Return whether this changes no input: the few who sign a rollback sign no data."""
    head, base = _inputs(facts.head_inputs), _inputs(facts.base_inputs)
    if facts.irregular:
        return Finding("files", Outcome.FAILED, refused.irregular(facts.irregular))
    if not head or head == base:
        sentence = "recipe, data and contract are removed with it, or stay as they are"
        return Finding("inputs", Outcome.PASSED, sentence)
    changed = [path for path in sorted(head | base) if head.get(path) != base.get(path)]
    sentence = (
        f"{', '.join(changed[:5])} changes on the way back to no version; remove the whole folder "
        "as the revert does, or leave every input as it is and propose the change apart"
    )
    return Finding("inputs", Outcome.FAILED, sentence)


def _inputs(files: tuple[tuple[str, str], ...]) -> dict[str, str]:
    return {path: blob for path, blob in files if path != POINTER_FILE}


def _verified(
    snapshot: Snapshot,
    policy: Policy,
    facts: ModelFacts,
    proposed: Proposed,
    live: Pointer,
    target: Pointer,
    recorded: Evidence,
    parts: list[Finding],
) -> Judged:
    """Return the rollback with the run that repeats the target's benchmark."""
    runs, dispatch = awaited(snapshot, facts, ROLLBACK, proposed.key)
    found = deciding(runs, lambda evidence: _is_about(evidence, proposed.digest, target, live))
    waits: tuple[Awaited, ...] = ()
    if found is None or found.evidence is None or not found.decides:
        waits = (waiting(snapshot, dispatch, found),)
    else:
        parts.append(judge_recovery(policy, recorded, found.evidence, target=target))
        other = named_model(facts, found.evidence)
        parts += [other] if other is not None else []
    digest = found.evidence.digest() if found is not None and found.evidence is not None else ""
    forced, not_forced = overrides.overrides(snapshot, policy, facts.name, digest)
    finding = waive(gather(facts.name, parts), forced)
    return Judged(
        model=facts.name,
        kind="rollback",
        findings=finding.parts,
        evidence=found.evidence if found else None,
        run=found.run if found else None,
        key=proposed.key,
        proposal=target.proposal,
        pointer=target,
        replaced=live.version,
        awaited=waits,
        pending=any(one.pending for one in waits),
        incident=incidents.rolled_back(snapshot, facts, live, target),
        remarks=(*not_forced, *other_runs(found)),
        before=incidents.live_evidence(facts, live),
        overrides=forced,
        waivable=waivable(policy, finding),
    )


def _is_about(evidence: Evidence, proposal: str, target: Pointer, live: Pointer) -> bool:
    """Return whether evidence is of this rollback: these inputs, from this version, to that file.

    A run that broke before it measured names no file.
    """
    measured = evidence.measurement("candidate")
    return (
        evidence.proposal.digest == proposal
        and evidence.incumbent is not None
        and evidence.incumbent.artifact == live.artifact.digest
        and (measured is None or measured.model == target.artifact.digest)
    )
