"""A merged pull request as it was at the moment of its merge, so that it is judged like then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from bot.facts.late import Freeze, LateFacts
from bot.facts.snapshot import Snapshot
from policy.people.sign_off import Review

_STOOD: Mapping[str, Literal["APPROVED", "CHANGES_REQUESTED"]] = {
    "approved": "APPROVED",
    "changes_requested": "CHANGES_REQUESTED",
}
"""How a review stood before it was dismissed, as GitHub's events name it."""


@dataclass(frozen=True)
class LateThen:
    """Late facts as they were at a time (RFC 3339, UTC)."""

    now: LateFacts
    at: str

    def freeze(self, until: str = "") -> Freeze | None:
        """Return the newest freeze of that time; one that ended later was still in force."""
        found = self.now.freeze(until or self.at)
        if found is None:
            return None
        if found.closed > self.at:
            return replace(found, is_open=True, closed_by="", closed="")
        return found

    def attempts_changed(self) -> bool:
        return False


def _reviews(snapshot: Snapshot, at: str) -> tuple[Review, ...]:
    """Return the reviews of that time; one that was dismissed later still stood."""
    later = {
        event.review: _STOOD[event.was]
        for event in reversed(snapshot.events)  # the first dismissal tells how it stood
        if event.kind == "review_dismissed" and event.created > at and event.was in _STOOD
    }
    return tuple(
        replace(review, state=later.get(review.id, review.state))
        for review in snapshot.reviews
        if review.submitted <= at
    )


def as_it_was(snapshot: Snapshot) -> Snapshot:
    """Return the facts of the moment of the merge: what people did later does not count.

    Roles and rights are those of now, because GitHub keeps no history of them. GitHub gives times
    in seconds: what happened within that second counts.
    """
    pull, at = snapshot.pull, snapshot.pull.merged_at or snapshot.now
    return replace(
        snapshot,
        pull=replace(pull, merged=False, state="open", draft=False, mergeable=True),
        now=at,
        reviews=_reviews(snapshot, at),
        comments=tuple(c for c in snapshot.comments if c.by_bot or c.created <= at),
        events=tuple(e for e in snapshot.events if e.created <= at),
        late=LateThen(snapshot.late, at),
    )
