"""Who approved a record's head, in which role, and whether the rules then allowed it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from countersign_ml.audit.audit_sentences import listed, people, short
from countersign_ml.audit.history.audit_facts import Candidate, Rules
from countersign_ml.audit.judging.pointer_movement import movement
from policy.errors import UserError
from policy.files import codeowners
from policy.files.people_rules import ChangeKind
from policy.files.rules import Policy
from policy.names import Quorum
from policy.people.sign_off import SignOffFacts, judge_sign_off, latest_states, lifted, signers
from policy.people.sign_off_record import SignOffRecord
from policy.verdict import Finding, Outcome, gather


@dataclass(frozen=True)
class Signer:
    """One person whose approval counts, their roles, and when they approved."""

    login: str
    roles: tuple[str, ...]
    submitted: str


def judge_people(candidate: Candidate, policy: Policy, rules: Rules) -> Finding:
    """Return whether everyone required signed, under the policy and CODEOWNERS then in force."""
    try:
        owners = codeowners.parse(rules.owners, rules.owners_path) if rules.owners else None
    except UserError as error:
        return Finding("signers", Outcome.ERRORED, str(error.problems[0]))
    if rules.owners_path and rules.owners is None:
        sentence = f"{rules.owners_path} cannot be read, so the code owners are unknown"
        return Finding("signers", Outcome.ERRORED, sentence)
    facts = sign_off_facts(candidate, policy, owners)
    parts = [
        judge_sign_off(_quorum(candidate, policy), facts),
        _judge_roles(candidate.record, policy),
        _judge_own_commits(candidate, facts),
    ]
    if not facts.kept.issuperset(candidate.record.kept):
        parts.append(_judge_kept(candidate.record, facts))
    return gather("signers", parts)


def sign_off_facts(
    candidate: Candidate, policy: Policy, owners: codeowners.Codeowners | None
) -> SignOffFacts:
    """Return the record's facts; approvals of earlier commits only as far as the policy allows."""
    facts = candidate.record.facts(candidate.paths, owners)
    allowed = policy.sign_off.keep_on_same_tree
    kept = {
        commit
        for commit, tree in candidate.record.kept.items()
        if allowed and tree == candidate.head_tree
    }
    return replace(facts, kept=frozenset(kept))


def who_signed(candidate: Candidate, policy: Policy) -> tuple[Signer, ...]:
    """Return everyone whose approval counts, sorted by login."""
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


def _quorum(candidate: Candidate, policy: Policy) -> Quorum:
    """Return the highest count per role over everything that the signed head changes."""
    changes: list[tuple[str, frozenset[ChangeKind]]] = []
    for move in candidate.models:
        way = movement(move.model, move.history, move.before, move.after)
        back = move.before != move.after and way.kind == "rollback"
        changes.append((move.model, frozenset({"rollback"}) if back else move.kinds))
    return policy.sign_off.needed(changes, candidate.paths)


def _judge_roles(record: SignOffRecord, policy: Policy) -> Finding:
    """Return whether the record's role holders are the ones that the policy names.

    Only the record knows the members of a team. If it does not list a team, it is believed.
    """
    teams = {name.lower(): logins for name, logins in record.teams.items()}
    parts = []
    for name, logins in sorted(record.roles.items()):
        role = policy.roles.get(name)
        named = {login.lower() for login in role.users} if role is not None else set()
        known = [teams.get(team.lower()) for team in (role.teams if role is not None else ())]
        for members in known:
            named.update(login.lower() for login in members or ())
        extra = sorted(login for login in logins if login.lower() not in named)
        if extra and all(members is not None for members in known):
            sentence = f"the record lists {people(extra)} as {name}; the policy then did not"
            parts.append(Finding(f"holders of {name}", Outcome.FAILED, sentence))
    if parts:
        return gather("role holders", parts)
    sentence = "the policy in force then allows every role holder in the record"
    return Finding("role holders", Outcome.PASSED, sentence)


def _judge_own_commits(candidate: Candidate, facts: SignOffFacts) -> Finding:
    by = lifted(facts)
    covered = {
        credit.who.lower(): frozenset(credit.commits)
        for credit in facts.credits
        if credit.account and credit.who.lower() in by
    }
    named = {
        login
        for login, commits in candidate.git_credited.items()
        if not commits <= covered.get(login, frozenset())
    }
    own = sorted(signers(facts) & (candidate.git_logins | named))
    if own:
        sentence = f"{people(own)} approved, but also appears in a commit of the pull request"
        return Finding("own commits", Outcome.FAILED, sentence)
    sentence = "no approver appears in a commit of the pull request"
    return Finding("own commits", Outcome.PASSED, sentence)


def _judge_kept(record: SignOffRecord, facts: SignOffFacts) -> Finding:
    """Return whether anyone relied on approvals of commits that the policy does not keep."""
    refused = sorted(record.kept.keys() - facts.kept)
    used = {review.commit for review in latest_states(facts.reviews).values()} & set(refused)
    commits = listed(short(commit) for commit in refused)
    sentence = f"approvals of the earlier commits {commits} do not count for this head"
    return Finding("kept approvals", Outcome.FAILED if used else Outcome.PASSED, sentence)
