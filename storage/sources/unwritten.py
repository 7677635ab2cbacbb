"""Rounds that brought nothing new, written down together: how long a source was watched, and when it is due again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from storage.archive.database import Writer


@dataclass(frozen=True, slots=True)
class QuietRounds:
    """Good rounds of one source in a row, none of which brought anything; times are microseconds UTC.

    `planned` is when the archive says that the source is due: where somebody has changed that meanwhile, it stays.
    """

    source_id: int
    first_at: int
    last_at: int
    rounds: int
    longest_pause: int
    planned: int
    next_poll_at: int
    cursor: str | None


def write(writer: Writer, several: Iterable[QuietRounds]) -> None:
    """Lengthen the last stretch of each, which is a good one."""
    for one in several:
        values = {
            "id": one.source_id,
            "first": one.first_at,
            "last": one.last_at,
            "rounds": one.rounds,
            "longest": one.longest_pause,
            "planned": one.planned,
            "next": one.next_poll_at,
            "cursor": one.cursor,
        }
        writer.execute(
            "UPDATE runs SET longest_pause = max(longest_pause, :first - ended_at, :longest), ended_at = :last, "
            "rounds = rounds + :rounds WHERE id = (SELECT max(id) FROM runs WHERE source_id = :id) AND outcome = 'ok'",
            values,
        )
        writer.execute(
            "UPDATE sources SET last_ok_at = :last, cursor = :cursor, "
            "next_poll_at = CASE WHEN next_poll_at = :planned THEN :next ELSE next_poll_at END WHERE id = :id",
            values,
        )
