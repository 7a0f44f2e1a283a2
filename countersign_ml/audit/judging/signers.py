"""Who signed a record's head, in which role, and whether they could under the rules of that day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from countersign_ml.audit import messages
from countersign_ml.audit.history.audit_facts import Candidate, Rules
from countersign_ml.audit.judging.movement import movement
from policy.errors import UserError
from policy.files import codeowners
from policy.files.people_rules import ChangeKind, Quorum
from policy.files.rules import Policy
from policy.governed import is_rule
from policy.people.sign_off import SignOffFacts, judge_sign_off, latest_states, signers
from policy.people.sign_off_record import Override, SignOffRecord
from policy.verdict import Finding, Outcome, gather


@dataclass(frozen=True)
class Signer:
    """One person whose approval counts, the roles they hold, and when they approved."""

    login: str
    roles: tuple[str, ...]
    submitted: str


def quorum_of(candidate: Candidate, policy: Policy) -> Quorum:
    """Return the strictest count of each role over everything that the signed head changes."""
    changes: list[tuple[str, frozenset[ChangeKind]]] = []
    for move in candidate.models:
        way = movement(move.model, move.history, move.before, move.after)
        back = move.before != move.after and way.kind == "rollback"
        changes.append((move.model, frozenset({"rollback"}) if back else move.kinds))
    return policy.sign_off.needed(changes, rules=any(is_rule(path) for path in candidate.paths))


def judge_people(candidate: Candidate, policy: Policy, rules: Rules) -> Finding:
    """Return whether everybody who had to sign did, under the policy and CODEOWNERS of that day."""
    try:
        owners = codeowners.parse(rules.owners, rules.owners_path) if rules.owners else None
    except UserError as error:
        return Finding("signers", Outcome.ERRORED, str(error.problems[0]))
    if rules.owners_path and rules.owners is None:
        sentence = messages.owners_broken(rules.owners_path)
        return Finding("signers", Outcome.ERRORED, sentence)
    facts = sign_off_facts(candidate, policy, owners)
    parts = [judge_sign_off(quorum_of(candidate, policy), facts)]
    parts.append(_judge_roles(candidate.record, policy))
    own = sorted(signers(facts) & candidate.git_logins)
    outcome = Outcome.FAILED if own else Outcome.PASSED
    sentence = messages.own_commits(own) if own else messages.NO_OWN_COMMITS
    parts.append(Finding("own commits", outcome, sentence))
    if candidate.record.kept and not facts.kept.issuperset(candidate.record.kept):
        refused = sorted(candidate.record.kept.keys() - facts.kept)
        sentence = messages.kept_not_allowed(refused)
        used = {review.commit for review in latest_states(facts.reviews).values()} & set(refused)
        outcome = Outcome.FAILED if used else Outcome.PASSED
        parts.append(Finding("kept approvals", outcome, sentence))
    return gather("signers", parts)


def sign_off_facts(
    candidate: Candidate, policy: Policy, owners: codeowners.Codeowners | None
) -> SignOffFacts:
    """Return the record's facts; approvals of earlier commits count only where the policy lets."""
    facts = candidate.record.facts(candidate.paths, owners)
    allowed = policy.sign_off.keep_on_same_tree
    kept = {
        commit
        for commit, tree in candidate.record.kept.items()
        if allowed and tree == candidate.head_tree
    }
    return replace(facts, kept=frozenset(kept))


def _judge_roles(record: SignOffRecord, policy: Policy) -> Finding:
    """Return whether the record's holders of a role are those that the policy names.

    Members of a team stand in the record alone; where it does not list a team, its word stands.
    """
    teams = {name.lower(): logins for name, logins in record.teams.items()}
    parts = []
    for name, logins in sorted(record.roles.items()):
        role = policy.roles.get(name)
        named = {login.lower() for login in role.users} if role is not None else set()
        listed = [teams.get(team.lower()) for team in (role.teams if role is not None else ())]
        for members in listed:
            named.update(login.lower() for login in members or ())
        extra = sorted(login for login in logins if login.lower() not in named)
        if extra and all(members is not None for members in listed):
            sentence = messages.role_holders(name, extra)
            parts.append(Finding(f"holders of {name}", Outcome.FAILED, sentence))
    if parts:
        return gather("role holders", parts)
    return Finding("role holders", Outcome.PASSED, messages.ROLES_HOLD)


def who_signed(candidate: Candidate, policy: Policy) -> tuple[Signer, ...]:
    """Return everybody whose approval counts, by login."""
    facts = sign_off_facts(candidate, policy, None)
    latest = latest_states(facts.reviews)
    submitted = {
        (review.user.lower(), order): review.submitted
        for order, review in enumerate(candidate.record.reviews)
    }
    return tuple(
        Signer(
            login=latest[login].user,
            roles=tuple(
                sorted(
                    role
                    for role, holders in facts.roles.items()
                    if login in {holder.lower() for holder in holders}
                )
            ),
            submitted=submitted[login, latest[login].order],
        )
        for login in sorted(signers(facts))
    )


def judge_overrides(
    candidate: Candidate,
    policy: Policy,
    model: str,
    evidence: str | None,
    others: frozenset[str] = frozenset(),
) -> tuple[tuple[Override, ...], Finding | None]:
    """Return the overrides that counted that day, and what each came to; None where none is.

    `others` are the digests of further attempts' evidence, which had to hold too.
    """
    valid: list[Override] = []
    parts: list[Finding] = []
    for override in candidate.record.overrides:
        if override.model != model:
            continue
        named = override.evidence if override.evidence in others else evidence
        why = _refusal(override, candidate.record, policy, named)
        if why:
            sentence = messages.override_refused(override.gate, override.user, why)
            parts.append(Finding(f"override of {override.gate}", Outcome.FAILED, sentence))
            continue
        valid.append(override)
        sentence = messages.override(override.user, override.role, override.gate, override.reason)
        parts.append(Finding(f"override of {override.gate}", Outcome.WAIVED, sentence))
    return tuple(valid), gather("overrides", parts) if parts else None


def _refusal(
    override: Override, record: SignOffRecord, policy: Policy, evidence: str | None
) -> str:
    rules, login = policy.override, override.user.lower()
    if rules is None or override.gate not in rules.gates:
        return messages.OVERRIDE_NOT_ALLOWED
    if override.role not in rules.roles or not _holds(override, record, policy):
        return messages.OVERRIDE_ROLE
    if login in {name.lower() for name in (record.author, *record.contributors)}:
        return messages.OVERRIDE_OWN
    if override.evidence != evidence:
        return messages.OVERRIDE_EVIDENCE
    return ""


def _holds(override: Override, record: SignOffRecord, policy: Policy) -> bool:
    """Return whether whoever overrode held the role, as far as policy and record tell.

    The record lists the holders among the reviewers. Whoever did not review holds the role by name,
    or through a team: then the record's word stands.
    """
    role, login = policy.roles.get(override.role), override.user.lower()
    if role is None:
        return False
    listed = {holder.lower() for holder in record.roles.get(override.role, ())}
    reviewed = login in {review.user.lower() for review in record.reviews}
    by_name = login in {user.lower() for user in role.users}
    return by_name or login in listed or (bool(role.teams) and not reviewed)


def listed_overrides(overrides: Sequence[Override]) -> list[dict[str, str]]:
    """Return overrides as plain values, for whoever reads the report."""
    return [
        {
            "gate": override.gate,
            "user": override.user,
            "role": override.role,
            "reason": override.reason,
            "stated": override.stated,
        }
        for override in overrides
    ]
