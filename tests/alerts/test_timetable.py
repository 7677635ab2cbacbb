"""When a digest is due, over both changes of summer time and zones that are half an hour off."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.contracts.timetable import Timetable, read_timetable, write_timetable

HOUR = 3_600_000_000
YANGON = ZoneInfo("Asia/Yangon")


def at(written: str) -> int:
    moment = datetime.fromisoformat(written)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def due(timetable: str, after: str, count: int = 1) -> list[str]:
    found, now = [], at(after)
    for _ in range(count):
        now = read_timetable(timetable).find_next(now, YANGON)
        found.append(datetime.fromtimestamp(now / 1e6, UTC).strftime("%m-%d %H:%M"))
    return found


@pytest.mark.parametrize(
    ("timetable", "after", "following"),
    [
        ("daily 08:00", "2026-05-01T00:00Z", ["05-01 01:30", "05-02 01:30"]),  # of [defaults]: +06:30
        ("daily 08:00 UTC", "2026-05-01T08:00Z", ["05-02 08:00", "05-03 08:00"]),
        ("daily 08:00 UTC", "2026-05-01T07:59:59.999999Z", ["05-01 08:00", "05-02 08:00"]),
        ("daily 00:00 Asia/Yangon", "2026-05-01T17:29Z", ["05-01 17:30", "05-02 17:30"]),
        # Kyiv: clocks go from 03:00 to 04:00 on March 29, and from 04:00 to 03:00 on October 25
        ("daily 03:30 Europe/Kyiv", "2026-03-27T12:00Z", ["03-28 01:30", "03-29 01:30", "03-30 00:30"]),
        ("daily 03:30 Europe/Kyiv", "2026-10-23T12:00Z", ["10-24 00:30", "10-25 00:30", "10-26 01:30"]),
        ("daily 08:00 Europe/Kyiv", "2026-03-27T12:00Z", ["03-28 06:00", "03-29 05:00", "03-30 05:00"]),
        # New York: from 02:00 to 03:00 on March 8, from 02:00 to 01:00 on November 1
        ("daily 02:30 America/New_York", "2026-03-06T12:00Z", ["03-07 07:30", "03-08 07:30", "03-09 06:30"]),
        ("daily 01:30 America/New_York", "2026-10-30T12:00Z", ["10-31 05:30", "11-01 05:30", "11-02 06:30"]),
        ("weekly mon 08:00 UTC", "2026-11-30T07:00Z", ["11-30 08:00", "12-07 08:00"]),
        ("weekly sunday 23:59 Asia/Yangon", "2026-11-29T17:29Z", ["12-06 17:29", "12-13 17:29"]),
        ("hourly", "2026-05-01T00:00Z", ["05-01 00:30", "05-01 01:30"]),  # a full hour in Yangon
        ("hourly UTC", "2026-05-01T00:59:59Z", ["05-01 01:00", "05-01 02:00"]),
        ("hourly Australia/Lord_Howe", "2026-04-04T14:10Z", ["04-04 15:30", "04-04 16:30"]),  # clocks move by half an hour
        ("hourly Europe/Kyiv", "2026-10-24T23:30Z", ["10-25 00:00", "10-25 01:00", "10-25 02:00"]),
    ],
)  # fmt: skip
def test_the_next_digests_are_due(timetable: str, after: str, following: list[str]) -> None:
    assert due(timetable, after, len(following)) == following


@pytest.mark.parametrize("zone", ["Europe/Kyiv", "America/New_York", "Asia/Yangon", "Australia/Lord_Howe"])
@pytest.mark.parametrize("hour", ["00:00", "01:30", "02:30", "03:30", "23:59"])
def test_each_day_of_a_year_has_exactly_one_whenever_somebody_looks(zone: str, hour: str) -> None:
    timetable, now, days = read_timetable(f"daily {hour} {zone}"), at("2026-01-01T12:00Z"), []
    end = at("2027-01-01T12:00Z")
    while (following := timetable.find_next(now, YANGON)) < end:
        assert all(timetable.find_next(now + part, YANGON) == following for part in (1, (following - now) // 2))
        assert timetable.find_next(following - 1, YANGON) == following
        days.append(datetime.fromtimestamp(following / 1e6, ZoneInfo(zone)).date())
        now = following
    assert len(set(days)) == len(days) == 365


@pytest.mark.parametrize("hours", [24, -24])
def test_a_clock_set_by_a_day_makes_the_next_one_due_within_a_day(hours: int) -> None:
    timetable, now = read_timetable("daily 08:00 Europe/Kyiv"), at("2026-10-25T06:00Z")
    following = timetable.find_next(now + hours * HOUR, YANGON)
    assert now + hours * HOUR < following <= now + (hours + 25) * HOUR


@pytest.mark.parametrize(
    "written", ["hourly", "hourly Asia/Yangon", "daily 08:00", "daily 23:59 Europe/Kyiv", "weekly mon 08:00 UTC"]
)
def test_a_timetable_is_written_as_it_was_read(written: str) -> None:
    assert write_timetable(read_timetable(written)) == written
    assert isinstance(read_timetable(read_timetable(written)), Timetable)


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ("", "hourly"),
        ("daily", "daily 08:00"),
        ("daily 24:00", "24:00"),
        ("daily 8", "00:00 to 23:59"),
        ("weekly 08:00", "'08:00' is no day"),
        ("weekly mon", "weekly mon 08:00"),
        ("weekly Montag 08:00", "Montag"),
        ("daily 08:00 Asia/Yangoon", "Asia/Yangon"),
        ("daily 08:00 Asia/Yangon now", "expected"),
        ("monthly 1 08:00", "expected"),
        (7, "expected"),
    ],
)
def test_what_is_no_timetable_is_refused_with_what_to_write(written: object, named: str) -> None:
    with pytest.raises(ValueError, match=re.escape(named)):
        read_timetable(written)
