"""Facts that are read only when the check could turn green, so that they are fresh then.

Most evaluations end before that and never pay for these calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Freeze:
    """The newest issue by which this App froze all promotions, and who closed it, if anyone."""

    number: int
    reason: str
    created: str
    is_open: bool
    closed_by: str = ""
    closed: str = ""


class LateFacts(Protocol):
    """What deciding may still ask about a pull request. Each answer is read once, then kept."""

    def freeze(self, until: str = "") -> Freeze | None:
        """Return the newest freeze of all promotions, opened `until` then; None if there is none.

        `until` is a time (RFC 3339, UTC); empty for now.
        """
        ...

    def attempts_changed(self) -> bool:
        """Return whether another process recorded an attempt or a look since the snapshot."""
        ...
