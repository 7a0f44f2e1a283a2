"""From a snapshot to a verdict and what to do about it. Pure: no clock, no network, no environment.

Deciding twice gives the same answer, and an answer that is already so leads to no write: that makes
lost, doubled and reordered events harmless.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot import check, comment, forward, messages, rollback, signing
from bot.actions import (
    Action,
    CommitRelease,
    Conclusion,
    Merge,
    OpenIncident,
    PostCheck,
    UpsertComment,
)
from bot.model_state import ModelState
from bot.own_comment import earlier_keys, own_comment
from bot.snapshot import ModelFacts, Snapshot
from policy import documents
from policy.errors import UserError
from policy.evidence import parse_evidence
from policy.governed import POLICY_FILE, is_model_name, models_of
from policy.judge import judge
from policy.pointers import read_pointer
from policy.rules import Policy
from policy.verdict import Finding, Outcome, gather


@dataclass(frozen=True)
class Decision:
    """What the pull request comes to, and the upserts that make GitHub say so."""

    verdict: Finding
    actions: tuple[Action, ...] = ()


def decide(snapshot: Snapshot) -> Decision:
    """Return the verdict on one pull request and every action that follows from it."""
    if snapshot.pull.merged:
        return _merged(snapshot)
    if snapshot.pull.state == "closed":
        return Decision(Finding("closed", Outcome.MISSING, "The pull request is closed."))
    if snapshot.pull.base_ref != snapshot.default_branch:
        return _other_base(snapshot)
    names = models_of(snapshot.paths)
    if not names and not snapshot.files_truncated:
        return _nothing_governed(snapshot)
    early = _refusals(snapshot)
    policy, problems = _policy(snapshot)
    if policy is None or early:
        found = [*early, *problems]
        verdict = gather("countersign", [gather(check.WHOLE, found)])
        return Decision(verdict, _say(snapshot, verdict, (), None, "failed", "failure"))
    states = tuple(_consider(snapshot, policy, name) for name in names)
    return _decided(snapshot, policy, states)


def _refusals(snapshot: Snapshot) -> list[Finding]:
    """Return why the pull request cannot be judged as a whole."""
    found = []
    if snapshot.files_truncated:
        found.append(Finding("files", Outcome.ERRORED, messages.TOO_MANY_FILES))
    if snapshot.commits_truncated:
        found.append(Finding("commits", Outcome.ERRORED, messages.TOO_MANY_COMMITS))
    return found


def _policy(snapshot: Snapshot) -> tuple[Policy | None, list[Finding]]:
    """Return the base branch's policy, or why there is none."""
    where = f"{POLICY_FILE} on {snapshot.default_branch}"
    if snapshot.policy is None:
        return None, [Finding("policy", Outcome.ERRORED, messages.no_policy(where))]
    try:
        return documents.parse(Policy, snapshot.policy, where), []
    except UserError as error:
        return None, [Finding("policy", Outcome.ERRORED, str(p)) for p in error.problems]


def _consider(snapshot: Snapshot, policy: Policy, name: str) -> ModelState:
    if not is_model_name(name):
        return forward.refused(name, "name", messages.bad_model_name(name))
    facts = next((model for model in snapshot.models if model.name == name), ModelFacts(name))
    if rollback.is_rollback(snapshot, facts):
        return rollback.consider(snapshot, policy, facts)
    return forward.consider(snapshot, policy, facts)


def _decided(snapshot: Snapshot, policy: Policy, states: tuple[ModelState, ...]) -> Decision:
    sign_off = signing.consider(snapshot, policy, states)
    parts = [state.finding for state in states]
    if snapshot.pull.mergeable is False:
        conflict = messages.conflicts(snapshot.default_branch)
        parts.append(gather(check.WHOLE, [Finding("merge", Outcome.FAILED, conflict)]))
    verdict = gather("countersign", [*parts, sign_off])
    key, conclusion = check.conclusion_of(states, sign_off, verdict)
    actions: list[Action] = [s.incident for s in states if s.incident is not None]
    actions += [state.dispatch for state in states if state.dispatch is not None]
    release = _release(snapshot, states)
    if release is not None:
        actions.append(release)
    actions += _say(snapshot, verdict, states, sign_off, key, conclusion)
    if key == "passed" and policy.merge == "bot" and not snapshot.pull.draft:
        actions.append(_merge(snapshot))
    return Decision(verdict, tuple(actions))


def _release(snapshot: Snapshot, states: Sequence[ModelState]) -> CommitRelease | None:
    """Return the release commit, once every model of the pull request has passed."""
    if any(not state.finding.outcome.lets_through for state in states):
        return None
    files = tuple(change for state in states for change in state.files)
    if not files or snapshot.from_fork:
        return None
    versions = {
        state.model: state.pointer.version
        for state in states
        if state.pointer is not None and state.files
    }
    return CommitRelease(
        branch=snapshot.pull.head_ref,
        parent=snapshot.pull.head_sha,
        message=messages.release_message(versions),
        files=files,
    )


