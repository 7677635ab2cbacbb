"""The page `/search/rule`: a search as the lines of a rule, and on which posts of the past it would have fired."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, tzinfo
from typing import TYPE_CHECKING

from bot.clock import DAY
from bot.foreign.text import json_text
from bot.listing.replay import find_fired
from bot.web.asking import Asking, read_asking
from bot.web.charts import draw_days
from bot.web.items import PostItem, list_posts
from bot.web.layout import in_zone, page, zone_of
from bot.web.pages.search import point_at
from bot.web.room import read, room_of
from storage.frozen import dataclass
from storage.language.query import Query, QueryError, parse

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from storage.archive.database import Reader

_DAYS, _SAMPLES, _MOST = 90, 5, 100_000
_FOR_REPLAY_S = 4.0


@dataclass(frozen=True, slots=True)
class SearchReplay:
    """What would have matched in the last days; before `reached_at`, if that is a time, nothing was read."""

    posts: int
    days: Counter[date]
    samples: list[PostItem]
    reached_at: int | None


class _TimeIsOver(Exception):
    """A replay took too long."""


async def show_rule_of_search(request: "Request") -> "Response":
    """Show the lines of the config; with `replay=1` also what they would have found in the last 90 days."""
    room, zone = room_of(request), zone_of(request)
    asking = read_asking(request.query_params)
    timeless = replace(asking, chosen={name: value for name, value in asking.chosen.items() if name != "day"})
    try:
        query = parse(timeless.as_rule(whole=True), UTC, room.terms() if "@" in asking.q else {})
    except QueryError as mistake:
        return page(request, "search.html", status=400, asking=asking, mistake=point_at(asking, mistake), found=None)
    replayed = None
    if request.query_params.get("replay") == "1":
        now = room.clock.now()
        replayed = await read(request, _replay, query, (now - _DAYS * DAY, now), zone, room.clock.monotonic)
    chart = None if replayed is None else draw_days(replayed.days, _label, lambda day: timeless.address(day=str(day)))
    return page(
        request,
        "search_rule.html",
        asking=timeless,
        lines=write_rule(timeless),
        replayed=replayed,
        chart=chart,
        days=_DAYS,
    )


def write_rule(asking: Asking) -> str:
    """The lines of the config: a string of JSON is one of TOML."""
    query = asking.as_rule()
    lines = ["[[rules]]", 'name = "a-name"', f"query = {_quoted(query)}"]
    if "source" in asking.chosen and query != asking.as_rule(whole=True):
        lines.append(f"sources = [{_quoted(asking.chosen['source'])}]")
    return "\n".join(lines) + "\n"


def _quoted(words: str) -> str:
    """A TOML string: literal where the words allow it, so that quotes in a query stay readable."""
    is_plain = "'" not in words and words.isprintable()
    return f"'{words}'" if is_plain else json_text(words)


def _replay(
    reader: "Reader", query: Query, span: tuple[int, int], zone: tzinfo, monotonic: Callable[[], float]
) -> SearchReplay:
    end, fired, reached = monotonic() + _FOR_REPLAY_S, [], None

    def looking(post_id: int) -> None:
        nonlocal reached
        if monotonic() > end:
            reached = (post_id >> 16) * 1_000_000
            raise _TimeIsOver

    try:
        for found in find_fired(reader, None, query, span, looking):
            fired.append(found)
            if len(fired) >= _MOST:
                reached = found.at
                break
    except _TimeIsOver:
        pass
    days = Counter(here.date() for one in fired if (here := in_zone(one.at, zone)) is not None)
    return SearchReplay(len(fired), days, list_posts(reader, fired[:_SAMPLES]), reached)


def _label(first: date, last: date, count: int) -> str:
    return f"{first}: {count:,}" if first == last else f"{first} – {last}: {count:,}"
