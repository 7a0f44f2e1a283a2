"""Concurrency groups: one runs, one waits, and a new one may cancel both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Ticket:
    """A run's or a job's place in a group."""

    begin: Callable[[], None]
    cancel: Callable[[], None]


class Groups:
    """Every group in use; call under the world's lock."""

    def __init__(self) -> None:
        self._running: dict[tuple[int, str], Ticket] = {}
        self._waiting: dict[tuple[int, str], Ticket] = {}

    def enter(self, key: tuple[int, str], ticket: Ticket, *, cancel_running: bool) -> None:
        """Begin at once if the group is free; else wait, and cancel the one that waited before."""
        running = self._running.get(key)
        if running is None:
            self._running[key] = ticket
            ticket.begin()
            return
        before = self._waiting.pop(key, None)
        self._waiting[key] = ticket
        if before is not None:
            before.cancel()
        if cancel_running:
            running.cancel()

    def leave(self, key: tuple[int, str], ticket: Ticket) -> None:
        """Give the group free, or leave its queue; the next in line begins."""
        if self._waiting.get(key) is ticket:
            del self._waiting[key]
        if self._running.get(key) is ticket:
            del self._running[key]
            following = self._waiting.pop(key, None)
            if following is not None:
                self._running[key] = following
                following.begin()
