"""From a snapshot to a verdict and what to do about it. Pure: no clock, no network, no environment.

Deciding twice gives the same answer, and an answer that is already so leads to no write: that makes
lost, doubled and reordered events harmless.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.deciding import (
    before_run,
    forward,
    messages,
    record_verdict,
    release_files,
    retrain,
    rollback,
    rule_changes,
    signing,
    spot_checks,
    stops,
)
from bot.deciding.after_merge import merged
from bot.deciding.stops import Stop
from bot.facts.actions import Action, CommitRelease, Merge, PostCheck, RecordSignOff, UpsertComment
from bot.facts.model_state import ModelState
from bot.facts.snapshot import ModelFacts, Snapshot
from bot.report import check, comment, explain
from bot.report.author_words import author_words
from bot.report.own_comment import earlier_keys, upsert
from policy import documents
from policy.errors import UserError
from policy.files.calendar import judge_calendar
from policy.files.rules import Policy
from policy.governed import POLICY_FILE, is_governed, is_model_name, models_of
from policy.verdict import Finding, Outcome, gather


@dataclass(frozen=True)
class Decision:
    """What the pull request comes to, and the upserts that make GitHub say so.

    `asks_for_freeze`: the freeze was not looked up, and now it decides; nothing may be done yet.
    """

    verdict: Finding
    actions: tuple[Action, ...] = ()
    title: str = ""
    asks_for_freeze: bool = False
    governed: bool = True


def decide(snapshot: Snapshot) -> Decision:
    """Return the verdict on one pull request and every action that follows from it."""
    if snapshot.pull.merged:
        verdict, actions = merged(snapshot)
        return Decision(verdict, actions)
    if snapshot.pull.state == "closed":
        return Decision(Finding("closed", Outcome.MISSING, "The pull request is closed."))
    if snapshot.pull.base_ref != snapshot.default_branch:
        return _other_base(snapshot)
    if not snapshot.links and not is_governed(snapshot.paths, truncated=snapshot.files_truncated):
        return _nothing_governed(snapshot)
    early = _refusals(snapshot)
    policy, problems = _policy(snapshot)
    if not early and rule_changes.is_first_policy(snapshot):
        found = [part for part in (rule_changes.consider(snapshot),) if part is not None]
        verdict = gather("countersign", found)
        key = "passed" if verdict.outcome.lets_through else "failed"
        return _said(snapshot, verdict, (), None, key)
    if policy is None or early:
        verdict = gather("countersign", [gather(check.WHOLE, [*early, *problems])])
        return _said(snapshot, verdict, (), None, "failed")
    states = tuple(_consider(snapshot, policy, name) for name in models_of(snapshot.paths))
    states = spot_checks.consider(snapshot, policy, states)
    words = author_words(snapshot.pull.author, snapshot.pull.body)
    states = tuple(release_files.carry(_facts(snapshot, s.model), s, words) for s in states)
    states = tuple(stops.cancel(snapshot, state) for state in states)
    held = stops.hold(snapshot, policy)
    stopped = held.finding is not None
    return _decided(
        snapshot, policy, before_run.guard(snapshot, policy, states, held=stopped), held
    )


def _refusals(snapshot: Snapshot) -> list[Finding]:
    """Return why the pull request cannot be judged as a whole."""
    found = []
    if snapshot.files_truncated:
        found.append(Finding("files", Outcome.ERRORED, messages.TOO_MANY_FILES))
    if snapshot.links:
        found.append(Finding("files", Outcome.FAILED, messages.irregular(snapshot.links)))
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
    facts = _facts(snapshot, name)
    if rollback.is_rollback(snapshot, facts):
        return rollback.consider(snapshot, policy, facts)
    return forward.consider(snapshot, policy, facts)


def _facts(snapshot: Snapshot, name: str) -> ModelFacts:
    return next((model for model in snapshot.models if model.name == name), ModelFacts(name))


def _decided(
    snapshot: Snapshot, policy: Policy, states: tuple[ModelState, ...], held: Stop
) -> Decision:
    sign_off = signing.consider(snapshot, policy, states)
    parts = [state.finding for state in states]
    rules = rule_changes.consider(snapshot)
    parts += [rules] if rules is not None else []
    if snapshot.pull.mergeable is False:
        conflict = messages.conflicts(snapshot.default_branch)
        parts.append(gather(check.WHOLE, [Finding("merge", Outcome.FAILED, conflict)]))
    parts.append(sign_off)
    ships = any(state.kind in ("promote", "rollback") for state in states)
    promotes = any(state.kind == "promote" for state in states)
    timing = [record_verdict.judge_key(snapshot)] if ships or snapshot.keys else []
    timing += [held.finding] if held.finding is not None else []
    if promotes:
        timing.append(judge_calendar(policy.calendar, datetime.fromisoformat(snapshot.now)))
    stop_actions = held.actions
    before = gather("countersign", [*parts, *timing])
    if (promotes and before.outcome.lets_through) or stops.asks_about_freeze(snapshot):
        if snapshot.freeze is None:
            return Decision(before, asks_for_freeze=True)
        frozen = stops.freeze(snapshot, policy)
        stop_actions += frozen.actions
        timing += [frozen.finding] if frozen.finding is not None and promotes else []
    whole = [*parts, *([gather(check.BEFORE_MERGE, timing)] if timing else [])]
    verdict = gather("countersign", whole)
    key = check.key_of(states, verdict)
    decision = _said(snapshot, verdict, states, sign_off, key)
    actions: list[Action] = [s.incident for s in states if s.incident is not None]
    actions += stop_actions
    actions += [state.measured for state in states if state.measured is not None]
    actions += [action for state in states for action in state.attempt_actions]
    actions += [state.cancel for state in states if state.cancel is not None]
    actions += [state.dispatch for state in states if state.dispatch is not None]
    commit = _release(snapshot, states)
    if commit is not None:
        actions.append(commit)
    actions += decision.actions
    actions += retrain.replies(snapshot, states, policy)
    actions += spot_checks.replies(snapshot, policy, states)
    if key == "passed" and policy.merge == "bot" and ships and not snapshot.pull.draft:
        actions.append(_merge(snapshot))
    return Decision(verdict, tuple(actions), decision.title)


def _release(snapshot: Snapshot, states: Sequence[ModelState]) -> CommitRelease | None:
    """Return the release commit, once every model of the pull request has passed and was read."""
    judged = [state.finding for state in states]
    judged += [state.spot_check.finding for state in states if state.spot_check is not None]
    if any(not finding.outcome.lets_through for finding in judged):
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


def _said(
    snapshot: Snapshot,
    verdict: Finding,
    states: tuple[ModelState, ...],
    sign_off: Finding | None,
    key: str,
) -> Decision:
    """Return the decision with its check, its comment and its answers.

    A green check is preceded by the record of who signed, whose name it holds: where the check is
    as it should be, so is the record.
    """
    title = messages.title(key, [state.kind for state in states])
    lead = messages.how_to_sign(snapshot.pull.head_sha) if key == "sign" else ""
    keys = earlier_keys(snapshot.comments)
    actions: list[Action] = []
    tag = ""
    if key == "passed" and (states or snapshot.keys):
        record = record_verdict.record_of(snapshot, states)
        tag = record.tag()
    posted = check.post(snapshot.pull.head_sha, title, key, verdict, states, sign_off, tag)
    newest = snapshot.checks[-1].fingerprint if snapshot.checks else ""
    if tag and newest != posted.fingerprint:
        actions.append(RecordSignOff(record))
    body = comment.body(title, verdict, states, sign_off, lead=lead, earlier=keys)
    actions += [posted, upsert(snapshot, body), *explain.replies(snapshot, title, verdict)]
    return Decision(verdict, tuple(actions), title)


def _nothing_governed(snapshot: Snapshot) -> Decision:
    verdict = Finding("countersign", Outcome.PASSED, messages.NOTHING_GOVERNED)
    summary = messages.NOTHING_GOVERNED_SUMMARY
    actions: list[Action] = [
        PostCheck(snapshot.pull.head_sha, "success", messages.NOTHING_GOVERNED, summary)
    ]
    ours = upsert(snapshot, "")
    if ours.existing is not None:
        marker = comment.marker(earlier_keys(snapshot.comments))
        body = f"{marker}\n\n## {messages.NOTHING_GOVERNED}\n\n{summary}\n"
        actions.append(UpsertComment(ours.number, body, ours.existing, ours.shown))
    return Decision(verdict, tuple(actions), messages.NOTHING_GOVERNED, governed=False)


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
