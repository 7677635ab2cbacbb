"""What happened to posts, in the order in which it was stored: new posts, edits, deletions, returns, and matches.

A place in that order is three numbers, each of which only rises: the last revision, disappearance and match. No clock
has a say in it, so whoever remembers a place continues there, after whatever restart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Reader

ChangeKind = Literal["post", "edit", "deletion", "return", "match"]
_PARTS = 3


class Position(NamedTuple):
    """How far somebody has come: ids of the last revision, disappearance and match."""

    revision: int
    disappearance: int
    match: int

    def __str__(self) -> str:
        return ".".join(map(str, self))


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened; `position` is how far somebody has come who has it. `match` is the id of a match."""

    kind: ChangeKind
    post_id: int
    position: Position
    match: int | None = None


def parse_position(written: str) -> Position | None:
    """The place that was written so; None for anything else."""
    parts = written.split(".")
    if len(parts) != _PARTS or not all(one.isascii() and one.isdecimal() and len(one) < 19 for one in parts):
        return None
    return Position(*map(int, parts))


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


_PLACES = {"revisions": "revision", "disappearances": "disappearance", "matches": "match"}
_TABLES: tuple[tuple[str, str, tuple[ChangeKind, ChangeKind]], ...] = (
    ("revisions", "number", ("post", "edit")),
    ("disappearances", "gone", ("return", "deletion")),
    ("matches", "0", ("match", "match")),
)
