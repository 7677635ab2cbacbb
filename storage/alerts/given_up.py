"""Jobs that were given up and of which nobody has heard yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.archive.database import as_list, in_list
from storage.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from storage.archive.database import Reader, Writer


@dataclass(frozen=True, slots=True)
class GivenUpJob:
    """One job that was given up, with the name of its post; `slot` is the id of a file where `kind` is of files."""

    id: int
    kind: str
    post_id: int
    slot: str
    reason: str
    source: str
    native_id: str


def list_unannounced(reader: Reader) -> list[GivenUpJob]:
    """What was given up since the last `mark_announced`, oldest first."""
    rows = reader.rows(
        "SELECT g.id, g.kind, g.post_id, g.slot, g.reason, s.name, p.native_id FROM given_up g"
        " JOIN posts p ON p.id = g.post_id JOIN sources s ON s.id = p.source_id WHERE g.announced = 0 ORDER BY g.id"
    )
    return [GivenUpJob(*row) for row in rows]


def mark_announced(writer: Writer, ids: Iterable[int]) -> None:
    """Note that people have heard of these."""
    writer.execute(f"UPDATE given_up SET announced = 1 WHERE id {in_list('ids')}", {"ids": as_list(ids)})


def list_posts(reader: Reader, kinds: Iterable[str]) -> list[int]:
    """Posts of which a job of these kinds is given up."""
    return reader.column(
        f"SELECT DISTINCT post_id FROM given_up WHERE kind {in_list('kinds')} ORDER BY post_id",
        {"kinds": as_list(kinds)},
    )
