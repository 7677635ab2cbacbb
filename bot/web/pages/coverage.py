"""The page `/coverage`: which stretches of each source were watched, which were not, and what is missing."""

from typing import TYPE_CHECKING

from bot.clock import DAY
from bot.documents.lengths import format_length
from bot.listing.coverage import WatchedSource, read_coverage
from bot.web.layout import page
from bot.web.room import read, room_of
from bot.web.strips import StripPart, draw_strip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from markupsafe import Markup
    from starlette.requests import Request
    from starlette.responses import Response

    from storage.records import Gap
    from storage.sources.blindness import BlindStretch

SPANS = (1, 7, 30, 365)  # days that a reader can choose
_LISTED = 100  # stretches and gaps below the strips


async def show_coverage(request: "Request") -> "Response":
    """Show the coverage of the last day, or of as many days as the address asks for."""
    days = next((one for one in SPANS if request.query_params.get("days") == str(one)), SPANS[0])
    now = room_of(request).clock.now()
    found = await read(request, read_coverage, now - days * DAY, now)
    lines = list_lines(found)
    return page(
        request,
        "coverage.html",
        found=found,
        lines=lines[:_LISTED],
        more=max(len(lines) - _LISTED, 0),
        days=days,
        spans=SPANS,
        strip=draw_coverage,
        length=format_length,
        percent=format_share,
        gap=describe_gap,
    )


def list_lines(found: "Iterable[WatchedSource]") -> "list[tuple[WatchedSource, BlindStretch | None, Gap | None]]":
    """Every blind stretch and every gap with its source: what lasts first, then the newest first."""
    blind = [((one.until is None, one.since), source, one, None) for source in found for one in source.blind]
    gaps = [
        ((gap.closed_at is None, gap.from_at or gap.opened_at), source, None, gap)
        for source in found
        for gap in source.missing
    ]
    ordered = sorted([*blind, *gaps], key=lambda line: line[0], reverse=True)
    return [(source, stretch, gap) for _, source, stretch, gap in ordered]


def draw_coverage(found: WatchedSource, label: str, when: "Callable[..., Markup]") -> "Markup":
    """The strip of one source; `when` writes times in the reader's zone."""
    parts = [StripPart("watched", found.seen, found.until)]
    for blind in found.blind:
        until = found.until if blind.until is None else blind.until
        parts.append(StripPart("blind", blind.since, until, _times(when, blind.since, blind.until)))
    for gap in found.missing:
        start, end = gap.from_at or gap.opened_at, gap.to_at or gap.opened_at
        parts.append(StripPart("missing", start, end, _times(when, start, end)))
    return draw_strip(parts, found.since, found.until, label)


def _times(when: "Callable[..., Markup]", since: int, until: int | None) -> str:
    return f"{when(since).striptags()} – {'' if until is None else when(until).striptags()}".strip()


def format_share(share: float | None) -> str:
    """A share in percent, never rounded up to a whole that it is not."""
    if share is None:
        return "–"
    return f"{share * 100:.0f} %" if share in (0, 1) else f"{min(max(share * 100, 0.1), 99.9):.1f} %"


def describe_gap(gap: "Gap") -> str:
    """Which numbers a gap has, as far as its source numbers its posts; "" where it does not."""
    if gap.low is None and gap.high is None:
        return ""
    return f"{'…' if gap.low is None else gap.low}–{'…' if gap.high is None else gap.high}"
