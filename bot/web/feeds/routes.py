"""The addresses of feeds: /feeds/TOKEN/search.atom?q=, /feeds/TOKEN/rules/NAME.json, /feeds/TOKEN/sources.opml."""

from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bot.foreign.opml import write_opml
from bot.foreign.text import one_line
from bot.listing.opml import list_outlines
from bot.listing.replay import find_sources
from bot.web.api.answers import answer_text
from bot.web.api.asking import SOURCE, TAG, ApiRequest, Parameter, read_asked, read_query, words
from bot.web.api.refusals import missing
from bot.web.entries import find_rules
from bot.web.feeds.entries import GivenEntry, make_entries, newest_update
from bot.web.feeds.writing import write_atom, write_json_feed
from bot.web.room import read, room_of
from storage.posts import reading
from storage.posts.changes import read_last_changes
from storage.search import search
from storage.sources.names import read_tags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from storage.archive.database import Reader
    from storage.language.query import Query

_ENTRIES = 50
_TYPES = {"atom": "application/atom+xml", "json": "application/feed+json"}
_TOKEN = words("token", "The token, where it is not in the path.")
_SEARCH: tuple[Parameter, ...] = (words("q", "A query.", required=True), SOURCE, TAG, _TOKEN)


async def _give_search(request: "Request") -> Response:
    asked = read_asked(request, room_of(request), _SEARCH)
    query = asked.query()
    found = await read(request, _find, query, asked.texts("source"), asked.texts("tag"))
    narrowed = [f"{name}={value}" for name in ("source", "tag") for value in sorted(set(asked.texts(name)))]
    return _answer(request, one_line(" ".join((f"Search: {query.text}", *narrowed))), found)


async def _give_rule(request: "Request") -> Response:
    asked = read_asked(request, room_of(request), (_TOKEN,))
    name = request.path_params["name"]
    found = await read(request, _find_of_rule, asked, name)
    return _answer(request, f"Rule: {one_line(name)}", found)


async def _give_sources(request: "Request") -> Response:
    asked = read_asked(request, room_of(request), (_TOKEN,))
    known = await read(request, read_tags)
    restricted = asked.viewer.sources is not None
    shown = [one for one in asked.room.config.sources if not restricted or one.name in known]
    text = write_opml("Sources of Communiqué", list_outlines(shown)[0])
    return answer_text(request, text, "text/x-opml; charset=utf-8")


def _find(
    reader: "Reader", query: "Query", sources: "Sequence[str]" = (), tags: "Sequence[str]" = ()
) -> list[GivenEntry]:
    # with history: an edit that takes the words away is an update of the entry, and not its end
    found = search.search(reader, query, limit=_ENTRIES, sources=sources, tags=tags, history=True)
    ids = [one.post_id for one in found]
    return make_entries(reading.read_posts(reader, ids), read_last_changes(reader, ids))


def _find_of_rule(reader: "Reader", asked: ApiRequest, name: str) -> list[GivenEntry]:
    for rule in find_rules(reader, asked.room.config, asked.viewer):
        if rule.name == name:
            names = find_sources(reader, rule)
            return _find(reader, read_query(asked.room, rule.query, asked.zone), names) if names else []
    raise missing()


def _answer(request: "Request", title: str, entries: "list[GivenEntry]") -> Response:
    form = request.path_params["form"]
    if form == "json":
        return answer_text(request, write_json_feed(title, entries), _TYPES[form])
    if form != "atom":
        raise missing()
    number = f"urn:uuid:{uuid5(NAMESPACE_URL, f'communique:feed:{title}')}"
    text = write_atom(number, title, newest_update(entries), entries, _own_address(request))
    return answer_text(request, text, _TYPES[form])


def _own_address(request: "Request") -> str | None:
    """The address of a feed from where it is, so that the token in it is in no copy of it; None where it would be."""
    if "token" in request.query_params:
        return None
    last = request.scope.get("raw_path", b"").rpartition(b"/")[2].decode("ascii", "replace")
    return f"./{last}" + (f"?{request.url.query}" if request.url.query else "")


FEEDS: "tuple[BaseRoute, ...]" = tuple(
    Route(f"/feeds{token}{path}", answer)
    for token in ("/{token}", "")
    for path, answer in (
        ("/search.{form}", _give_search),
        ("/rules/{name:path}.{form}", _give_rule),
        ("/sources.opml", _give_sources),
    )
)
