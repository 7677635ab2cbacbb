"""The page `/`: what is new, and whether everything is watched."""

from typing import TYPE_CHECKING

from bot.web.layout import page
from bot.web.room import read

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from storage.archive.database import Reader


async def show_now(request: "Request") -> "Response":
    """Show what is new."""
    posts = await read(request, _count)
    return page(request, "now.html", posts=posts)


def _count(reader: "Reader") -> int:
    from storage.search import stats

    return 0 if stats.read_first_time(reader) is None else 1
