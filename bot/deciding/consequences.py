"""From a verdict to what follows: check, comment, runs, release commit, record, merge. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bot.deciding import record_verdict, retrain, spot_checks
from bot.facts.actions import (
    Action,
    CommitRelease,
    LookAgain,
    Merge,
    PostCheck,
    RecordSignOff,
    UpsertComment,
    in_order,
)
from bot.facts.bot_sentences import MERGE_UNKNOWN, NOTHING_GOVERNED, TITLES
from bot.facts.bot_sentences import title as title_of
from bot.facts.model_state import ModelState
from bot.facts.own_comment import earlier_keys, upsert
from bot.facts.snapshot import Snapshot
from bot.report import check, comment, explain
from countersign_ml.markdown import code
from policy.files.rules import Policy
from policy.verdict import Finding, Outcome


@dataclass(frozen=True)
class Decision:
    """The verdict on a pull request, and the upserts that make GitHub show it."""

    verdict: Finding
    actions: tuple[Action, ...] = ()
    title: str = ""
    governed: bool = True

    @property
    def outdated(self) -> bool:
        """Return whether the facts changed while they were judged: read them again."""
        return LookAgain() in self.actions


@dataclass(frozen=True)
class Whole:
    """The verdict, what it was gathered from, and the actions that holds and freezes require."""

    verdict: Finding
    states: tuple[ModelState, ...] = ()
    sign_off: Finding | None = None
    actions: tuple[Action, ...] = ()


def nothing_governed(snapshot: Snapshot) -> Decision:
    """Green: no version of a model can change with it."""
    verdict = Finding("countersign", Outcome.PASSED, NOTHING_GOVERNED)
    summary = (
        "This pull request changes no file below `models/` or `model_cards/`, none of the rules "
        "and no file of `sign_off.paths`, so no version of a model can change with it."
    )
    actions: list[Action] = [
        PostCheck(snapshot.pull.head_sha, "success", NOTHING_GOVERNED, summary)
    ]
    ours = upsert(snapshot, "")
    if ours.existing is not None:
        marker = comment.marker(earlier_keys(snapshot.comments))
        body = f"{marker}\n\n## {NOTHING_GOVERNED}\n\n{summary}\n"
        actions.append(UpsertComment(ours.number, body, ours.existing, ours.shown))
    return Decision(verdict, in_order(actions), NOTHING_GOVERNED, governed=False)


def closed(snapshot: Snapshot) -> Decision:
    """Never green: the head could come back with this check, in this pull request or another."""
    sentence = "The pull request is closed. It is judged again once it is reopened."
    verdict = Finding("closed", Outcome.MISSING, "The pull request is closed.")
    return Decision(verdict, _no_longer_green(snapshot, sentence))


def _no_longer_green(snapshot: Snapshot, sentence: str) -> tuple[PostCheck, ...]:
    """Return a red check in place of a green one that no other pull request relies on."""
    green = bool(snapshot.checks) and snapshot.checks[-1].conclusion == "success"
    if not green or snapshot.shared:
        return ()
    title = TITLES["failed"]
    return (PostCheck(snapshot.pull.head_sha, "action_required", title, sentence),)


def merge_unknown(snapshot: Snapshot) -> Decision:
    """Never green: what the merge would change is not known, and it may be more than the head
    shows."""
    sentence = MERGE_UNKNOWN
    if snapshot.pull.mergeable is False:
        branch = snapshot.default_branch
        sentence = f"It conflicts with {branch}; merge {branch} into this branch."
    check = PostCheck(snapshot.pull.head_sha, "action_required", TITLES["failed"], sentence)
    return Decision(Finding("countersign", Outcome.MISSING, sentence), (check,))


def other_base(snapshot: Snapshot) -> Decision:
    """Never green: the same head could be retargeted to the default branch with this check.

    A check that is not green stays: another pull request to the default branch may share it.
    """
    pull, default = snapshot.pull, snapshot.default_branch
    sentence = (
        f"It targets {pull.base_ref}. Only {default} ships, so it is judged once it targets "
        f"{default}."
    )
    verdict = Finding("countersign", Outcome.MISSING, sentence)
    if snapshot.checks:
        return Decision(verdict, _no_longer_green(snapshot, sentence))
    blocked = PostCheck(pull.head_sha, "action_required", TITLES["failed"], sentence)
    return Decision(verdict, (blocked,))


def act_on(snapshot: Snapshot, policy: Policy, whole: Whole) -> Decision:
    """Return the decision with every action that follows from the verdict."""
    states = whole.states
    key = check.key_of(states, whole.verdict)
    shown = show(snapshot, whole, key)
    commit = _release(snapshot, states)
    merges = key == "passed" and policy.merge == "bot" and ships(states) and not snapshot.pull.draft
    actions = [
        *whole.actions,
        *(action for state in states for action in _of_model(state)),
        *([commit] if commit is not None else []),
        *shown.actions,
        *retrain.replies(snapshot, states, policy),
        *spot_checks.replies(snapshot, policy, states),
        *([_merge(snapshot)] if merges else []),
    ]
    return Decision(whole.verdict, in_order(actions), shown.title)


def _of_model(state: ModelState) -> Iterator[Action]:
    """Yield what one model requires, apart from its release."""
    judged, run = state.judged, state.run
    wanted = (judged.incident, judged.first_evidence, *judged.attempts.records)
    yield from (action for action in (*wanted, run.cancel, run.dispatch) if action is not None)


def _release(snapshot: Snapshot, states: Sequence[ModelState]) -> CommitRelease | None:
    """Return the release commit, once every model of the pull request has passed and was read."""
    judged = [state.finding for state in states]
    judged += [state.spot_check.finding for state in states if state.spot_check is not None]
    if any(not finding.outcome.lets_through for finding in judged):
        return None
    files = tuple(change for state in states for change in state.release.files)
    if not files or snapshot.from_fork:
        return None
    names = ", ".join(
        f"{state.model} {state.pointer.version}"
        for state in sorted(states, key=lambda state: state.model)
        if state.pointer is not None and state.release.files
    )
    return CommitRelease(
        branch=snapshot.pull.head_ref,
        parent=snapshot.pull.head_sha,
        message=(
            f"Release {names}\n\nPointer, model card and evidence. Approve this commit to sign "
            "off; reverting its merge rolls back.\n"
        ),
        files=files,
    )


def _merge(snapshot: Snapshot) -> Merge:
    pull = snapshot.pull
    title = f"Merge pull request #{pull.number}: {pull.title}"
    method: Literal["merge", "squash"] = "squash" if pull.squash_only else "merge"
    return Merge(pull.number, pull.head_sha, snapshot.base_head, title, method)


def ships(states: Sequence[ModelState]) -> bool:
    """Return whether a merge would change what is live."""
    return any(state.kind in ("promote", "rollback") for state in states)


def show(snapshot: Snapshot, whole: Whole, key: str) -> Decision:
    """Return the decision with the check, the comment and the answers to `/explain`.

    The record of who signed comes before a green check, which names it: if the check is right, so
    is the record.
    """
    head, states, verdict = snapshot.pull.head_sha, whole.states, whole.verdict
    title = title_of(key, [state.kind for state in states])
    lead = ""
    if key == "sign":
        lead = (
            f"Every gate passed. To sign, approve this pull request at its head, {code(head[:7])}."
        )
    actions: list[Action] = []
    tag = ""
    if key == "passed" and (states or snapshot.keys):
        record = record_verdict.record_of(snapshot, states)
        tag = record.tag()
    posted = check.post(head, title, key, verdict, states, whole.sign_off, tag)
    newest = snapshot.checks[-1].fingerprint if snapshot.checks else ""
    if tag and newest != posted.fingerprint:
        actions.append(RecordSignOff(record))
    keys = earlier_keys(snapshot.comments)
    body = comment.body(title, verdict, states, whole.sign_off, lead=lead, earlier=keys)
    actions += [posted, upsert(snapshot, body), *explain.replies(snapshot, title, verdict)]
    return Decision(verdict, in_order(actions), title)
