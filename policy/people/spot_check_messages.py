"""Every sentence about who signed a spot-check, who is missing, and how people and judge agree."""

from __future__ import annotations

from collections.abc import Sequence

from policy.facts.spot_check import Agreement
from policy.people.signoff_messages import people

NO_SAMPLE = (
    "the evidence holds no sample for people to read, although the policy asks for one; it was "
    "measured under another policy, so the proposal has to be measured anew"
)


def signed(by: Sequence[tuple[str, str]]) -> str:
    """Say who read and signed the sample, and when (RFC 3339, UTC)."""
    return f"read and signed by {_dated(by)}"


def missing(count: int, could: Sequence[str], have: Sequence[tuple[str, str]]) -> str:
    noun = "reader" if count == 1 else "readers"
    already = f" (signed: {_dated(have)})" if have else ""
    if not could:
        return f"{count} {noun} missing, and nobody who could sign holds this role{already}"
    return f"{count} {noun} missing; {people(could)} could sign the sample{already}"


def _dated(by: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"@{login} ({time})" if time else f"@{login}" for login, time in by)


def agreement(user: str, found: Agreement) -> str:
    """Say on how many rows a person and the judge model said the same."""
    noun = "row" if found.rows == 1 else "rows"
    share = f"{100 * found.agreed / found.rows:.0f} %"
    kappa = "not defined" if found.kappa is None else f"{found.kappa:.2f}"
    return (
        f"@{user} and the judge model say the same on {found.agreed} of {found.rows} {noun} "
        f"({share}, Cohen's kappa {kappa})"
    )


def nothing_to_compare(user: str) -> str:
    return f"there is no row of which both @{user} and a judge model said something"


NO_MORE_THAN_LUCK = "that is no more than luck gives, so the judge's win rate says little here"


def too_little_agreement(least: float) -> str:
    return f"the policy asks for at least {100 * least:g} %, so the judge is not believed here"
