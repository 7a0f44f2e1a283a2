"""After a merge: judge it again by the facts of that moment, and complete the comment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bot.deciding import signing, spot_checks
from bot.deciding.overrides import overrides
from bot.facts.actions import Action, MarkMerged, OpenIncident, PostCheck, ProposeRollback
from bot.facts.bot_sentences import NOTHING_GOVERNED
from bot.facts.model_facts import ModelFacts
from bot.facts.model_state import Judged, ModelState
from bot.facts.own_comment import upsert
from bot.facts.snapshot import Snapshot
from bot.report import comment, letters
from countersign_ml.markdown import plain
from policy import documents
from policy.errors import UserError
from policy.facts.evidence import parse_evidence
from policy.facts.pointer_history import read_pointer
from policy.files.rules import Policy
from policy.gates.judge import judge
from policy.gates.override import waive
from policy.governed import POLICY_FILE, is_model_name, models_of
from policy.people.merge_record import MergeRecord
from policy.verdict import Finding, Outcome, gather

MOST_REASONS = 10
"""How many reasons an incident lists."""


def merged(snapshot: Snapshot, judged: Finding | None) -> tuple[Finding, tuple[Action, ...]]:
    """Return the verdict on a merged pull request, and what follows.

    `judged` is the verdict on the facts of the moment of the merge; None if that was judged before,
    as the check of the merge commit shows. The colour of the head's check counts for nothing.
    """
    names = [name for name in models_of(snapshot.paths) if is_model_name(name)]
    pull = snapshot.pull
    governed = names or snapshot.rules_changed or snapshot.further_changed
    if pull.base_ref != snapshot.default_branch or not governed:
        return Finding("merged", Outcome.PASSED, NOTHING_GOVERNED), ()
    allowed = judged.outcome.lets_through if judged is not None else snapshot.mark == "success"
    by = plain(pull.merged_by) or "unknown"
    lines = [f"Merged as {pull.merge_sha or 'unknown'} by {by}."]
    if not allowed:
        lines.append(f"@{pull.merged_by} merged this although the policy did not allow it then.")
    title = "Merged" if allowed else "Merged against the policy"
    signed = signing.who_signed(snapshot)
    shown = comment.merged_body(title, lines, signed, _shipped(snapshot))
    actions: list[Action] = [upsert(snapshot, shown), *_no_longer_green(snapshot)]
    if judged is not None:
        actions += _judged_now(snapshot, judged, names)
    outcome = Outcome.PASSED if allowed else Outcome.FAILED
    return Finding("merged", outcome, lines[-1]), tuple(actions)


def _judged_now(snapshot: Snapshot, judged: Finding, names: list[str]) -> Iterator[Action]:
    """Yield the mark of the merge commit, and incidents if the merge was not allowed."""
    pull = snapshot.pull
    allowed = judged.outcome.lets_through
    found = [leaf.sentence for leaf in judged.blocking()] or [judged.sentence]
    reasons = [] if allowed else found[:MOST_REASONS]
    if reasons:
        rules = snapshot.rules_changed or snapshot.further_changed
        for model in (*names, *([""] if rules else [])):
            yield from _unsanctioned(model, snapshot, reasons)
    if pull.merge_sha:
        said = "Judged again after the merge, by the facts of that moment.\n\n"
        said += "\n".join(f"- {plain(reason, 500)}" for reason in reasons)
        title = "Merged against the policy" if reasons else "Merged as measured and signed"
        record = MergeRecord(
            repository=snapshot.repository,
            pull=pull.number,
            head=pull.head_sha,
            commit=pull.merge_sha,
            outcome="failed" if reasons else "passed",
            reasons=tuple(reason[:500] for reason in reasons),
            at=snapshot.now,
        )
        yield MarkMerged(record, title, said)


def _unsanctioned(model: str, snapshot: Snapshot, reasons: list[str]) -> Iterator[Action]:
    """Yield the incident of a merge that was not allowed, and the rollback from it."""
    pull = snapshot.pull
    sha = pull.merge_sha or ""
    yield OpenIncident(
        model=model,
        version=f"pull-{pull.number}",
        title=letters.unsanctioned_title(pull.number, model),
        body=letters.unsanctioned_body(
            pull.number, model, pull.merged_by, sha or "unknown", reasons
        ),
    )
    if sha:
        yield undo(model, sha)


def _no_longer_green(snapshot: Snapshot) -> Iterator[PostCheck]:
    """Yield a red check if the head is not in the base branch, and could be proposed again.

    A squash leaves the head outside; its green check would let the same commit merge once more.
    """
    green = bool(snapshot.checks) and snapshot.checks[-1].conclusion == "success"
    if green and not snapshot.head_remains:
        sentence = "It is merged. Another pull request with this head is judged for itself."
        yield PostCheck(snapshot.pull.head_sha, "action_required", "Merged", sentence)


def undo(model: str, commit: str) -> ProposeRollback:
    """Return the proposal to put a model back to what it was before a commit."""
    return ProposeRollback(
        model=model,
        commit=commit,
        title=letters.undo_title(model, commit),
        body=letters.undo_body(model, commit),
    )


def _shipped(snapshot: Snapshot) -> tuple[ModelState, ...]:
    """Return what a merged head carries, with who read its samples according to the comments."""
    try:
        policy = documents.parse(Policy, snapshot.policy or "", POLICY_FILE)
    except UserError:
        return tuple(ModelState(_no_record(facts)) for facts in snapshot.models)
    states = tuple(ModelState(_judged(snapshot, policy, facts)) for facts in snapshot.models)
    readers = spot_checks.consider(snapshot, policy, states)
    return tuple(
        replace(state, spot_check=spot) for state, spot in zip(states, readers, strict=True)
    )


def _judged(snapshot: Snapshot, policy: Policy, facts: ModelFacts) -> Judged:
    """Return the merged evidence, judged once more for the table that shows it."""
    pointer = read_pointer(facts.head_pointer)
    try:
        evidence = parse_evidence(facts.head_evidence or "", "evidence.json")
    except UserError:
        return _no_record(facts)
    if pointer is None:
        return _no_record(facts)
    incumbent = evidence.incumbent.artifact if evidence.incumbent else None
    before = read_pointer(facts.base_pointer)
    back = (before.artifact.digest if before else None) != incumbent
    finding = judge(policy, evidence, proposal_digest=pointer.proposal, incumbent=incumbent)
    forced, _ = overrides(snapshot, policy, facts.name, evidence.digest())
    return Judged(
        facts.name,
        "rollback" if back else "promote",
        waive(gather(facts.name, [finding]), forced).parts,
        evidence=evidence,
        replaced=before.version if before else None,
        pointer=pointer,
        proposal=pointer.proposal,
        drift_gates=policy.gates.drift,
        overrides=forced,
    )


def _no_record(facts: ModelFacts) -> Judged:
    sentence = f"{facts.name} has no readable pointer and evidence at the merged head."
    return Judged(facts.name, "refused", (Finding("record", Outcome.MISSING, sentence),))
