"""The page `/source/NAME`: the state of a source, who it is, what is usual and what is missing, its newest posts."""

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

from bot.clock import DAY
from bot.documents.identity import describe_change
from bot.documents.lengths import format_length
from bot.listing.coverage import WatchedSource, read_coverage
from bot.listing.rhythm import WEEKDAYS, count_hours, describe_habit, read_past
from bot.web.items import PostItem, list_by_id
from bot.web.layout import page
from bot.web.pages.coverage import describe_gap, draw_coverage, format_share
from bot.web.room import read, room_of
from storage.frozen import dataclass
from storage.posts.reading import find_newest
from storage.sources.gaps import list_all_gaps
from storage.sources.identity import list_changes
from storage.sources.states import find_source

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from bot.config.model import Config
    from storage.archive.database import Reader
    from storage.records import Gap, SourceRow
    from storage.sources.identity import IdentityChange

_DAYS = 7  # of which the strip shows what was watched
_POSTS, _CHANGES, _GAPS = 20, 50, 50  # the newest of each


@dataclass(frozen=True, slots=True)
class SourceShown:
    """One source; `habit` are sentences, `hours` posts by day of the week and hour in the last 17 weeks."""

    row: "SourceRow"
    coverage: WatchedSource | None
    habit: list[str]
    hours: list[list[int]]
    changes: "list[IdentityChange]"
    gaps: "list[Gap]"
    posts: list[PostItem]


async def show_source(request: "Request") -> "Response":
    """Show the source of this name."""
    room = room_of(request)
    found = await read(request, _read, request.path_params["name"], room.config, room.clock.now())
    if found is None:
        raise HTTPException(404)
    entry = next((one for one in room.config.sources if one.name == found.row.name), None)
    return page(
        request, "source.html", found=found, address=next(iter(entry.addresses()), None) if entry else None,
        strip=draw_coverage, percent=format_share, length=format_length, gap=describe_gap, change=describe_change,
        weekdays=WEEKDAYS, days=_DAYS, most=max((max(row) for row in found.hours), default=0),
    )  # fmt: skip


def _read(reader: "Reader", name: str, config: "Config", now: int) -> SourceShown | None:
    from bot.daemon.rhythm import find_usual
    from bot.intake.habit import BACK, learn

    row = find_source(reader, name)
    if row is None:
        return None
    past, until = read_past(reader, row, now - 2 * BACK, now)
    usual = next((find_usual(config, one) for one in config.sources if one.name == row.name), config.defaults.usual)
    habit = learn(past, until, config.zone)
    return SourceShown(
        row,
        next(iter(read_coverage(reader, now - _DAYS * DAY, now, [row.name])), None),
        list(describe_habit(row.name, habit, usual, config.zone.key)),
        count_hours(past, until - BACK, config.zone),
        list_changes(reader, row.name)[-_CHANGES:][::-1],
        sorted(list_all_gaps(reader, row.id), key=lambda one: (one.closed_at is not None, -one.id))[:_GAPS],
        list_by_id(reader, reversed(find_newest(reader, limit=_POSTS, sources=[row.name]))),
    )
