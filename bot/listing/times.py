"""Times as people write and read them: 7d, yesterday, 2026-11-01, in a zone of their choice."""

import re
from datetime import UTC, date, datetime, timedelta, tzinfo

from bot.clock import DAY, HOUR, MINUTE, SECOND
from bot.documents.lengths import format_length
from bot.errors import UserError
from bot.foreign.text import visible
from storage.frozen import dataclass

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_AGO = re.compile(r"(\d{1,9})\s*([smhdw])")
_OLDEST = -(1 << 62)  # what SQLite can hold
_GRAMMAR = "write 90m, 7d, today, yesterday, now, 2026-11-01, 2026-11, 2026-W44 or 2026-11-01T10:00Z"
_LONGER = re.compile(r"(\d{4})(?:-(\d\d)|-?W(\d\d))?")  # a year, a month, a week


@dataclass(frozen=True, slots=True)
class Zone:
    """The zones in which times are read and shown; None is that of this machine.

    By default times are read in the zone of this machine and shown in UTC. `dates` is the zone of `date:` in a query:
    UTC, as in rules, unless the person gave another one. `chosen`: with --tz, so that it holds for machines, too.
    """

    reads: tzinfo | None = None
    shows: tzinfo | None = UTC
    dates: tzinfo = UTC
    chosen: bool = False

    def for_form(self, form: str | None) -> "Zone":
        """The zone in which days begin: in what a machine reads that of the config has no say."""
        return self if form is None or self.chosen else Zone(self.reads)


def zone_of_config(name: str | None) -> Zone:
    """The zone that [defaults] timezone names; UTC to show times where it names none."""
    found = find_zone(name) if name else None  # what is no zone there, `config check` reports
    return Zone() if found is None else Zone(found, found)


def find_zone(name: str) -> tzinfo | None:
    """The zone of this name, such as Asia/Yangon; None if there is none."""
    if name.upper() in {"UTC", "Z"}:
        return UTC
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def parse_span(
    since: str | None, until: str | None, zone: Zone, now: int, *, dashes: str = "--"
) -> tuple[int | None, int | None]:
    """Two ends in microseconds UTC, the first included, the second not; None where it was not given.

    A day, week, month or year as the end means all of it. `dashes` is what their names begin with. Raises UserError.
    """
    start = None if since is None else parse_time(since, zone, now, option=f"{dashes}since")
    end = None if until is None else parse_time(until, zone, now, option=f"{dashes}until", closing=True)
    if start is not None and end is not None and start >= end:
        raise UserError(f"{dashes}since is not before {dashes}until")
    return start, end


def parse_time(text: str, zone: Zone, now: int, *, option: str, closing: bool = False) -> int:
    """Microseconds UTC of what a person wrote; a day, week, month or year means its start, with `closing` its end.

    Days begin at midnight in `zone`. Raises UserError, naming `option`.
    """
    written = text.strip()
    if found := _AGO.fullmatch(written.lower()):
        return max(now - int(found[1]) * _UNITS[found[2]], _OLDEST)
    try:
        return _absolute(written, zone, now, closing=closing)
    except (ValueError, OverflowError):
        raise UserError(f"{option}: {visible(text)!r} is not a time: {_GRAMMAR}") from None


def _absolute(written: str, zone: Zone, now: int, *, closing: bool) -> int:
    if written.lower() == "now":
        return now
    stretch = _stretch(written, zone, now)
    if stretch is None:
        return _microseconds(datetime.fromisoformat(written), zone)
    day = stretch[1] if closing else stretch[0]
    return _microseconds(datetime(day.year, day.month, day.day), zone)  # noqa: DTZ001  zone is put on there


def _stretch(written: str, zone: Zone, now: int) -> tuple[date, date] | None:
    """The first day of what has no time of day, and the first day after it; None for a moment. Raises ValueError."""
    if (days := {"today": 0, "yesterday": -1}.get(written.lower())) is not None:
        first = (_EPOCH + timedelta(microseconds=now)).astimezone(zone.reads).date() + timedelta(days=days)
        return first, first + timedelta(days=1)
    if (found := _LONGER.fullmatch(written)) is None:
        try:
            first = date.fromisoformat(written)  # in any of the ways of ISO 8601: 2026-11-01, 20261101, 2026-W44-7
        except ValueError:
            return None
        return first, first + timedelta(days=1)
    year, month, week = (int(one) if one else None for one in found.groups())
    assert year is not None
    if week is not None:
        first = date.fromisocalendar(year, week, 1)
        return first, first + timedelta(days=7)
    if month is not None:
        return date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)
    return date(year, 1, 1), date(year + 1, 1, 1)


def _microseconds(at: datetime, zone: Zone) -> int:
    """A time without offset is in `zone.reads`; astimezone takes a naive one as this machine's."""
    if at.tzinfo is None:
        at = at.astimezone() if zone.reads is None else at.replace(tzinfo=zone.reads)
    return (at - _EPOCH) // timedelta(microseconds=1)


def format_time(at: int | None, zone: Zone, *, unknown: str = "-", seconds: bool = False) -> str:
    """Write a time to the minute or the second, with its zone: `2026-11-01 10:00 UTC`."""
    if at is None:
        return unknown
    try:
        here = (_EPOCH + timedelta(microseconds=at)).astimezone(zone.shows)
    except OverflowError:
        return unknown
    clock = here.strftime("%H:%M:%S" if seconds else "%H:%M")
    offset = "UTC" if zone.shows is UTC else here.strftime("%z")
    return f"{here:%Y-%m-%d} {clock} {offset}"


def format_age(at: int | None, now: int, *, never: str = "never") -> str:
    """The time since then in one unit: `12 s ago`, `5 min ago`, `3 h ago`, `2 d ago`; `in 5 min` for the future."""
    if at is None:
        return never
    words = format_length(abs(now - at))
    return f"in {words}" if at > now else f"{words} ago"
