"""The release calendar: when promotions may merge. It never blocks a rollback.

Times are wall-clock times in the calendar's time zone. An hour that the clock skips in spring opens
nothing; an hour that it repeats in autumn counts both times.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema, model_validator

from policy.documents import Document
from policy.verdict import Finding, Outcome

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MIDNIGHT = time(0)
HORIZON = timedelta(days=366)
"""How far ahead to look for an opening."""
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::00)?")


def _time_of_day(value: Any) -> Any:
    """Read `9:00`; `24:00` is the midnight at which the day ends."""
    if isinstance(value, time):
        return value
    found = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if found:
        return time(int(found[1]), int(found[2]))
    raise ValueError("write a time of day such as 09:30, in the calendar's timezone")


def _end_of_day(value: Any) -> Any:
    return MIDNIGHT if value in ("24:00", "24:00:00") else _time_of_day(value)


def _day(value: Any) -> Any:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return value
    raise ValueError("write a day such as 2026-12-24")


_SCHEMA = {"type": "string", "pattern": r"^([01]?[0-9]|2[0-4]):[0-5][0-9]$"}
Start = Annotated[time, BeforeValidator(_time_of_day), WithJsonSchema(_SCHEMA)]
Until = Annotated[time, BeforeValidator(_end_of_day), WithJsonSchema(_SCHEMA)]
CalendarDay = Annotated[date, BeforeValidator(_day)]


class Window(Document):
    """Days and times of day in which promotions may merge; `until` itself is excluded.

    An `until` of midnight (`24:00`) is the end of the day.
    """

    days: Annotated[tuple[Day, ...], Field(min_length=1)]
    start: Start
    until: Until

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Window:
        if self.start.tzinfo or self.until.tzinfo:
            raise ValueError("a time has no zone of its own; set the calendar's timezone instead")
        if self.until != MIDNIGHT and self.start >= self.until:
            raise ValueError("until must be later than start; write two windows across midnight")
        return self

    def contains(self, local: datetime) -> bool:
        """Return whether the wall-clock time `local` is in this window."""
        return (
            DAYS[local.weekday()] in self.days
            and self.start <= local.time()
            and (self.until == MIDNIGHT or local.time() < self.until)
        )


class FreezePeriod(Document):
    """Days without promotions, including the first and the last."""

    first: CalendarDay
    last: CalendarDay
    reason: Annotated[str, StringConstraints(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> FreezePeriod:
        if self.first > self.last:
            raise ValueError("last must not be before first")
        return self

    def contains(self, local: datetime) -> bool:
        """Return whether the wall-clock time `local` is in this freeze."""
        return self.first <= local.date() <= self.last


class Calendar(Document):
    """Release windows and freezes in one time zone; without windows, promotions merge any time."""

    timezone: str = "UTC"
    windows: Annotated[tuple[Window, ...], Field(max_length=50)] = ()
    freezes: Annotated[tuple[FreezePeriod, ...], Field(max_length=500)] = ()

    @model_validator(mode="after")
    def _zone_is_known(self) -> Calendar:
        try:
            if self.timezone == "localtime":  # depends on the machine
                raise ValueError(self.timezone)
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(
                f"timezone {self.timezone!r} is unknown; write a name such as Europe/Berlin"
            ) from error
        return self

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


def judge_calendar(calendar: Calendar, now: datetime) -> Finding:
    """Return whether promotions may merge at `now` (UTC), and if not, why and from when.

    The sentence names times, never a remaining duration, so it stays the same until the next
    opening. ValueError for a time that is not in UTC.
    """
    local = _wall(calendar, now)
    freeze = _freeze(calendar, local)
    if freeze is None:
        if not calendar.windows:
            sentence = "no freeze is active" if calendar.freezes else "no release calendar is set"
            return Finding("calendar", Outcome.PASSED, sentence)
        open_now = [window for window in calendar.windows if window.contains(local)]
        if open_now:
            return Finding("calendar", Outcome.PASSED, _inside(open_now, calendar.timezone))
    opening = next_opening(calendar, now)
    reason = "outside the release windows"
    if freeze is not None:
        reason = f"frozen until {freeze.last.isoformat()} ({freeze.reason})"
    if opening is None:
        then = "nothing opens within a year: change calendar in the policy"
    else:
        there = opening.astimezone(calendar.zone)
        moment = f"{DAYS[there.weekday()].title()} {there:%Y-%m-%d %H:%M} {calendar.timezone}"
        then = f"promotions may merge again from {moment}"
        if calendar.windows:
            then = f"the next release window opens {moment}"
    return Finding("calendar", Outcome.MISSING, f"{reason}; {then}")


def _inside(open_now: Iterable[Window], timezone: str) -> str:
    """Name one of the open windows, always the same one."""
    window = min(open_now, key=lambda each: (each.start, each.until, each.days))
    days = ", ".join(day.title() for day in DAYS if day in window.days)
    end = "24:00" if window.until == MIDNIGHT else f"{window.until:%H:%M}"
    return f"inside the release window {days} {window.start:%H:%M} to {end} {timezone}"


def next_opening(calendar: Calendar, now: datetime) -> datetime | None:
    """Return the first time (UTC) from `now` on at which promotions may merge.

    That is `now` itself if they may merge now; None if nothing opens within a year. ValueError for
    a time that is not in UTC.
    """
    if _is_open(calendar, _wall(calendar, now)):
        return now
    begin = now.replace(microsecond=0)
    for day in range(HORIZON.days):
        for moment in sorted(_turns(calendar, begin + timedelta(days=day))):
            if moment > now and _is_open(calendar, _wall(calendar, moment)):
                return moment
    return None


def _wall(calendar: Calendar, moment: datetime) -> datetime:
    if moment.utcoffset() != timedelta(0):
        raise ValueError("a time in UTC is needed")
    return moment.astimezone(calendar.zone)


def _freeze(calendar: Calendar, local: datetime) -> FreezePeriod | None:
    """Return the active freeze; of several, the one that ends last."""
    held = [freeze for freeze in calendar.freezes if freeze.contains(local)]
    return max(held, key=lambda freeze: (freeze.last, freeze.reason), default=None)


def _is_open(calendar: Calendar, local: datetime) -> bool:
    if _freeze(calendar, local) is not None:
        return False
    return not calendar.windows or any(window.contains(local) for window in calendar.windows)


def _turns(calendar: Calendar, begin: datetime) -> set[datetime]:
    """Return every time (UTC) in the 24 hours after `begin` at which the calendar may open.

    Those are the starts of windows and of days, twice if the clock repeats them, and the moments at
    which the clock changes.
    """
    zone, end = calendar.zone, begin + timedelta(days=1)
    starts = {MIDNIGHT, *(window.start for window in calendar.windows)}
    first = begin.astimezone(zone).date()
    found = set(_clock_changes(zone, begin))
    for offset in (-1, 0, 1, 2):
        for start in starts:
            local = datetime.combine(first + timedelta(days=offset), start, zone)
            found |= {local.replace(fold=fold).astimezone(UTC) for fold in (0, 1)}
    return {moment for moment in found if begin < moment <= end}


def _clock_changes(zone: ZoneInfo, begin: datetime) -> Iterator[datetime]:
    """Yield the seconds in the 24 hours after `begin` at which the UTC offset changes."""
    hour = timedelta(hours=1)
    for count in range(24):
        low, high = begin + count * hour, begin + (count + 1) * hour
        after = high.astimezone(zone).utcoffset()
        if low.astimezone(zone).utcoffset() == after:
            continue
        while high - low > timedelta(seconds=1):
            middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
            if middle.astimezone(zone).utcoffset() == after:
                high = middle
            else:
                low = middle
        yield high
