"""The page `/`: what is not watched before anything else, then the newest events and alerts."""

from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

from starlette.responses import Response

from bot.alerts.plan import describe_reason
from bot.clock import MINUTE
from bot.documents.event import describe_spread
from bot.foreign.graphemes import clip
from bot.listing.watching import BlindNow, WatchedNow, read_watched
from bot.web.layout import page
from bot.web.room import read, room_of
from storage.alerts import outbox
from storage.alerts.matches import list_matches
from storage.events.listing import EventRow, list_events
from storage.frozen import dataclass
from storage.posts.reading import read_deleted, read_languages
from storage.records import DeliveryRow, MatchRow

if TYPE_CHECKING:
    from starlette.requests import Request

    from storage.archive.database import Reader

_EVENTS, _ALERTS = 12, 8
_WORDS = 280  # characters of a statement


@dataclass(frozen=True, slots=True)
class EventItem:
    """An event in a list: the beginning of its words, and how far it has spread."""

    row: EventRow
    words: str
    spread: str
    language: str
    deleted: bool  # the statement itself; `row.spread` counts its copies


@dataclass(frozen=True, slots=True)
class AlertItem:
    """An alert in a list, with the name of its source and what became of its messages."""

    match: MatchRow
    source: str
    deliveries: tuple[DeliveryRow, ...]


@dataclass(frozen=True, slots=True)
class News:
    """Everything on the page. `mark` changes when it does."""

    watching: WatchedNow
    events: list[EventItem]
    alerts: list[AlertItem]
    mark: str


async def show_now(request: "Request") -> Response:
    """Show what is new; with the `mark` of what is shown already, nothing unless something has changed."""
    news = await read(request, _look, room_of(request).clock.now())
    if request.query_params.get("mark") == news.mark:
        return Response(status_code=204)
    return page(
        request,
        "now.html",
        news=news,
        groups=group_blind(news.watching.blind),
        describe_reason=describe_reason,
    )


def group_blind(blind: Sequence[BlindNow]) -> list[tuple[str, list[BlindNow]]]:
    """Why sources are not watched, and which these are: those with one reason since one minute together."""
    groups: dict[tuple[str, int | None], list[BlindNow]] = {}
    for one in blind:
        why = f"{one.state}: {one.reason}" if one.reason else one.state
        groups.setdefault((why, None if one.since is None else one.since // MINUTE), []).append(one)
    return [(why, ones) for (why, _), ones in groups.items()]


def _look(reader: "Reader", now: int) -> News:
    watching = read_watched(reader, now)
    rows = list(list_events(reader, limit=_EVENTS))
    ids = [row.id for row in rows]
    languages, deleted = read_languages(reader, ids), read_deleted(reader, ids)
    events = [
        EventItem(
            row, clip(row.text, _WORDS), describe_spread(row.spread), languages.get(row.id, "und"), row.id in deleted
        )
        for row in rows
    ]
    alerts = [
        AlertItem(match, source, tuple(outbox.list_deliveries(reader, match.id)))
        for match, source, _ in list_matches(reader, limit=_ALERTS)
    ]
    said = repr((watching.since, watching.blind, watching.watched, events, alerts))
    return News(watching, events, alerts, sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:16])
