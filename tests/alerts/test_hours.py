from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.alerts.hours import LOUDEST, Stretch, find_passing, find_quiet, read_windows
from bot.contracts.quiet import QuietHours, read_days

YANGON = ZoneInfo("Asia/Yangon")
DAY = 86_400_000_000


def at(text: str, offset: str = "+00:00") -> int:
    """Microseconds UTC of "2026-03-29 02:30" at this offset."""
    moment = datetime.fromisoformat(f"{text}{offset}").astimezone(UTC)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def quiet(begin: str, end: str, zone: str | None = None, **more: str) -> dict[str, object]:
    return {"from": begin, "to": end, "zone": zone, **more}


def stretch(windows: list[dict[str, object]], now: int, priority: int = 2) -> Stretch | None:
    return find_quiet(read_windows([QuietHours.model_validate(one) for one in windows], YANGON), now, priority)


def span(windows: list[dict[str, object]], now: int) -> tuple[int, int] | None:
    found = stretch(windows, now)
    return None if found is None else (found.begin, found.end)


NIGHT = quiet("22:00", "06:30", "Asia/Yangon")
KYIV, YORK = "Europe/Kyiv", "America/New_York"
TABLE = [
    # over midnight, in a zone of half hours; the minute of the beginning is quiet, that of the end is not
    (NIGHT, at("2026-11-30 22:00", "+06:30"), at("2026-11-30 22:00", "+06:30"), at("2026-12-01 06:30", "+06:30")),
    (NIGHT, at("2026-12-01 06:29", "+06:30"), at("2026-11-30 22:00", "+06:30"), at("2026-12-01 06:30", "+06:30")),
    (NIGHT, at("2026-12-01 06:30", "+06:30"), None, None),
    (NIGHT, at("2026-11-30 21:59", "+06:30"), None, None),
    (quiet("23:59", "00:00"), at("2026-11-30 23:59", "+06:30"), at("2026-11-30 23:59", "+06:30"), at("2026-12-01 00:00", "+06:30")),
    (quiet("23:59", "00:00"), at("2026-12-01 00:00", "+06:30"), None, None),
    (quiet("23:59", "24:00"), at("2026-12-01 00:00", "+06:30"), None, None),
    # the clock skips 03:00 to 04:00 in Kyiv on 29 March 2026, and 02:00 to 03:00 in New York on 8 March
    (quiet("22:00", "06:30", KYIV), at("2026-03-29 00:00", "+02:00"), at("2026-03-28 22:00", "+02:00"), at("2026-03-29 06:30", "+03:00")),
    (quiet("03:30", "06:30", KYIV), at("2026-03-29 04:00", "+03:00"), at("2026-03-29 03:00", "+02:00"), at("2026-03-29 06:30", "+03:00")),
    (quiet("22:00", "03:30", KYIV), at("2026-03-29 02:59", "+02:00"), at("2026-03-28 22:00", "+02:00"), at("2026-03-29 03:00", "+02:00")),
    (quiet("22:00", "03:30", KYIV), at("2026-03-29 04:00", "+03:00"), None, None),
    (quiet("03:10", "03:40", KYIV), at("2026-03-29 04:00", "+03:00"), None, None),
    (quiet("22:00", "02:30", YORK), at("2026-03-08 01:59", "-05:00"), at("2026-03-07 22:00", "-05:00"), at("2026-03-08 03:00", "-04:00")),
    (quiet("02:30", "07:00", YORK), at("2026-03-08 03:00", "-04:00"), at("2026-03-08 03:00", "-04:00"), at("2026-03-08 07:00", "-04:00")),
    # the clock shows 03:00 to 04:00 twice in Kyiv on 25 October, and 01:00 to 02:00 in New York on 1 November
    (quiet("22:00", "06:30", KYIV), at("2026-10-25 00:00", "+03:00"), at("2026-10-24 22:00", "+03:00"), at("2026-10-25 06:30", "+02:00")),
    (quiet("22:00", "03:30", KYIV), at("2026-10-25 03:45", "+03:00"), at("2026-10-24 22:00", "+03:00"), at("2026-10-25 03:30", "+02:00")),
    (quiet("22:00", "03:30", KYIV), at("2026-10-25 03:30", "+02:00"), None, None),
    (quiet("03:30", "05:00", KYIV), at("2026-10-25 03:30", "+03:00"), at("2026-10-25 03:30", "+03:00"), at("2026-10-25 05:00", "+02:00")),
    (quiet("01:30", "06:00", YORK), at("2026-11-01 01:10", "-05:00"), at("2026-11-01 01:30", "-04:00"), at("2026-11-01 06:00", "-05:00")),
    (quiet("22:00", "01:30", YORK), at("2026-11-01 01:29", "-05:00"), at("2026-10-31 22:00", "-04:00"), at("2026-11-01 01:30", "-05:00")),
]  # fmt: skip


