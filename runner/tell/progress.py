"""Progress of a stage: one moving line on a terminal, few lines in a log.

Everything goes to stderr, so that stdout has only the result.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich import progress as bar
from rich.console import Console

LOG_EVERY_SECONDS = 15.0
"""How often a log gets a line about a running stage."""


class Reporter:
    """Prints progress; nothing if quiet."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self.console = Console(stderr=True, quiet=quiet, highlight=False)
        self._progress: bar.Progress | None = None
        self._last = 0.0

    def say(self, text: str) -> None:
        """Print one line."""
        self.console.print(text, markup=False)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Show a running stage, and print how long it took."""
        started = time.monotonic()
        self._last = started
        if self.console.is_terminal and not self.quiet:
            columns = (
                bar.TextColumn("{task.description}", markup=False),
                bar.BarColumn(),
                bar.TaskProgressColumn(),
                bar.TimeElapsedColumn(),
            )
            with bar.Progress(*columns, console=self.console, transient=True) as self._progress:
                self._progress.add_task(name, total=1.0)
                try:
                    yield
                finally:
                    self._progress = None
        else:
            yield
        self.say(f"{name}: done in {time.monotonic() - started:.1f} s")

    def progress(self, text: str, share: float) -> None:
        """Show the current step, and the share of it that is done, 0 to 1.

        A log gets a line when a step begins (share 0), so that it says what is waited for.
        """
        if self._progress is not None:
            task = self._progress.task_ids[0]
            self._progress.update(task, description=text, completed=share)
        elif share == 0.0:
            self.say(f"  {text}")
        elif time.monotonic() - self._last >= LOG_EVERY_SECONDS:
            self._last = time.monotonic()
            self.say(f"  {text} ({100 * share:.0f} %)")
