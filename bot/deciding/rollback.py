"""A rollback: the pointer moves back to content that the base branch held before.

It is recognised by content and history, never by a title. Nothing is trained; the artifact is
verified and its recorded benchmark repeated, and an incident is opened.
"""

from __future__ import annotations

from bot.deciding import messages, overrides
from bot.deciding.awaited_run import awaited, waiting
from bot.deciding.forward import head_proposal, other_runs, refused
from bot.facts.actions import ROLLBACK
from bot.facts.model_state import ModelState
from bot.facts.snapshot import ModelFacts, Snapshot
from bot.facts.trusted_runs import deciding, rollback_key
from bot.report import incidents
from policy.canonical import digest_bytes
from policy.errors import UserError
from policy.facts.evidence import Evidence, parse_evidence
from policy.facts.next_pointer import pointer_of
from policy.facts.pointer import Pointer
from policy.facts.pointer_history import quarantined, read_pointer, was_live
from policy.files.rules import Policy
from policy.gates.judge import judge_recovery
from policy.gates.override import waivable, waive
from policy.governed import CARDS, pointer_path, version_of
from policy.verdict import Finding, Outcome, gather


def is_rollback(snapshot: Snapshot, facts: ModelFacts) -> bool:
    """Return whether this pull request moves the pointer back to what was live before."""
    return (
        pointer_path(facts.name) in snapshot.paths
        and facts.base_pointer is not None
        and facts.fork_pointer == facts.base_pointer
        and was_live(facts.head_pointer, facts.history, facts.base_pointer)
        and not _is_a_fresh_release(facts)
    )


def _is_a_fresh_release(facts: ModelFacts) -> bool:
    """Return whether the head's pointer counts on from the live one: not a way back."""
    head, live = read_pointer(facts.head_pointer), read_pointer(facts.base_pointer)
    if head is None or live is None or head.predecessor is None:
        return False
    return (head.predecessor.version, head.predecessor.artifact) == (
        live.version,
        live.artifact.digest,
    )


def consider(snapshot: Snapshot, policy: Policy, facts: ModelFacts) -> ModelState:
    """Return how far this rollback has come."""
    live = read_pointer(facts.base_pointer)
    if live is None:
        return refused(
            facts.name, "pointer", messages.live_pointer_broken(facts.name, snapshot.default_branch)
        )
    if facts.head_pointer is None:
        return _to_nothing(snapshot, facts, live)
    target = read_pointer(facts.head_pointer)
    if target is None:
        return refused(facts.name, "pointer", messages.TARGET_BROKEN)
    recorded = _recorded(facts, target)
    parts = _whole(snapshot, facts, target, recorded)
    if recorded is None or any(not part.outcome.lets_through for part in parts):
        return ModelState(
            facts.name, "refused", gather(facts.name, parts), pointer=target, replaced=live.version
        )
    return _verified(snapshot, policy, facts, live, target, recorded, parts)


def _recorded(facts: ModelFacts, target: Pointer) -> Evidence | None:
    """Return the target's evidence as the base branch keeps it, when it names this very pointer.

    A branch that was merged may have held any pointer in a commit in between; only evidence that
    lies on the base branch was ever released, and it gives the pointer again, byte by byte.
    """
    if facts.recorded is None or digest_bytes(facts.recorded.encode()) != target.evidence.digest:
        return None
    try:
        evidence = parse_evidence(facts.recorded, target.evidence.path)
    except UserError:
        return None
    return evidence if pointer_of(evidence) == target else None


