"""`communique search`: posts that a query finds, newest first, with the words around every hit."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from itertools import islice
from typing import TYPE_CHECKING

import click

from bot.cli.terminal.output import (
    Form,
    Session,
    formats,
    line,
    say,
    source_option,
    styled,
    tag_option,
    write,
    write_json,
)
from bot.cli.terminal.times import Zone, shown, span, zone_option
from bot.errors import UserError
from bot.foreign.text import one_line, visible
from storage.rows import Hit, PostRow

if TYPE_CHECKING:
    from storage.archive.database import Reader
    from storage.language.query import Query, QueryError
    from storage.search.search import FoundPost

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
Terms = Callable[[], Mapping[str, Sequence[str]]]
_AT_ONCE = 50
_AROUND = 90  # letters shown before and after a hit
_LONGEST = 400  # letters of one hit
_STRETCHES = 3  # pieces of one post


@dataclass(frozen=True, slots=True)
class SnippetPart:
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
    from storage.search import search

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
    from storage.sources.names import read_tags

    known = list(read_tags(reader))
    for name in sources:
        if name not in known:
            from difflib import get_close_matches

            close = get_close_matches(name, known, n=1)
            say(session, f"the archive knows no source {name}{f': did you mean {close[0]}?' if close else ''}")


def asked(words: str, zone: Zone | None = None, terms: Terms = dict) -> "Query":
    """Read what a person asked for; dates in it are UTC, as in rules, or of the zone that was named.

    `terms` is asked what @names stand for, if there can be one. Raises UserError with a caret under the place that
    cannot be read.
    """
    from storage.language.query import QueryError, parse

    try:
        words.encode()
    except UnicodeEncodeError:
        raise UserError("the query is not valid UTF-8") from None
    try:
        return parse(words, (zone and zone.reads) or UTC, terms() if "@" in words else {})
    except QueryError as mistake:
        raise UserError(caret(words, mistake)) from None


def warn(session: Session, query: "Query") -> None:
    """Say what is allowed and yet probably not meant."""
    from storage.language.query import warnings

    for warning in warnings(query):
        say(session, f"warning: {warning}")


def caret(words: str, mistake: "QueryError") -> str:
    """Show the mistake, and a caret under the place."""
    from bot.cli.terminal.output import width

    before = one_line(words[: mistake.position])
    return f"{visible(str(mistake))}\n  {before}{one_line(words[mistake.position :])}\n  {' ' * width(before)}^"


def _show(
    session: Session,
    reader: "Reader",
    found: "Iterator[FoundPost]",
    form: Form | None,
    zone: Zone,
    *,
    highlight: bool | None,
) -> int:
    """Write what was found as it comes, in pages of a few posts; how many there were."""
    total = 0

    def pages() -> Iterator[tuple[PostRow, tuple[Hit, ...], dict[int, str]]]:
        nonlocal total
        from storage.posts import reading

        while page := list(islice(found, _AT_ONCE)):
            total += len(page)
            texts = reading.texts(reader, {hit.text_id for item in page for hit in item.hits})
            hits = {item.post_id: item.hits for item in page}
            for post in reading.posts(reader, hits):
                yield post, hits[post.id], texts

    if form is not None:
        from bot.documents.found import found_json

        write(session, form, (found_json(post, hits, texts) for post, hits, texts in pages()), COLUMNS)
        return total
    for post, hits, texts in pages():
        for row in described(session, post, zone):
            line(session, row)
        for pieces in snippets(post, hits, texts):
            line(session, f"    {drawn(session, pieces, highlight=highlight)}")
        line(session)
    if total == 0:
        say(session, "nothing found")
    return total


def described(session: Session, post: PostRow, zone: Zone) -> Iterator[str]:
    """Two lines that say which post it is: source and times; id and address."""
    marks = [name for name, at in (("edited", post.edited_at), ("deleted", post.deleted_at)) if at is not None]
    times = f"{shown(post.posted_at, zone, unknown=_undated(post))}  collected {shown(post.collected_at, zone)}"
    state = "".join(f"  {styled(session, mark, 'red')}" for mark in marks)
    yield f"{styled(session, one_line(post.source), 'bold')}  {times}{state}"
    yield f"    {post.id}  {one_line(post.url or f'{post.source}/{post.native_id}')}"


def _undated(post: PostRow) -> str:
    return one_line(post.posted_raw)[:40] or "no date"


def snippets(post: PostRow, hits: Sequence[Hit], texts: dict[int, str]) -> Iterator[tuple[SnippetPart, ...]]:
    """Pieces of text around the hits, text by text; without any hit (a query of fields only) how the post begins."""
    from bot.documents.as_json import headed

    read = {text_id: headed(text, post.title) for text_id, text in texts.items()}
    stretches = list(islice(_stretches(hits, read), _STRETCHES))
    if not stretches:
        words = headed(f"{post.title}\n\n{post.text}", post.title) if post.title else post.text
        words = words.strip() or ", ".join(f"[{item.name or item.kind}]" for item in post.media) or "[no words]"
        start = words[: 2 * _AROUND]
        yield (SnippetPart(start, hit=False), SnippetPart("…" if len(words) > len(start) else "", hit=False))
    for text, inside in stretches:
        yield tuple(pieces_around(text, inside))


def _stretches(hits: Sequence[Hit], texts: dict[int, str]) -> Iterator[tuple[str, list[Hit]]]:
    """Hits that stand close enough together to be shown in one piece."""
    near: list[Hit] = []
    for hit in sorted(hits, key=lambda hit: (hit.text_id, hit.start)):
        if hit.text_id not in texts:
            continue
        if near and (near[-1].text_id != hit.text_id or hit.start - near[-1].end > 2 * _AROUND):
            yield texts[near[0].text_id], near
            near = []
        near.append(hit)
    if near:
        yield texts[near[0].text_id], near


def pieces_around(text: str, hits: Sequence[Hit]) -> Iterator[SnippetPart]:
    """Cut the text around hits that stand near each other."""
    start = max(0, hits[0].start - _AROUND)
    end = min(len(text), hits[-1].end + _AROUND)
    if hits[0].kind != "body":
        yield SnippetPart(f"[{hits[0].kind}] ", hit=False)
    yield SnippetPart("…" if start else "", hit=False)
    at = start
    for hit in hits:
        if hit.end <= at:
            continue
        yield SnippetPart(text[at : max(at, hit.start)], hit=False)
        yield SnippetPart(text[max(at, hit.start) : hit.end][:_LONGEST], hit=True)
        at = hit.end
    yield SnippetPart(text[at:end], hit=False)
    yield SnippetPart("…" if end < len(text) else "", hit=False)


def drawn(session: Session, pieces: Sequence[SnippetPart], *, highlight: bool | None) -> str:
    """One line: hits in bold where there is colour, in «…» where marks were asked for and there is none."""
    words = []
    for piece in pieces:
        safe = one_line(piece.text)
        if piece.hit and highlight is not False and session.colour:
            safe = styled(session, safe, "bold")
        elif piece.hit and highlight:
            safe = f"«{safe}»"
        words.append(safe)
    return "".join(words)
