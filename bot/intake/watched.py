"""PURE: what is known of a source's past: when it posted, and which times were watched or fetched later without a gap.

Silence is counted in watched time: what passes while nobody looks is neither silence nor habit.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from bot.clock import DAY

_HOLE = 28 * DAY  # before first contact: what lies beyond it is a pinned post, not the history that was fetched

Span = tuple[int, int]  # microseconds UTC


@dataclass(frozen=True)
class Past:
    """When a source posted (ascending), and which times are known: ascending, apart from each other.

    `missing` are the open gaps of the ledger: silences end where one begins. All times are microseconds UTC.
    """

    posts: Sequence[int]
    watched: Sequence[Span]
    missing: Sequence[Span] = ()

    @classmethod
    def of(
        cls, posts: Sequence[int], rounds: Sequence[Span], missing: Sequence[Span], first_contact: int | None
    ) -> "Past":
        """From the stretches of good rounds: what was fetched later of the times between them is known as well."""
        spans = list(rounds)
        if first_contact is not None:
            before = posts[: bisect_right(posts, first_contact)]
            begin = first_contact
            for at in reversed(before):
                if begin - at > _HOLE:
                    break
                begin = at
            spans.append((begin, first_contact))
        spans.sort()
        between = [(one[1], other[0]) for one, other in pairwise(spans) if one[1] < other[0]]
        spans += [hole for hole in between if bisect_left(posts, hole[1]) > bisect_right(posts, hole[0])]
        known = list(_without(_joined(spans), missing))
        inside = [at for at in posts if _is_inside(at, known)]
        return cls(inside, known, missing)

    @cached_property
    def _elapsed(self) -> list[int]:
        """Watched time before each stretch."""
        sums = [0]
        for begin, end in self.watched:
            sums.append(sums[-1] + end - begin)
        return sums

    def clock(self, at: int) -> int:
        """How much watched time had passed by then."""
        place = bisect_right(self.watched, (at, 1 << 62)) - 1
        if place < 0:
            return 0
        begin, end = self.watched[place]
        return self._elapsed[place] + min(at, end) - begin

    def silences(self, until: int) -> Iterator[Span]:
        """Times without a post, each from a post, or where an open gap or the watch ends or begins, to the next."""
        if not self.watched:
            return
        edges = sorted({self.watched[0][0], *(end for _, end in self.missing)})
        marks = sorted([*self.posts, *(at for at in edges if at < until)])
        for begin, end in pairwise([*marks, until]):
            cut = min((low for low, high in self.missing if begin < low < end), default=end)
            if begin < cut:
                yield begin, cut

    def later(self, at: int, length: int) -> int:
        """When so much watched time has passed since then."""
        wanted = self.clock(at) + length
        place = max(bisect_left(self._elapsed, wanted) - 1, 0)
        return self.watched[place][0] + wanted - self._elapsed[place]


def _joined(spans: Sequence[Span]) -> list[Span]:
    joined: list[Span] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((begin, end))
    return joined


def _without(spans: Sequence[Span], missing: Sequence[Span]) -> Iterator[Span]:
    """What is left of the spans outside of these."""
    for begin, end in spans:
        at = begin
        for low, high in sorted(missing):
            if high <= at or low >= end:
                continue
            if low > at:
                yield at, low
            at = max(at, high)
        if at < end or begin == end:
            yield at, end


def _is_inside(at: int, spans: Sequence[Span]) -> bool:
    place = bisect_right(spans, (at, 1 << 62)) - 1
    return place >= 0 and at <= spans[place][1]
