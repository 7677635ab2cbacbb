"""What each target has heard of an event: the messages about its posts that were sent or are still pending.

What a digest lists has arrived if the digest has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.archive.database import as_list, in_list
from storage.frozen import dataclass
from storage.records import Thread

if TYPE_CHECKING:
    from collections.abc import Iterable

    from storage.archive.database import Reader, Writer

_OF_EVENTS = (
    "FROM event_posts b JOIN matches m ON m.post_id = b.post_id AND m.kind = 'match'"
    " JOIN deliveries d ON d.match_id = m.id"
)
_OF_EVENT = _OF_EVENTS.replace("JOIN", "CROSS JOIN")  # from its few posts, never over all that a target was ever sent
_WITH_DIGEST = f"{_OF_EVENT} LEFT JOIN digests g ON g.id = d.digest_id LEFT JOIN deliveries x ON x.id = g.delivery_id"
_STATE = "iif(d.state = 'digested', x.state, d.state)"


@dataclass(frozen=True, slots=True)
class Heard:
    """One message: by which rule, to which target, how urgent (0 is the most), and whose side spoke in its post.

    A forward is no voice of its own.
    """

    rule: str
    target: str
    priority: int
    side: str | None


def read_heard(reader: Reader, event_id: int) -> list[Heard]:
    """What was said of the event, in a digest too, and has arrived or will; for a suspended target it has not."""
    rows = reader.rows(
        f"SELECT DISTINCT m.rule, d.target, d.priority, iif(p.forward IS NULL, s.side, NULL) {_WITH_DIGEST}"
        " CROSS JOIN posts p ON p.id = b.post_id JOIN sources s ON s.id = p.source_id"
        f" WHERE b.event_id = :event AND d.state <> 'joined' AND ({_STATE} = 'sent'"
        f" OR {_STATE} IN ('pending', 'sending') AND NOT EXISTS"
        " (SELECT 1 FROM targets t WHERE t.name = d.target AND t.state = 'parked'))",
        {"event": event_id},
    )
    return [Heard(*row) for row in rows]


def list_silenced(reader: Reader, mute_id: int) -> list[tuple[int, int | None, Heard]]:
    """Messages about new matches that a mute holds, the oldest first: each with its event, and what it would say."""
    rows = reader.rows(
        "SELECT d.id, b.event_id, m.rule, d.target, d.priority, iif(p.forward IS NULL, s.side, NULL)"
        " FROM deliveries d JOIN matches m ON m.id = d.match_id JOIN posts p ON p.id = m.post_id"
        " JOIN sources s ON s.id = p.source_id LEFT JOIN event_posts b ON b.post_id = p.id"
        " WHERE d.mute_id = :mute AND d.state = 'silenced' AND d.kind = 'match' ORDER BY d.id",
        {"mute": mute_id},
    )
    return [(delivery, event, Heard(*alert)) for delivery, event, *alert in rows]


def list_joined(reader: Reader, event_id: int, since: int) -> list[tuple[int, Heard]]:
    """Messages about new matches in the event that were joined since then, the oldest first; what each would say."""
    rows = reader.rows(
        f"SELECT d.id, m.rule, d.target, d.priority, iif(p.forward IS NULL, s.side, NULL) {_OF_EVENT}"
        " JOIN posts p ON p.id = b.post_id JOIN sources s ON s.id = p.source_id"
        " WHERE b.event_id = :event AND d.state = 'joined' AND d.created_at >= :since ORDER BY d.id",
        {"event": event_id, "since": since},
    )
    return [(delivery, Heard(*alert)) for delivery, *alert in rows]


def list_joined_changes(reader: Reader, post_id: int, since: int) -> list[int]:
    """Messages about edits and the deletion of a post that were joined, where the one about its match no longer is."""
    return reader.column(
        "SELECT d.id FROM matches m JOIN deliveries d ON d.match_id = m.id"
        " WHERE m.post_id = :post AND m.kind <> 'match' AND d.state = 'joined' AND d.created_at >= :since AND EXISTS"
        " (SELECT 1 FROM matches n JOIN deliveries f ON f.match_id = n.id WHERE n.post_id = m.post_id"
        " AND n.rule = m.rule AND n.kind = 'match' AND f.target = d.target AND f.state <> 'joined') ORDER BY d.id",
        {"post": post_id, "since": since},
    )


def send(writer: Writer, deliveries: Iterable[int], now: int) -> None:
    """Let these be sent that were joined."""
    writer.execute(
        "UPDATE deliveries SET state = 'pending', not_before = :now, settled_at = NULL"
        f" WHERE state = 'joined' AND id {in_list('ids')}",
        {"ids": as_list(deliveries), "now": now},
    )


def join(writer: Writer, deliveries: Iterable[int], now: int) -> None:
    """Let these be joined to what their targets hear of the event."""
    writer.execute(
        f"UPDATE deliveries SET state = 'joined', settled_at = :now WHERE id {in_list('ids')}",
        {"ids": as_list(deliveries), "now": now},
    )


def find_only_joined(reader: Reader, post_id: int, rule: str) -> set[str]:
    """The targets to which nothing of this rule about this post was sent itself, because they knew of the event."""
    rows = reader.rows(
        "SELECT d.target, max(d.state <> 'joined') AS said FROM matches m JOIN deliveries d ON d.match_id = m.id"
        " WHERE m.post_id = :post AND m.rule = :rule GROUP BY d.target",
        {"post": post_id, "rule": rule},
    )
    return {row["target"] for row in rows if not row["said"]}


def read_thread(reader: Reader, post_id: int) -> Thread | None:
    """The event of which a post is a copy, or which it quotes; None for what is alone."""
    row = reader.one(
        "SELECT e.id, s.name, iif(b.event_id = b.post_id, b.added, NULL) AS added FROM event_posts b"
        " JOIN events f ON f.id = b.event_id"
        " JOIN events e ON e.id = iif(b.event_id = b.post_id, f.quotes, b.event_id)"
        " JOIN posts p ON p.id = e.id JOIN sources s ON s.id = p.source_id WHERE b.post_id = :post",
        {"post": post_id},
    )
    return None if row is None else Thread(row["id"], row["name"], row["added"])


def find_first_message(reader: Reader, event_id: int, rule: str, target: str) -> tuple[int, str | None] | None:
    """The first match of the event that `target` was sent, of this rule if there is one; with its receipt."""
    rows = reader.rows(
        f"SELECT m.id, coalesce(d.receipt, x.receipt) AS got {_WITH_DIGEST}"
        f" WHERE b.event_id = :event AND d.target = :target AND {_STATE} = 'sent'"
        " ORDER BY m.rule <> :rule, got IS NULL, d.id LIMIT 1",
        {"event": event_id, "rule": rule, "target": target},
    )
    return next(((row["id"], row["got"]) for row in rows), None)


def find_message_about(reader: Reader, match_id: int, target: str) -> tuple[int, str | None] | None:
    """The message that `target` was sent about this match, or else about the event of its post."""
    rows = reader.rows(
        "SELECT d.match_id, coalesce(d.receipt, x.receipt) AS got FROM deliveries d"
        " LEFT JOIN digests g ON g.id = d.digest_id LEFT JOIN deliveries x ON x.id = g.delivery_id"
        f" WHERE d.match_id = :id AND d.target = :target AND {_STATE} = 'sent'",
        {"id": match_id, "target": target},
    )
    if rows:
        return rows[0]["match_id"], rows[0]["got"]
    row = reader.one(
        "SELECT b.event_id, m.rule FROM matches m JOIN event_posts b ON b.post_id = m.post_id WHERE m.id = :id",
        {"id": match_id},
    )
    return None if row is None else find_first_message(reader, row["event_id"], row["rule"], target)


def take_up(writer: Writer, delivery_id: int, now: int) -> list[int]:
    """A message was given up: of each statement in it, the oldest that was joined to it is sent instead; their ids."""
    return [
        int(row["id"])
        for row in writer.rows(
            "UPDATE deliveries SET state = 'pending', not_before = :now, settled_at = NULL, reason = NULL WHERE id IN"
            f" (SELECT min(d.id) {_OF_EVENTS} JOIN deliveries f ON f.target = d.target AND f.kind = 'match'"
            " AND (f.id = :id OR f.digest_id = (SELECT g.id FROM digests g WHERE g.delivery_id = :id))"
            " JOIN matches n ON n.id = f.match_id AND n.rule = m.rule"
            " JOIN event_posts a ON a.post_id = n.post_id AND a.event_id = b.event_id"
            " WHERE d.state = 'joined' GROUP BY b.event_id, m.rule) RETURNING id",
            {"id": delivery_id, "now": now},
        )
    ]
