"""PURE: the habit of a source, learnt from when it posted while it was watched, and what of it is missing."""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property

from bot.clock import DAY, HOUR, MINUTE
from bot.intake.slots import Slot, find_slots, has_post_near, mark_minutes
from bot.intake.watched import Past, Span

BACK = 17 * 7 * DAY  # posts of so long are read: eight watched weeks, also where half of the time was not watched
_WEEKS = 8 * 7 * DAY  # of watched time, in which the longest silence counts
_POSTS = 30  # with fewer there is no habit
_WATCHED = 14 * DAY  # with less there is none either
_UNSEEN = HOUR  # of a day, or
_UNSEEN_AT_SLOT = 15 * MINUTE  # around a slot, that may have gone unwatched
_LATE = 2 * HOUR  # after the end of a slot, that its absence is still news
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAILY, _DAILY_MISSES, _WEEKLY, _WEEKLY_MISSES = 28, 2, 8, 1  # watched days, or the same days of the week


@dataclass(frozen=True, slots=True)
class Habit:
    """What a source usually does; times in microseconds. `longest` is None where no habit is known."""

    posts: int = 0
    watched: int = 0
    longest: int | None = None
    slots: tuple[Slot, ...] = ()

    @property
    def limit(self) -> int | None:
        """The silence that is longer than usual; None: no habit is known."""
        return None if self.longest is None else self.longest + self.longest // 4


@dataclass(frozen=True, slots=True)
class Missing:
    """What is or was missing: a silence since then (`slot` None), or the post of a slot; `at`: when that is certain."""

    since: int
    at: int
    slot: Slot | None = None
    limit: int | None = None
    until: int | None = None  # when it spoke again


@dataclass
class Days:
    """The past by days of a zone: in which minutes of each day there were posts, and which days were watched."""

    past: Past
    zone: tzinfo
    bits: dict[int, int] = field(default_factory=dict)  # by the number of the day (date.toordinal)

    def __post_init__(self) -> None:
        for at in self.past.posts:
            here = _local(at, self.zone)
            mark_minutes(self.bits, here.toordinal(), here.hour * 60 + here.minute)

    @cached_property
    def watched(self) -> list[int]:
        """The days that were watched, but for an hour, with the hours around them."""
        spans = self.past.watched
        if not spans:
            return []
        first, last = (_local(at, self.zone).toordinal() for at in (spans[0][0], spans[-1][1]))
        return [day for day in range(first, last + 1) if self._is_watched(day)]

    def _is_watched(self, day: int) -> bool:
        begin, end = find_window(Slot(0), day, self.zone)[0], find_window(Slot(0), day + 1, self.zone)[1]
        return end - begin - (self.past.clock(end) - self.past.clock(begin)) <= _UNSEEN

    def slots_before(self, day: int) -> tuple[Slot, ...]:
        """The slots that the days before this one show."""
        known = self.watched[: bisect_left(self.watched, day)]
        recent = [one for one in known[-_DAILY:] if one >= day - 2 * _DAILY]
        daily = [Slot(minute) for minute in self._find(recent, _DAILY, _DAILY_MISSES)]
        weekly = [slot for slot in self._find_weekly(known) if not any(one.is_near(slot.minute) for one in daily)]
        return tuple(
            sorted([*daily, *weekly], key=lambda slot: (-1 if slot.weekday is None else slot.weekday, slot.minute))
        )

    def _find_weekly(self, known: Sequence[int]) -> list[Slot]:
        """Times of days of the week, but for what was missed last, and what all seven have: that is kept no more."""
        found, kept = [], []
        for weekday in range(7):
            same = [day for day in known if (day - 1) % 7 == weekday][-_WEEKLY:]
            slots = [Slot(minute, weekday) for minute in self._find(same, _WEEKLY, _WEEKLY_MISSES)]
            found += slots
            kept += [slot for slot in slots if has_post_near(self.bits.get(same[-1], 0), slot.minute)]
        return [slot for slot in kept if len({one.weekday for one in found if one.is_near(slot.minute)}) < 7]

    def _find(self, days: Sequence[int], wanted: int, misses: int) -> list[int]:
        return find_slots([self.bits.get(day, 0) for day in days], misses) if len(days) == wanted else []


def learn(past: Past, until: int, zone: tzinfo) -> Habit:
    """What was usual before `until`."""
    recent = past.posts[bisect_left(past.posts, until - BACK) : bisect_left(past.posts, until)]
    watched = past.clock(until) - past.clock(until - BACK)
    if len(recent) < _POSTS or past.clock(recent[-1]) - past.clock(until - BACK) < _WATCHED:
        return Habit(len(recent), watched)
    begin = past.clock(recent[-1]) - _WEEKS
    lengths = [
        past.clock(end) - past.clock(start)
        for start, end in past.silences(until)
        if start < recent[-1] and past.clock(end) > begin
    ]
    day = _local(until - 2 * HOUR, zone).toordinal()
    return Habit(len(recent), watched, max(lengths, default=0), Days(past, zone).slots_before(day))


