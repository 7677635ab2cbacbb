"""The page `/search`: posts that a query finds, newest first, and how they are spread."""

from asyncio import shield
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, tzinfo
from typing import TYPE_CHECKING, Any

from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from bot.clock import Clock
from bot.foreign.text import one_line, visible
from bot.web.asking import FACETS, Asking, day_bounds, read_asking
from bot.web.charts import Chart, draw_days
from bot.web.items import PostItem, list_posts
from bot.web.layout import find_zone, in_zone, page, say_of, zone_of
from bot.web.room import read, room_of
from bot.web.viewer import viewer_of
from storage.frozen import dataclass
from storage.language.query import Query, QueryError, warnings
from storage.language.tree import Node
from storage.posts.ids import SECOND, second_of
from storage.posts.progress import count_refolded
from storage.search.newest import EVERYTHING, Facets, count_facets, find_newest, find_places
from storage.sources.blindness import BlindStretch, list_stretches

if TYPE_CHECKING:
    from starlette.requests import Request

    from bot.web.words import Phrasebook
    from storage.archive.database import Reader

SHOWN = 20  # posts on a page
COUNTED = 10_000  # newest hits that facets count
_FOR_HITS_S, _FOR_FACETS_S = 2.0, 0.5
_FRESH_S, _MANY = 20, 2_000  # how long facets of how many hits are used again
_MOST_FACETS = 12


@dataclass(frozen=True, slots=True)
class Page:
    """The posts of one page of an answer; `older` is the id at which the next page continues, None at the end.

    `cut`: the time was over before the page was full, so that older posts may be answers.
    """

    posts: list[PostItem]
    older: int | None
    older_at: int
    cut: bool
    indexing: bool


@dataclass(frozen=True, slots=True)
class AnswerSpread:
    """How the newest hits are spread, without quarters: `days` are the reader's.

    `whole`: these are all; else older ones were not counted.
    """

    hits: int
    whole: bool
    facets: Facets
    days: Mapping[date, int]
    blind: list[BlindStretch]


@dataclass(frozen=True, slots=True)
class FacetLink:
    """One value of a facet: what it is called, how many hits have it, where a click leads, whether it is chosen."""

    label: str
    count: int
    address: str
    chosen: bool
    value: str


async def show_search(request: "Request") -> Response:
    """Show a page of an answer."""
    room, asking, zone = room_of(request), read_asking(request.query_params), zone_of(request)
    try:
        query = asking.parse(room.terms() if "@" in asking.q else {}, dates_of(request), zone)
    except QueryError as mistake:
        return page(
            request, "search.html", status=400, asking=asking, mistake=point_at(asking, mistake), found=None, fresh=None
        )
    if not asking.q and not asking.chosen:
        query = Query("", EVERYTHING)
    found = await read(request, _find, query, asking.before, room.clock.monotonic)
    spread = await _spread(request, asking, query, found)
    newest = found.posts[0].post.id if found.posts else 0
    said = say_of(request)
    return page(
        request,
        "search.html",
        asking=asking,
        mistake=None,
        found=found,
        fresh=None if asking.before else asking.address("/search/fresh", after=newest),
        spread=spread,
        counted=asking.address(before=asking.before, counted=1),
        facets=_facets(asking, spread, said) if spread else {},
        chart=_chart(asking, spread) if spread else None,
        warnings=[visible(one) for one in warnings(query)],
        most=COUNTED,
    )


async def count_fresh(request: "Request") -> Response:
    """Answer with a link that says how many newer posts there are; nothing where there are none."""
    room, asking = room_of(request), read_asking(request.query_params)
    after = request.query_params.get("after", "")
    try:
        query = asking.parse(room.terms() if "@" in asking.q else {}, dates_of(request), zone_of(request))
    except QueryError:
        return Response(status_code=400)
    root = query.root if asking.q or asking.chosen else EVERYTHING
    newest = await read(request, _newest, root, room.clock.monotonic)
    known = int(after) if after.isascii() and after.isdecimal() and len(after) < 16 else 0
    count = sum(1 for post_id in newest if post_id > known)
    if not count:
        return Response(status_code=204)
    say = say_of(request)
    words = say("fresh.many", count=SHOWN) if count > SHOWN else say("fresh.posts", count=count)
    return HTMLResponse(Markup('<a href="{}">{}</a>').format(asking.address(), words))


def _newest(reader: "Reader", root: Node, monotonic: Callable[[], float]) -> list[int]:
    end = monotonic() + _FOR_FACETS_S
    return find_newest(reader, root, most=SHOWN + 1, enough=lambda: monotonic() > end).ids


def dates_of(request: "Request") -> tzinfo:
    """The zone of dates in a query: UTC, as in rules, unless the reader has chosen one."""
    named = request.query_params.get("tz") or request.cookies.get("tz")
    return (find_zone(named) if named else None) or UTC


