"""Events as documents: one with each of its posts, who quotes it, and what faces it."""

from typing import TYPE_CHECKING

from bot.alerts.document import facing_document
from bot.documents.event import whole_event_json
from storage.events import facing, listing

if TYPE_CHECKING:
    from storage.archive.database import Reader

EVENT_COLUMNS = (
    "id", "opened_at", "newest_at", "source", "side", "url", "posts", "copies", "channels", "edited",
    "gone", "spread", "sources", "families", "sides",
    "rules", "origin", "quotes", "text",
)  # fmt: skip


def describe_event(reader: "Reader", event_id: int) -> dict[str, object]:
    """The event with this id, which must exist."""
    [event] = listing.read_events(reader, [event_id])
    faced = filter(None, map(facing_document, facing.list_of_event(reader, event_id)))
    return whole_event_json(
        event, listing.read_members(reader, event_id), listing.list_quoting(reader, event_id), faced
    )
