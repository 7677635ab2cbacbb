"""The page `/help`: the language of queries with examples that can be tried, the keys, and what marks mean."""

from typing import TYPE_CHECKING

from bot.web.layout import page

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

EXAMPLES = (
    ("regional command", "words"),
    ('"regional command"', "phrase"),
    ('"command lost"~5', "near"),
    ("army OR navy", "any"),
    ("army NOT navy", "without"),
    ("(army OR navy) lost", "groups"),
    ("command*", "prefix"),
    ("lashio~", "fuzzy"),
    ("=US", "exact"),
    ("/comm.nd/", "regex"),
    ("source:NAME", "source"),
    ("side:NAME", "side"),
    ("tag:NAME", "tag"),
    ("lang:my", "lang"),
    ("from:NAME", "author"),
    ("has:voice", "has"),
    ("in:transcript command", "text"),
    ("date:[2025-11-01 TO 2025-11-30]", "date"),
    ("rule:NAME", "rule"),
)
"""Queries as people write them, NAME to be replaced; each with the key of what it finds, under `help.finds`."""


async def show_help(request: "Request") -> "Response":
    """Show it."""
    return page(request, "help.html", examples=EXAMPLES)
