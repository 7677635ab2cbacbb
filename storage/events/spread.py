"""How far a statement has spread: its copies, the sources they are in, whose voices they are, how many are gone."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import TYPE_CHECKING

from storage.archive.database import as_list, in_list
from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Reader, Row


@dataclass(frozen=True, slots=True)
class Spread:
    """The copies of a statement, and in how many channels and families they are; a source without a family is one.

    A forward is no voice of its own: it counts as the family of the message that it forwards. `elsewhere` names the
    channels beside that of the statement itself, in the order in which they came. `edited` and `gone` count the copies
    that were edited, and those that are deleted.
    """

    copies: int = 0
    channels: int = 0
    families: int = 0
    elsewhere: tuple[str, ...] = ()
    edited: int = 0
    gone: int = 0


def read_spread(reader: Reader, event_id: int, beside: int | None = None) -> Spread:
    """How far an event has spread, as seen from the post `beside`: all its other posts are copies."""
    return _count(_read_members(reader, [event_id]), event_id if beside is None else beside)


def read_spreads(reader: Reader, event_ids: Iterable[int]) -> dict[int, Spread]:
    """How far these events have spread, as seen from the first statement of each."""
    members = groupby(_read_members(reader, event_ids), key=lambda row: int(row["event_id"]))
    return {event_id: _count(list(rows), event_id) for event_id, rows in members}


def _read_members(reader: Reader, event_ids: Iterable[int]) -> list[Row]:
    return reader.rows(
        "SELECT b.event_id, b.post_id, s.name, coalesce(s.family, s.name) AS family, coalesce(e.origin, e.id) AS voice,"
        " p.forward IS NOT NULL OR b.reason = 'origin' AS carried, p.deleted_at IS NOT NULL AS gone,"
        " p.revision > 0 AS edited FROM events e JOIN event_posts b ON b.event_id = e.id"
        " JOIN posts p ON p.id = b.post_id JOIN sources s ON s.id = p.source_id"
        f" WHERE e.id {in_list('ids')} ORDER BY b.event_id, p.seq, b.post_id",
        {"ids": as_list(event_ids)},
    )


def _count(members: list[Row], beside: int) -> Spread:
    own = next((row["name"] for row in members if row["post_id"] == beside), None)
    voice = next((row["family"] for row in members if row["post_id"] == row["voice"]), None)
    copies = [row for row in members if row["post_id"] != beside]
    return Spread(
        len(copies),
        len({row["name"] for row in copies}),
        len({voice if row["carried"] else row["family"] for row in copies}),
        tuple(dict.fromkeys(row["name"] for row in copies if row["name"] != own)),
        sum(row["edited"] for row in copies),
        sum(row["gone"] for row in copies),
    )
