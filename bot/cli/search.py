"""`communique search`: posts that a query finds, newest first, with the words around each hit."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from bot.cli.names import warn_unknown_sources
from bot.cli.query import NOTHING_FOUND, parse_query, print_warnings, say_indexing
from bot.cli.terminal.output import (
    Form,
    Session,
    find_limit,
    format_options,
    limit_option,
    say,
    say_left_out,
    source_option,
    tag_option,
    write,
    write_json,
    write_line,
)
from bot.cli.terminal.pager import pager_option
from bot.cli.terminal.posts import print_post
from bot.cli.terminal.times import zone_option
from bot.listing.posts import POST_COLUMNS, read_found
from bot.listing.times import Zone, parse_span
from storage.rows import Hit, PostRow

if TYPE_CHECKING:
    from storage.archive.database import Reader
    from storage.search.search import FoundPost

_LIMIT = 20
_EFFORT = 20_000  # posts that are looked at to say how many were left out: about a second


@click.command("search")
@click.argument("words", metavar="QUERY", nargs=-1, required=True)
@click.option("--since", metavar="TIME", help="Published since then: 7d, 2026-11-01, yesterday.")
@click.option("--until", metavar="TIME", help="Published until then; a day, week or month is included whole.")
@source_option
@tag_option
@limit_option(_LIMIT, "posts")
@click.option("--count", is_flag=True, help="Only print the number of posts.")
@click.option("--highlight/--no-highlight", default=None, help="Mark hits; by default bold on a terminal.")
@click.option("--history", is_flag=True, help="Search earlier revisions too.")
@click.option("--exit-code", is_flag=True, help="Exit with 3 if nothing was found.")
@zone_option
@format_options()
@pager_option
@click.pass_context
def command(
    ctx: click.Context,
    words: tuple[str, ...],
    since: str | None,
    until: str | None,
    sources: tuple[str, ...],
    tags: tuple[str, ...],
    limit: int | None,
    count: bool,
    highlight: bool | None,
    history: bool,
    exit_code: bool,
    zone: Zone,
    form: Form | None,
) -> None:
    """Find posts, newest first.

    \b
    All words must occur. Also: OR, NOT, parentheses, "a phrase", prefix*, and fields:
    source: tag: has: lang: date:[2026-11-01 TO 2026-11-07]. Rules use the same language.

    \b
    communique search '"regional command" OR တိုင်းစစ်ဌာနချုပ်' --since 7d
    communique search lashio NOT source:deskwire --csv > lashio.csv
    """  # noqa: D301  click reads the backspace
    from storage.search import search

    session: Session = ctx.obj
    query = parse_query(" ".join(words), zone, session.terms)
    print_warnings(session, query)
    start, end = parse_span(since, until, zone, session.clock.now())
    with session.archive().reading() as reader:
        unknown = warn_unknown_sources(session, reader, sources, tags)
        say_indexing(session, reader)
        if count:
            total = search.count(reader, query, since=start, until=end, sources=sources, tags=tags, history=history)
            if form in {"json", "jsonl"}:
                write_json(session, {"count": total})
            else:
                write_line(session, str(total))
        else:
            most = find_limit(limit, _LIMIT, form)
            found = search.search(
                reader, query, limit=most, since=start, until=end, sources=sources, tags=tags, history=history
            )
            total = _show(session, reader, found, form, zone, highlight=highlight)
            if form is None and total == most:
                session.out.flush()
                counted, whole = search.count_some(
                    reader, query, since=start, until=end, sources=sources, tags=tags, history=history, effort=_EFFORT
                )
                say_left_out(session, total, max(total, counted), whole=whole)
    if total == 0 and (exit_code or unknown):
        ctx.exit(NOTHING_FOUND)


def _show(
    session: Session,
    reader: "Reader",
    found: "Iterator[FoundPost]",
    form: Form | None,
    zone: Zone,
    *,
    highlight: bool | None,
) -> int:
    """Write posts as they are found, a page at a time. The number of posts."""
    total = 0

    def counted() -> Iterator[tuple[PostRow, tuple[Hit, ...], dict[int, str]]]:
        nonlocal total
        for one in read_found(reader, found):
            total += 1
            yield one

    if form is not None:
        from bot.documents.found import found_json

        write(session, form, (found_json(post, hits, texts) for post, hits, texts in counted()), POST_COLUMNS)
        return total
    for post, hits, texts in counted():
        print_post(session, post, zone, hits, texts, highlight=highlight)
    if total == 0:
        say(session, "nothing found")
    return total
