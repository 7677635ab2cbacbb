"""Gives new posts their ids, in the order of their publishing.

Where the time of publishing is missing, before 1990 or more than a day ahead, the time of collecting is used instead: a
wrong clock at the source cannot put a post beyond search.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from storage.archive.columns import int64_or_none
from storage.archive.database import as_list
from storage.posts.ids import POST_BITS, SECOND, first_id, second_of

if TYPE_CHECKING:
    from storage.archive.database import Writer
    from storage.records import FetchedPost

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
    rows = writer.rows(
        "SELECT value, "
        f"(SELECT max(id) FROM posts WHERE id >= value << {POST_BITS} AND id < (value + 1) << {POST_BITS}) "
        "FROM json_each(:seconds)",
        {"seconds": as_list(sorted(set(seconds)))},
    )
    newest: dict[int, int | None] = {row[0]: row[1] for row in rows}
    ids: list[int] = []
    for second in seconds:
        found = _next(writer, newest, second)
        newest[second_of(found)] = found
        ids.append(found)
    return sorted(ids)


def _next(writer: Writer, newest: dict[int, int | None], second: int) -> int:
    while True:
        if second not in newest:
            newest[second] = writer.value(
                "SELECT max(id) FROM posts WHERE id >= :low AND id < :high",
                {"low": first_id(second), "high": first_id(second + 1)},
            )
        last = newest[second]
        found = first_id(second) if last is None else last + 1
        if second_of(found) == second:
            return found
        second += 1