def find_window(slot: Slot, day: int, zone: tzinfo) -> Span:
    """From an hour before to an hour after a slot of a day; where the clocks change, after the later of both times."""
    at = datetime.fromordinal(day) + timedelta(minutes=slot.minute)
    moments = [_moment(at.replace(tzinfo=zone, fold=fold)) for fold in (0, 1)]
    return min(moments) - HOUR, max(moments) + HOUR


def find_last_window(slot: Slot, at: int, zone: tzinfo) -> Span | None:
    """The window of a slot that was over by `at`, at most two hours ago; of today or, near midnight, of yesterday."""
    today = _local(at, zone).toordinal()
    for day in (today, today - 1):
        begin, end = find_window(slot, day, zone)
        if slot.weekday in (None, (day - 1) % 7) and end <= at < end + _LATE:
            return begin, end
    return None


def find_missed_slot(slot: Slot, past: Past, at: int, zone: tzinfo, *, since: int = 0) -> Missing | None:
    """The slot that was just over by `at`, if it was watched all the time and there is no post since it began.

    None also if its window began before `since`, the last post or first contact.
    """
    window = find_last_window(slot, at, zone)
    if window is None or window[0] < since:
        return None
    begin, end = window
    silent = bisect_left(past.posts, begin) >= bisect_right(past.posts, at)
    unseen = end - begin - (past.clock(end) - past.clock(begin))
    return Missing(begin, end, slot) if silent and unseen <= _UNSEEN_AT_SLOT else None


def find_silence(past: Past, since: int, at: int, limit: int) -> Missing | None:
    """A silence that is longer than `limit` in watched time, and known to be one: no gap is open in it."""
    if any(low < at and high > since for low, high in past.missing):
        return None
    return Missing(since, at, limit=limit) if past.clock(at) - past.clock(since) > limit else None


def replay(past: Past, since: int, until: int, zone: tzinfo, usual: "int | str" = "auto") -> list[Missing]:
    """What would have been reported from `since` to `until`, oldest first; `usual` as the config has it."""
    if usual == "off":
        return []
    silences = list(_replay_silences(past, until, usual))
    slots = _replay_slots(Days(past, zone), since, until) if usual == "auto" else ()
    alone = [one for one in slots if not any(_is_reported(silence, one.at) for silence in silences)]
    return sorted((one for one in [*silences, *alone] if since <= one.at < until), key=lambda one: one.at)


def _is_reported(silence: Missing, at: int) -> bool:
    return silence.at <= at and (silence.until is None or silence.until > at)


def _replay_silences(past: Past, until: int, usual: "int | str") -> Iterator[Missing]:
    longest: deque[tuple[int, int]] = deque()  # (when it ended, length), by falling length: the first is the longest
    for begin, end in past.silences(until):
        started, length = past.clock(begin), past.clock(end) - past.clock(begin)
        while longest and longest[0][0] <= started - _WEEKS:
            longest.popleft()
        limit = usual if isinstance(usual, int) else _limit_at(past, begin, longest[0][1] if longest else 0)
        if limit is not None and length > limit:
            yield Missing(begin, past.later(begin, limit), limit=limit, until=end if end < until else None)
        while longest and longest[-1][1] <= length:
            longest.pop()
        longest.append((started + length, length))


def _limit_at(past: Past, at: int, longest: int) -> int | None:
    enough = bisect_right(past.posts, at) - bisect_left(past.posts, at - BACK) >= _POSTS
    return longest + longest // 4 if enough and past.clock(at) - past.clock(at - BACK) >= _WATCHED else None


def _replay_slots(days: Days, since: int, until: int) -> Iterator[Missing]:
    past = days.past
    first, last = _local(since, days.zone).toordinal(), _local(until, days.zone).toordinal()
    open_since: dict[Slot, int] = {}
    for day in range(first, last + 1):
        for slot in days.slots_before(day):
            begin, end = find_window(slot, day, days.zone)
            if slot.weekday not in (None, (day - 1) % 7) or end >= until:
                continue
            missed = find_missed_slot(slot, past, end, days.zone)
            spoken = bisect_left(past.posts, begin)
            if missed is not None and open_since.get(slot) != spoken:
                open_since[slot] = spoken  # once until it speaks again
                again = past.posts[spoken] if spoken < len(past.posts) else None
                yield Missing(begin, end, slot, until=again)


def _local(at: int, zone: tzinfo) -> datetime:
    return (_EPOCH + timedelta(microseconds=at)).astimezone(zone)


def _moment(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
