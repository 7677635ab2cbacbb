"""The page `/event/ID`: a first statement, its copies with the reason of each, who spoke, what faces it."""

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse

from bot.alerts.document import quote
from bot.documents.event import describe_copy, describe_fate, describe_spread
from bot.web.layout import page
from bot.web.room import read
from storage.alerts import matches
from storage.events import facing, listing
from storage.frozen import dataclass

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from storage.archive.database import Reader
    from storage.events.listing import EventMember, EventRow
    from storage.records import MatchRow, Statement

_ALERTS = 50  # the newest of an event that are listed


@dataclass(frozen=True, slots=True)
class Facing:
    """Two statements that face each other: each with the sentences that the rule found."""

    first: "Statement"
    first_words: str
    second: "Statement"
    second_words: str


@dataclass(frozen=True, slots=True)
class EventShown:
    """One event with all that its page shows; `quoting` are the events that repeat it with words of their own."""

    event: "EventRow"
    members: "list[EventMember]"
    quoting: list[tuple[int, str]]
    facing: list[Facing]
    alerts: "list[tuple[MatchRow, str, str | None]]"

    @property
    def spread(self) -> str:
        """How far it has spread, and what became of its copies."""
        fate = describe_fate(self.event.spread)
        return describe_spread(self.event.spread) + (f"; {fate}" if fate else "")


async def show_event(request: "Request") -> "Response":
    """Show the event; the id of a copy leads to the first statement's."""
    asked: int = request.path_params["event"]
    found = await read(request, _read, asked)
    if found is None:
        raise HTTPException(404)
    if found.event.id != asked:
        return RedirectResponse(f"/event/{found.event.id}", 302)
    return page(request, "event.html", found=found, describe_copy=describe_copy)


def _read(reader: "Reader", asked: int) -> EventShown | None:
    event_id = listing.find_event_id(reader, asked)
    events = [] if event_id is None else listing.read_events(reader, [event_id])
    if not events:
        return None
    [event] = events
    return EventShown(
        event,
        listing.read_members(reader, event.id),
        listing.list_quoting(reader, event.id),
        [Facing(one, quote(one), other, quote(other)) for one, other in facing.list_of_event(reader, event.id)],
        list(matches.list_matches(reader, event=event.id, limit=_ALERTS)),
    )
