"""What the demo prints: one line per fact, each checked first."""

from __future__ import annotations

import time

from rich.console import Console
from rich.markup import escape


class FactFailedError(Exception):
    """A fact that the demo was about to state is not true."""


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
        """Print what someone does. It is not a checked fact."""
        self.console.print(f"[dim]{self.seconds:6.1f} s[/dim]    {escape(text)}")

    def fact(self, text: str, holds: bool, otherwise: object = "") -> None:
        """Print `text` as a fact; raise FactFailedError with what was found if it is not true."""
        if not holds:
            self.console.print(f"[dim]{self.seconds:6.1f} s[/dim] [red]✗[/red]  {escape(text)}")
            raise FactFailedError(f"{text} - found: {otherwise}" if otherwise != "" else text)
        self.facts += 1
        self.console.print(f"[dim]{self.seconds:6.1f} s[/dim] [green]✓[/green]  {escape(text)}")
