"""Sign-off facts from a snapshot; the judgement itself is `policy.people.sign_off`'s."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.facts.lifts import credits_of, lifts_of
from bot.facts.model_facts import ModelFacts
from bot.facts.model_state import Judged, ModelState
from bot.facts.role_holders import holders, involved
from bot.facts.snapshot import IssueEvent, Snapshot
from policy.errors import UserError
from policy.files import codeowners
from policy.files.codeowners import Codeowners
from policy.files.people_rules import ChangeKind
from policy.files.rules import Policy
from policy.governed import card_path, evidence_path, pointer_path
from policy.names import Quorum
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
        credits=credits_of(snapshot),
        lifts=lifts_of(snapshot),
        assistants=snapshot.assistants,
        reviews=_with_standing_objections(snapshot, _since_the_base_changed(snapshot)),
        writers=snapshot.writers,
        roles=snapshot.roles,
        teams=snapshot.teams,
        paths=snapshot.paths,
        owners=owners,
        kept=_same_tree(snapshot),
    )


def _since_the_base_changed(snapshot: Snapshot) -> tuple[Review, ...]:
    """Return the reviews that count: a change of the base branch ends every approval before it.

    That approved the difference to another branch. GitHub changes the base by itself when that
    branch is merged and deleted.
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
    """Return the reviews; an objection that the wrong person dismissed still stands."""
    kept = {event.review for event, _ in _refused_dismissals(snapshot)}
    return tuple(
        replace(review, state="CHANGES_REQUESTED")
        if review.state == "DISMISSED" and review.id in kept
        else review
        for review in reviews
    )


def _refused_dismissals(snapshot: Snapshot) -> list[tuple[IssueEvent, Review]]:
    """Return the dismissals of objections that do not count, each with its review.

    GitHub allows anyone with write access to dismiss a review, the proposer too. Here only the
    reviewer can, or somebody who has a role and no part in the proposal.
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
    """Return the base branch's CODEOWNERS; raise UserError if it cannot count."""
    if snapshot.codeowners is None:
        return None
    if snapshot.codeowners_is_link:
        raise UserError.one(
            snapshot.codeowners_path, "a link, which names no owners", "commit a plain file"
        )
    return codeowners.parse(snapshot.codeowners, snapshot.codeowners_path)


def consider(snapshot: Snapshot, policy: Policy, states: Sequence[ModelState]) -> Finding:
    """Return who signed and who is missing.

    Only an approval of a head that carries the evidence counts. Before that everyone is missing,
    and the finding already says who could sign.
    """
    try:
        owners = read_codeowners(snapshot)
    except UserError as error:
        parts = [Finding("code owners", Outcome.ERRORED, str(p)) for p in error.problems]
        return gather("sign-off", parts)
    models = [state.judged for state in states]
    quorum = quorum_of(snapshot, policy, models)
    refused = [
        Finding("dismissal", Outcome.FAILED, _not_dismissed(event.actor, review.user))
        for event, review in _refused_dismissals(snapshot)
    ]
    samples = [state.spot_check.finding for state in states if state.spot_check is not None]
    if all(state.carried for state in states):
        finding = judge_sign_off(quorum, facts_of(snapshot, owners))
        more = (*samples, *refused)
        return gather("sign-off", (*finding.parts, *more)) if more else finding
    finding = judge_sign_off(quorum, unsigned(snapshot, owners, models))
    sentence = "signatures count once the release commit is at the head; nobody has to act yet"
    if any(state.awaits_readers for state in states):
        sentence = (
            "approvals count once the release commit is at the head; it follows the spot-check, "
            "because the model card shows the result of the spot-check"
        )
    awaited = Finding("release commit", Outcome.MISSING, sentence)
    return gather("sign-off", (*samples, awaited, *finding.parts, *refused))


def _not_dismissed(actor: str, reviewer: str) -> str:
    return (
        f"@{actor} dismissed what @{reviewer} requested, and that does not count: only @{reviewer} "
        "can withdraw it, or somebody who has a role and no part in this"
    )


def unsigned(
    snapshot: Snapshot, owners: Codeowners | None, models: Sequence[Judged]
) -> SignOffFacts:
    """Return the facts as they will be before anyone signs, with the files of a release."""
    facts = facts_of(snapshot, owners)
    objections = tuple(r for r in facts.reviews if r.state != "APPROVED")
    paths = _with_release(snapshot, models)
    return replace(facts, paths=paths, reviews=objections, pledged=True)


def _with_release(snapshot: Snapshot, models: Sequence[Judged]) -> tuple[str, ...]:
    """Return every changed path, and the files that a release commit will add."""
    paths = dict.fromkeys(snapshot.paths)
    for model in models:
        version = model.pointer.version if model.pointer else "next"
        if model.kind == "promote":
            paths[pointer_path(model.model)] = None
            paths[card_path(model.model, version)] = None
            paths[evidence_path(model.model, version)] = None
    return tuple(paths)


def without_owners(facts: SignOffFacts) -> SignOffFacts:
    """Return the facts for people who only read a sample: code owners do not matter for that."""
    named = tuple(credit for credit in facts.credits if credit.account)
    return replace(facts, owners=None, unknown_contributors=(), credits=named, lifts=())


def quorum_of(snapshot: Snapshot, policy: Policy, models: Sequence[Judged]) -> Quorum:
    """Return the highest count per role over all kinds of change in the pull request."""
    known = {facts.name: facts for facts in snapshot.models}
    changes: list[tuple[str, frozenset[ChangeKind]]] = []
    for model in models:
        facts = known.get(model.model, ModelFacts(model.model))
        cards = facts.dataset_card, facts.base_dataset_card
        kinds = change_kinds(facts.head_inputs, facts.base_inputs, *cards)
        back = model.kind == "rollback"
        changes.append((model.model, frozenset({"rollback"}) if back else kinds))
    return policy.sign_off.needed(changes, _with_release(snapshot, models))


def who_signed(snapshot: Snapshot) -> dict[str, tuple[str, ...]]:
    """Return the logins whose approval of this head counts, with their roles."""
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
