"""Every address of the reading room, in one table."""

from starlette.routing import BaseRoute, Route

from bot.web.api.routes import API
from bot.web.assets import serve_asset
from bot.web.pages.now import show_now
from bot.web.pages.post import cite_post, find_by_number, send_raw, show_post
from bot.web.pages.search import show_search

ROUTES: tuple[BaseRoute, ...] = (
    Route("/", show_now),
    Route("/search", show_search),
    Route("/post/{id:int}", show_post),
    Route("/post/{id:int}/cite.json", cite_post),
    Route("/post/{id:int}/raw/{sha256}", send_raw),
    Route("/post/{source}/{number:path}", find_by_number),
    Route("/static/{name:path}", serve_asset),
    *API,
)
