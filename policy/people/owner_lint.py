"""Check whether a proposal can be signed at all, before it uses a GPU.

GitHub silently ignores owners without write access, and nobody may sign a change that they are
involved in. So a change could wait for signatures that nobody can give. This module looks at who
could sign, not at who did.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from policy.files.codeowners import Rule
from policy.people.sign_off import SignOffFacts, assign, expand, judge_contributors, may_sign
from policy.policy_sentences import counted, people
from policy.verdict import Finding, Outcome, gather

NAME = "who can sign"
SHOWN = 5
"""How many logins a sentence lists; a team may have hundreds."""


@dataclass(frozen=True)
class OwnerLint:
    """The result of the lint, and remarks: which owners and CODEOWNERS lines do not count."""

    finding: Finding
    remarks: tuple[str, ...] = ()


def lint_owners(quorum: Mapping[str, int], facts: SignOffFacts) -> OwnerLint:
    """Return whether every signature that the quorum and CODEOWNERS require can be given.

    FAILED means that no set of approvals makes `judge_sign_off` pass. PASSED means that it passes
    once everyone who can sign approves. Existing reviews do not matter here.

    `facts.writers` must name everyone with write access among the holders of the quorum's roles
    and the owners (users, members of teams, accounts behind e-mails) of the changed paths: anyone
    not listed cannot sign. `facts.teams` are the teams that can be read and have write access.
    """
    holders = frozenset(
        login.lower() for role in quorum for login in facts.roles.get(role, frozenset())
    )
    deciding = list(facts.owners.deciding(facts.paths).items()) if facts.owners else []
    owning = frozenset[str]().union(*(expand(rule, facts) for rule, _ in deciding))
    able = frozenset(login for login in holders | owning if may_sign(facts, login))
    parts = judge_contributors(facts)
    parts.extend(_lint_roles(quorum, facts, able))
    for rule, paths in deciding:
        if rule is not None and rule.owners:
            parts.append(_lint_rule(rule, len(paths), facts, able))
    if not parts:
        finding = Finding(NAME, Outcome.PASSED, "no signature is needed")
    else:
        passed = all(part.outcome.lets_through for part in parts)
        finding = gather(NAME, parts, "every required signature can be given" if passed else "")
    return OwnerLint(finding, tuple(_remarks(quorum, facts, [rule for rule, _ in deciding])))


def _people(logins: Sequence[str]) -> str:
    more = len(logins) - SHOWN
    shown = people(logins[:SHOWN])
    return f"{shown} and {more} more" if more > 0 else shown


def _lint_roles(
    quorum: Mapping[str, int], facts: SignOffFacts, able: frozenset[str]
) -> Iterator[Finding]:
    """Yield a finding for each role, and one if the roles together lack different people."""
    holders = {role: _held(role, facts) & able for role in sorted(quorum)}
    for role, could in holders.items():
        yield _lint_role(role, quorum[role], sorted(could))
    reachable = {role: min(quorum[role], len(could)) for role, could in holders.items()}
    filled = assign(reachable, facts, able)
    for role in reachable:
        if len(filled[role]) < reachable[role]:
            tight, competing = _crowd(role, holders, filled)
            sentence = (
                f"{' and '.join(f'{name} ({quorum[name]})' for name in tight)} need "
                f"{sum(quorum[name] for name in tight)} different people, but only "
                f"{_people(sorted(competing))} could sign; name others in roles"
            )
            yield Finding("different people", Outcome.FAILED, sentence)
            return


def _lint_role(role: str, count: int, could: Sequence[str]) -> Finding:
    needed = f"{counted(count, 'signature')} needed"
    if len(could) >= count:
        sentence = f"{needed}; {_people(could)} could sign"
        return Finding(f"role {role}", Outcome.PASSED, sentence)
    if could:
        reason = f"but only {_people(could)} could sign"
    else:
        reason = "but nobody who holds this role has write access and is not involved in the change"
    return Finding(f"role {role}", Outcome.FAILED, f"{needed}, {reason}; name others in roles")


def _crowd(
    role: str, holders: Mapping[str, frozenset[str]], filled: Mapping[str, list[str]]
) -> tuple[list[str], frozenset[str]]:
    """Return the roles that compete with `role` for the same people, and those people.

    The search starts at a role with an empty place and follows its holders to the places that they
    fill: there are fewer people than places (Hall 1935).
    """
    tight = {role}
    while True:
        holding = frozenset[str]().union(*(holders[name] for name in tight))
        more = {name for name, signed in filled.items() if holding & set(signed)}
        if more <= tight:
            return sorted(tight), holding
        tight |= more


def _lint_rule(rule: Rule, paths: int, facts: SignOffFacts, able: frozenset[str]) -> Finding:
    name, line = f"owners of {rule.pattern}", f"CODEOWNERS line {rule.line}"
    could = sorted(expand(rule, facts) & able)
    if could:
        return Finding(name, Outcome.PASSED, f"{_people(could)} could sign ({line})")
    reasons = [reason for owner in rule.owners if (reason := _obstacle(owner, facts))]
    sentence = f"nobody can sign for {counted(paths, 'file')} ({line}): {'; '.join(reasons)}"
    return Finding(name, Outcome.FAILED, sentence)


def _remarks(
    quorum: Mapping[str, int], facts: SignOffFacts, deciding: Sequence[Rule | None]
) -> Iterator[str]:
    """Yield which holders, owners and lines do not count, whoever proposes."""
    for role in sorted(quorum):
        for login in sorted(_held(role, facts)):
            if not _writes(login, facts):
                yield f"role {role}: @{login} has no write access, so a signature would not count"
    for rule in deciding:
        for owner in rule.owners if rule is not None else ():
            known = _accounts(owner, facts)
            if rule is not None and not any(_writes(login, facts) for login in known):
                reason = _obstacle(owner, facts)
                yield f"CODEOWNERS line {rule.line}: {reason}, so this owner does not count"
    yield from (str(problem) for problem in (facts.owners.problems if facts.owners else ()))


def _obstacle(owner: str, facts: SignOffFacts) -> str:
    """Return why an owner cannot sign; empty if the owner can."""
    known = _accounts(owner, facts)
    if any(may_sign(facts, login) for login in known):
        return ""
    writes = any(_writes(login, facts) for login in known)
    if not owner.startswith("@") and not known:
        return f"{owner} belongs to no known account"
    if not owner.startswith("@") or "/" not in owner:
        (login,) = known
        if login.endswith("[bot]"):
            return f"{owner} is a bot"
        return f"{owner} {'is involved in the change' if writes else 'has no write access'}"
    if owner[1:].lower() not in {team.lower() for team in facts.teams}:
        return f"{owner} cannot be read, or has no write access"
    who = "with write access who is not involved in the change" if writes else "with write access"
    return f"{owner} has no member {who}"


def _accounts(owner: str, facts: SignOffFacts) -> frozenset[str]:
    return expand(Rule(0, "*", (owner,)), facts)


def _held(role: str, facts: SignOffFacts) -> frozenset[str]:
    return frozenset(login.lower() for login in facts.roles.get(role, frozenset()))


def _writes(login: str, facts: SignOffFacts) -> bool:
    return login in {writer.lower() for writer in facts.writers}
