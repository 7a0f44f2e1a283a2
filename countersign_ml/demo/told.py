"""What the demo prints: one line a fact, each checked before it is stated."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from rich.console import Console
from rich.markup import escape

T = TypeVar("T")
POLL_SECONDS = 0.25


class FactFailedError(Exception):
    """A fact that the demo was about to state does not hold."""


class Timeline:
    """Print chapters and facts with the seconds since the demo began."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        self.started = time.monotonic()
        self.facts = 0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def chapter(self, title: str) -> None:
        self.console.print(f"\n[bold]{escape(title)}[/bold]")

    def say(self, text: str) -> None:
        """Print what somebody does; nothing is claimed."""
        self.console.print(f"[dim]{self.seconds:6.1f} s[/dim]    {escape(text)}")

    def fact(self, text: str, holds: bool, otherwise: object = "") -> None:
        """State `text` if it holds; else end the demo, saying what was found instead."""
        if not holds:
            self.console.print(f"[dim]{self.seconds:6.1f} s[/dim] [red]✗[/red]  {escape(text)}")
            raise FactFailedError(f"{text} - found: {otherwise}" if otherwise != "" else text)
        self.facts += 1
        self.console.print(f"[dim]{self.seconds:6.1f} s[/dim] [green]✓[/green]  {escape(text)}")

    def wait(self, text: str, look: Callable[[], T | None], timeout: float) -> T:
        """Look until `look` returns something true; not in time is a fact that failed."""
        deadline = time.monotonic() + timeout
        while True:
            found = look()
            if found:
                return found
            if time.monotonic() > deadline:
                raise FactFailedError(f"{text}: not within {timeout:.0f} s")
            time.sleep(POLL_SECONDS)
