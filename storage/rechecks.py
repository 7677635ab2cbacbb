"""Where the posts stand that are to be looked at again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.database import sql
from storage.jobs import NewJob, enqueue
from storage.records import Seen

if TYPE_CHECKING:
    from storage.database import Reader, Writer

_A_PAGE = 40  # posts: more than any page shows
_AGAIN = 3_600_000_000  # a post that a page leaves out though it is there is looked at once an hour


@dataclass(frozen=True, slots=True)
class Place:
    """The name of a post's source, and its id there."""

    source: str
    native_id: str


def places(reader: Reader, post_ids: Sequence[int]) -> dict[int, Place]:
    """The place of each post."""
    rows = reader.execute(
        "SELECT p.id, s.name, p.native_id FROM json_each(:ids) wanted "
        "JOIN posts p ON p.id = wanted.value JOIN sources s ON s.id = p.source_id",
        {"ids": json.dumps(list(post_ids))},
    )
    return {row[0]: Place(row[1], row[2]) for row in rows}


def doubt(writer: Writer, source_id: int, seen: Seen, shown: frozenset[str], now: int) -> int:
    """Look at once at posts that a reply should have shown and did not; how many there are.

    Only the re-check decides: a page that leaves a post out proves nothing.
    """
    rows = writer.execute(
        sql(
            "SELECT id, native_id FROM (SELECT id, native_id, number, deleted_at FROM posts WHERE source_id = :source "
            "ORDER BY id DESC LIMIT :page) p WHERE number BETWEEN :low AND :high AND deleted_at IS NULL "
            "AND NOT EXISTS (SELECT 1 FROM observations o WHERE o.post_id = p.id AND o.at > :lately) "
            "AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.post_id = p.id AND j.slot = 'missing')"
        ),
        {"source": source_id, "page": _A_PAGE, "low": seen.low, "high": seen.high, "lately": now - _AGAIN},
    ).all()
    missing = [row.id for row in rows if row.native_id not in shown]
    enqueue(writer, [NewJob("recheck", post_id, now, "missing") for post_id in missing])
    return len(missing)
