"""Who signed the spot-check of a version, and whether they could under the rules of that day."""

from __future__ import annotations

from countersign_ml.audit import messages
from countersign_ml.audit.history.audit_facts import Candidate
from countersign_ml.audit.judging.signers import sign_off_facts
from policy.facts.evidence import Evidence
from policy.files.rules import Policy
from policy.files.win_rate_rules import SpotCheckRules
from policy.people.spot_check_signatures import (
    SpotCheckSignature,
    judge_spot_check,
    name_of,
    signers,
)
from policy.verdict import Finding, Outcome, gather


def judge_sample(
    candidate: Candidate, policy: Policy, model: str, evidence: Evidence | None
) -> Finding | None:
    """Return whether everybody who had to sign the sample did; None where nobody had to.

    Every signature of the record has to count: one that does not shows a record that is not true.
    """
    rules = policy.spot_check
    if rules is None:
        return None
    signatures = tuple(s for s in candidate.record.spot_checks if s.model == model)
    facts = sign_off_facts(candidate, policy, None)
    found = judge_spot_check(rules, model, evidence, signatures, facts)
    counted = signers(rules, evidence, signatures, facts) if evidence is not None else {}
    refused = [
        Finding(f"signature of {one.user}", Outcome.FAILED, sentence)
        for one in signatures
        if (sentence := _against(one, candidate, rules, evidence, counted))
    ]
    if not refused:
        return found
    return gather(name_of(model), (*(found.parts or (found,)), *refused))


def _against(
    one: SpotCheckSignature,
    candidate: Candidate,
    rules: SpotCheckRules,
    evidence: Evidence | None,
    counted: dict[str, SpotCheckSignature],
) -> str:
    """Return why a recorded signature cannot count; empty where it does."""
    sample = evidence.spot_check if evidence is not None else None
    record, login = candidate.record, one.user.lower()
    involved = {name.lower() for name in (record.author, *record.contributors)}
    if evidence is None or one.evidence != evidence.digest():
        return messages.SPOT_CHECK_EVIDENCE
    if sample is None or one.sample != sample.digest():
        return messages.SPOT_CHECK_SAMPLE
    if login in involved | candidate.git_logins:
        return messages.SPOT_CHECK_OWN
    if login not in counted:
        return messages.spot_check_refused(sorted(rules.sign), len(sample.rows))
    if counted[login] != one:
        return messages.SPOT_CHECK_TWICE
    return ""
