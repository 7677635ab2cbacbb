"""Which posts are to be looked at again, and where their sources have them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.archive.database import as_list, in_list
from storage.jobs import NewJob, enqueue
from storage.posts.ids import first_id
from storage.records import Seen

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

ALBUM = 10  # messages in an album, at most
_OLDER = 86_400  # seconds: numbers and times of a channel rise together, but for wrong clocks
MISSING, REPORTED = "missing", "reported"  # slots: a page left the post out; the source said that it changed
_AGAIN = 3_600_000_000  # a post that a page leaves out though it is there is looked at once an hour


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
    """Look at these posts again at once, but at none that was looked at within the hour.

    Only the re-check decides: a page that leaves a post out proves nothing.
    """
    unseen = writer.column(
        "SELECT value FROM json_each(:ids) WHERE NOT EXISTS "
        "(SELECT 1 FROM observations o WHERE o.post_id = value AND o.at > :lately) AND NOT EXISTS "
        "(SELECT 1 FROM jobs j WHERE j.kind = 'recheck' AND j.post_id = value AND j.slot = :slot)",
        {"slot": MISSING, "ids": as_list(post_ids), "lately": now - _AGAIN},
    )
    enqueue(writer, [NewJob("recheck", post_id, now, MISSING) for post_id in unseen])


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