def _whole(
    snapshot: Snapshot, facts: ModelFacts, target: Pointer, recorded: Evidence | None
) -> list[Finding]:
    """Return whether inputs and records at head are those of the target version."""
    parts: list[Finding] = []
    if facts.irregular:
        parts.append(Finding("files", Outcome.FAILED, messages.irregular(facts.irregular)))
    if recorded is None:
        parts.append(Finding("record", Outcome.FAILED, messages.not_recorded(target.version)))
    else:
        parts.append(Finding("record", Outcome.PASSED, messages.recorded(target.version)))
        try:
            digest = head_proposal(facts, recorded.proposal.runner_version).digest
        except UserError as error:
            digest = ""
            parts.append(Finding("recipe", Outcome.FAILED, str(error.problems[0])))
        whole = digest == target.proposal
        sentence = messages.WHOLE if whole else messages.not_whole(target.version)
        parts.append(Finding("inputs", Outcome.PASSED if whole else Outcome.FAILED, sentence))
    if facts.head_pointer in quarantined(facts.history):
        sentence = messages.quarantined(target.version)
        parts.append(Finding("quarantine", Outcome.FAILED, sentence))
    touched = _touched_cards(facts, target)
    if touched:
        parts.append(Finding("records", Outcome.FAILED, messages.cards_touched(touched)))
    return parts


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


def _to_nothing(snapshot: Snapshot, facts: ModelFacts, live: Pointer) -> ModelState:
    """Return the state of taking back a model's first version: nothing is left to verify."""
    if live.predecessor is not None:
        return refused(facts.name, "pointer", messages.pointer_removed(live.predecessor.version))
    parts = [Finding("pointer", Outcome.PASSED, messages.back_to_nothing(live.version))]
    touched = _touched_cards(facts, None)
    if touched:
        parts.append(Finding("records", Outcome.FAILED, messages.cards_touched(touched)))
    finding = gather(facts.name, parts)
    return ModelState(
        model=facts.name,
        kind="rollback",
        finding=finding,
        carried=finding.outcome.lets_through,
        replaced=live.version,
        incident=incidents.rolled_back(snapshot, facts, live, None),
    )


def _verified(
    snapshot: Snapshot,
    policy: Policy,
    facts: ModelFacts,
    live: Pointer,
    target: Pointer,
    recorded: Evidence,
    parts: list[Finding],
) -> ModelState:
    key = rollback_key(target.artifact.digest, live.artifact.digest, snapshot.pull.number)
    wanted = head_proposal(facts).digest
    runs, dispatch = awaited(snapshot, facts, ROLLBACK, key)
    found = deciding(runs, lambda evidence: _is_about(evidence, wanted, target, live))
    start, pending = False, False
    if found is None or found.evidence is None or not found.decides:
        outcome, sentence, start = waiting(snapshot, dispatch, found)
        parts.append(Finding("run", outcome, sentence))
        pending = outcome is Outcome.MISSING
    else:
        parts.append(judge_recovery(policy, recorded, found.evidence, target=target))
        if found.evidence.model != facts.name:
            parts.append(Finding("model", Outcome.FAILED, messages.OTHER_MODEL))
    digest = found.evidence.digest() if found is not None and found.evidence is not None else ""
    forced, not_forced = overrides.overrides(snapshot, policy, facts.name, digest)
    finding = waive(gather(facts.name, parts), forced)
    return ModelState(
        model=facts.name,
        kind="rollback",
        finding=finding,
        pending=pending,
        carried=finding.outcome.lets_through,
        evidence=found.evidence if found else None,
        run=found.run if found else None,
        key=key,
        proposal=target.proposal,
        pointer=target,
        replaced=live.version,
        dispatch=dispatch if start else None,
        incident=incidents.rolled_back(snapshot, facts, live, target),
        remarks=(*not_forced, *other_runs(found)),
        before=incidents.live_evidence(facts, live),
        overrides=forced,
        waivable=waivable(policy, finding),
    )


def _is_about(evidence: Evidence, proposal: str, target: Pointer, live: Pointer) -> bool:
    """Return whether evidence is of this way back: these inputs, from this version, to that file.

    A run that broke before it measured names no file.
    """
    measured = evidence.measurement("candidate")
    return (
        evidence.proposal.digest == proposal
        and evidence.incumbent is not None
        and evidence.incumbent.artifact == live.artifact.digest
        and (measured is None or measured.model == target.artifact.digest)
    )
