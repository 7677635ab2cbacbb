"""What happened to posts, in the order in which it was stored: new posts, edits, deletions, returns, and matches.

A place in that order is three numbers, each of which only rises: the last revision, disappearance and match. No clock
has a say in it, so whoever remembers a place continues there, after whatever restart.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING, Literal, NamedTuple

from storage.archive.database import as_list, in_list
from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Reader

ChangeKind = Literal["post", "edit", "deletion", "return", "match"]
_WRITTEN = re.compile(r"[0-9]{1,18}-[0-9]{1,9}\.[0-9]{1,18}-[0-9]{1,9}\.[0-9]{1,18}")


class Position(NamedTuple):
    """How far somebody has come: ids of the last revision, disappearance and match."""

    revision: int
    disappearance: int
    match: int


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened; `position` is how far somebody has come who has it. `match` is the id of a match."""

    kind: ChangeKind
    post_id: int
    position: Position
    match: int | None = None


def is_position(written: str) -> bool:
    """Whether this could be what `write_position` writes."""
    return _WRITTEN.fullmatch(written) is not None


def find_position(reader: Reader, written: str) -> Position | None:
    """The place that `write_position` wrote so; None for anything else, and where this archive has no such place."""
    if not is_position(written):
        return None
    revised, gone, match = written.split(".")
    places = (
        _find(reader, revised, "SELECT id FROM revisions WHERE post_id = :post AND number = :nth"),
        _find(reader, gone, "SELECT id FROM disappearances WHERE post_id = :post ORDER BY id LIMIT 1 OFFSET :nth"),
        reader.value("SELECT id FROM matches WHERE id = :id", {"id": int(match)}) if int(match) else 0,
    )
    known = [place for place in places if place is not None]
    return Position(*known) if len(known) == len(places) else None


def _find(reader: Reader, written: str, ask: str) -> int | None:
    post, nth = map(int, written.split("-"))
    found: int | None = reader.value(ask, {"post": post, "nth": nth}) if post else 0
    return found


def write_position(reader: Reader, place: Position) -> str:
    """The place as text that says no more than ids of posts and matches do: nothing of how many rows there are."""
    [revised] = reader.rows(
        "SELECT coalesce(max(post_id), 0), coalesce(max(number), 0) FROM revisions WHERE id = :id",
        {"id": place.revision},
    )
    [gone] = reader.rows(
        "SELECT coalesce(max(d.post_id), 0), (SELECT count(*) FROM disappearances e WHERE e.post_id = max(d.post_id)"
        " AND e.id < :id) FROM disappearances d WHERE d.id = :id",
        {"id": place.disappearance},
    )
    return f"{revised[0]}-{revised[1]}.{gone[0]}-{gone[1]}.{place.match}"


def read_end(reader: Reader) -> Position:
    """The place behind all that has happened so far."""
    return Position(
        *(
            int(reader.value(f"SELECT coalesce((SELECT id FROM {table} ORDER BY id DESC LIMIT 1), 0)"))
            for table in ("revisions", "disappearances", "matches")
        )
    )


def read_changes(reader: Reader, after: Position, limit: int) -> list[Change]:
    """What happened after a place, at most so much at a time; a match never before the words that it found."""
    found: list[Change] = []
    place = after
    for table, columns, kinds in _TABLES:
        rows = reader.rows(
            f"SELECT id, post_id, {columns} AS what FROM {table} WHERE id > :after ORDER BY id LIMIT :limit + 0",
            {"after": getattr(place, _PLACES[table]), "limit": limit - len(found)},
        )
        for row in rows:
            place = place._replace(**{_PLACES[table]: row["id"]})
            kind = kinds[min(row["what"], 1)]
            found.append(Change(kind, row["post_id"], place, row["id"] if kind == "match" else None))
        if len(found) >= limit:
            break
    return found


def read_last_changes(reader: Reader, posts: Collection[int]) -> dict[int, int]:
    """When each of these posts last changed, was deleted or came back, microseconds UTC: never earlier than before."""
    changes = (
        "SELECT post_id, max(collected_at, coalesce(edited_at, 0)) AS at FROM revisions",
        "SELECT post_id, at FROM disappearances",
    )
    every = " UNION ALL ".join(f"{one} WHERE post_id {in_list('posts')}" for one in changes)
    rows = reader.rows(f"SELECT post_id, max(at) AS at FROM ({every}) GROUP BY post_id", {"posts": as_list(posts)})
    return {row["post_id"]: row["at"] for row in rows}


_PLACES = {"revisions": "revision", "disappearances": "disappearance", "matches": "match"}
_TABLES: tuple[tuple[str, str, tuple[ChangeKind, ChangeKind]], ...] = (
    ("revisions", "number", ("post", "edit")),
    ("disappearances", "gone", ("return", "deletion")),
    ("matches", "0", ("match", "match")),
)
