"""PURE: quiet hours: whether a message is held at a moment, and when that ends.

A window begins on its days at `begin` and lasts until `end`, on the next day if that is not later. Where the clock
skips a time, it is the moment of the change. Where it shows a time twice, a window begins at the first and ends at the
second, so that no reading of the clock inside of a window is ever loud.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.contracts.quiet import QuietHours, read_days, read_minutes
from storage.frozen import dataclass
from storage.records import PRIORITIES

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_ENDLESS = 7 * _DAY  # quiet for longer than this never ends
LOUDEST = len(PRIORITIES) - 1  # every message passes
AT_ITS_HOUR = (
    -1
)  # the priority of a digest that comes at an hour which people chose: before all, also while it is quiet


@dataclass(frozen=True, slots=True)
class QuietWindow:
    """`days` from 0, Monday; times in minutes after midnight; messages up to priority `passing` are sent (-1: none)."""

    days: frozenset[int]
    begin: int
    end: int
    zone: ZoneInfo
    passing: int = -1


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time of quiet, in microseconds UTC, through all the windows that touch.

    `endless`: the windows leave no time between them; then it is the one window that is now.
    """

    begin: int
    end: int
    endless: bool = False


def read_windows(written: Sequence[QuietHours], zone: ZoneInfo) -> tuple[QuietWindow, ...]:
    """Windows as the config has them; `zone` is of those that name none."""
    return tuple(
        QuietWindow(
            read_days(one.days),
            read_minutes(one.begin),
            read_minutes(one.end),
            zone if one.zone is None else ZoneInfo(one.zone),
            -1 if one.except_from is None else PRIORITIES.index(one.except_from),
        )
        for one in written
    )


def find_passing(windows: Sequence[QuietWindow], at: int) -> int:
    """The number of the least urgent priority that is sent at `at`: 4 while it is not quiet, -1 if none is."""
    return min((window.passing for window in windows if any(_active(window, at))), default=LOUDEST)


def find_quiet(windows: Sequence[QuietWindow], at: int, priority: int) -> Stretch | None:
    """The quiet that holds a message of this priority at `at`; None if it is sent."""
    holding = [window for window in windows if priority > window.passing]
    now = [span for window in holding for span in _active(window, at)]
    if not now:
        return None
    begin, end = _grow(holding, min(now)[0], max(until for _, until in now))
    if end - begin > _ENDLESS:
        return Stretch(*max(now), endless=True)
    return Stretch(begin, end)


def _grow(windows: Sequence[QuietWindow], begin: int, end: int) -> tuple[int, int]:
    """Take in every window that touches, until there is none or there is no end to it."""
    while end - begin <= _ENDLESS:
        touching = [
            span
            for window in windows
            for at in (begin, end)
            for span in _spans(window, at)
            if span[0] <= end and begin <= span[1]
        ]
        grown = min([begin, *(first for first, _ in touching)]), max([end, *(last for _, last in touching)])
        if grown == (begin, end):
            break
        begin, end = grown
    return begin, end


def _active(window: QuietWindow, at: int) -> Iterator[tuple[int, int]]:
    return (span for span in _spans(window, at) if span[0] <= at < span[1])


def _spans(window: QuietWindow, at: int) -> Iterator[tuple[int, int]]:
    """The window on each of the days around `at`; none of those that the clock skips."""
    try:
        today = (_EPOCH + timedelta(microseconds=at)).astimezone(window.zone).date()
        days = [today + timedelta(days=offset) for offset in (-2, -1, 0, 1)]
    except OverflowError:  # a clock far from any year
        return
    for day in days:
        if day.weekday() not in window.days:
            continue
        last = day + timedelta(days=int(window.end <= window.begin))
        begin, end = _moments(day, window.begin, window.zone)[0], _moments(last, window.end, window.zone)[1]
        if begin < end:
            yield begin, end


def _moments(day: date, minutes: int, zone: ZoneInfo) -> tuple[int, int]:
    """When the clock shows this time, first and last; the change itself if it skips the time."""
    wall = datetime(day.year, day.month, day.day, minutes // 60, minutes % 60, tzinfo=zone)
    first, second = (_utc(wall.replace(fold=fold)) for fold in (0, 1))
    if first <= second:
        return first, second
    change = _find_change(second, first, zone)
    return change, change


def _find_change(before: int, after: int, zone: ZoneInfo) -> int:
    """The second between two moments at which the zone changes its offset."""
    old = _offset(before, zone)
    while after - before > _SECOND:
        middle = (before + after) // 2 // _SECOND * _SECOND
        before, after = (middle, after) if _offset(middle, zone) == old else (before, middle)
    return after


def _offset(at: int, zone: ZoneInfo) -> timedelta | None:
    return (_EPOCH + timedelta(microseconds=at)).astimezone(zone).utcoffset()


def _utc(moment: datetime) -> int:
    return (moment.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)
