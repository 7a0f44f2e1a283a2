"""A change of the rules themselves: policy, CODEOWNERS, keys, the workflows that measure.

The base branch's rules judge it, like any other change; what is proposed only has to be readable.
"""

from __future__ import annotations

from bot.deciding import messages
from bot.facts.snapshot import Snapshot
from policy import documents
from policy.errors import UserError
from policy.files.rules import Policy
from policy.governed import POLICY_FILE, models_of
from policy.verdict import Finding, Outcome, gather

RULES = "rules"


def consider(snapshot: Snapshot) -> Finding | None:
    """Return what a change of the rules comes to before anybody signs; None where there is none."""
    changed = snapshot.rules_changed
    if not changed:
        return None
    first = is_first_policy(snapshot)
    sentence = messages.FIRST_POLICY if first else messages.rules_changed(changed)
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
        return Finding("policy", Outcome.FAILED, messages.POLICY_REMOVED)
    try:
        documents.parse(Policy, snapshot.head_policy, POLICY_FILE)
    except UserError as error:
        parts = [Finding("policy", Outcome.FAILED, str(problem)) for problem in error.problems]
        return gather("policy", parts)
    return Finding("policy", Outcome.PASSED, messages.POLICY_READABLE)
