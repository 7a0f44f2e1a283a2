"""Whether a proposal could ever be signed, asked before a GPU hour is spent on it.

GitHub drops owners without write access in silence, and nobody signs what they are involved in. So
a change may wait for signatures that nobody can give. What is looked at here is who could sign, not
who did.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from policy.files.codeowners import Rule
from policy.people import owner_lint_messages as say
from policy.people.sign_off import SignOffFacts, assign, expand, may_sign
from policy.people.signoff_messages import unknown_contributors
from policy.verdict import Finding, Outcome, gather


@dataclass(frozen=True)
class OwnerLint:
    """What the lint came to, and what it noticed besides: who is left out, and which lines are."""

    finding: Finding
    remarks: tuple[str, ...] = ()


def lint_owners(quorum: Mapping[str, int], facts: SignOffFacts) -> OwnerLint:
    """Return whether every signature that the quorum and CODEOWNERS ask for can be given at all.

    FAILED means that no approvals by anybody let `judge_sign_off` pass; PASSED, that it passes once
    everybody approves who can. Reviews do not matter here.

    `facts.writers` must name everybody with write access among the holders of the quorum's roles
    and the owners (users, members of teams, accounts behind e-mails) of the changed paths: who is
    not there cannot sign. `facts.teams` are the teams that can be read and have write access.
    """
    holders = frozenset(
        login.lower() for role in quorum for login in facts.roles.get(role, frozenset())
    )
    deciding = list(facts.owners.deciding(facts.paths).items()) if facts.owners else []
    owning = frozenset[str]().union(*(expand(rule, facts) for rule, _ in deciding))
    able = frozenset(login for login in holders | owning if may_sign(facts, login))
    parts: list[Finding] = []
    if facts.unknown_contributors:
        sentence = unknown_contributors(facts.unknown_contributors)
        parts.append(Finding("contributors", Outcome.FAILED, sentence))
    parts.extend(_lint_roles(quorum, facts, able))
    for rule, paths in deciding:
        if rule is not None and rule.owners:
            parts.append(_lint_rule(rule, len(paths), facts, able))
    remarks = [*_role_remarks(quorum, facts)]
    for rule, _ in deciding:
        if rule is not None:
            remarks.extend(say.dropped(rule.line, reason) for reason in _dropped(rule, facts))
    remarks.extend(str(problem) for problem in (facts.owners.problems if facts.owners else ()))
    if not parts:
        return OwnerLint(Finding(say.NAME, Outcome.PASSED, say.NOTHING_ASKED), tuple(remarks))
    sentence = say.ALL_CAN if all(part.outcome.lets_through for part in parts) else ""
    return OwnerLint(gather(say.NAME, parts, sentence), tuple(remarks))


def _lint_roles(
    quorum: Mapping[str, int], facts: SignOffFacts, able: frozenset[str]
) -> Iterator[Finding]:
    """Yield a finding for each role, and one where the roles together lack different people."""
    holders = {role: _held(role, facts) & able for role in sorted(quorum)}
    for role, could in holders.items():
        outcome = Outcome.PASSED if len(could) >= quorum[role] else Outcome.FAILED
        sentence = say.role(quorum[role], sorted(could))
        yield Finding(f"role {role}", outcome, sentence)
    reachable = {role: min(quorum[role], len(could)) for role, could in holders.items()}
    filled = assign(reachable, facts, able)
    for role in reachable:
        if len(filled[role]) < reachable[role]:
            tight, people = _crowd(role, holders, filled)
            asked = {name: quorum[name] for name in tight}
            sentence = say.too_few_people(asked, sorted(people))
            yield Finding("different people", Outcome.FAILED, sentence)
            return


def _crowd(
    role: str, holders: Mapping[str, frozenset[str]], filled: Mapping[str, list[str]]
) -> tuple[list[str], frozenset[str]]:
    """Return the roles that compete with `role` for the same people, and those people.

    These are reached from a role with an empty place over who holds it and who fills what: the
    people are fewer than the places (Hall 1935).
    """
    tight = {role}
    while True:
        people = frozenset[str]().union(*(holders[name] for name in tight))
        more = {name for name, signed in filled.items() if people & set(signed)}
        if more <= tight:
            return sorted(tight), people
        tight |= more


def _lint_rule(rule: Rule, paths: int, facts: SignOffFacts, able: frozenset[str]) -> Finding:
    name = f"owners of {rule.pattern}"
    could = sorted(expand(rule, facts) & able)
    if could:
        return Finding(name, Outcome.PASSED, say.owners_can(rule.line, could))
    reasons = [reason for owner in rule.owners if (reason := _obstacle(owner, facts))]
    return Finding(name, Outcome.FAILED, say.no_owner_can(rule.line, paths, reasons))


def _dropped(rule: Rule, facts: SignOffFacts) -> Iterator[str]:
    """Yield why owners of a line count for nothing, whoever proposes."""
    for owner in rule.owners:
        known = _accounts(owner, facts)
        if not known or not any(_writes(login, facts) for login in known):
            yield _obstacle(owner, facts)


def _role_remarks(quorum: Mapping[str, int], facts: SignOffFacts) -> Iterator[str]:
    for role in sorted(quorum):
        for login in sorted(_held(role, facts)):
            if not _writes(login, facts):
                yield say.role_holder_cannot_write(role, login)


def _obstacle(owner: str, facts: SignOffFacts) -> str:
    """Return why an owner cannot sign; empty where one can."""
    known = _accounts(owner, facts)
    if any(may_sign(facts, login) for login in known):
        return ""
    if not owner.startswith("@") and not known:
        return say.email_unknown(owner)
    if not owner.startswith("@") or "/" not in owner:
        (login,) = known
        if login.endswith("[bot]"):
            return say.is_bot(owner)
        return say.involved(owner) if _writes(login, facts) else say.cannot_write(owner)
    if owner[1:].lower() not in {team.lower() for team in facts.teams}:
        return say.team_unreadable(owner)
    if not any(_writes(login, facts) for login in known):
        return say.team_cannot_write(owner)
    return say.team_involved(owner)


def _accounts(owner: str, facts: SignOffFacts) -> frozenset[str]:
    return expand(Rule(0, "*", (owner,)), facts)


def _held(role: str, facts: SignOffFacts) -> frozenset[str]:
    return frozenset(login.lower() for login in facts.roles.get(role, frozenset()))


def _writes(login: str, facts: SignOffFacts) -> bool:
    return login in {writer.lower() for writer in facts.writers}
