"""When promotions may merge."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy import documents
from policy.errors import UserError
from policy.files.calendar import (
    DAYS,
    MIDNIGHT,
    Calendar,
    FreezePeriod,
    Window,
    judge_calendar,
    next_opening,
)
from policy.verdict import Finding, Outcome

OFFICE = """
timezone: Europe/Berlin
windows:
  - {days: [mon, tue, wed, thu], start: 9:00, until: 16:00}
freezes:
  - {first: 2026-12-21, last: 2027-01-03, reason: Year-end}
"""


def calendar(text: str = OFFICE) -> Calendar:
    return documents.parse(Calendar, text, "policy/policy.yml")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


def judged(text: str, *parts: int) -> Finding:
    return judge_calendar(calendar(text), utc(*parts))


def test_without_a_calendar_promotions_merge_at_any_time() -> None:
    finding = judge_calendar(Calendar(), utc(2026, 12, 25))
    assert finding == Finding("calendar", Outcome.PASSED, "no release calendar is set")


def test_inside_a_window_promotions_merge() -> None:
    finding = judged(OFFICE, 2026, 11, 19, 8, 0)
    assert finding.outcome is Outcome.PASSED
    assert finding.sentence == (
        "inside the release window Mon, Tue, Wed, Thu 09:00 to 16:00 Europe/Berlin"
    )


def test_until_is_the_first_minute_after() -> None:
    assert judged(OFFICE, 2026, 11, 19, 14, 59).outcome is Outcome.PASSED
    assert judged(OFFICE, 2026, 11, 19, 15, 0).outcome is Outcome.MISSING


def test_a_closed_window_says_when_the_next_opens() -> None:
    assert judged(OFFICE, 2026, 11, 20, 10).sentence == (
        "outside the release windows; "
        "the next release window opens Mon 2026-11-23 09:00 Europe/Berlin"
    )


def test_a_freeze_says_why_and_until_when() -> None:
    finding = judged(OFFICE, 2026, 12, 22, 10)
    assert finding.outcome is Outcome.MISSING
    assert finding.sentence == (
        "frozen until 2027-01-03 (Year-end); "
        "the next release window opens Mon 2027-01-04 09:00 Europe/Berlin"
    )


def test_a_freeze_without_windows_ends_at_midnight_of_its_zone() -> None:
    text = "timezone: Asia/Tokyo\nfreezes: [{first: 2026-12-21, last: 2027-01-03, reason: Rest}]"
    assert judged(text, 2026, 12, 20, 14, 59).sentence == "no freeze is active"
    assert judged(text, 2026, 12, 20, 15).sentence == (
        "frozen until 2027-01-03 (Rest); "
        "promotions may merge again from Mon 2027-01-04 00:00 Asia/Tokyo"
    )
    assert judged(text, 2027, 1, 3, 15).outcome is Outcome.PASSED


def test_the_sentence_stays_the_same_until_the_opening() -> None:
    said = {
        judged(OFFICE, 2026, 12, day, 10, minute).sentence
        for day in (22, 24)
        for minute in range(0, 60, 7)
    }
    assert len(said) == 1


def test_what_never_opens_says_so() -> None:
    text = "freezes: [{first: 2026-01-01, last: 2030-01-01, reason: Sold}]"
    assert next_opening(calendar(text), utc(2026, 5, 1)) is None
    assert judged(text, 2026, 5, 1).sentence == (
        "frozen until 2030-01-01 (Sold); nothing opens within a year: change calendar in the policy"
    )


def test_a_window_that_starts_in_a_skipped_hour_opens_when_the_clock_goes_on() -> None:
    """On 2027-03-28 the clocks of Berlin go from 02:00 to 03:00."""
    text = "timezone: Europe/Berlin\nwindows: [{days: [sun], start: 2:30, until: 5:00}]"
    assert next_opening(calendar(text), utc(2027, 3, 27)) == utc(2027, 3, 28, 1)
    assert judged(text, 2027, 3, 28, 0, 59).sentence.endswith("Sun 2027-03-28 03:00 Europe/Berlin")


def test_a_window_within_a_skipped_hour_does_not_open_that_day() -> None:
    text = "timezone: Europe/Berlin\nwindows: [{days: [sun], start: 2:10, until: 2:50}]"
    assert next_opening(calendar(text), utc(2027, 3, 27)) == utc(2027, 4, 4, 0, 10)


def test_an_hour_that_comes_twice_counts_both_times() -> None:
    """On 2026-10-25 the clocks of Berlin go from 03:00 back to 02:00."""
    text = "timezone: Europe/Berlin\nwindows: [{days: [sun], start: 1:00, until: 2:30}]"
    assert judged(text, 2026, 10, 25, 0, 29).outcome is Outcome.PASSED
    assert judged(text, 2026, 10, 25, 0, 30).outcome is Outcome.MISSING
    assert next_opening(calendar(text), utc(2026, 10, 25, 0, 30)) == utc(2026, 10, 25, 1)
    assert judged(text, 2026, 10, 25, 1, 29).outcome is Outcome.PASSED
    assert judged(text, 2026, 10, 25, 1, 30).outcome is Outcome.MISSING


def test_a_window_opens_again_when_its_hour_comes_back() -> None:
    text = "timezone: Europe/Berlin\nwindows: [{days: [sun], start: 2:15, until: 2:30}]"
    assert next_opening(calendar(text), utc(2026, 10, 25, 0, 30)) == utc(2026, 10, 25, 1, 15)


def test_a_clock_that_goes_back_across_midnight_opens_the_evening_again() -> None:
    """On 2010-11-07 the clocks of St John's went from 00:01 back to 23:01."""
    text = "timezone: America/St_Johns\nwindows: [{days: [sat], start: 23:30, until: 23:45}]"
    assert next_opening(calendar(text), utc(2010, 11, 7, 2, 30, 30)) == utc(2010, 11, 7, 3)