def _find(reader: "Reader", query: Query, before: int | None, monotonic: Callable[[], float]) -> Page:
    end = monotonic() + _FOR_HITS_S
    newest = find_newest(reader, query.root, most=SHOWN, before=before, enough=lambda: monotonic() > end)
    posts = list_posts(reader, list(find_places(reader, query, newest.ids)))
    cut = newest.reached is not None and len(newest.ids) < SHOWN
    return Page(posts, newest.reached, second_of(newest.reached or 0) * SECOND, cut, count_refolded(reader) is not None)


async def _spread(request: "Request", asking: Asking, query: Query, found: Page) -> AnswerSpread | None:
    """How the newest hits are spread; None where it is better shown later, because much is being counted.

    Of many hits, what was counted some seconds ago is not counted again.
    """
    room, zone = room_of(request), zone_of(request)
    ids = [one.post.id for one in found.posts]
    if found.older is None and not asking.before:
        return await read(request, _describe, ids, True, asking, zone, room.clock)
    waits = "counted" in request.query_params or not room.reading.counts_many
    chosen = tuple(sorted(asking.chosen.items()))
    key = (viewer_of(request).sources, asking.q, chosen, str(dates_of(request)), str(zone))
    counting = room.kept.ask(
        key,
        _FRESH_S,
        lambda: room.reading.count(viewer_of(request), _count, query, asking, zone, room.clock),
        lambda made: made.hits >= _MANY,
    )
    if not (waits or counting.done()):
        return None
    spread = await shield(counting)
    if not (spread.whole or asking.before) and spread.hits < len(ids):  # the page came further than the count
        return await read(request, _describe, ids, False, asking, zone, room.clock)
    return spread


def _count(reader: "Reader", query: Query, asking: Asking, zone: tzinfo, clock: Clock) -> AnswerSpread:
    end = clock.monotonic() + _FOR_FACETS_S
    newest = find_newest(reader, query.root, most=COUNTED, enough=lambda: clock.monotonic() > end)
    return _describe(reader, newest.ids, newest.reached is None, asking, zone, clock)


def _describe(
    reader: "Reader", ids: list[int], whole: bool, asking: Asking, zone: tzinfo, clock: Clock
) -> AnswerSpread:
    facets = count_facets(reader, ids)
    until = clock.now()
    since = min(facets.quarters, default=until)
    if "day" in asking.chosen:
        since, last = day_bounds(date.fromisoformat(asking.chosen["day"]), zone)
        until = min(last, until)
    blind = list_stretches(reader, since, until) if ids and since < until else []
    if wanted := asking.chosen.get("source"):
        blind = [one for one in blind if one.source.casefold() == wanted.casefold()]
    days = _by_day(facets, zone)
    return AnswerSpread(len(ids), whole, replace(facets, quarters={}), days, blind)


def point_at(asking: Asking, mistake: QueryError) -> tuple[str, str, str, str]:
    """What is wrong, and the query before, at and after the place."""
    at = min(mistake.position, len(asking.q))
    here = asking.q[at : at + 1]
    return visible(str(mistake)), one_line(asking.q[:at]), one_line(here) or " ", one_line(asking.q[at + 1 :])


def _facets(asking: Asking, spread: AnswerSpread, say: "Phrasebook") -> dict[str, list[FacetLink]]:
    """The links of each facet, most hits first, days newest first; what is chosen is always there, to be taken away."""
    facets = spread.facets
    days = {day.isoformat(): count for day, count in sorted(spread.days.items(), reverse=True)}
    counted: Mapping[str, Mapping[str, int]] = {
        "source": _ranked(facets.sources),
        "side": _ranked(facets.sides),
        "lang": _ranked(facets.languages),
        "kind": _ranked(facets.kinds),
        "day": days,
    }
    return {name: list(_links(asking, name, counted[name], say)) for name in FACETS}


def _ranked(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def _links(asking: Asking, name: str, counts: Mapping[str, int], say: "Phrasebook") -> Iterator[FacetLink]:
    chosen = asking.chosen.get(name)
    shown = list(counts)[:_MOST_FACETS]
    if chosen is not None and chosen not in shown:
        shown.insert(0, chosen)
    for value in shown:
        label = say.named(name, value)
        changes: dict[str, Any] = {name: None if value == chosen else value}
        leads = asking.address(**changes)
        yield FacetLink(label, counts.get(value, 0), leads, value == chosen, value)


def _by_day(facets: Facets, zone: tzinfo) -> Counter[date]:
    days: Counter[date] = Counter()
    for at, count in facets.quarters.items():
        here = in_zone(at, zone)
        if here is not None:
            days[here.date()] += count
    return days


def _chart(asking: Asking, spread: AnswerSpread) -> Chart | None:
    def label(first: date, last: date, count: int) -> str:
        return f"{first}: {count:,}" if first == last else f"{first} – {last}: {count:,}"

    return draw_days(spread.days, label, lambda day: asking.address(day=day.isoformat()))
