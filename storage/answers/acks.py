"""Who took up an event: stored once, for every alert about it.

An acknowledgement is of the event, not of one rule: a desk that says "mine" means the story, whichever rule rang for
it. It is kept with the alert that was answered, so that it follows the post where events are split, joined or rebuilt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.answers.escalations import silence_acked
from storage.records import Acked

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

# The matches of the posts of the event, of the match :id
_OF_EVENT = (
    "SELECT n.id FROM matches m JOIN matches n ON n.post_id IN (SELECT m.post_id UNION SELECT c.post_id"
    " FROM event_posts b JOIN event_posts c ON c.event_id = b.event_id WHERE b.post_id = m.post_id) WHERE m.id = :id"
)


def find_ack(reader: Reader, match_id: int) -> Acked | None:
    """Who took up the event of this alert, if anybody did."""
    row = reader.one(f"SELECT who, at FROM acks WHERE match_id IN ({_OF_EVENT}) ORDER BY id LIMIT 1", {"id": match_id})
    return None if row is None else Acked(row["who"], row["at"])


def acknowledge(writer: Writer, match_id: int, who: str, now: int) -> Acked | None:
    """Store that `who` takes up the event of this alert; who had it already, None if nobody had.

    What would have escalated its alerts is silenced in the same transaction.
    """
    before = find_ack(writer, match_id)
    if before is None:
        writer.execute(
            "INSERT INTO acks (match_id, who, at) VALUES (:match, :who, :now)",
            {"match": match_id, "who": who, "now": now},
        )
        silence_acked(writer, now)
    return before