def test_a_day_may_end_at_midnight_and_go_on_in_the_next() -> None:
    text = (
        "windows: [{days: [mon], start: 22:00, until: 24:00},"
        " {days: [tue], start: 00:00, until: 06:00}]"
    )
    assert judged(text, 2026, 11, 23, 23, 59).outcome is Outcome.PASSED
    assert judged(text, 2026, 11, 24, 0, 0).outcome is Outcome.PASSED
    assert judged(text, 2026, 11, 24, 6, 0).outcome is Outcome.MISSING


@pytest.mark.parametrize(
    "now", [datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=1)))]
)
def test_a_time_that_is_not_utc_is_our_bug(now: datetime) -> None:
    with pytest.raises(ValueError, match="UTC"):
        judge_calendar(Calendar(), now)


@pytest.mark.parametrize("written", ["16:00", "'16:00'", '"16:00"', "16:00:00"])
def test_times_may_be_quoted_or_not(written: str) -> None:
    """YAML 1.1 reads an unquoted 16:00 as the number 960, to the base of sixty."""
    text = f"windows: [{{days: [mon], start: {written}, until: 17:00}}]"
    assert calendar(text).windows[0].start == time(16)


def test_days_may_be_quoted_or_not() -> None:
    text = "freezes: [{first: 2026-12-21, last: '2027-01-03', reason: x}]"
    found = calendar(text).freezes[0]
    assert (found.first, found.last) == (date(2026, 12, 21), date(2027, 1, 3))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("windows:\n- {days: [mon], start: 16, until: 17:00}", "p.yml:2 windows.0.start: write"),
        ("windows:\n- {days: [mon], start: 960, until: 17:00}", "p.yml:2 windows.0.start: write"),
        ("windows:\n- {days: [mon], start: 24:00, until: 24:00}", "p.yml:2 windows.0.start: write"),
        ("windows:\n- {days: [mon], start: 9:00Z, until: 17:00}", "p.yml:2 windows.0.start: write"),
        ("windows:\n- {days: [mon], start: 17:00, until: 9:00}", "until must be later"),
        ("windows:\n- {days: [mon], start: 9:00, until: 9:00}", "until must be later"),
        ("windows:\n- {days: [], start: 9:00, until: 10:00}", "p.yml:2 windows.0.days"),
        ("freezes:\n- {first: 0, last: 2027-01-01, reason: x}", "p.yml:2 freezes.0.first: write"),
        ("freezes:\n- {first: 2027-01-02, last: 2027-01-01, reason: x}", "last must not be"),
        ("timezone: Europe/Nowhere", "timezone 'Europe/Nowhere' is unknown"),
        ("timezone: localtime", "timezone 'localtime' is unknown"),
        ("timezone: Europe", "timezone 'Europe' is unknown"),
        ("timezone: ../../etc/passwd", "is unknown"),
        ("timezone: ''", "timezone '' is unknown"),
    ],
)
def test_a_slip_is_named_where_it_stands(text: str, problem: str) -> None:
    with pytest.raises(UserError) as caught:
        documents.parse(Calendar, text, "p.yml")
    assert problem in str(caught.value)


