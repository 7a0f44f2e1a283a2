"""Wording that several modules of the audit share. A sentence used once is next to its use."""

from __future__ import annotations

from collections.abc import Iterable

from countersign_ml.audit.history.audit_facts import CommitFacts
from policy.people.sign_off_record import Override

NO_POLICY = "the commit before has no policy, so there is nothing to judge by"


def short(commit: str) -> str:
    """Return the first digits of a commit's id."""
    return commit[:12]


def by(commit: CommitFacts) -> str:
    """Return a commit with its committer and date, as the commit itself claims them."""
    return f"{short(commit.id)} by {commit.committer or 'nobody'} on {commit.at or 'no date'}"


def listed(names: Iterable[str], most: int = 5) -> str:
    """Return the first few names and the number of the others."""
    found = list(names)
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more


def people(logins: Iterable[str]) -> str:
    """Return logins as mentions."""
    return listed(f"@{login}" for login in logins)


def unsigned(commit: CommitFacts) -> str:
    """Return how a commit without a record reached the branch."""
    if commit.is_merge:
        return f"bypass: {by(commit)} merged {short(commit.parents[1])} without a sign-off record"
    return f"direct push: {by(commit)} has one parent and no sign-off record"


def unreadable_pointer(which: str) -> str:
    return f"the pointer {which} this commit cannot be read"


def evidence_missing(path: str) -> str:
    return f"{path}, the evidence that the pointer names, is missing at this commit"


def forced(override: Override) -> str:
    return f"{override.gate} forced by @{override.user} as {override.role}: {override.reason}"
