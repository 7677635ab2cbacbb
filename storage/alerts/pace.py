"""How many messages a chat got within the last minute: counted in the archive, so that a restart forgets none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

WINDOW = 61_000_000  # microseconds; the other side sees messages in its own minute, a little earlier or later


@dataclass(frozen=True, slots=True)
class Pace:
    """At most `per_minute` messages to `chat` in any minute; no limit if that is None."""

    chat: str
    per_minute: int | None = None


def find_free_time(reader: Reader, pace: Pace, now: int) -> int:
    """When the next message may go out, in microseconds UTC; in the past if it may now."""
    if pace.per_minute is None:
        return 0
    at = reader.value(
        "SELECT at FROM sendings WHERE chat = :chat AND at <= :possible ORDER BY at DESC LIMIT 1 OFFSET :earlier",
        {"chat": pace.chat, "earlier": pace.per_minute - 1, "possible": now + WINDOW},  # later: a clock that was ahead
    )
    return 0 if at is None else int(at) + WINDOW


def note_sending(writer: Writer, pace: Pace, now: int) -> None:
    """Count one message, before it goes out."""
    old = {"old": now - WINDOW, "impossible": now + WINDOW}
    writer.execute("DELETE FROM sendings WHERE at <= :old OR at > :impossible", old)
    if pace.per_minute is not None:
        writer.execute("INSERT INTO sendings (chat, at) VALUES (:chat, :now)", {"chat": pace.chat, "now": now})


def note_arrival(writer: Writer, pace: Pace, now: int) -> None:
    """The message that was counted last may have arrived as late as now."""
    writer.execute(
        "UPDATE sendings SET at = max(at, :now) WHERE id = (SELECT max(id) FROM sendings WHERE chat = :chat)",
        {"chat": pace.chat, "now": now},
    )
