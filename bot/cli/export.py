"""`communique export`: posts and their files in a format for another program, with a manifest."""

import sys
from pathlib import Path

import click

from bot.cli.names import warn_unknown_sources
from bot.cli.query import NOTHING_FOUND, parse_query, print_warnings, say_indexing
from bot.cli.terminal.output import Session, say, source_option, tag_option
from bot.cli.terminal.times import zone_option
from bot.documents.counts import format_count
from bot.export import FORMATS
from bot.listing.times import Zone, parse_span


def _read_path(_ctx: click.Context, _option: click.Parameter, typed: str) -> Path:
    """A path with a name: an empty one, of a variable that is not set, would be the current directory."""
    if not typed:
        raise click.BadParameter("the path is empty: give a name, or . for the current directory")
    return Path(typed)


@click.command(
    "export", epilog="\b\nFormats:\n" + "\n".join(f"  {name:<10} {words}" for name, words in FORMATS.items())
)
@click.argument("words", metavar="[QUERY]", nargs=-1)
@click.option("--format", "format_", required=True, type=click.Choice(list(FORMATS)), help="See below.")
@click.option(
    "-o", "--output", "path", required=True, metavar="PATH", type=click.Path(allow_dash=True), callback=_read_path,
    help="The file or directory to make; - for stdout, where the format is one of lines.",
)  # fmt: skip
@click.option("--since", metavar="TIME", help="Published since then: 7d, 2026-11-01, yesterday.")
@click.option("--until", metavar="TIME", help="Published until then; a day, week or month is included whole.")
@source_option
@tag_option
@click.option("--exit-code", is_flag=True, help="Exit with 3 if nothing was found; the empty export is written.")
@click.option("--force", is_flag=True, help="Replace a file that is there; set a directory aside.")
@zone_option
@click.pass_context
def command(
    ctx: click.Context,
    words: tuple[str, ...],
    format_: str,
    path: Path,
    since: str | None,
    until: str | None,
    sources: tuple[str, ...],
    tags: tuple[str, ...],
    exit_code: bool,
    force: bool,
    zone: Zone,
) -> None:
    """Write the posts that a query finds, or all of them, to PATH, the oldest first.

    Beside a file, PATH.manifest.json says what was asked for, what is in it, what was watched in that time, and
    the SHA-256; a directory has it inside, as manifest.json. The export appears as a whole or not at all. An earlier
    export that nobody has changed is replaced.

    \b
    communique export --format csv '"regional command"' --since 7d -o command.csv
    communique export --format datasette -o archive/
    """  # noqa: D301  click reads the backspace
    from bot.export.making import Order, export, stream
    from storage.search.selection import Selection

    session: Session = ctx.obj
    typed = " ".join(words).strip() or None
    query = None if typed is None else parse_query(typed, zone, session.terms)
    if query is not None:
        print_warnings(session, query)
    start, end = parse_span(since, until, zone, session.clock.now())
    order = Order(format_, typed, Selection(query, start, end, sources, tags))
    with session.archive().reading() as reader:
        unknown = warn_unknown_sources(session, reader, sources, tags)
        say_indexing(session, reader)
        if str(path) == "-":
            session.out.flush()
            posts = stream(reader, session.data_dir(), order, sys.stdout.buffer)
        else:
            done = export(reader, session.data_dir(), order, path, force=force)
            posts = done.posts
            if done.aside is not None:
                say(session, f"what was there is now {done.aside}")
            nothing = "" if posts else "nothing was found: "
            count = format_count(posts, "post")
            say(session, f"{nothing}{count} in {done.path}; {done.manifest.name} says what is in it")
    if not posts and (exit_code or unknown):
        ctx.exit(NOTHING_FOUND)
