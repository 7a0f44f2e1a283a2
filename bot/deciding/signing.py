"""Sign-off facts from a snapshot; the judgement itself is `policy.people.sign_off`'s."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.deciding import messages, spot_check_messages
from bot.deciding.stops import holders, involved
from bot.facts.model_state import ModelState
from bot.facts.snapshot import IssueEvent, ModelFacts, Snapshot
from policy.errors import UserError
from policy.files import codeowners
from policy.files.codeowners import Codeowners
from policy.files.people_rules import ChangeKind, Quorum
from policy.files.rules import Policy
from policy.governed import card_path, evidence_path, pointer_path
from policy.people.kinds_of_change import change_kinds
from policy.people.sign_off import Review, SignOffFacts, judge_sign_off, latest_states, signers
from policy.verdict import Finding, Outcome, gather


def facts_of(snapshot: Snapshot, owners: Codeowners | None) -> SignOffFacts:
    """Return everything that sign-off depends on, as the snapshot has it."""
    contributors: set[str] = set()
    unknown: dict[str, None] = {}
    for commit in snapshot.commits:
        contributors.update(login for login in commit.logins if login != snapshot.bot)
        unknown.update(dict.fromkeys(commit.unknown))
    return SignOffFacts(
        head=snapshot.pull.head_sha,
        author=snapshot.pull.author,
        contributors=frozenset(contributors),
        unknown_contributors=tuple(unknown),
        reviews=_with_standing_objections(snapshot, _since_the_base_changed(snapshot)),
        writers=snapshot.writers,
        roles=snapshot.roles,
        teams=snapshot.teams,
        paths=snapshot.paths,
        owners=owners,
        kept=_same_tree(snapshot),
    )


def _since_the_base_changed(snapshot: Snapshot) -> tuple[Review, ...]:
    """Return the reviews that count: an approval does not outlive a change of the base branch.

    What was approved was the difference to another branch. GitHub changes the base by itself when
    that branch is merged and deleted.
    """
    kinds = ("base_ref_changed", "automatic_base_change_succeeded")
    changed = max((event.created for event in snapshot.events if event.kind in kinds), default="")
    return tuple(
        review
        for review in snapshot.reviews
        if not changed or review.state != "APPROVED" or review.submitted > changed
    )


def _with_standing_objections(
    snapshot: Snapshot, reviews: tuple[Review, ...]
) -> tuple[Review, ...]:
    """Return the reviews; an objection that was dismissed by whom it was meant for still stands."""
    kept = {event.review for event, _ in _refused_dismissals(snapshot)}
    return tuple(
        replace(review, state="CHANGES_REQUESTED")
        if review.state == "DISMISSED" and review.id in kept
        else review
        for review in reviews
    )


def _refused_dismissals(snapshot: Snapshot) -> list[tuple[IssueEvent, Review]]:
    """Return the dismissals of objections that do not count, each with its review.

    GitHub lets everybody with write access dismiss a review, the proposer too. Here only whoever
    objected can, or somebody who holds a role and has no part in the proposal.
    """
    may = holders(snapshot, snapshot.roles) - involved(snapshot)
    objections = {review.id: review for review in snapshot.reviews if review.state == "DISMISSED"}
    return [
        (event, objections[event.review])
        for event in snapshot.events
        if event.kind == "review_dismissed"
        and event.was == "changes_requested"
        and event.review in objections
        and event.actor.lower() not in may | {objections[event.review].user.lower()}
    ]


def _same_tree(snapshot: Snapshot) -> frozenset[str]:
    head = snapshot.trees.get(snapshot.pull.head_sha)
    return frozenset(
        commit
        for commit, tree in snapshot.trees.items()
        if head and tree == head and commit != snapshot.pull.head_sha
    )


def read_codeowners(snapshot: Snapshot) -> Codeowners | None:
    """Return the base branch's CODEOWNERS; raise UserError where it cannot count."""
    if snapshot.codeowners is None:
        return None
    if snapshot.codeowners_is_link:
        raise UserError.one(
            snapshot.codeowners_path, "a link, which names no owners", "commit a plain file"
        )
    return codeowners.parse(snapshot.codeowners, snapshot.codeowners_path)


def consider(snapshot: Snapshot, policy: Policy, states: Sequence[ModelState]) -> Finding:
    """Return who signed and who is missing.

    Only an approval of a head that carries the evidence counts; before that everybody is missing,
    and the finding already says who could sign.
    """
    try:
        owners = read_codeowners(snapshot)
    except UserError as error:
        parts = [Finding("code owners", Outcome.ERRORED, str(p)) for p in error.problems]
        return gather("sign-off", parts)
    quorum = quorum_of(snapshot, policy, states)
    refused = [
        Finding("dismissal", Outcome.FAILED, messages.dismissal_refused(event.actor, review.user))
        for event, review in _refused_dismissals(snapshot)
    ]
    samples = [state.spot_check.finding for state in states if state.spot_check is not None]
    if all(state.carried for state in states):
        finding = judge_sign_off(quorum, facts_of(snapshot, owners))
        more = (*samples, *refused)
        return gather("sign-off", (*finding.parts, *more)) if more else finding
    finding = judge_sign_off(quorum, unsigned(snapshot, owners, states))
    reading = any(state.awaits_readers for state in states)
    sentence = spot_check_messages.AFTER_IT if reading else messages.NOT_YET_SIGNABLE
    awaited = Finding("release commit", Outcome.MISSING, sentence)
    return gather("sign-off", (*samples, awaited, *finding.parts, *refused))


def unsigned(
    snapshot: Snapshot, owners: Codeowners | None, states: Sequence[ModelState]
) -> SignOffFacts:
    """Return the facts as they will be before anybody signed, with the files of a release."""
    facts = facts_of(snapshot, owners)
    paths = dict.fromkeys(snapshot.paths)
    for state in states:
        version = state.pointer.version if state.pointer else "next"
        if state.kind == "promote":
            paths[pointer_path(state.model)] = None
            paths[card_path(state.model, version)] = None
            paths[evidence_path(state.model, version)] = None
    objections = tuple(r for r in facts.reviews if r.state != "APPROVED")
    return replace(facts, paths=tuple(paths), reviews=objections)


def quorum_of(snapshot: Snapshot, policy: Policy, states: Sequence[ModelState]) -> Quorum:
    """Return the strictest count of each role over all kinds of change in the pull request."""
    facts = {model.name: model for model in snapshot.models}
    changes: list[tuple[str, frozenset[ChangeKind]]] = []
    for state in states:
        model = facts.get(state.model, ModelFacts(state.model))
        back = state.kind == "rollback"
        kinds = change_kinds(model.head_inputs, model.base_inputs)
        changes.append((state.model, frozenset({"rollback"}) if back else kinds))
    return policy.sign_off.needed(changes, rules=bool(snapshot.rules_changed))


def who_signed(snapshot: Snapshot) -> dict[str, tuple[str, ...]]:
    """Return the logins whose approval of this head counts, with the roles they hold."""
    facts = facts_of(snapshot, None)
    names = {login: review.user for login, review in latest_states(facts.reviews).items()}
    return {
        names[login]: tuple(
            sorted(
                role
                for role, holders in facts.roles.items()
                if login in {holder.lower() for holder in holders}
            )
        )
        for login in sorted(signers(facts))
    }
