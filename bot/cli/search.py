"""`communique search`: posts that a query finds, newest first, with the words around every hit."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from itertools import islice
from typing import TYPE_CHECKING

import click

from bot.cli.output import Form, Session, formats, line, say, source_option, styled, tag_option, write, write_json
from bot.cli.times import Zone, shown, span, zone_option
from bot.errors import UserError
from bot.foreign import one_line, visible
from storage.rows import Hit, PostRow

if TYPE_CHECKING:
    from storage.database import Reader
    from storage.language.query import Query, QueryError
    from storage.search import Found

NOTHING_FOUND = 3
COLUMNS = (
    "id",
    "source",
    "native_id",
    "url",
    "author",
    "title",
    "posted_at",
    "collected_at",
    "edited_at",
    "deleted_at",
    "language",
    "text",
    "texts",
    "media",
    "links",
    "rules",
    "forwarded_from",
    "reply_to",
    "revisions",
    "raw_sha256",
    "posted_raw",
    "matched",
)
_AT_ONCE = 50
_AROUND = 90  # letters shown before and after a hit
Terms = Callable[[], Mapping[str, Sequence[str]]]
_LONGEST = 400  # letters of one hit
_STRETCHES = 3  # pieces of one post


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a snippet; `hit` says that the query was found here."""

    text: str
    hit: bool


@click.command("search")
@click.argument("words", metavar="QUERY", nargs=-1, required=True)
@click.option("--since", metavar="TIME", help="Published at this time or later: 7d, 2026-11-01, yesterday.")
@click.option("--until", metavar="TIME", help="Published before this time; a day counts whole.")
@source_option
@tag_option
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most so many posts.")
@click.option("--count", is_flag=True, help="Only tell how many posts there are.")
@click.option("--highlight/--no-highlight", default=None, help="Mark hits; by default in bold on a terminal.")
@click.option("--history", is_flag=True, help="Search earlier revisions too.")
@click.option("--exit-code", is_flag=True, help="Exit with 3 if nothing was found.")
@zone_option
@formats()
@click.pass_context
def command(
    ctx: click.Context,
    words: tuple[str, ...],
    since: str | None,
    until: str | None,
    sources: tuple[str, ...],
    tags: tuple[str, ...],
    limit: int,
    count: bool,
    highlight: bool | None,
    history: bool,
    exit_code: bool,
    zone: Zone,
    form: Form | None,
) -> None:
    """Find posts, newest first.

    \b
    Words next to each other must all occur; OR, NOT, parentheses, "a phrase", prefix*,
    source: tag: has: lang: date:[2026-11-01 TO 2026-11-07] as in a rule.

    \b
    communique search '"regional command" OR တိုင်းစစ်ဌာနချုပ်' --since 7d
    communique search lashio NOT source:deskwire --csv > lashio.csv
    """  # noqa: D301  click reads the backspace
    from storage import search

    session: Session = ctx.obj
    query = asked(" ".join(words), zone, session.terms)
    warn(session, query)
    start, end = span(since, until, zone, session.clock.now())
    with session.archive().reading() as reader:
        name_strangers(session, reader, sources)
        if count:
            total = search.count(reader, query, since=start, until=end, sources=sources, tags=tags, history=history)
            if form in {"json", "jsonl"}:
                write_json(session, {"count": total})
            else:
                line(session, str(total))
        else:
            found = search.search(
                reader, query, limit=limit, since=start, until=end, sources=sources, tags=tags, history=history
            )
            total = _show(session, reader, found, form, zone, highlight=highlight)
    if total == 0 and exit_code:
        ctx.exit(NOTHING_FOUND)


def name_strangers(session: Session, reader: "Reader", sources: Sequence[str]) -> None:
    """Say which of the names that were asked for no source has: "nothing found" would hide the mistake."""
    if not sources:
        return
    known = [row["name"] for row in reader.execute("select name from sources")]
    for name in sources:
        if name not in known:
            from difflib import get_close_matches

            close = get_close_matches(name, known, n=1)
            say(session, f"the archive knows no source {name}{f': did you mean {close[0]}?' if close else ''}")


