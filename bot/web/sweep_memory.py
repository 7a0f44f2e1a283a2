"""Which open pull requests a sweep looks at: all that moved, all that are green, some of the rest.

A green one may have to turn red without a move: rights are lost, calendars go on. A red one that
did not move can only get better, and what makes it better sends a webhook, which may be lost; so it
is looked at now and then. What this process forgets is looked at.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

Key = tuple[int, str, int]
"""Installation, repository, number."""
MOST_SWEEPS = 4
"""A red pull request that does not move is looked at once in so many sweeps, or more often."""


@dataclass
class Seen:
    """The last look that succeeded."""

    stamp: str
    green: bool
    unmoved: int = 0
    skipped: int = 0


class SweepMemory:
    """What the looks of this process found; safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: dict[Key, Seen] = {}
        self._asked: dict[Key, str] = {}

    def choose(
        self, installation: int, repository: str, stamps: Mapping[int, str]
    ) -> Iterable[int]:
        """Return the pull requests to look at, given a stamp of each that changes with a move."""
        with self._lock:
            for key in [*self._seen, *self._asked]:
                if key[:2] == (installation, repository) and key[2] not in stamps:
                    self._seen.pop(key, None)
                    self._asked.pop(key, None)
            return [n for n in stamps if self._wanted((installation, repository, n), stamps[n])]

    def _wanted(self, key: Key, stamp: str) -> bool:
        seen = self._seen.get(key)
        if seen is None or seen.stamp != stamp or seen.green:
            self._asked[key] = stamp
            return True
        seen.skipped += 1
        if seen.skipped < min(2**seen.unmoved, MOST_SWEEPS):
            return False
        seen.skipped = 0
        seen.unmoved += 1
        self._asked[key] = stamp
        return True

    def forget(self, key: Key | None = None) -> None:
        """Look at a pull request in the next sweep, or at all of them."""
        with self._lock:
            if key is None:
                self._seen.clear()
            else:
                self._seen.pop(key, None)

    def looked(self, key: Key, *, green: bool) -> None:
        """Remember a look that succeeded: at the stamp that a sweep read before it, if any did."""
        with self._lock:
            stamp, seen = self._asked.pop(key, None), self._seen.get(key)
            if stamp is None:
                self._seen.pop(key, None)
            elif seen is not None and seen.stamp == stamp:
                seen.green = green
            else:
                self._seen[key] = Seen(stamp, green)
