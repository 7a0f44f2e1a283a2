"""A merged pull request as it was at the moment of its merge, so that it is judged like then."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.facts.late import Freeze, LateFacts
from bot.facts.snapshot import Snapshot


@dataclass(frozen=True)
class LateThen:
    """Late facts as they were at a time (RFC 3339, UTC)."""

    now: LateFacts
    at: str

    def freeze(self) -> Freeze | None:
        """Return the newest freeze of that time; one that ended later was still in force."""
        found = self.now.freeze()
        if found is None or found.created > self.at:
            return None
        if found.closed > self.at:
            return replace(found, is_open=True, closed_by="", closed="")
        return found

    def attempts_changed(self) -> bool:
        return False


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
        reviews=tuple(r for r in snapshot.reviews if r.submitted <= at),
        comments=tuple(c for c in snapshot.comments if c.by_bot or c.created <= at),
        events=tuple(e for e in snapshot.events if e.created <= at),
        late=LateThen(snapshot.late, at),
    )
