"""`communique stats`: posts per day, per source and per language, drawn in the terminal."""

from collections.abc import Iterator

import click

from bot.cli.terminal.output import Session, format_options, style, write_json, write_line
from bot.cli.terminal.pager import pager_option
from bot.cli.terminal.times import zone_option
from bot.cli.terminal.width import cut, pad, text_width
from bot.clock import DAY
from bot.documents.charts import draw_bar, draw_sparkline
from bot.errors import UserError
from bot.foreign.text import one_line
from bot.listing.stats import MOST_DAYS, Picture, arrange_days, count_posts, numbers_json
from bot.listing.times import Zone, parse_span
from storage.search import stats

_NAME = 24  # columns for the name of a source


@click.command("stats")
@click.option("--since", metavar="TIME", default="30d", show_default=True, help="Since then: 7d, 2026-11-01.")
@click.option("--until", metavar="TIME", help="Until then; a day, week or month is included whole. By default now.")
@zone_option
@format_options(streams=False)
@pager_option
@click.pass_obj
def command(session: Session, since: str, until: str | None, zone: Zone, form: str | None) -> None:
    """Draw posts per day and per source, the languages, and how many were edited or deleted."""
    now = session.clock.now()
    start, end = parse_span(since, until or "now", zone, now)
    assert start is not None
    assert end is not None
    if end - start > MOST_DAYS * DAY:
        raise UserError(f"--since: at most {MOST_DAYS} days can be drawn")
    with session.archive().reading() as reader:
        found = count_posts(reader, start, end)
        first = stats.read_first_time(reader)
    if form is not None:
        write_json(session, numbers_json(found, start, end, zone.for_form(form)))
        return
    if first is not None:
        start = max(start, min(first, end - 1))  # days before the archive began say nothing
    picture = arrange_days(found.tallies, start, end, zone)
    for row in _draw(session, picture, session.columns):
        write_line(session, row)
    split = "  ".join(f"{one_line(name)} {posts}" for name, posts in found.languages.items())
    write_line(session, f"languages   {split or '-'}")
    write_line(session, f"changed     {found.changes.edited} edited, {found.changes.deleted} deleted")


def _draw(session: Session, picture: Picture, columns: int) -> Iterator[str]:
    """Bars for days, newest last, then one sparkline for each source; nothing is wider than `columns`."""
    most = max(picture.total, default=0)
    room = max(8, columns - len("2026-11-01  ") - len(f" {most}"))
    for day, posts in zip(picture.days, picture.total, strict=True):
        yield f"{day}  {draw_bar(posts, most, room)} {posts}".rstrip()
    yield ""
    names = {name: cut(one_line(name), _NAME) for name in picture.sources}
    wide = max((text_width(name) for name in names.values()), default=0)
    digits = len(str(sum(picture.total)))
    for name, counts in picture.sources.items():
        spark = draw_sparkline(counts, max(8, columns - wide - digits - 4))
        yield f"{style(session, pad(names[name], wide), 'bold')}  {spark}  {sum(counts)}"
    if picture.sources:
        yield ""
