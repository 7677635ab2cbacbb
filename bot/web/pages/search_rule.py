"""The page `/search/rule`: a search as the lines of a rule, and on which posts of the past it would have fired."""

from dataclasses import replace
from datetime import UTC, date
from typing import TYPE_CHECKING

from bot.clock import DAY
from bot.foreign.text import json_text
from bot.web.asking import Asking, read_asking
from bot.web.charts import draw_days
from bot.web.layout import page, zone_of
from bot.web.pages.search import point_at
from bot.web.replaying import replay
from bot.web.room import read, room_of
from storage.language.query import QueryError, parse

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_DAYS = 90


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
        span = (now - _DAYS * DAY, now)
        replayed = await read(request, replay, None, query, span, zone, room.clock.monotonic)
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


def _label(first: date, last: date, count: int) -> str:
    return f"{first}: {count:,}" if first == last else f"{first} – {last}: {count:,}"
