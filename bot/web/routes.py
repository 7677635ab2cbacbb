"""Every address of the reading room, in one table."""

from starlette.routing import BaseRoute, Route

from bot.web.assets import serve_asset
from bot.web.pages.now import show_now
from bot.web.pages.search import show_search

ROUTES: tuple[BaseRoute, ...] = (
    Route("/", show_now),
    Route("/search", show_search),
    Route("/static/{name:path}", serve_asset),
)
