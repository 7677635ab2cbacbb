from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.clock import DAY, HOUR, MINUTE, SECOND
from bot.errors import UserError
from bot.foreign.text import visible
from bot.listing.times import Zone, format_age, format_time, parse_span, parse_time

NOW = 1_762_000_000 * SECOND  # 2025-11-01T12:26:40Z, 18:56:40 in Yangon
YANGON = Zone(ZoneInfo("Asia/Yangon"), ZoneInfo("Asia/Yangon"))
GREENWICH = Zone(UTC, UTC)


def at(text: str, zone: Zone = GREENWICH, *, closing: bool = False) -> str:
    found = parse_time(text, zone, NOW, option="--since", closing=closing)
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=found)).isoformat()


def test_lengths_count_back_from_now() -> None:
    for text, length in (
        ("90s", 90 * SECOND),
        ("90m", 90 * MINUTE),
        ("6h", 6 * HOUR),
        ("7d", 7 * DAY),
        ("2w", 14 * DAY),
    ):
        assert parse_time(text, GREENWICH, NOW, option="--since") == NOW - length


def test_days_begin_at_midnight_of_the_zone() -> None:
    assert at("2025-11-01") == "2025-11-01T00:00:00+00:00"
    assert at("2025-11-01", YANGON) == "2025-10-31T17:30:00+00:00"
    assert at("today", YANGON) == "2025-10-31T17:30:00+00:00"
    assert at("yesterday") == "2025-10-31T00:00:00+00:00"


def test_a_day_as_the_end_counts_whole() -> None:
    assert at("2025-11-01", closing=True) == "2025-11-02T00:00:00+00:00"
    assert at("yesterday", closing=True) == "2025-11-01T00:00:00+00:00"
    for same_day in ("20251101", "2025-W44-6", "2025W446"):
        assert at(same_day) == "2025-11-01T00:00:00+00:00"
        assert at(same_day, closing=True) == "2025-11-02T00:00:00+00:00"


@pytest.mark.parametrize(
    ("written", "first", "end"),
    [
        ("2025-W44", "2025-10-27", "2025-11-03"),
        ("2025W44", "2025-10-27", "2025-11-03"),
        ("2020-W53", "2020-12-28", "2021-01-04"),
        ("2025-11", "2025-11-01", "2025-12-01"),
        ("2025-12", "2025-12-01", "2026-01-01"),
        ("2025", "2025-01-01", "2026-01-01"),
    ],
)
def test_a_week_a_month_and_a_year_as_the_end_count_whole(written: str, first: str, end: str) -> None:
    assert at(written) == f"{first}T00:00:00+00:00"
    assert at(written, closing=True) == f"{end}T00:00:00+00:00"
    assert at(written, YANGON, closing=True) == at(end, YANGON)


@pytest.mark.parametrize("written", ["2025-W54", "2025-W00", "2025-13", "2025-00", "0000", "9999", "9999-12", "202511"])
def test_a_stretch_that_is_none_is_no_time(written: str) -> None:
    with pytest.raises(UserError, match="is not a time"):
        at(written, closing=True)


def test_a_day_on_which_clocks_change_still_ends_at_midnight() -> None:
    berlin = Zone(ZoneInfo("Europe/Berlin"), UTC)
    assert at("2025-10-26", berlin) == "2025-10-25T22:00:00+00:00"
    assert at("2025-10-26", berlin, closing=True) == "2025-10-26T23:00:00+00:00"


def test_a_time_keeps_its_own_offset_and_else_stands_in_the_zone() -> None:
    assert at("2025-11-01T10:00Z", YANGON) == "2025-11-01T10:00:00+00:00"
    assert at("2025-11-01T10:00", YANGON) == "2025-11-01T03:30:00+00:00"
    assert at("2025-11-01 10:00+07:00") == "2025-11-01T03:00:00+00:00"


@pytest.mark.parametrize(
    "text", ["", "soon", "7x", "2025-13-01", "0000-01-01", "9999-12-31", "99999-01-01", "-7d", "\x1b[2J"]
)
def test_anything_else_is_refused_in_one_safe_sentence(text: str) -> None:
    with pytest.raises(UserError, match=r"^--until: ") as refused:
        parse_time(text, YANGON, NOW, option="--until", closing=True)
    assert visible(str(refused.value)) == str(refused.value)


@given(st.text(max_size=20))
def test_no_text_is_answered_by_anything_but_a_time_or_a_sentence(text: str) -> None:
    with suppress(UserError):
        assert isinstance(parse_time(text, YANGON, NOW, option="--since"), int)


def test_a_span_that_ends_before_it_begins_is_refused() -> None:
    assert parse_span("2d", "1d", GREENWICH, NOW) == (NOW - 2 * DAY, NOW - DAY)
    assert parse_span(None, None, GREENWICH, NOW) == (None, None)
    with pytest.raises(UserError, match="before"):
        parse_span("1d", "2d", GREENWICH, NOW)


def test_times_are_shown_with_their_zone() -> None:
    assert format_time(NOW, GREENWICH) == "2025-11-01 12:26 UTC"
    assert format_time(NOW, YANGON, seconds=True) == "2025-11-01 18:56:40 +0630"
    assert format_time(None, YANGON) == "-"
    assert format_time(1 << 62, YANGON, unknown="never") == "never"


def test_ages_are_told_in_the_unit_that_tells() -> None:
    assert format_age(NOW - 90 * SECOND, NOW) == "90 s ago"
    assert format_age(NOW - 5 * MINUTE, NOW) == "5 min ago"
    assert format_age(NOW - 30 * HOUR, NOW) == "30 h ago"
    assert format_age(NOW - 3 * DAY, NOW) == "3 d ago"
    assert format_age(NOW + 5 * MINUTE, NOW) == "in 5 min"
    assert format_age(None, NOW) == "never"
