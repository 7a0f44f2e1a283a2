"""Whether the work in hand may go on. It is asked before every request to GitHub.

A look that lost its lease, or that a stopping bot cuts off, ends between two requests: as if the
process had been killed there, which every look survives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Ask = Callable[[bool], None]
"""Told whether the next request writes; raises CutOffError if it must not be made."""
_urgent: ContextVar[bool] = ContextVar("urgent", default=False)
_ask: ContextVar[Ask | None] = ContextVar("ask", default=None)


class CutOffError(Exception):
    """This piece of work must end here; it is taken up again."""


@contextmanager
def asking(ask: Ask) -> Iterator[None]:
    """Ask before every request that this thread makes meanwhile."""
    token = _ask.set(ask)
    try:
        yield
    finally:
        _ask.reset(token)


@contextmanager
def in_a_hurry(yes: bool) -> Iterator[None]:
    """Let the requests of this thread use the reserve of the quota meanwhile."""
    token = _urgent.set(yes)
    try:
        yield
    finally:
        _urgent.reset(token)


def urgent() -> bool:
    """Return whether the work in hand may use the reserve of the quota."""
    return _urgent.get()


def go_on(*, writes: bool) -> None:
    """Return if the next request may be made; raise CutOffError otherwise."""
    ask = _ask.get()
    if ask is not None:
        ask(writes)
