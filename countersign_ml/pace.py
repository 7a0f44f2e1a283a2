"""How fast a long step goes, and how long it still takes."""

from __future__ import annotations

import time
from collections.abc import Callable

Progress = Callable[[str, float], None]
"""Called with the current step, and the share of it that is done, 0 to 1."""


def unheard(text: str, share: float) -> None:
    """Ignore progress."""


class Pace:
    """The speed of one step, and the time that it still takes at this speed."""

    def __init__(
        self, step: str, unit: str = "rows", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._step, self._unit, self._clock = step, unit, clock
        self._started = clock()

    def at(self, count: int, share: float) -> tuple[str, float]:
        """Return what to show after `count` rows, and the share of the step that is done."""
        spent = self._clock() - self._started
        text = f"{self._step}, {count:,} {self._unit}"
        if spent > 0 and count:
            text += f", {_rate(count / spent)} {self._unit}/s"
            if 0 < share < 1:
                text += f", {_seconds(spent * (1 - share) / share)} left"
        return text, share


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"


def _seconds(seconds: float) -> str:
    """Return a duration in whole seconds, minutes or hours."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
