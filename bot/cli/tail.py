"""`communique tail`: the newest posts, and with -f each new one as it arrives."""

import time
from collections.abc import Sequence

import click

from bot.cli.names import warn_unknown_sources
from bot.cli.query import NOTHING_FOUND
from bot.cli.terminal.numbers import WholeNumber
from bot.cli.terminal.output import Session, source_option, tag_option, write
from bot.cli.terminal.posts import print_post
from bot.cli.terminal.times import zone_option
from bot.documents.as_json import as_json
from bot.listing.posts import POST_COLUMNS
from bot.listing.times import Zone
from storage.posts import reading
from storage.records import PostRow

_PAUSE_S = 1.0
_NUMBER = 10


@click.command("tail")
@click.option("-f", "--follow", is_flag=True, help="Keep showing new posts until Ctrl-C.")
@click.option(
    "-n",
    "number",
    type=WholeNumber(min=0),
    help=f"How many posts to begin with; by default {_NUMBER}, and all of them with --jsonl.",
)
@source_option
@tag_option
@zone_option
@click.option("--jsonl", is_flag=True, help="One JSON object per line, as a stream.")
@click.pass_obj
def command(
    session: Session,
    follow: bool,
    number: int | None,
    sources: tuple[str, ...],
    tags: tuple[str, ...],
    zone: Zone,
    jsonl: bool,
) -> None:
    """Show the newest posts, oldest first, and with -f each new one as it is archived."""
    archive = session.archive()
    with archive.reading() as reader:
        unknown = warn_unknown_sources(session, reader, sources, tags)
        mark = reading.read_arrival_mark(reader)
        if number is None and jsonl:
            slices = reading.find_oldest_first(reader, sources=sources, tags=tags)
        else:
            most = _NUMBER if number is None else number
            slices = iter([reading.find_newest(reader, limit=most, sources=sources, tags=tags)])
        for ids in slices:
            unknown &= not ids
            _show(session, reading.read_posts(reader, ids), zone, jsonl=jsonl)
    if unknown and not follow:
        raise SystemExit(NOTHING_FOUND)
    while follow:
        time.sleep(_PAUSE_S)
        with archive.reading() as reader:
            now = reading.read_arrival_mark(reader)
            arrived = reading.find_arrived(reader, mark, now, sources=sources, tags=tags)
            _show(session, reading.read_posts(reader, arrived), zone, jsonl=jsonl)
        mark = now


def _show(session: Session, posts: Sequence[PostRow], zone: Zone, *, jsonl: bool) -> None:
    if jsonl:
        write(session, "jsonl", (as_json(post) for post in posts), POST_COLUMNS)
    else:
        for post in posts:
            print_post(session, post, zone, highlight=False)
    session.out.flush()
