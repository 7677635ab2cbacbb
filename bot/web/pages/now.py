"""The page `/`: what is new, and whether everything is watched."""

from typing import TYPE_CHECKING

from bot.web.layout import page
from bot.web.room import room_of
from bot.web.viewer import viewer_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from storage.archive.database import Reader


async def show_now(request: "Request") -> "Response":
    """Show what is new."""
    posts = await room_of(request).reading.read(viewer_of(request), _count)
    return page(request, "now.html", posts=posts)


def _count(reader: "Reader") -> int:
    from storage.search import stats

    return 0 if stats.read_first_time(reader) is None else 1
