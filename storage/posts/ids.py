"""The archive's own post ids: time-ordered, so that newest first is a walk and a date range is a range of ids.

An id is the second of publishing << 16, plus the next free number. Where that time is missing, before 1990 or more
than a day ahead, the time of collecting stands in for it: a wrong clock at the source cannot put a post beyond search.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from storage.posts.content import int64_or_none
from storage.records import FetchedPost

if TYPE_CHECKING:
    from storage.archive.database import Writer

SECOND = 1_000_000
BITS = 16
_EARLIEST = 631_152_000 * SECOND  # 1990-01-01
_AHEAD = 86_400 * SECOND


def ordering_time(post: FetchedPost, collected_at: int) -> int:
    """The time that a post is ordered by, in microseconds UTC: its own if it is believable."""
    posted_at = post.posted_at
    if posted_at is None or not _EARLIEST <= posted_at <= collected_at + _AHEAD:
        return collected_at
    return posted_at


def sort_key(post: FetchedPost, collected_at: int) -> tuple[int, int]:
    """What to sort posts by before they get their ids."""
    return ordering_time(post, collected_at), int64_or_none(post.number) or 0


def find_free_ids(writer: Writer, moments: Sequence[int]) -> list[int]:
    """A free id for each of these ascending moments, ascending too; a full second spills into the next."""
    seconds = [at // SECOND for at in moments]
    wanted = ", ".join(f"({second})" for second in sorted(set(seconds)))
    rows = writer.rows(
        f"WITH wanted(second) AS (VALUES {wanted}) SELECT second, "
        f"(SELECT max(id) FROM posts WHERE id >= second << {BITS} AND id < (second + 1) << {BITS}) FROM wanted"
    )
    newest: dict[int, int | None] = {row[0]: row[1] for row in rows}
    ids: list[int] = []
    for second in seconds:
        found = _next(writer, newest, second)
        newest[found >> BITS] = found
        ids.append(found)
    return sorted(ids)


def _next(writer: Writer, newest: dict[int, int | None], second: int) -> int:
    while True:
        if second not in newest:
            newest[second] = writer.value(
                "SELECT max(id) FROM posts WHERE id >= :low AND id < :high",
                {"low": second << BITS, "high": (second + 1) << BITS},
            )
        last = newest[second]
        found = second << BITS if last is None else last + 1
        if found >> BITS == second:
            return found
        second += 1
