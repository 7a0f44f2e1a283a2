"""Sign-off: who approved exactly this commit, in which role, and who is still missing.

An approval counts if it is the reviewer's latest state, names the head commit, and comes from
somebody with write access who neither wrote nor committed any part of the pull request. Source of
the review rules: GitHub's "About pull request reviews". Approvals are bound to the commit, never to
a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from policy.files.codeowners import Codeowners, Rule
from policy.people.co_authors import Credit, Lift
from policy.policy_sentences import (
    counted,
    dated,
    named_by_trailer,
    people,
    stands_in,
    unknown_co_author,
    unknown_contributors,
)
from policy.verdict import Finding, Outcome, gather

ReviewState = Literal["APPROVED", "CHANGES_REQUESTED", "DISMISSED", "COMMENTED", "PENDING"]


@dataclass(frozen=True)
class Review:
    """One submitted review; `order` grows with submission. `submitted` is RFC 3339, UTC."""

    user: str
    state: ReviewState
    commit: str
    order: int
    id: int = 0
    submitted: str = ""
    account: int = 0
    """GitHub's id of the reviewer's account; 0 if unknown."""


@dataclass(frozen=True)
class SignOffFacts:
    """Everything sign-off depends on. Logins and team names compare without regard to case."""

    head: str
    author: str
    contributors: frozenset[str] = frozenset()
    """Authors and committers of the pull request's commits, without the bot."""
    unknown_contributors: tuple[str, ...] = ()
    """Names or e-mails in commits that belong to no account; any of these blocks."""
    credits: tuple[Credit, ...] = ()
    """Whom only trailers name; an account cannot sign, and any other address blocks, unless it is
    a known assistant's or lifted."""
    lifts: tuple[Lift, ...] = ()
    """Who lifted that, oldest first; `lifted` says which of them count."""
    pledged: bool = False
    """Whether a lift counts before its author approves the head: before anybody could."""
    assistants: tuple[str, ...] = ()
    """The e-mails of coding assistants that the policy knows."""
    reviews: tuple[Review, ...] = ()
    writers: frozenset[str] = frozenset()
    """Reviewers with write access, according to the API."""
    roles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Role to the logins that hold it, teams resolved."""
    teams: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """`organisation/team` to members; a team that cannot be read is absent."""
    emails: Mapping[str, str] = field(default_factory=dict)
    """E-mail owners of CODEOWNERS to logins, if known."""
    paths: tuple[str, ...] = ()
    """Every changed path; a rename counts with its old and its new name."""
    owners: Codeowners | None = None
    kept: frozenset[str] = frozenset()
    """Earlier commits with the same tree as the head, whose approvals the policy accepts."""


def latest_states(reviews: Iterable[Review]) -> dict[str, Review]:
    """Return each reviewer's deciding review: the latest that is not only a comment."""
    latest: dict[str, Review] = {}
    for review in sorted(reviews, key=lambda review: review.order):
        if review.state in ("APPROVED", "CHANGES_REQUESTED", "DISMISSED"):
            latest[review.user.lower()] = review
    return latest


def signers(facts: SignOffFacts) -> frozenset[str]:
    """Return the logins (lower case) whose approval counts for this head."""
    return frozenset(login for login in approved(facts) if may_sign(facts, login))


def approved(facts: SignOffFacts) -> frozenset[str]:
    """Return the logins (lower case) that approve this head, whoever they are."""
    return frozenset(
        login
        for login, review in latest_states(facts.reviews).items()
        if review.state == "APPROVED" and review.commit in {facts.head} | facts.kept
    )


def may_sign(facts: SignOffFacts, login: str) -> bool:
    """Return whether this login could sign at all.

    Such a person has write access, is no bot, has no part in the change, and stands in for nobody.
    """
    found = lifted(facts)
    named = {credit.who.lower() for credit in facts.credits if credit.account}
    return (
        _is_free(facts, login)
        and login not in named - found.keys()
        and login not in {lift.user.lower() for lift in found.values()}
    )


def _is_free(facts: SignOffFacts, login: str) -> bool:
    """Return whether a login has write access, is no bot, and made no commit."""
    return (
        login not in _lower(facts.contributors | {facts.author})
        and not login.endswith("[bot]")
        and login in _lower(facts.writers)
    )


def lifted(facts: SignOffFacts) -> dict[str, Lift]:
    """Return whom trailers name and somebody stands in for (lower case), each with the lift.

    One who stands in holds a role, could sign, is named by no trailer, and approves the head. That
    approval covers the named person's part and counts for nothing else, so each stands in for one
    person only: every line keeps as many approvals by others as the quorum has places.
    """
    named = {credit.who.lower() for credit in facts.credits}
    holders = frozenset[str]().union(*map(_lower, facts.roles.values()))
    could = holders - named
    if not facts.pledged:
        could &= approved(facts)
    found: dict[str, Lift] = {}
    for lift in facts.lifts:
        user, who = lift.user.lower(), lift.who.lower()
        taken = who in found or user in {other.user.lower() for other in found.values()}
        if taken or user not in could or not _is_free(facts, user):
            continue
        if any(lift.is_about(credit) for credit in facts.credits):
            found[who] = lift
    return found


def judge_sign_off(quorum: Mapping[str, int], facts: SignOffFacts) -> Finding:
    """Return whether the quorum of every role and every code owner has signed this head."""
    signed = signers(facts)
    parts: list[Finding] = []
    parts.extend(judge_contributors(facts))
    parts.extend(_judge_objections(facts))
    filled = assign(quorum, facts, signed)
    parts.extend(
        _judge_role(role, count, facts, filled[role]) for role, count in sorted(quorum.items())
    )
    parts.append(_judge_owners(facts, signed))
    return gather("sign-off", parts)


