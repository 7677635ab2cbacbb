"""Times as people write and read them: 7d, yesterday, 2026-11-01, in the zone that they choose."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, TypeVar

import click

from bot.clock import DAY, HOUR, MINUTE, SECOND
from bot.errors import UserError
from bot.foreign.text import visible

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_AGO = re.compile(r"(\d{1,9})\s*([smhdw])")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_GRAMMAR = "write 90m, 7d, today, yesterday, now, 2026-11-01 or 2026-11-01T10:00Z"
_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Zone:
    """In which zone times are read and shown; None is this machine's own. Unless asked, we show UTC."""

    reads: tzinfo | None = None
    shows: tzinfo | None = UTC


def zone_option(command: _Command) -> _Command:
    """Give the command `--tz`, which reaches it as `zone: Zone`."""
    return click.option(
        "--tz", "zone", metavar="ZONE", callback=_zone, help="Zone of times, such as Asia/Yangon, or `local`."
    )(command)


def _zone(_: click.Context, __: click.Parameter, name: str | None) -> Zone:
    if name is None:
        return Zone()
    if name.lower() == "local":
        return Zone(shows=None)
    if name.upper() in {"UTC", "Z"}:
        return Zone(reads=UTC)
    from zoneinfo import ZoneInfo

    try:
        chosen = ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise click.BadParameter(f"{name!r} is no time zone; write one like Asia/Yangon, UTC or local") from None
    return Zone(chosen, chosen)


def span(since: str | None, until: str | None, zone: Zone, now: int) -> tuple[int | None, int | None]:
    """Two ends in microseconds UTC, the first included, the second not; None where it was not given.

    A day as the end means all of that day. Raises UserError.
    """
    start = None if since is None else moment(since, zone, now, option="--since")
    end = None if until is None else moment(until, zone, now, option="--until", closing=True)
    if start is not None and end is not None and start >= end:
        raise UserError("--since is not before --until")
    return start, end


def moment(text: str, zone: Zone, now: int, *, option: str, closing: bool = False) -> int:
    """Microseconds UTC of what a person wrote; a whole day means its start, or with `closing` the start of the next.

    Days begin at midnight in `zone`. Raises UserError, naming `option`.
    """
    written = text.strip()
    if found := _AGO.fullmatch(written.lower()):
        return now - int(found[1]) * _UNITS[found[2]]
    try:
        return _absolute(written, zone, now, closing=closing)
    except (ValueError, OverflowError):
        raise UserError(f"{option}: {visible(text)!r} is no time: {_GRAMMAR}") from None


def _absolute(written: str, zone: Zone, now: int, *, closing: bool) -> int:
    if written.lower() == "now":
        return now
    days = {"today": 0, "yesterday": -1}.get(written.lower())
    if days is None and not _DATE.fullmatch(written):
        return _microseconds(datetime.fromisoformat(written), zone)
    if days is None:
        day = datetime.fromisoformat(written)
    else:
        here = (_EPOCH + timedelta(microseconds=now)).astimezone(zone.reads)
        day = datetime(here.year, here.month, here.day) + timedelta(days=days)  # noqa: DTZ001  zone is put on below
    return _microseconds(day + timedelta(days=1) if closing else day, zone)


def _microseconds(at: datetime, zone: Zone) -> int:
    """Take a time without offset as standing in `zone.reads`; astimezone takes a naive one as this machine's."""
    if at.tzinfo is None:
        at = at.astimezone() if zone.reads is None else at.replace(tzinfo=zone.reads)
    return (at - _EPOCH) // timedelta(microseconds=1)


def shown(at: int | None, zone: Zone, *, unknown: str = "-", seconds: bool = False) -> str:
    """Show a time as a line of output does, to the minute or the second, with its zone: `2026-11-01 10:00 UTC`."""
    if at is None:
        return unknown
    try:
        here = (_EPOCH + timedelta(microseconds=at)).astimezone(zone.shows)
    except OverflowError:
        return unknown
    clock = here.strftime("%H:%M:%S" if seconds else "%H:%M")
    offset = "UTC" if zone.shows is UTC else here.strftime("%z")
    return f"{here:%Y-%m-%d} {clock} {offset}"


def ago(at: int | None, now: int, *, never: str = "never") -> str:
    """How long since, in the one unit that tells: `12 s`, `5 min`, `3 h`, `2 d`; and `in 5 min` for what is to come."""
    if at is None:
        return never
    length = abs(now - at)
    for unit, name, most in ((SECOND, "s", 120), (MINUTE, "min", 120), (HOUR, "h", 48)):
        if length < most * unit:
            words = f"{length // unit} {name}"
            break
    else:
        words = f"{length // DAY} d"
    return f"in {words}" if at > now else f"{words} ago"