def _merge(snapshot: Snapshot) -> Merge:
    pull = snapshot.pull
    title = messages.merge_title(pull.number, pull.title)
    return Merge(pull.number, pull.head_sha, title, "squash" if pull.squash_only else "merge")


def _say(
    snapshot: Snapshot,
    verdict: Finding,
    states: tuple[ModelState, ...],
    sign_off: Finding | None,
    key: str,
    conclusion: Conclusion | None,
) -> tuple[Action, ...]:
    title = messages.TITLES[key]
    lead = messages.how_to_sign(snapshot.pull.head_sha) if key == "sign" else ""
    keys = earlier_keys(snapshot.comments)
    body = comment.body(title, verdict, states, sign_off, lead=lead, earlier=keys)
    posted = check.post(snapshot.pull.head_sha, title, conclusion, verdict, states, sign_off)
    return (posted, _upsert(snapshot, body))


def _upsert(snapshot: Snapshot, body: str) -> UpsertComment:
    """Return the comment action: a new comment, or new words for ours."""
    ours = own_comment(snapshot.comments)
    if ours is None:
        return UpsertComment(snapshot.pull.number, body)
    return UpsertComment(snapshot.pull.number, body, ours.id, ours.body)


def _has_comment(snapshot: Snapshot) -> bool:
    return _upsert(snapshot, "").existing is not None


def _nothing_governed(snapshot: Snapshot) -> Decision:
    verdict = Finding("countersign", Outcome.PASSED, messages.NOTHING_GOVERNED)
    summary = messages.NOTHING_GOVERNED_SUMMARY
    actions: list[Action] = [
        PostCheck(snapshot.pull.head_sha, "success", messages.NOTHING_GOVERNED, summary)
    ]
    if _has_comment(snapshot):
        marker = comment.marker(earlier_keys(snapshot.comments))
        body = f"{marker}\n\n## {messages.NOTHING_GOVERNED}\n\n{summary}\n"
        actions.append(_upsert(snapshot, body))
    return Decision(verdict, tuple(actions))


def _other_base(snapshot: Snapshot) -> Decision:
    """Never green: the same head could be retargeted to the default branch with this check.

    A head that already has a check keeps it, because another pull request to the default branch may
    share it.
    """
    pull = snapshot.pull
    sentence = messages.other_base(pull.base_ref, snapshot.default_branch)
    verdict = Finding("countersign", Outcome.MISSING, sentence)
    if snapshot.checks:
        return Decision(verdict)
    title = messages.TITLES["failed"]
    return Decision(verdict, (PostCheck(pull.head_sha, "action_required", title, sentence),))


def _merged(snapshot: Snapshot) -> Decision:
    """Finish the comment, and notice a merge that nobody sanctioned."""
    names = models_of(snapshot.paths)
    pull = snapshot.pull
    if not names or pull.base_ref != snapshot.default_branch:
        return Decision(Finding("merged", Outcome.PASSED, messages.NOTHING_GOVERNED))
    green = bool(snapshot.checks) and snapshot.checks[-1].conclusion == "success"
    lines = [messages.merged_line(pull.merge_sha, pull.merged_by)]
    actions: list[Action] = []
    if not green:
        lines.append(messages.unsanctioned(pull.merged_by))
        actions += [_unsanctioned(snapshot, name) for name in names if is_model_name(name)]
    policy, _ = _policy(snapshot)
    states = [_shipped(policy, facts) for facts in snapshot.models if policy is not None]
    title = "Merged" if green else "Merged without a green check"
    signed = signing.who_signed(snapshot)
    actions.append(_upsert(snapshot, comment.merged_body(title, lines, signed, states)))
    outcome = Outcome.PASSED if green else Outcome.FAILED
    return Decision(Finding("merged", outcome, lines[-1]), tuple(actions))


def _unsanctioned(snapshot: Snapshot, model: str) -> OpenIncident:
    pull = snapshot.pull
    return OpenIncident(
        model=model,
        version=f"pull-{pull.number}",
        title=messages.unsanctioned_title(pull.number, model),
        body=messages.unsanctioned_body(
            pull.number, model, pull.merged_by, pull.merge_sha or "unknown"
        ),
    )


def _shipped(policy: Policy, facts: ModelFacts) -> ModelState:
    """Return what a merged head carries, judged once more for the table it shows."""
    pointer = read_pointer(facts.head_pointer)
    try:
        evidence = parse_evidence(facts.head_evidence or "", "evidence.json")
    except UserError:
        evidence = None
    if evidence is None or pointer is None:
        sentence = f"{facts.name} has no readable pointer and evidence at the merged head."
        return ModelState(facts.name, "refused", Finding(facts.name, Outcome.MISSING, sentence))
    incumbent = evidence.incumbent.artifact if evidence.incumbent else None
    finding = judge(policy, evidence, proposal_digest=pointer.proposal, incumbent=incumbent)
    return ModelState(
        facts.name,
        "promote",
        gather(facts.name, [finding]),
        evidence=evidence,
        replaced=evidence.incumbent.version if evidence.incumbent else None,
        pointer=pointer,
        proposal=pointer.proposal,
    )