ZONES = ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia"]
minutes = st.integers(0, 24 * 60 - 1)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    start, end = sorted(draw(st.lists(minutes, min_size=2, max_size=2, unique=True)))
    days = draw(st.lists(st.sampled_from(DAYS), min_size=1, max_size=3, unique=True))
    until = MIDNIGHT if draw(st.booleans()) else time(*divmod(end, 60))
    return Window(days=tuple(days), start=time(*divmod(start, 60)), until=until)


@st.composite
def freezes(draw: st.DrawFn) -> FreezePeriod:
    first = draw(st.dates(date(2011, 1, 1), date(2012, 2, 1)))
    last = first + timedelta(days=draw(st.integers(0, 60)))
    return FreezePeriod(first=first, last=last, reason=draw(st.sampled_from(["a", "b"])))


calendars = st.builds(
    Calendar,
    timezone=st.sampled_from(ZONES),
    windows=st.lists(windows(), max_size=3).map(tuple),
    freezes=st.lists(freezes(), max_size=3).map(tuple),
)
# 2011 has two days' clocks turned back across midnight (St John's) and a day left out (Apia).
moments = st.datetimes(datetime(2011, 1, 1), datetime(2012, 1, 31)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)
second = timedelta(seconds=1)


def passes(given_calendar: Calendar, now: datetime) -> bool:
    return judge_calendar(given_calendar, now).outcome is Outcome.PASSED


@settings(deadline=None)
@given(calendars, moments)
def test_at_the_next_opening_it_passes_and_just_before_it_does_not(
    given_calendar: Calendar, now: datetime
) -> None:
    opening = next_opening(given_calendar, now)
    if opening is None:
        assert not passes(given_calendar, now)
        return
    assert passes(given_calendar, opening)
    assert (opening == now) == passes(given_calendar, now)
    if opening > now:
        before = max(now, opening - second)
        assert not passes(given_calendar, before)
        assert next_opening(given_calendar, before) == opening


@settings(deadline=None)
@given(calendars, moments, st.integers(0, 14 * 24 * 60))
def test_nothing_is_open_between_now_and_the_next_opening(
    given_calendar: Calendar, now: datetime, later: int
) -> None:
    opening = next_opening(given_calendar, now)
    moment = now + timedelta(minutes=later)
    if opening is None or moment < opening:
        assert not passes(given_calendar, moment)


@settings(deadline=None)
@given(calendars, moments)
def test_the_order_of_windows_and_freezes_changes_nothing(
    given_calendar: Calendar, now: datetime
) -> None:
    turned = given_calendar.model_copy(
        update={
            "windows": given_calendar.windows[::-1],
            "freezes": given_calendar.freezes[::-1],
        }
    )
    assert judge_calendar(turned, now) == judge_calendar(given_calendar, now)


@settings(deadline=None)
@given(calendars, freezes(), moments)
def test_another_freeze_never_opens_anything(
    given_calendar: Calendar, freeze: FreezePeriod, now: datetime
) -> None:
    more = given_calendar.model_copy(update={"freezes": (*given_calendar.freezes, freeze)})
    assert passes(given_calendar, now) or not passes(more, now)
    before, after = next_opening(given_calendar, now), next_opening(more, now)
    assert after is None or (before is not None and before <= after)
