"""Whether each gate that a record says was forced could be forced, by that person, for that reason.

An override counts for one gate and one evidence document.
"""

from __future__ import annotations

from countersign_ml.audit.audit_sentences import forced
from countersign_ml.audit.history.audit_facts import Candidate
from policy.files.rules import Policy
from policy.people.sign_off_record import Override, SignOffRecord
from policy.verdict import Finding, Outcome, gather


def judge_overrides(
    candidate: Candidate,
    policy: Policy,
    model: str,
    evidence: str | None,
    others: frozenset[str] = frozenset(),
) -> tuple[tuple[Override, ...], Finding | None]:
    """Return the valid overrides, and the finding on all of them; None if there are none.

    `others` are the digests of further attempts' evidence, which must pass too.
    """
    valid: list[Override] = []
    parts: list[Finding] = []
    for override in candidate.record.overrides:
        if override.model != model:
            continue
        name = f"override of {override.gate}"
        named = override.evidence if override.evidence in others else evidence
        why = _refusal(override, candidate.record, policy, named)
        if why:
            sentence = f"@{override.user} could not force {override.gate}: {why}"
            parts.append(Finding(name, Outcome.FAILED, sentence))
        else:
            valid.append(override)
            parts.append(Finding(name, Outcome.WAIVED, forced(override)))
    return tuple(valid), gather("overrides", parts) if parts else None


def _refusal(
    override: Override, record: SignOffRecord, policy: Policy, evidence: str | None
) -> str:
    """Return why an override does not count; empty if it does."""
    rules, login = policy.override, override.user.lower()
    if rules is None or override.gate not in rules.gates:
        return "the policy in force then does not allow forcing this gate"
    if override.role not in rules.roles or not _has_role(override, record, policy):
        return "the role may not force it, or the person does not hold the role"
    if login in record.involved():
        return "people who take part in a proposal cannot force its gates"
    if override.evidence != evidence:
        return "the override is for other evidence"
    return ""


def _has_role(override: Override, record: SignOffRecord, policy: Policy) -> bool:
    """Return whether the person who forced the gate had the role, as far as can be known.

    The record lists role holders among the reviewers only. Anyone else has the role if the policy
    names them, or if the role has a team: then the record is believed.
    """
    role, login = policy.roles.get(override.role), override.user.lower()
    if role is None:
        return False
    listed = {holder.lower() for holder in record.roles.get(override.role, ())}
    reviewed = login in {review.user.lower() for review in record.reviews}
    by_name = login in {user.lower() for user in role.users}
    return by_name or login in listed or (bool(role.teams) and not reviewed)