@pytest.mark.parametrize(("window", "now", "begin", "end"), TABLE)
def test_quiet_hours_begin_and_end_as_the_clock_on_the_wall_shows(
    window: dict[str, object], now: int, begin: int | None, end: int | None
) -> None:
    assert span([window], now) == (None if begin is None else (begin, end))


def test_a_day_names_the_evening_on_which_the_window_begins() -> None:
    nights = quiet("22:00", "06:30", days="mon-fri")
    friday_night = at("2026-12-05 06:29", "+06:30")  # a Saturday
    assert span([nights], friday_night) == (at("2026-12-04 22:00", "+06:30"), at("2026-12-05 06:30", "+06:30"))
    assert span([nights], at("2026-12-05 22:30", "+06:30")) is None
    assert span([nights], at("2026-12-07 00:30", "+06:30")) is None


def test_windows_that_touch_or_overlap_are_one_quiet() -> None:
    windows = [quiet("22:00", "00:00"), quiet("00:00", "05:00"), quiet("04:00", "06:30")]
    whole = (at("2026-11-30 22:00", "+06:30"), at("2026-12-01 06:30", "+06:30"))
    assert all(span(windows, at(f"2026-{time}", "+06:30")) == whole for time in ("11-30 23:00", "12-01 04:30"))
    assert span(windows, whole[1]) is None


def test_the_same_time_twice_is_a_window_of_24_hours() -> None:
    sunday = [quiet("08:00", "08:00", days="sun")]
    whole = (at("2026-12-06 08:00", "+06:30"), at("2026-12-07 08:00", "+06:30"))
    assert span(sunday, at("2026-12-07 07:59", "+06:30")) == whole
    assert span(sunday, whole[1]) is None
    long = [quiet("12:00", "12:00", KYIV, days="sat")]  # that Saturday has 25 hours
    begin, end = span(long, at("2026-10-24 12:00", "+03:00")) or (0, 0)
    assert (end - begin) / 3_600_000_000 == 25


def test_quiet_without_an_end_is_told_apart_from_its_windows() -> None:
    now = at("2026-12-02 09:00", "+06:30")
    found = stretch([quiet("08:00", "08:00")], now)
    assert found == Stretch(at("2026-12-02 08:00", "+06:30"), at("2026-12-03 08:00", "+06:30"), endless=True)
    halves = stretch([quiet("00:00", "12:00"), quiet("12:00", "24:00")], now)
    assert halves == Stretch(at("2026-12-02 00:00", "+06:30"), at("2026-12-02 12:00", "+06:30"), endless=True)
    week = stretch([quiet("00:00", "00:00", days="mon-sat")], now)
    assert week == Stretch(at("2026-11-30 00:00", "+06:30"), at("2026-12-06 00:00", "+06:30"))


def test_a_priority_passes_only_if_every_window_of_now_lets_it() -> None:
    written = [quiet("20:00", "08:00", except_from="default"), quiet("23:00", "06:00", except_from="high")]
    windows = read_windows([QuietHours.model_validate(one) for one in written], YANGON)
    passing = {"2026-12-01 12:00": LOUDEST, "2026-12-01 21:00": 2, "2026-12-02 00:30": 1, "2026-12-02 07:00": 2}
    assert {text: find_passing(windows, at(text, "+06:30")) for text in passing} == passing
    night = at("2026-12-02 00:30", "+06:30")
    assert find_quiet(windows, night, 1) is None
    assert find_quiet(windows, night, 2) == Stretch(at("2026-12-01 23:00", "+06:30"), at("2026-12-02 06:00", "+06:30"))
    assert find_quiet(windows, night, 3) == Stretch(at("2026-12-01 20:00", "+06:30"), at("2026-12-02 08:00", "+06:30"))


@pytest.mark.parametrize(
    ("written", "days"),
    [("mon-fri", "01234"), ("sat,sun", "56"), ("Mon Wed", "02"), ("fri-mon", "4560"), ("mon - tue, sun", "016")],
)
def test_days_are_read_as_people_write_them(written: str, days: str) -> None:
    assert read_days(written) == {int(day) for day in days}


@given(
    now=st.integers(1_700_000_000_000_000, 1_900_000_000_000_000),
    zone=st.sampled_from([KYIV, YORK, "Asia/Yangon", "Australia/Lord_Howe", "Africa/Casablanca"]),
    begin=st.integers(0, 1439),
    end=st.integers(0, 1439),
)
def test_at_its_end_a_quiet_is_over_and_just_before_it_is_not(now: int, zone: str, begin: int, end: int) -> None:
    window = quiet(f"{begin // 60:02}:{begin % 60:02}", f"{end // 60:02}:{end % 60:02}", zone)
    found = stretch([window], now)
    if found is None or found.endless:
        return
    assert found.begin <= now < found.end
    assert stretch([window], found.end) is None
    assert stretch([window], found.end - 1) == found
    assert found.end - found.begin <= DAY + 2 * 3_600_000_000


def test_a_clock_far_from_any_year_is_not_quiet() -> None:
    assert span([NIGHT], -(1 << 60)) is None
    assert span([NIGHT], 1 << 62) is None
