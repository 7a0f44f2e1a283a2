"""Spot-check signatures: whose marks count, who is missing, and how people and judge model agree.

A signature names the sample and its evidence by digest, so it does not cover later measurements. It
is about the answers, not about a commit: a new head with the same evidence keeps it, and the
approvals of that head follow afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import StringConstraints

from policy.documents import Document
from policy.facts.evidence import Evidence
from policy.facts.spot_check import MAX_ROWS, Said, SpotCheck, SpotLabels, agreement
from policy.files.win_rate_rules import SpotCheckRules
from policy.names import Digest, ModelName
from policy.people.sign_off import SignOffFacts, assign, may_sign
from policy.policy_sentences import agreement_of, counted, dated, nothing_to_agree_on, people
from policy.verdict import Finding, Outcome, gather

MARKS: dict[str, Said | None] = {"A": "first", "B": "second", "=": "tie", "?": None}
"""The marks that people write for a row: first or second is better, tie, or cannot say."""
CANNOT_SAY = "?"


def says_enough(marks: Sequence[str]) -> bool:
    """Return whether marks judge at least half of the rows, as a signature must."""
    return 2 * sum(MARKS[mark] is not None for mark in marks) >= len(marks) > 0


class SpotCheckSignature(Document):
    """One person's marks for a sample: one for every row, in the sample's order."""

    model: ModelName
    evidence: Digest
    sample: Digest
    user: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    marks: Annotated[str, StringConstraints(pattern=rf"^[AB=?]{{1,{MAX_ROWS}}}$")]
    comment: int
    """The id of the comment with the signature."""
    stated: str

    def labels(self, sample: SpotCheck) -> SpotLabels | None:
        """Return the marks by row; None if they are for another sample, or judge too few rows."""
        if self.sample != sample.digest() or len(self.marks) != len(sample.rows):
            return None
        said = {
            row.id: word
            for row, mark in zip(sample.rows, self.marks, strict=True)
            if (word := MARKS[mark]) is not None
        }
        enough = says_enough(self.marks)
        return SpotLabels(sample=self.sample, labels=said) if enough else None


def name_of(model: str) -> str:
    """Return the finding's name: a pull request may change several models."""
    return f"spot-check of {model}"


def signers(
    rules: SpotCheckRules,
    evidence: Evidence,
    signatures: Sequence[SpotCheckSignature],
    facts: SignOffFacts,
) -> dict[str, SpotCheckSignature]:
    """Return the signature of everyone (lower case) whose marks count for this evidence.

    A person's first signature counts: before a later one they may have seen whose answers these
    are.
    """
    sample, digest = evidence.spot_check, evidence.digest()
    able = _could(rules, facts)
    found: dict[str, SpotCheckSignature] = {}
    for signature in signatures:
        if (
            sample is not None
            and (signature.model, signature.evidence) == (evidence.model, digest)
            and signature.user.lower() in able
            and signature.labels(sample) is not None
        ):
            found.setdefault(signature.user.lower(), signature)
    return found


def judge_spot_check(
    rules: SpotCheckRules,
    model: str,
    evidence: Evidence | None,
    signatures: Sequence[SpotCheckSignature],
    facts: SignOffFacts,
) -> Finding:
    """Return whether the people that the policy requires signed the sample of this evidence.

    `evidence` is None until the gates can be judged. Agreement with the judge model is shown only
    once every place is filled: before that it would reveal what the judge model said.
    """
    name = name_of(model)
    if evidence is None:
        return gather(name, _roles(rules, {}, facts))
    if evidence.spot_check is None:
        sentence = (
            "the policy requires a sample for people to read, but the evidence has none because it "
            "was measured under another policy; measure the proposal again"
        )
        return Finding(name, Outcome.FAILED, sentence)
    counted = signers(rules, evidence, signatures, facts)
    parts = _roles(rules, counted, facts)
    if all(part.outcome.lets_through for part in parts):
        sample = evidence.spot_check
        parts += [_agreement(rules, sample, counted[login]) for login in sorted(counted)]
    return gather(name, parts)


def is_signed(finding: Finding) -> bool:
    """Return whether every place is filled, however well people and judge model agree."""
    return not any(part.outcome is Outcome.MISSING for part in finding.parts or (finding,))


def _could(rules: SpotCheckRules, facts: SignOffFacts) -> frozenset[str]:
    """Return the logins (lower case) that could sign the sample."""
    held = (facts.roles.get(role, frozenset()) for role in rules.sign)
    logins = {login.lower() for holders in held for login in holders}
    return frozenset(login for login in logins if may_sign(facts, login))


def _roles(
    rules: SpotCheckRules, counts: Mapping[str, SpotCheckSignature], facts: SignOffFacts
) -> list[Finding]:
    """Return for each role who signed in it, or who is missing."""
    filled = assign(rules.sign, facts, frozenset(counts))
    parts = []
    for role, count in sorted(rules.sign.items()):
        signed = dated((counts[login].user, counts[login].stated) for login in filled[role])
        left = count - len(filled[role])
        if left <= 0:
            sentence = f"read and signed by {signed}"
            parts.append(Finding(f"role {role}", Outcome.PASSED, sentence))
            continue
        holders = {login.lower() for login in facts.roles.get(role, frozenset())}
        could = sorted(holders & _could(rules, facts) - counts.keys())
        already = f" (signed: {signed})" if signed else ""
        if could:
            who = f"; {people(could)} could sign the sample"
        else:
            who = ", and nobody who could sign holds this role"
        sentence = f"{counted(left, 'reader')} missing{who}{already}"
        parts.append(Finding(f"role {role}", Outcome.MISSING, sentence))
    return parts


def _agreement(rules: SpotCheckRules, sample: SpotCheck, signature: SpotCheckSignature) -> Finding:
    """Return how well one person and the judge model agree, against the policy's minimum."""
    name = f"agreement of {signature.user}"
    labels = signature.labels(sample)
    found = agreement(sample, labels) if labels is not None else None
    rate = found.rate if found is not None else None
    least = rules.min_agreement
    if found is None or rate is None:
        outcome = Outcome.PASSED if least is None else Outcome.INCONCLUSIVE
        return Finding(name, outcome, nothing_to_agree_on(signature.user))
    sentence = agreement_of(signature.user, found)
    if least is not None and rate < least:
        sentence += f"; at least {100 * least:g} % required, so its win rate does not count here"
        return Finding(name, Outcome.FAILED, sentence)
    if found.kappa is not None and found.kappa <= 0:
        sentence += "; that is no more than chance gives, so its win rate says little here"
        return Finding(name, Outcome.WARNED, sentence)
    return Finding(name, Outcome.PASSED, sentence)
