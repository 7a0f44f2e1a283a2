"""After a merge: finish the comment, and notice a merge that nobody sanctioned."""

from __future__ import annotations

from collections.abc import Sequence

from bot.deciding import messages, signing, spot_checks
from bot.deciding.overrides import overrides
from bot.facts.actions import Action, OpenIncident, ProposeRollback
from bot.facts.model_state import ModelState
from bot.facts.snapshot import ModelFacts, Snapshot
from bot.report import comment, letters
from bot.report.own_comment import upsert
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
    """Return what a merged pull request comes to, and what follows."""
    names = [name for name in models_of(snapshot.paths) if is_model_name(name)]
    pull = snapshot.pull
    if pull.base_ref != snapshot.default_branch or not (names or snapshot.rules_changed):
        return Finding("merged", Outcome.PASSED, messages.NOTHING_GOVERNED), ()
    green = bool(snapshot.checks) and snapshot.checks[-1].conclusion == "success"
    lines = [messages.merged_line(pull.merge_sha, pull.merged_by)]
    actions: list[Action] = []
    if not green:
        lines.append(messages.unsanctioned(pull.merged_by))
        for name in names:
            actions += unsanctioned(name, pull.number, pull.merged_by, pull.merge_sha or "")
    states = _with_readers(snapshot, [_shipped(snapshot, facts) for facts in snapshot.models])
    title = "Merged" if green else "Merged without a green check"
    signed = signing.who_signed(snapshot)
    actions.append(upsert(snapshot, comment.merged_body(title, lines, signed, states)))
    outcome = Outcome.PASSED if green else Outcome.FAILED
    return Finding("merged", outcome, lines[-1]), tuple(actions)


def _with_readers(snapshot: Snapshot, states: Sequence[ModelState]) -> tuple[ModelState, ...]:
    """Return the states with who signed their samples, as the comments tell it."""
    try:
        policy = documents.parse(Policy, snapshot.policy or "", POLICY_FILE)
    except UserError:
        return tuple(states)
    return spot_checks.consider(snapshot, policy, states)


def unsanctioned(model: str, pull: int, merged_by: str, sha: str) -> tuple[Action, ...]:
    """Return the incident of a merge that was not green, and the way back from it."""
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


def _shipped(snapshot: Snapshot, facts: ModelFacts) -> ModelState:
    """Return what a merged head carries, judged once more for the table it shows."""
    pointer = read_pointer(facts.head_pointer)
    try:
        evidence = parse_evidence(facts.head_evidence or "", "evidence.json")
        policy = documents.parse(Policy, snapshot.policy or "", POLICY_FILE)
    except UserError:
        evidence = None
    if evidence is None or pointer is None:
        sentence = messages.no_record_at_head(facts.name)
        return ModelState(facts.name, "refused", Finding(facts.name, Outcome.MISSING, sentence))
    incumbent = evidence.incumbent.artifact if evidence.incumbent else None
    before = read_pointer(facts.fork_pointer)
    back = (before.artifact.digest if before else None) != incumbent
    finding = judge(policy, evidence, proposal_digest=pointer.proposal, incumbent=incumbent)
    forced, _ = overrides(snapshot, policy, facts.name, evidence.digest())
    return ModelState(
        facts.name,
        "rollback" if back else "promote",
        waive(gather(facts.name, [finding]), forced),
        evidence=evidence,
        replaced=before.version if before else None,
        pointer=pointer,
        proposal=pointer.proposal,
        drift_gates=policy.gates.drift,
        overrides=forced,
    )
