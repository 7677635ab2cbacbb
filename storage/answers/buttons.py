"""Buttons under alerts that somebody has taken up: what is left of them, until the last one is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

_HAS_BUTTONS = "CASE WHEN json_valid(d.receipt) THEN json_extract(d.receipt, '$.buttons') END = 1"
_OF_ACK = (
    "FROM acks a JOIN matches m ON m.id = a.match_id JOIN matches n ON n.post_id IN (SELECT m.post_id UNION"
    " SELECT c.post_id FROM event_posts b JOIN event_posts c ON c.event_id = b.event_id WHERE b.post_id = m.post_id)"
    " CROSS JOIN deliveries d ON (d.match_id = n.id OR d.escalates = n.id) WHERE a.buttons = 1"
)


@dataclass(frozen=True, slots=True)
class ButtonedMessage:
    """A message that still shows buttons, with the receipt that its target gave."""

    delivery: int
    target: str
    receipt: str


def list_leftover(reader: Reader) -> list[ButtonedMessage]:
    """The messages of acknowledged events that still show buttons."""
    rows = reader.rows(f"SELECT d.id, d.target, d.receipt {_OF_ACK} AND +d.state = 'sent' AND {_HAS_BUTTONS}")
    return [ButtonedMessage(*row) for row in rows]


def has_open_acks(reader: Reader) -> bool:
    """Whether the messages of some acknowledged event have to be looked at."""
    return bool(reader.value("SELECT EXISTS (SELECT 1 FROM acks WHERE buttons = 1)"))


def note_removed(writer: Writer, delivery: int) -> None:
    """The message shows no buttons any more."""
    writer.execute(
        "UPDATE deliveries SET receipt = json_remove(receipt, '$.buttons') WHERE id = :id AND json_valid(receipt)",
        {"id": delivery},
    )


def settle_acks(writer: Writer) -> None:
    """Look no more at acknowledgements whose messages have none, unless one is being sent at this moment."""
    writer.execute(
        "UPDATE acks SET buttons = 0 WHERE buttons = 1 AND id NOT IN"
        f" (SELECT a.id {_OF_ACK} AND (+d.state = 'sending' OR +d.state = 'sent' AND {_HAS_BUTTONS}))"
    )
