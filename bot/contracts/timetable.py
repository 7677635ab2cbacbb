"""PURE: when the digests of a target are due: every hour, at a time of each day, or of one day of the week."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import GetPydanticSchema, WithJsonSchema
from pydantic_core import core_schema

from bot.clock import HOUR, MINUTE
from bot.contracts.settings import zone_name
from storage.frozen import dataclass

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EXPECTED = (
    'expected "hourly", "daily 08:00" or "weekly mon 08:00", with a time zone at its end or not: '
    '"daily 08:00 Asia/Yangon"'
)


@dataclass(frozen=True, slots=True)
class Timetable:
    """`at` None: at each full hour. `weekday` None: on every day; 0 is Monday. `zone` None: that of [defaults]."""

    at: time | None = None
    weekday: int | None = None
    zone: str | None = None

    @property
    def every(self) -> str:
        """In one word: "hourly", "daily" or "weekly"."""
        return "hourly" if self.at is None else "daily" if self.weekday is None else "weekly"

    def find_next(self, after: int, default: ZoneInfo) -> int:
        """The first time that comes later than `after`, both in microseconds UTC.

        Each day has exactly one: a time of day that comes twice, as clocks are put back, is the first of the two, and
        one that a day does not have comes as much later as clocks are put forward.
        """
        zone = ZoneInfo(self.zone) if self.zone else default
        if self.at is None:
            return _next_hour(after, zone)
        day = (_EPOCH + timedelta(microseconds=after)).astimezone(zone).date() - timedelta(days=1)
        while not self._fits(day) or _moment(day, self.at, zone) <= after:
            day += timedelta(days=1)
        return _moment(day, self.at, zone)

    def _fits(self, day: date) -> bool:
        return self.weekday is None or day.weekday() == self.weekday


def read_timetable(value: object) -> Timetable:
    """Read "hourly", "daily 08:00 Asia/Yangon", "weekly mon 08:00". Raises ValueError with the right form."""
    if isinstance(value, Timetable):
        return value
    words = value.split() if isinstance(value, str) else []
    every, rest = (words[0].lower(), words[1:]) if words else ("", [])
    weekday = _weekday(rest.pop(0)) if every == "weekly" and rest else None
    at = _time(rest.pop(0)) if every in ("daily", "weekly") and rest else None
    complete = {"hourly": True, "daily": at is not None, "weekly": at is not None}.get(every, False)
    if not complete or len(rest) > 1:
        raise ValueError(_EXPECTED)
    return Timetable(at, weekday, zone_name(rest[0]) if rest else None)


def write_timetable(timetable: Timetable) -> str:
    """Write it as the config does."""
    parts = [timetable.every]
    parts += [] if timetable.weekday is None else [_DAYS[timetable.weekday]]
    parts += [] if timetable.at is None else [f"{timetable.at:%H:%M}"]
    return " ".join([*parts, *([timetable.zone] if timetable.zone else [])])


def _weekday(word: str) -> int:
    found = word.lower()[:3]
    if found not in _DAYS or not re.fullmatch(r"(?i)(mon|tues|wednes|thurs|fri|satur|sun)day|\w{3}", word):
        raise ValueError(f"{word!r} is no day of the week: write one of {', '.join(_DAYS)}")
    return _DAYS.index(found)


def _time(word: str) -> time:
    found = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", word)
    if found is None:
        raise ValueError(f"{word!r} is no time of the day: write 00:00 to 23:59")
    return time(int(found[1]), int(found[2]))


def _moment(day: date, at: time, zone: ZoneInfo) -> int:
    return (datetime.combine(day, at, zone) - _EPOCH) // timedelta(microseconds=1)


def _next_hour(after: int, zone: ZoneInfo) -> int:
    """The next moment at which clocks in `zone` show a full hour; offsets of half an hour exist, and changes by one."""
    minute = after // MINUTE * MINUTE + MINUTE
    for moment in range(minute, minute + 2 * HOUR, MINUTE):
        if (_EPOCH + timedelta(microseconds=moment)).astimezone(zone).minute == 0:
            return moment
    return after + HOUR  # an offset with seconds, as before 1972


DigestTimes = Annotated[
    Timetable,
    GetPydanticSchema(
        lambda _source, _handler: core_schema.no_info_plain_validator_function(
            read_timetable, serialization=core_schema.plain_serializer_function_ser_schema(write_timetable)
        )
    ),
    WithJsonSchema({"type": "string", "pattern": "^(hourly|daily|weekly)( .+)?$"}),
]
