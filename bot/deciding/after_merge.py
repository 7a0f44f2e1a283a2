"""After a merge: complete the comment, and notice a merge without a green check."""

from __future__ import annotations

from dataclasses import replace

from bot.deciding import signing, spot_checks
from bot.deciding.overrides import overrides
from bot.facts.actions import Action, OpenIncident, ProposeRollback
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
from policy.verdict import Finding, Outcome, gather


def merged(snapshot: Snapshot) -> tuple[Finding, tuple[Action, ...]]:
    """Return the verdict on a merged pull request, and what follows."""
    names = [name for name in models_of(snapshot.paths) if is_model_name(name)]
    pull = snapshot.pull
    if pull.base_ref != snapshot.default_branch or not (names or snapshot.rules_changed):
        return Finding("merged", Outcome.PASSED, NOTHING_GOVERNED), ()
    green = bool(snapshot.checks) and snapshot.checks[-1].conclusion == "success"
    by = plain(pull.merged_by) or "unknown"
    lines = [f"Merged as {pull.merge_sha or 'unknown'} by {by}."]
    actions: list[Action] = []
    if not green:
        lines.append(f"@{pull.merged_by} merged this while the countersign check was not green.")
        for name in names:
            actions += unsanctioned(name, pull.number, pull.merged_by, pull.merge_sha or "")
    states = _shipped(snapshot)
    title = "Merged" if green else "Merged without a green check"
    signed = signing.who_signed(snapshot)
    actions.append(upsert(snapshot, comment.merged_body(title, lines, signed, states)))
    outcome = Outcome.PASSED if green else Outcome.FAILED
    return Finding("merged", outcome, lines[-1]), tuple(actions)


def unsanctioned(model: str, pull: int, merged_by: str, sha: str) -> tuple[Action, ...]:
    """Return the incident of a merge that was not green, and the rollback from it."""
    incident = OpenIncident(
        model=model,
        version=f"pull-{pull}",
        title=letters.unsanctioned_title(pull, model),
        body=letters.unsanctioned_body(pull, model, merged_by, sha or "unknown"),
    )
    return (incident, undo(model, sha)) if sha else (incident,)


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
    before = read_pointer(facts.fork_pointer)
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
