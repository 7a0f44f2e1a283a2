"""Several records may be about one commit: the one that proves the most counts."""

from __future__ import annotations

from collections.abc import Sequence

from countersign_ml.audit.history.audit_facts import Candidate
from countersign_ml.audit.judging.audit_result import SignOff
from countersign_ml.audit.judging.signers import who_signed
from policy.files.rules import Policy
from policy.verdict import Finding, Outcome

Judged = tuple[Finding, SignOff]
"""A commit's finding with one record, and that record."""


def best_of(judged: Sequence[Judged]) -> Judged:
    """Return the least severe; of equals the one with the fewest problems, then the earliest."""
    return min(judged, key=_rank)


def _rank(judged: Judged) -> tuple[int, int, str, str]:
    finding, sign_off = judged
    severity = list(Outcome).index(finding.outcome)
    return severity, len(finding.blocking()), sign_off.at, sign_off.tag


def sign_off_of(
    candidate: Candidate, key: str, policy: Policy | None, model: str | None
) -> SignOff:
    """Return a record for the report; what it says about people only if a key signed it.

    `model` selects overrides and spot-checks; None selects all.
    """
    record = candidate.record
    return SignOff(
        tag=candidate.stored.tag,
        key=key,
        repository=record.repository,
        pull=record.pull,
        title=record.title,
        author=record.author,
        at=record.at,
        signers=who_signed(candidate, policy) if policy is not None and key else (),
        overrides=tuple(o for o in record.overrides if key and model in (None, o.model)),
        spot_checks=tuple(s for s in record.spot_checks if key and model in (None, s.model)),
    )
