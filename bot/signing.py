"""Sign-off facts from a snapshot; the judgement itself is `policy.signoff`'s."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot import messages
from bot.model_state import ModelState
from bot.snapshot import Snapshot
from policy import codeowners
from policy.codeowners import Codeowners
from policy.errors import UserError
from policy.governed import card_path, evidence_path, pointer_path
from policy.people_rules import Quorum
from policy.rules import Policy
from policy.signoff import SignOffFacts, judge_sign_off, latest_states, signers
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
        reviews=snapshot.reviews,
        writers=snapshot.writers,
        roles=snapshot.roles,
        teams=snapshot.teams,
        paths=snapshot.paths,
        owners=owners,
    )


def read_codeowners(snapshot: Snapshot) -> Codeowners | None:
    """Return the base branch's CODEOWNERS; raise UserError where it cannot count."""
    if snapshot.codeowners is None:
        return None
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
    facts = facts_of(snapshot, owners)
    quorum = quorum_of(policy, states)
    if all(state.carried for state in states):
        return judge_sign_off(quorum, facts)
    paths = dict.fromkeys(snapshot.paths)
    for state in states:
        version = state.pointer.version if state.pointer else "next"
        if state.kind == "promote":
            paths[pointer_path(state.model)] = None
            paths[card_path(state.model, version)] = None
            paths[evidence_path(state.model, version)] = None
    objections = tuple(r for r in facts.reviews if r.state != "APPROVED")
    early = replace(facts, paths=tuple(paths), reviews=objections)
    finding = judge_sign_off(quorum, early)
    awaited = Finding("release commit", Outcome.MISSING, messages.NOT_YET_SIGNABLE)
    return gather("sign-off", (awaited, *finding.parts))


def quorum_of(policy: Policy, states: Sequence[ModelState]) -> Quorum:
    """Return the strictest count of each role over all kinds of change in the pull request."""
    quorum: dict[str, int] = {}
    for state in states:
        asked = policy.sign_off.rollback if state.kind == "rollback" else policy.sign_off.promote
        for role, count in asked.items():
            quorum[role] = max(quorum.get(role, 0), count)
    return quorum


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
