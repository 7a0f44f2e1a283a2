"""The same held-out rows under another name: compare with the other model's live version too.

A new model has no live version, so no regression gate applies to it. Its rows say whether its task
is new.
"""

from __future__ import annotations

from collections.abc import Iterator

from policy.facts.evidence import Evidence
from policy.facts.run_context import EqualRows
from policy.files.rules import Policy
from policy.verdict import Finding, Outcome

NAME = "equal rows"


def must_compare(policy: Policy, others: tuple[EqualRows, ...]) -> tuple[EqualRows, ...]:
    """Return the other models whose live version a candidate must be compared with."""
    rules = policy.gates.equal_rows
    if rules is None:
        return ()
    return tuple(each for each in others if each.artifact and each.reach(rules.min_share))


def judge_equal_rows(policy: Policy, evidence: Evidence) -> Iterator[Finding]:
    """Yield for each model with mostly the same rows whether it was compared with."""
    compared = {rival.model: rival for rival in evidence.rivals}
    for other in must_compare(policy, evidence.equal_rows):
        same = f"{other.equal} of {other.of} held-out rows equal those of {other.model}"
        if other.why:
            same = f"the held-out rows of {other.model} could not be read ({other.why})"
        rival = compared.get(other.model)
        if rival is None or not rival.measurements:
            why = f": {rival.why}" if rival is not None and rival.why else ""
            sentence = f"{same}, and the candidate was not compared with {other.version}{why}"
            yield Finding(f"{NAME}: {other.model}", Outcome.MISSING, sentence)
        elif rival.measurements[0].model != other.artifact:
            sentence = f"{same}, but it was compared with another file than {other.version}"
            yield Finding(f"{NAME}: {other.model}", Outcome.FAILED, sentence)
        else:
            sentence = f"{same}; the candidate was compared with {other.version}"
            yield Finding(f"{NAME}: {other.model}", Outcome.PASSED, sentence)