def judge_contributors(facts: SignOffFacts) -> list[Finding]:
    """Return what is unknown about those who made the commits, and how to fix it."""
    found = []
    if facts.unknown_contributors:
        sentence = unknown_contributors(facts.unknown_contributors)
        found.append(Finding("contributors", Outcome.FAILED, sentence))
    known, by = _lower(facts.assistants), lifted(facts)
    asked = _asked(facts) - _lower(facts.contributors | {facts.author})
    for credit in facts.credits:
        lift = by.get(credit.who.lower())
        if lift is not None:
            sentence = stands_in(credit.shown, lift.user, lift.reason)
            found.append(Finding("co-authors", Outcome.WARNED, sentence))
        elif credit.account and credit.who.lower() in asked:
            sentence = named_by_trailer(credit.shown, credit.digest)
            found.append(Finding("co-authors", Outcome.WARNED, sentence))
        elif not credit.account and credit.who.lower() not in known:
            sentence = unknown_co_author(credit.who, credit.digest)
            found.append(Finding("co-authors", Outcome.FAILED, sentence))
    return found


def assign(
    quorum: Mapping[str, int], facts: SignOffFacts, signed: frozenset[str]
) -> dict[str, list[str]]:
    """Return who signs in which role: each person in one role only, filling as many as possible.

    A quorum of two roles requires two people. Augmenting paths (Kuhn 1955) match places and people,
    so that somebody who holds two roles never blocks somebody who holds one.
    """
    places = [(role, n) for role in sorted(quorum) for n in range(quorum[role])]
    holders = {role: _lower(facts.roles.get(role, frozenset())) for role in quorum}
    taken: dict[str, tuple[str, int]] = {}

    def fill(place: tuple[str, int], tried: set[str]) -> bool:
        for login in sorted(signed & holders[place[0]]):
            if login in tried:
                continue
            tried.add(login)
            if login not in taken or fill(taken[login], tried):
                taken[login] = place
                return True
        return False

    for place in places:
        fill(place, set())
    return {
        role: sorted(login for login, place in taken.items() if place[0] == role) for role in quorum
    }


def _signed(name: str, logins: Sequence[str], facts: SignOffFacts) -> Finding:
    latest = latest_states(facts.reviews)
    times = [latest[login].submitted if login in latest else "" for login in logins]
    signed = dated(zip(logins, times, strict=True))
    return Finding(name, Outcome.PASSED, f"signed by {signed} on {facts.head[:12]}")


def _judge_role(role: str, count: int, facts: SignOffFacts, have: list[str]) -> Finding:
    if len(have) >= count:
        return _signed(f"role {role}", have, facts)
    holders = _lower(facts.roles.get(role, frozenset()))
    could = sorted(login for login in holders - signers(facts) if may_sign(facts, login))
    missing = f"{counted(count - len(have), 'signature')} missing"
    already = f" (signed: {people(have)})" if have else ""
    if could:
        sentence = f"{missing}; {people(could)} could sign{already}"
    else:
        sentence = f"{missing}, and nobody who could sign holds this role{already}"
    return Finding(f"role {role}", Outcome.MISSING, sentence)


def _asked(facts: SignOffFacts) -> frozenset[str]:
    """Return everyone (lower case) who holds a role or owns a changed file."""
    found = frozenset[str]().union(*(_lower(held) for held in facts.roles.values()))
    if facts.owners is not None:
        for rule in facts.owners.deciding(facts.paths):
            found |= expand(rule, facts)
    return found


def _judge_objections(facts: SignOffFacts) -> list[Finding]:
    asked = _asked(facts)
    return [
        Finding("changes requested", Outcome.FAILED, f"@{review.user} requested changes")
        for login, review in sorted(latest_states(facts.reviews).items())
        if review.state == "CHANGES_REQUESTED" and login in asked
    ]


def _judge_owners(facts: SignOffFacts, signed: frozenset[str]) -> Finding:
    if facts.owners is None:
        sentence = "the base branch has no CODEOWNERS file"
        return Finding("code owners", Outcome.PASSED, sentence)
    parts: list[Finding] = []
    for rule, paths in facts.owners.deciding(facts.paths).items():
        if rule is None or not rule.owners:
            continue
        owners = expand(rule, facts)
        have = sorted(signed & owners)
        name = f"owners of {rule.pattern}"
        if have:
            parts.append(_signed(name, have, facts))
            continue
        could = sorted(login for login in owners if may_sign(facts, login))
        sentence = (
            f"no owner has signed for {counted(len(paths), 'file')} (CODEOWNERS line {rule.line}); "
            + (f"{people(could)} could sign" if could else "none of its owners can sign")
        )
        parts.append(Finding(name, Outcome.MISSING, sentence))
    if not parts:
        return Finding("code owners", Outcome.PASSED, "no changed file has an owner")
    return gather("code owners", parts)


def expand(rule: Rule | None, facts: SignOffFacts) -> frozenset[str]:
    """Return the logins of a line's owners; a team that cannot be read has none."""
    if rule is None:
        return frozenset()
    teams = {name.lower(): members for name, members in facts.teams.items()}
    emails = {address.lower(): login for address, login in facts.emails.items()}
    found: set[str] = set()
    for owner in rule.owners:
        if not owner.startswith("@"):
            found.update({emails[owner.lower()].lower()} if owner.lower() in emails else set())
        elif "/" in owner:
            found.update(_lower(teams.get(owner[1:].lower(), frozenset())))
        else:
            found.add(owner[1:].lower())
    return frozenset(found)


def _lower(logins: Iterable[str]) -> frozenset[str]:
    return frozenset(login.lower() for login in logins)
