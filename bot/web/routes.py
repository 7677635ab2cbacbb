"""Every address of the reading room, in one table."""

from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.routing import BaseRoute, Route

from bot.web.api.routes import API
from bot.web.assets import serve_asset
from bot.web.feeds.routes import FEEDS
from bot.web.pages.actions import act, ask_mute, show_request
from bot.web.pages.alerts import show_alert, show_alerts
from bot.web.pages.compare import show_compare
from bot.web.pages.coverage import show_coverage
from bot.web.pages.event import show_event
from bot.web.pages.export import send_export, show_export
from bot.web.pages.files import show_file, show_files
from bot.web.pages.help import show_help
from bot.web.pages.now import show_now
from bot.web.pages.people import show_people
from bot.web.pages.post import cite_post, find_by_number, say_changed, send_raw, show_post
from bot.web.pages.rules import show_rule, show_rules
from bot.web.pages.search import count_fresh, show_search
from bot.web.pages.search_rule import show_rule_of_search
from bot.web.pages.sign_in import enter, show_sign_in, sign_out
from bot.web.pages.source import show_source


class _IdConvertor(IntegerConvertor):
    """A number of the archive in an address: one that no row can have is no address at all."""

    regex = "[0-9]{1,18}"


register_url_convertor("id", _IdConvertor())

ROUTES: tuple[BaseRoute, ...] = (
    Route("/", show_now),
    Route("/search", show_search),
    Route("/post/{id:id}", show_post),
    Route("/post/{id:id}/cite.json", cite_post),
    Route("/post/{id:id}/fresh", say_changed),
    Route("/post/{id:id}/raw/{sha256}", send_raw),
    Route("/search/fresh", count_fresh),
    Route("/search/rule", show_rule_of_search),
    Route("/post/{source}/{number:path}", find_by_number),
    Route("/event/{event:id}", show_event),
    Route("/source/{name}", show_source),
    Route("/coverage", show_coverage),
    Route("/rules", show_rules),
    Route("/rules/{name}", show_rule),
    Route("/alerts", show_alerts),
    Route("/alerts/{alert:id}", show_alert),
    Route("/files", show_files),
    Route("/files/{sha256}", show_file),
    Route("/export", show_export),
    Route("/export/file", send_export),
    Route("/act", act, methods=["POST"]),
    Route("/requests/{key}", show_request),
    Route("/mute", ask_mute),
    Route("/people", show_people, methods=["GET", "POST"]),
    Route("/compare", show_compare),
    Route("/help", show_help),
    Route("/sign-in", show_sign_in, methods=["GET", "POST"]),
    Route("/sign-out", sign_out, methods=["POST"]),
    Route("/enter/{secret}", enter),
    Route("/static/{name:path}", serve_asset),
    *API,
    *FEEDS,
)
