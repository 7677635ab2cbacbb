"""Which posts are to be looked at again, and where their sources have them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from storage.archive.database import as_list, in_list
from storage.frozen import dataclass
from storage.jobs import NewJob, enqueue, finish
from storage.posts.ids import first_id
from storage.posts.observations import CONFIRM, LEFT_OUT
from storage.records import Seen

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

ALBUM = 10  # messages in an album, at most
_OLDER = 86_400  # seconds: numbers and times of a channel rise together, but for wrong clocks
MISSING, REPORTED = "missing", "reported"  # slots: a page left the post out; the source said that it changed
_PAUSES = (600_000_000, 3_600_000_000)  # a post that a page leaves out though it is there is looked at ever less often


@dataclass(frozen=True, slots=True)
class PostAddress:
    """The name of a post's source, and its id there."""

    source: str
    native_id: str


def find_addresses(reader: Reader, post_ids: Sequence[int]) -> dict[int, PostAddress]:
    """The place of each post."""
    rows = reader.rows(
        "SELECT p.id, s.name, p.native_id FROM json_each(:ids) wanted "
        "JOIN posts p ON p.id = wanted.value JOIN sources s ON s.id = p.source_id",
        {"ids": as_list(post_ids)},
    )
    return {row[0]: PostAddress(row[1], row[2]) for row in rows}


def find_album_rests(reader: Reader, source_id: int, numbers: Sequence[int]) -> frozenset[str]:
    """Ids of those of these new posts that are what is left of a stored album whose first message was removed.

    They are posts of their own, and alert nobody by themselves: their words were weighed with the album.
    """
    near = [(number - back, number) for number in numbers for back in range(1, ALBUM)]
    if not near:
        return frozenset()
    rests = reader.column(
        "SELECT DISTINCT CAST(json_extract(near.value, '$[1]') AS TEXT) FROM json_each(:near) near JOIN posts p "
        "ON p.source_id = :source AND p.native_id = CAST(json_extract(near.value, '$[0]') AS TEXT) "
        "JOIN media m ON m.post_id = p.id AND m.key LIKE '%:' || json_extract(near.value, '$[1]')",
        {"near": json.dumps(near), "source": source_id},
    )
    return frozenset(rests)


def find_left_out(reader: Reader, source_id: int, seen: Seen, shown: frozenset[str]) -> list[int]:
    """Ids of the stored posts that a reply accounts for and does not show.

    Only those are looked through that are at most a day older than the oldest that it shows.
    """
    rows = reader.rows(
        f"SELECT id, native_id FROM posts WHERE source_id = :source AND deleted_at IS NULL "
        f"AND number BETWEEN :low AND :high AND id >= (SELECT min(id) - {first_id(_OLDER)} FROM posts "
        f"WHERE source_id = :source AND native_id {in_list('shown')})",
        {"source": source_id, "low": seen.low, "high": seen.high, "shown": as_list(shown)},
    )
    return [row["id"] for row in rows if row["native_id"] not in shown]


def recheck_missing(writer: Writer, post_ids: Sequence[int], now: int) -> None:
    """Look at these posts again, which a page left out: only that look decides, for a page proves nothing.

    At once, unless the last look found a post that a page had left out: then ten minutes after it, later an hour. What
    is under way began before this page, so it does not count.
    """
    rows = writer.rows(
        "SELECT wanted.value AS post_id, count(o.id) AS times, max(o.at) AS last FROM json_each(:ids) wanted "
        "LEFT JOIN observations o ON o.post_id = wanted.value AND o.detail = :left_out AND o.id > coalesce((SELECT "
        "max(n.id) FROM observations n WHERE n.post_id = wanted.value AND n.detail IS NOT :left_out), 0) "
        "WHERE NOT EXISTS (SELECT 1 FROM jobs j WHERE j.kind = 'recheck' AND j.post_id = wanted.value "
        "AND j.slot IN (:missing, :confirm) AND j.claimed_until IS NULL) GROUP BY wanted.value",
        {"ids": as_list(post_ids), "missing": MISSING, "confirm": CONFIRM, "left_out": LEFT_OUT},
    )
    enqueue(writer, [NewJob("recheck", row["post_id"], _due(row["times"], row["last"], now), MISSING) for row in rows])


def _due(times: int, last: int | None, now: int) -> int:
    """When a post is looked at that was found `times` times although a page had left it out."""
    if last is None:
        return now
    pause = _PAUSES[min(times, len(_PAUSES)) - 1]
    return max(now, min(last, now) + pause)


def end_look(writer: Writer, job_id: int) -> None:
    """A look is over: its job is removed, unless the post was doubted again since the look began."""
    finish(writer, writer.column("SELECT id FROM jobs WHERE id = :id AND claimed_until IS NOT NULL", {"id": job_id}))


def recheck_reported(writer: Writer, source: str, native_ids: Sequence[str], now: int) -> frozenset[str]:
    """Check posts at once that the source reported as edited or removed; returns those of the ids that are stored.

    A part of an album leads to the post that it is part of.
    """
    near = [(one, one) for one in native_ids]
    near += [(str(int(one) - back), one) for one in native_ids if one.isdecimal() for back in range(1, ALBUM)]
    rows = writer.rows(
        "SELECT p.id, json_extract(near.value, '$[1]') AS reported FROM json_each(:near) near "
        "JOIN sources s ON s.name = :source JOIN posts p ON p.source_id = s.id AND p.deleted_at IS NULL "
        "AND p.native_id = json_extract(near.value, '$[0]') WHERE p.native_id = json_extract(near.value, '$[1]') "
        "OR EXISTS (SELECT 1 FROM media m WHERE m.post_id = p.id "
        "AND m.key LIKE '%:' || json_extract(near.value, '$[1]'))",
        {"near": json.dumps(near), "source": source},
    )
    enqueue(writer, [NewJob("recheck", post_id, now, REPORTED) for post_id in {row["id"] for row in rows}])
    return frozenset(row["reported"] for row in rows)
