"""Every sentence about the release calendar. They name times, never how long it still takes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time

NO_CALENDAR = "no release calendar is set"
NO_FREEZE = "no freeze is on"
OUTSIDE = "outside the release windows"
NEVER = "within a year nothing opens: change calendar in the policy"


def inside(days: Sequence[str], start: time, until: time, timezone: str) -> str:
    listed = ", ".join(day.title() for day in days)
    end = "24:00" if until == time(0) else f"{until:%H:%M}"
    return f"inside the release window {listed} {start:%H:%M} to {end} {timezone}"


def frozen(last: date, reason: str) -> str:
    return f"frozen until {last.isoformat()} ({reason})"


def moment(day: str, local: datetime, timezone: str) -> str:
    """Return a moment on the wall clock, such as `Mon 2027-01-04 09:00 Europe/Berlin`."""
    return f"{day.title()} {local:%Y-%m-%d %H:%M} {timezone}"


def window_opens(opening: str) -> str:
    return f"the next release window opens {opening}"


def thawed(opening: str) -> str:
    return f"promotions may merge again from {opening}"
