"""Waiting in the demo: as long as something advances, however slow the machine is.

A busy machine needs several times as long for everything, so no wait has a limit in total. It fails
only after `PATIENCE_SECONDS` in which nothing advanced.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Protocol, TypeVar

T = TypeVar("T")
PATIENCE_SECONDS = 600.0
"""Far above the longest silence of a run: while it trains, it writes a line every 15 seconds."""
POLL_SECONDS = 0.25


class WaitFailedError(Exception):
    """What the demo waited for did not happen."""


class Activity(Protocol):
    """Something that may advance."""

    def marks(self) -> Hashable:
        """Return a value that changes whenever something advances."""

    def last_seen(self) -> str:
        """Return one sentence for a person: what happens at the moment, or happened last."""


def wait_for(
    text: str,
    look: Callable[[], T | None],
    activity: Activity,
    *,
    patience: float = PATIENCE_SECONDS,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Call `look` until it returns something true, and return that.

    Raises WaitFailedError once `activity` has not advanced for `patience` seconds. `text` says in
    the error what was waited for.
    """
    began = advanced = clock()
    marks = activity.marks()
    while True:
        found = look()
        if found:
            return found
        now, present = clock(), activity.marks()
        if present != marks:
            marks, advanced = present, now
        elif now - advanced > patience:
            raise WaitFailedError(
                f"waited {now - began:.0f} s for: {text}. Nothing advanced in the last "
                f"{patience:.0f} s. Last seen: {activity.last_seen()}"
            )
        sleep(POLL_SECONDS)
