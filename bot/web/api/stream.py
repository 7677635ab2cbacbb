"""News of the archive as a stream of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).

Each event has a place in the archive's own order as its id; who comes back with the last one continues behind it. A
listener has a page of events in memory at most, and holds nothing open while it reads slowly.
"""

from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING

from starlette.responses import Response, StreamingResponse

from bot.documents.found import found_json
from bot.foreign.text import json_text
from bot.listing.alerts import list_alerts
from bot.web.access.gate import is_still_let_in
from bot.web.api.asking import TZ, Parameter, read_asked, words
from bot.web.api.refusals import RequestRefused
from bot.web.room import read, room_of
from bot.web.viewer import Viewer, viewer_of
from storage.alerts import matches
from storage.archive.errors import ArchiveError
from storage.frozen import dataclass
from storage.language.hits import find_hits
from storage.language.match import PreparedDocument, holds
from storage.posts import reading
from storage.posts.changes import Change, Position, find_position, is_position, read_changes, read_end, write_position
from storage.search.documents import load_documents

if TYPE_CHECKING:
    from starlette.requests import Request

    from bot.web.room import ReadingRoom
    from storage.archive.database import Reader
    from storage.language.query import Query
    from storage.rows import Hit

PARAMETERS: tuple[Parameter, ...] = (
    words("q", "Only news of posts that this query finds, or found before an edit."),
    TZ,
    words("after", "The id of the last event that was received, for who cannot send Last-Event-ID."),
)
TYPE = "text/event-stream"
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_PAGE = 50  # events that are read at a time
_QUIET_S = 15.0  # after which a sign of life is sent
_LONGEST_S = 900.0  # then a listener has to come back
_MOST = 500  # listeners
_ALL = Viewer("", "owner")


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events as they are sent, how far they lead, and whether there may be more."""

    events: tuple[str, ...]
    position: Position
    id: str
    is_full: bool


@dataclass(frozen=True, slots=True)
class Beginning:
    """Where a listener begins; `is_lost`: the archive has no such place any more, and it begins at the end."""

    position: Position
    id: str
    is_lost: bool


async def answer_stream(request: "Request") -> Response:
    """Begin a stream: behind the last event that the listener has, or now."""
    room = room_of(request)
    asked = read_asked(request, room, PARAMETERS)
    query = asked.query() if asked.text("q") is not None else None
    written = request.headers.get("last-event-id") or asked.text("after")
    if room.pulse.waiting >= _MOST:
        raise RequestRefused(503, "there are as many listeners as there can be: try again later")
    begin = await read(request, _begin, written)
    if request.method == "HEAD":
        return Response(None, 200, _HEADERS, TYPE)
    return StreamingResponse(_follow(request, query, begin), 200, _HEADERS, TYPE)


async def _follow(request: "Request", query: "Query | None", begin: "Beginning") -> AsyncIterator[str]:
    room, monotonic = room_of(request), room_of(request).clock.monotonic
    over = monotonic() + _LONGEST_S
    yield "retry: 1000\n"
    if begin.is_lost:
        yield _event("reset", begin.id, {"detail": "the archive has no such event: it was replaced"})
    place, named = begin.position, begin.id
    yield _sign_of_life(named)
    said_at = monotonic()
    while not room.pulse.is_stopped and monotonic() < over:
        beat = room.pulse.beat
        try:
            if not await is_still_let_in(request):
                return
            batch = await room.reading.read(viewer_of(request), _read_batch, query, place, named)
        except ArchiveError:
            return  # the listener comes back
        for event in batch.events:
            yield event
            said_at = monotonic()
        place, named = batch.position, batch.id
        if monotonic() - said_at >= _QUIET_S:
            yield _sign_of_life(named)
            said_at = monotonic()
        if not batch.is_full:
            await room.pulse.wait(beat, said_at + _QUIET_S - monotonic(), lambda: _look(room))


async def _look(room: "ReadingRoom") -> Position | None:
    try:
        return await room.reading.read(_ALL, read_end)
    except ArchiveError:
        return None


def _begin(reader: "Reader", written: str | None) -> Beginning:
    """Where to begin: behind the event with this id, or at the end. Raises RequestRefused for what is no id."""
    if written is not None and not is_position(written):
        raise RequestRefused(400, "this is no id of an event of this stream", "after")
    known = None if written is None else find_position(reader, written)
    place = read_end(reader) if known is None else known
    return Beginning(place, write_position(reader, place), written is not None and known is None)


def _read_batch(reader: "Reader", query: "Query | None", after: Position, named: str) -> EventPage:
    changes = read_changes(reader, after, _PAGE)
    if not changes:
        return EventPage((), after, named, is_full=False)
    events = tuple(_write_events(reader, changes, query))
    end = changes[-1].position
    return EventPage(events, end, write_position(reader, end), len(changes) >= _PAGE)


def _write_events(reader: "Reader", changes: list[Change], query: "Query | None") -> "Iterable[str]":
    ids = {change.post_id for change in changes}
    hits = dict.fromkeys(ids, ()) if query is None else _find(reader, ids, query)
    texts = reading.read_texts(reader, {hit.text_id for found in hits.values() for hit in found})
    posts = {post.id: post for post in reading.read_posts(reader, list(hits))}
    alerts = _read_alerts(reader, [change for change in changes if change.post_id in posts])
    for change in changes:
        post = posts.get(change.post_id)
        if post is not None and change.match is None:
            yield _event(change.kind, write_position(reader, change.position), found_json(post, hits[post.id], texts))
        elif change.match in alerts:
            yield _event(change.kind, write_position(reader, change.position), alerts[change.match])


def _find(reader: "Reader", ids: Iterable[int], query: "Query") -> "dict[int, tuple[Hit, ...]]":
    """Those of the posts on which the query holds, now or before an edit, and where."""
    found = {}
    for post_id, document in load_documents(reader, ids, history=True).items():
        prepared = PreparedDocument(document)
        if holds(query.root, prepared):
            found[post_id] = find_hits(query, prepared)
    return found


def _read_alerts(reader: "Reader", changes: list[Change]) -> dict[int, dict[str, object]]:
    wanted = [change for change in changes if change.match is not None]
    if not wanted:
        return {}
    first = min(change.match or 0 for change in wanted)
    found = matches.list_after(reader, first - 1, {change.post_id for change in wanted})
    ids = {change.match for change in wanted}
    listed = [one for one in found if one[0].id in ids]
    return {one[0].id: document for one, document in zip(listed, list_alerts(reader, listed), strict=True)}


def _event(kind: str, place: str, document: "dict[str, object]") -> str:
    return f"event: {kind}\nid: {place}\ndata: {json_text(document)}\n\n"


def _sign_of_life(place: str) -> str:
    """A comment, and the place: no event, yet who comes back continues here."""
    return f": {place}\nid: {place}\n\n"
