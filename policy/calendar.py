"""The release calendar: when promotions may merge. A way back is never bound to it."""

from __future__ import annotations

from datetime import date, time
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, StringConstraints, model_validator

from policy.documents import Document

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Window(Document):
    """Days and times of day in which promotions merge; `until` is the first minute after."""

    days: Annotated[tuple[Day, ...], Field(min_length=1)]
    start: time
    until: time

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Window:
        if self.start >= self.until:
            raise ValueError("until must be later than start; write two windows across midnight")
        if self.start.tzinfo or self.until.tzinfo:
            raise ValueError("times carry no zone of their own: the calendar's timezone counts")
        return self


class FreezePeriod(Document):
    """Days without promotions, first and last included."""

    first: date
    last: date
    reason: Annotated[str, StringConstraints(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> FreezePeriod:
        if self.first > self.last:
            raise ValueError("last must not be before first")
        return self


class Calendar(Document):
    """Release windows (none: always) and freezes, in one time zone."""

    timezone: str = "UTC"
    windows: tuple[Window, ...] = ()
    freezes: tuple[FreezePeriod, ...] = ()

    @model_validator(mode="after")
    def _zone_is_known(self) -> Calendar:
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(
                f"timezone {self.timezone!r} is not known; write a name such as Europe/Berlin"
            ) from error
        return self
