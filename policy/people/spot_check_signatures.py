"""Who signed a spot-check: whose marks count, who is missing, and how people and judge agree.

A signature names the sample and the evidence that holds it, both by digest, so it speaks for
nothing that is measured later. It is about what the answers are, not about a commit: a new head
with the same evidence keeps it, and the approvals of that head are given afterwards.
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
from policy.people import spot_check_messages as say
from policy.people.sign_off import SignOffFacts, assign, may_sign
from policy.verdict import Finding, Outcome, gather

MARKS: dict[str, Said | None] = {"A": "first", "B": "second", "=": "tie", "?": None}
"""What people write for a row: the first or second answer is better, a tie, or cannot say."""
CANNOT_SAY = "?"


def says_enough(marks: Sequence[str]) -> bool:
    """Return whether marks speak of at least half of the rows, as a signature has to."""
    return 2 * sum(MARKS[mark] is not None for mark in marks) >= len(marks) > 0


class SpotCheckSignature(Document):
    """What one person said of a sample: a mark for every row, in the sample's order."""

    model: ModelName
    evidence: Digest
    sample: Digest
    user: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    marks: Annotated[str, StringConstraints(pattern=rf"^[AB=?]{{1,{MAX_ROWS}}}$")]
    comment: int
    """The id of the comment that stated it."""
    stated: str

    def labels(self, sample: SpotCheck) -> SpotLabels | None:
        """Return the marks by row; None where they are not of this sample, or say too little."""
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
    """Return the finding's name: a pull request may hold several models."""
    return f"spot-check of {model}"


def signers(
    rules: SpotCheckRules,
    evidence: Evidence,
    signatures: Sequence[SpotCheckSignature],
    facts: SignOffFacts,
) -> dict[str, SpotCheckSignature]:
    """Return the signature of everybody (lower case) whose marks count for this evidence.

    Of several by one person the first in the sequence counts: by the next they may have been shown
    whose answers they were.
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
    """Return whether the people that the policy asks for signed the sample of this evidence.

    `evidence` is None while no gate could be judged yet. Agreement with the judge model is told
    only once every place is filled: before that it would show what the judge said.
    """
    name = name_of(model)
    if evidence is None:
        return gather(name, _roles(rules, {}, facts))
    if evidence.spot_check is None:
        return Finding(name, Outcome.FAILED, say.NO_SAMPLE)
    counted = signers(rules, evidence, signatures, facts)
    parts = _roles(rules, counted, facts)
    if all(part.outcome.lets_through for part in parts):
        sample = evidence.spot_check
        parts += [_agreement(rules, sample, counted[login]) for login in sorted(counted)]
    return gather(name, parts)


def is_signed(finding: Finding) -> bool:
    """Return whether every place is filled, whatever people and judge came to."""
    return not any(part.outcome is Outcome.MISSING for part in finding.parts or (finding,))


def _could(rules: SpotCheckRules, facts: SignOffFacts) -> frozenset[str]:
    """Return the logins (lower case) that could sign the sample."""
    held = (facts.roles.get(role, frozenset()) for role in rules.sign)
    logins = {login.lower() for holders in held for login in holders}
    return frozenset(login for login in logins if may_sign(facts, login))


def _roles(
    rules: SpotCheckRules, counted: Mapping[str, SpotCheckSignature], facts: SignOffFacts
) -> list[Finding]:
    """Return for each role who signed in it, or who is missing."""
    filled = assign(rules.sign, facts, frozenset(counted))
    parts = []
    for role, count in sorted(rules.sign.items()):
        have = [(counted[login].user, counted[login].stated) for login in filled[role]]
        if len(have) >= count:
            sentence = say.signed(have)
            parts.append(Finding(f"role {role}", Outcome.PASSED, sentence))
            continue
        holders = {login.lower() for login in facts.roles.get(role, frozenset())}
        could = sorted(holders & _could(rules, facts) - counted.keys())
        sentence = say.missing(count - len(have), could, have)
        parts.append(Finding(f"role {role}", Outcome.MISSING, sentence))
    return parts


def _agreement(rules: SpotCheckRules, sample: SpotCheck, signature: SpotCheckSignature) -> Finding:
    """Return how far one person and the judge model agree, against what the policy asks."""
    name = f"agreement of {signature.user}"
    labels = signature.labels(sample)
    found = agreement(sample, labels) if labels is not None else None
    rate = found.rate if found is not None else None
    least = rules.min_agreement
    if found is None or rate is None:
        outcome = Outcome.PASSED if least is None else Outcome.INCONCLUSIVE
        return Finding(name, outcome, say.nothing_to_compare(signature.user))
    sentence = say.agreement(signature.user, found)
    if least is not None and rate < least:
        return Finding(name, Outcome.FAILED, f"{sentence}; {say.too_little_agreement(least)}")
    if found.kappa is not None and found.kappa <= 0:
        return Finding(name, Outcome.WARNED, f"{sentence}; {say.NO_MORE_THAN_LUCK}")
    return Finding(name, Outcome.PASSED, sentence)
