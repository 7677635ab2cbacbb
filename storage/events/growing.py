"""Messages that grow with the copies of their statement: what each says of copies, and when it is looked at again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.alerts.pace import find_free_time
from storage.alerts.target_states import find_target
from storage.archive.database import as_list, in_list
from storage.events.members import AFTER_NEWEST, AT_MOST
from storage.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from storage.alerts.pace import Pace
    from storage.archive.database import Reader, Writer

_OF_TARGET = "FROM event_messages g JOIN deliveries d ON d.id = g.delivery_id WHERE d.target = :target"
_AS_AFTER_A_START = 8 * AFTER_NEWEST  # messages that old are looked at once more: no copy joins their event any longer


@dataclass(frozen=True, slots=True)
class GrowingMessage:
    """A message that was sent, and the event that it is about. `closes_at` is when no copy can join any longer.

    `shown` and `copies` are what it says of copies, `edits` how often it was changed. Times are microseconds UTC.
    """

    delivery_id: int
    match_id: int
    post_id: int
    event_id: int
    receipt: str | None
    sent_at: int
    shown: str
    copies: int
    edits: int
    closes_at: int


def note_sent(writer: Writer, delivery_id: int, shown: str, copies: int, look_at: int) -> None:
    """A message about a match was sent: if it is the target's first about the event, let it grow."""
    event = (
        "JOIN matches m ON m.id = d.match_id AND m.kind = 'match' JOIN event_posts b ON b.post_id = m.post_id"
        " WHERE d.{} = :id"
    )
    writer.execute(
        "INSERT INTO event_messages (delivery_id, shown, copies, edits, due_at, not_before)"
        f" SELECT d.id, :shown, :copies, 0, :at, :at FROM deliveries d {event.format('id')} AND NOT EXISTS"
        " (SELECT 1 FROM event_posts c CROSS JOIN matches n ON n.post_id = c.post_id"
        " CROSS JOIN deliveries f ON f.match_id = n.id JOIN event_messages g ON g.delivery_id = f.id"
        " WHERE c.event_id = b.event_id AND f.target = d.target)"
        " ON CONFLICT (delivery_id) DO NOTHING",
        {"id": delivery_id, "shown": shown, "copies": copies, "at": look_at},
    )


def note_changes(writer: Writer, post_ids: Iterable[int], now: int = 0) -> None:
    """Something about the events of these posts changes: messages about them are looked at."""
    writer.execute(
        "UPDATE event_messages SET due_at = max(:now, not_before) WHERE due_at IS NULL AND ended IS NULL"
        " AND delivery_id IN (SELECT d.id FROM event_posts b JOIN matches m ON m.post_id = b.post_id"
        " JOIN deliveries d ON d.match_id = m.id WHERE b.event_id IN"
        f" (SELECT a.event_id FROM event_posts a WHERE a.post_id {in_list('posts')}))",
        {"now": now, "posts": as_list(post_ids)},
    )


def note_start(writer: Writer, target: str | None, now: int) -> None:
    """Look at every message of the last days once, of one target or of all: whatever happened, it shows what is so."""
    writer.execute(
        "UPDATE event_messages SET due_at = max(:now, not_before) WHERE due_at IS NULL AND ended IS NULL"
        " AND delivery_id IN (SELECT g.delivery_id FROM event_messages g CROSS JOIN deliveries d"
        " ON d.id = g.delivery_id WHERE (:target IS NULL OR d.target = :target) AND d.settled_at > :since)",
        {"now": now, "target": target, "since": now - _AS_AFTER_A_START},
    )


def find_due_time(reader: Reader, target: str, pace: Pace, now: int) -> int | None:
    """When a message at `target` is looked at; None if none has to be, or if the target is suspended."""
    due = reader.value(
        f"SELECT g.due_at {_OF_TARGET} AND g.due_at IS NOT NULL ORDER BY g.due_at LIMIT 1".replace(
            "FROM event_messages g", "FROM event_messages g INDEXED BY event_messages_due"
        ),
        {"target": target},
    )
    if due is None:
        return None
    known = find_target(reader, target)
    hold = max(known.hold_until or 0, find_free_time(reader, pace, now))
    return None if known.state == "parked" else max(int(due), hold)


def list_due(reader: Reader, target: str, now: int, limit: int) -> list[GrowingMessage]:
    """The messages that are to be looked at now, those that wait longest first."""
    rows = reader.rows(
        "SELECT g.delivery_id, d.match_id, m.post_id, e.id, d.receipt, coalesce(d.settled_at, d.created_at), g.shown,"
        " g.copies, g.edits, min(e.newest_at + :after, e.opened_at + :most)"
        f" {_OF_TARGET.replace('WHERE', _JOINED + ' WHERE')} AND g.due_at <= :now ORDER BY g.due_at, g.delivery_id"
        " LIMIT :limit + 0",
        {"target": target, "now": now, "limit": limit, "after": AFTER_NEWEST, "most": AT_MOST},
    )
    return [GrowingMessage(*row) for row in rows]


_JOINED = (
    "JOIN matches m ON m.id = d.match_id JOIN event_posts b ON b.post_id = m.post_id JOIN events e ON e.id = b.event_id"
)


def forget_due(writer: Writer, target: str, now: int) -> None:
    """Look at none of what is due at a target: its posts belong to no event."""
    writer.execute(
        "UPDATE event_messages SET due_at = NULL WHERE due_at <= :now AND delivery_id IN"
        " (SELECT d.id FROM event_messages g JOIN deliveries d ON d.id = g.delivery_id"
        " WHERE g.due_at <= :now AND d.target = :target)",
        {"now": now, "target": target},
    )


def look_again(writer: Writer, delivery_id: int, at: int | None) -> None:
    """Look at a message at this time, and change it no earlier; None: not before its event changes."""
    writer.execute(
        "UPDATE event_messages SET due_at = :at, not_before = max(not_before, coalesce(:at, 0))"
        " WHERE delivery_id = :id AND ended IS NULL",
        {"id": delivery_id, "at": at},
    )


def note_edit(writer: Writer, delivery_id: int, shown: str, copies: int, look_at: int) -> None:
    """A message says this of copies now."""
    writer.execute(
        "UPDATE event_messages SET shown = :shown, copies = :copies, edits = edits + 1, due_at = :at, not_before = :at"
        " WHERE delivery_id = :id AND ended IS NULL",
        {"id": delivery_id, "shown": shown, "copies": copies, "at": look_at},
    )


def end(writer: Writer, delivery_id: int, reason: str) -> None:
    """A message is not changed any more."""
    writer.execute(
        "UPDATE event_messages SET ended = :reason, due_at = NULL WHERE delivery_id = :id",
        {"id": delivery_id, "reason": reason},
    )


def owe_line(writer: Writer, target: str, payload: str, now: int) -> None:
    """Owe a target one message about an event whose copies it was not shown."""
    writer.execute(
        "INSERT INTO deliveries (match_id, target, kind, payload, state, not_before, attempts, possible_repeat,"
        " created_at, priority) VALUES (NULL, :target, 'event', :payload, 'pending', :now, 0, 0, :now, 3)",
        {"target": target, "payload": payload, "now": now},
    )
