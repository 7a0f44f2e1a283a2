"""A change of the rules themselves: policy, CODEOWNERS, keys, the workflows that measure.

The base branch's rules judge it, like any other change. The proposed rules only have to be valid.
"""

from __future__ import annotations

from bot.facts.snapshot import Snapshot
from policy import documents
from policy.errors import UserError
from policy.files.rules import Policy
from policy.governed import POLICY_FILE, models_of
from policy.verdict import Finding, Outcome, gather

RULES = "rules"
REMOVED = "policy/policy.yml is removed: without it nothing could be judged"


def consider(snapshot: Snapshot) -> Finding | None:
    """Return what a change of the rules results in before anyone signs; None if there is none."""
    changed = snapshot.rules_changed
    if not changed:
        return None
    first = is_first_policy(snapshot)
    named = ", ".join(changed[:5]) + (f" and {len(changed) - 5} more" if len(changed) > 5 else "")
    sentence = f"{named}: judged by the rules of the base branch, not by these"
    if first:
        sentence = "the base branch has no policy yet, so nobody has to sign; this brings the first"
    parts = [Finding("files", Outcome.PASSED, sentence)]
    if POLICY_FILE in changed:
        parts.append(_proposed(snapshot))
    return gather(RULES, parts)


def is_first_policy(snapshot: Snapshot) -> bool:
    """Return whether this brings the first policy and changes no model: nothing governs it yet."""
    brings = POLICY_FILE in snapshot.rules_changed and snapshot.head_policy is not None
    return snapshot.policy is None and brings and not models_of(snapshot.paths)


def _proposed(snapshot: Snapshot) -> Finding:
    if snapshot.head_policy is None:
        return Finding("policy", Outcome.FAILED, REMOVED)
    try:
        documents.parse(Policy, snapshot.head_policy, POLICY_FILE)
    except UserError as error:
        parts = [Finding("policy", Outcome.FAILED, str(problem)) for problem in error.problems]
        return gather("policy", parts)
    return Finding("policy", Outcome.PASSED, "the proposed policy is valid")
