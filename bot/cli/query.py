"""A query that a person typed: read it, show where it is wrong, warn of what is probably not meant."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from typing import TYPE_CHECKING

from bot.cli.names import warn_unknown_names
from bot.cli.terminal.output import Session, say
from bot.cli.terminal.width import text_width
from bot.errors import UserError
from bot.foreign.text import one_line, visible
from bot.listing.times import Zone

if TYPE_CHECKING:
    from storage.archive.database import Reader
    from storage.language.query import Query, QueryError

NOTHING_FOUND = 3  # exit code
Terms = Callable[[], Mapping[str, Sequence[str]]]


def parse_query(words: str, zone: Zone | None = None, terms: Terms = dict) -> "Query":
    """Parse a query; dates in it are UTC, as in rules, or in the zone of `--tz`.

    `terms` gives the phrases of each @name, and is called only for a query with an @. Raises UserError with a caret
    under the mistake.
    """
    from storage.language.query import QueryError, parse

    try:
        words.encode()
    except UnicodeEncodeError:
        raise UserError("the query is not valid UTF-8") from None
    try:
        return parse(words, zone.dates if zone else UTC, terms() if "@" in words else {})
    except QueryError as mistake:
        raise UserError(_point_at(words, mistake)) from None


def print_warnings(session: Session, query: "Query", *, names: bool = True) -> None:
    """Warn on stderr of what is allowed and probably not meant; with `names`, of unknown ones too."""
    from storage.language.query import warnings

    for warning in warnings(query):
        say(session, f"warning: {warning}")
    if names:
        warn_unknown_names(session, query)


def say_indexing(session: Session, reader: "Reader") -> None:
    """Say on stderr if older posts are still being indexed again: the answer is complete, only slower."""
    from storage.posts.progress import count_refolded

    if progress := count_refolded(reader):
        share = f"{progress.done:,} of {progress.total:,} texts"
        say(session, f"older posts are being indexed again ({share} so far): the search is complete, but slower")


def _point_at(words: str, mistake: "QueryError") -> str:
    before = one_line(words[: mistake.position])
    return f"{visible(str(mistake))}\n  {before}{one_line(words[mistake.position :])}\n  {' ' * text_width(before)}^"
