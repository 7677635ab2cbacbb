"""The topics that targets opened for events: one for each, opened before its first message, closed after its time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.events.members import AFTER_NEWEST, AT_MOST
from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer


@dataclass(frozen=True, slots=True)
class TopicRow:
    """One topic: state "opening", "open", "closed", or "none" where the event is in the chat itself.

    "opening" without an answer may have opened one. `renewed` is how often a person had deleted it.
    """

    target: str
    chat: str
    event_id: int
    state: str
    topic: int | None
    renewed: int


_COLUMNS = "target, chat, event_id, state, topic, renewed"


def find_event(reader: Reader, match_id: int) -> int | None:
    """The event of the post of a match."""
    found: int | None = reader.value(
        "SELECT b.event_id FROM matches m JOIN event_posts b ON b.post_id = m.post_id WHERE m.id = :id",
        {"id": match_id},
    )
    return found


def find_topic(reader: Reader, target: str, chat: str, event_id: int) -> TopicRow | None:
    """What is known of the topic of an event."""
    row = reader.one(
        f"SELECT {_COLUMNS} FROM topics WHERE target = :target AND chat = :chat AND event_id = :event",
        {"target": target, "chat": chat, "event": event_id},
    )
    return None if row is None else TopicRow(*row)


def save_topic(writer: Writer, row: TopicRow, now: int) -> None:
    """Write down what is so now."""
    writer.execute(
        f"INSERT INTO topics ({_COLUMNS}, opened_at) VALUES (:target, :chat, :event, :state, :topic, :renewed, :now)"
        " ON CONFLICT (target, chat, event_id) DO UPDATE SET state = excluded.state, topic = excluded.topic,"
        " renewed = excluded.renewed",
        {
            "target": row.target,
            "chat": row.chat,
            "event": row.event_id,
            "state": row.state,
            "topic": row.topic,
            "renewed": row.renewed,
            "now": now,
        },
    )


def forget_topic(writer: Writer, row: TopicRow) -> None:
    """None was opened, and that is certain."""
    writer.execute(
        "DELETE FROM topics WHERE target = :target AND chat = :chat AND event_id = :event",
        {"target": row.target, "chat": row.chat, "event": row.event_id},
    )


def list_over(reader: Reader, target: str, chat: str, now: int) -> list[TopicRow]:
    """The open topics of events that no copy can join any longer, the oldest first."""
    columns = ", ".join(f"t.{name.strip()}" for name in _COLUMNS.split(","))
    rows = reader.rows(
        f"SELECT {columns} FROM topics t LEFT JOIN events e ON e.id = t.event_id WHERE t.state = 'open'"
        " AND t.target = :target AND t.chat = :chat AND (e.id IS NULL OR e.leads_to IS NOT NULL"
        " OR min(e.newest_at + :after, e.opened_at + :most) <= :now) ORDER BY t.opened_at",
        {"target": target, "chat": chat, "now": now, "after": AFTER_NEWEST, "most": AT_MOST},
    )
    return [TopicRow(*row) for row in rows]
