"""Who signed the spot-check of a version, and whether the rules then allowed it."""

from __future__ import annotations

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
    """Return whether everyone required signed the sample; None if the policy has no spot-check.

    Every signature in the record must count: one that does not count shows a false record.
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
    """Return why a recorded signature does not count; empty if it does."""
    sample = evidence.spot_check if evidence is not None else None
    record, login = candidate.record, one.user.lower()
    if evidence is None or one.evidence != evidence.digest():
        return "it was signed for other evidence"
    if sample is None or one.sample != sample.digest():
        return "it names a different sample from the one in the evidence"
    if login in record.involved() | candidate.git_logins | candidate.git_credited.keys():
        return "people who take part in a proposal cannot sign its sample"
    if login not in counted:
        roles = " or ".join(sorted(rules.sign))
        return (
            f"the signer did not hold {roles} with write access, "
            f"or the marks do not match the {len(sample.rows)} rows"
        )
    if counted[login] != one:
        return "the record has two signatures by one person"
    return ""
