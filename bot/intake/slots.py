"""PURE: times of the day at which a source posts on nearly every day, found by the minutes of its posts on many days.

A day is a number with a bit for each minute, from an hour before midnight to an hour after the next.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from math import comb

from storage.frozen import dataclass

MINUTES = 24 * 60
REACH = 60  # minutes: a post within so much of a time is the post of that time
_NEAR = 10  # minutes: what is counted to say at what time it usually is
_STEP = 5
_AROUND = 6 * 60  # minutes before and after, with which a time is compared
_BY_CHANCE = 0.0003  # a time that posts without any habit would hit so often is none
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WHOLE = (1 << MINUTES) - 1


@dataclass(frozen=True, slots=True)
class Slot:
    """A time of the day in minutes since midnight, of every day or of one day of the week (0 is Monday)."""

    minute: int
    weekday: int | None = None

    def __str__(self) -> str:
        day = "day" if self.weekday is None else _DAYS[self.weekday]
        return f"every {day} about {self.minute // 60:02}:{self.minute % 60:02}"

    @property
    def key(self) -> str:
        """A short name: "18:00", "Mon 18:00"."""
        day = "" if self.weekday is None else f"{_DAYS[self.weekday][:3]} "
        return f"{day}{self.minute // 60:02}:{self.minute % 60:02}"

    def is_near(self, minute: int) -> bool:
        """Whether a time of the day is within an hour of it, also across midnight."""
        apart = abs(self.minute - minute) % MINUTES
        return min(apart, MINUTES - apart) <= REACH


def mark_minutes(days: dict[int, int], day: int, minute: int) -> None:
    """Note a post at this minute of a day, which is near the next or the last day too if it is near midnight."""
    for other in (day - 1, day, day + 1):
        place = minute + (day - other) * MINUTES + REACH
        if 0 <= place <= MINUTES + 2 * REACH:
            days[other] = days.get(other, 0) | 1 << place


def has_post_near(day: int, minute: int) -> bool:
    """Whether the day has a post within an hour of this minute."""
    return bool(_spread(day, REACH) >> minute & 1)


def find_slots(days: Sequence[int], misses: int) -> list[int]:
    """Times (minutes since midnight) near which all these days but `misses` have a post, and not only by chance."""
    near = [_spread(day, REACH) for day in days]
    if not days or sum(mask.bit_count() for mask in near) > 0.9 * MINUTES * len(days):
        return []
    found = []
    left = list(days)
    while good := _common([_spread(day, REACH) for day in left], misses):
        minute = _densest(left, good)
        hits = sum(mask >> minute & 1 for mask in near)
        if _chance(hits, len(days), _usual(near, minute)) <= _BY_CHANCE:
            found.append(minute)
        left = [_clear(day, minute) for day in left]
    return sorted(found)


@lru_cache(maxsize=4096)
def _spread(day: int, reach: int) -> int:
    """The minutes of the day that have a post within `reach`."""
    day >>= REACH - reach  # bit n is now the minute n - reach
    width, whole = 1, 2 * reach + 1
    while width < whole:
        step = min(width, whole - width)
        day |= day >> step
        width += step
    return day & _WHOLE


def _common(masks: Sequence[int], misses: int) -> int:
    """The minutes that are in all masks but at most `misses`."""
    missed = [0] * (misses + 1)  # missed[n]: in more than n masks it was not
    for mask in masks:
        lacking = ~mask & _WHOLE
        for level in range(misses, 0, -1):
            missed[level] |= missed[level - 1] & lacking
        missed[0] |= lacking
    return ~missed[misses] & _WHOLE


def _densest(days: Sequence[int], good: int) -> int:
    """The good time with posts close to it on most days; of several alike, the middle of the first ones in a row."""
    narrow = [_spread(day, _NEAR) for day in days]
    times = [minute for minute in range(0, MINUTES, _STEP) if good >> minute & 1]
    if not times:
        return (good & -good).bit_length() - 1
    counts = {minute: sum(mask >> minute & 1 for mask in narrow) for minute in times}
    most = max(counts.values())
    first = next(_rows([minute for minute in times if counts[minute] == most]))
    return first[len(first) // 2]


def _rows(times: Sequence[int]) -> Iterator[list[int]]:
    row: list[int] = []
    for minute in times:
        if row and minute - row[-1] > _STEP:
            yield row
            row = []
        row.append(minute)
    yield row


def _usual(masks: Sequence[int], minute: int) -> float:
    """In which part of the hours around, but not at this time itself, there is a post near."""
    around = [
        (minute + sign * offset) % MINUTES for sign in (-1, 1) for offset in range(2 * REACH + 1, _AROUND, 3 * _STEP)
    ]
    return sum(mask >> one & 1 for mask in masks for one in around) / (len(around) * len(masks))


def _chance(hits: int, days: int, usual: float) -> float:
    """How probable so many hits or more are, where each day has one by this chance (a binomial tail)."""
    return sum(comb(days, n) * usual**n * (1 - usual) ** (days - n) for n in range(hits, days + 1))


def _clear(day: int, minute: int) -> int:
    """Take out what is within reach of a time, and of the same time on the days beside."""
    for middle in (minute - MINUTES, minute, minute + MINUTES):
        low, high = max(middle, 0), middle + 2 * REACH  # bit n is the minute n - REACH
        if high >= low:
            day &= ~(((1 << (high - low + 1)) - 1) << low)
    return day
