"""How many messages a chat got in the last minute and hour: counted in the archive, so that a restart forgets none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

MINUTE = 61_000_000  # microseconds; the other side sees messages in its own minute, a little earlier or later
HOUR = 3_601_000_000


@dataclass(frozen=True, slots=True)
class Pace:
    """At most so many messages to `chat` in any minute and in any hour; no limit where that is None."""

    chat: str
    per_minute: int | None = None
    per_hour: int | None = None

    @property
    def limited(self) -> bool:
        return self.per_minute is not None or self.per_hour is not None


def find_free_time(reader: Reader, pace: Pace, now: int) -> int:
    """When the next message may go out, in microseconds UTC; in the past if it may now."""
    limits = ((pace.per_minute, MINUTE), (pace.per_hour, HOUR))
    return max((_find_free(reader, pace.chat, most, window, now) for most, window in limits if most), default=0)


def _find_free(reader: Reader, chat: str, most: int, window: int, now: int) -> int:
    at = reader.value(
        "SELECT at FROM sendings WHERE chat = :chat AND at <= :possible ORDER BY at DESC LIMIT 1 OFFSET :earlier",
        {"chat": chat, "earlier": most - 1, "possible": now + MINUTE},  # later: a clock that was ahead
    )
    return 0 if at is None else int(at) + window


def list_free_times(reader: Reader, pace: Pace, now: int, count: int) -> list[int]:
    """When the next messages may go out, one after the other, if nothing else is sent."""
    limits = [(most, window) for most, window in ((pace.per_minute, MINUTE), (pace.per_hour, HOUR)) if most]
    at: list[int] = reader.column(
        "SELECT at FROM sendings WHERE chat = :chat AND at <= :possible ORDER BY at DESC LIMIT :most + 0",
        {"chat": pace.chat, "possible": now + MINUTE, "most": max((most for most, _ in limits), default=0)},
    )
    at.reverse()
    known = len(at)
    for _ in range(count):
        at.append(max([now, *(at[-most] + window for most, window in limits if len(at) >= most)]))
    return at[known:]


def note_sending(writer: Writer, pace: Pace, now: int) -> None:
    """Count one message, before it goes out."""
    writer.execute(
        "DELETE FROM sendings WHERE at <= :old OR at > :impossible", {"old": now - HOUR, "impossible": now + MINUTE}
    )
    if pace.limited:
        writer.execute("INSERT INTO sendings (chat, at) VALUES (:chat, :now)", {"chat": pace.chat, "now": now})


def note_arrival(writer: Writer, pace: Pace, now: int) -> None:
    """The message that was counted last may have arrived as late as now."""
    writer.execute(
        "UPDATE sendings SET at = max(at, :now) WHERE id = (SELECT max(id) FROM sendings WHERE chat = :chat)",
        {"chat": pace.chat, "now": now},
    )
