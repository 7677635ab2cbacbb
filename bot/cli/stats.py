"""`communique stats`: posts per day, per source and per language, drawn in the terminal."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

import click

from bot.cli.terminal.output import Session, format_options, style, write_json, write_line
from bot.cli.terminal.pager import pager_option
from bot.cli.terminal.times import zone_option
from bot.cli.terminal.width import cut, pad, text_width
from bot.clock import DAY
from bot.documents.as_json import iso
from bot.documents.charts import draw_bar, draw_sparkline
from bot.errors import UserError
from bot.foreign.text import one_line
from bot.listing.times import Zone, parse_span
from storage.frozen import dataclass
from storage.search import stats

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_DAYS = 3660
_NAME = 24  # columns for the name of a source


@dataclass(frozen=True, slots=True)
class Picture:
    """Posts per day, of all sources and of each; `days` has every day, also those without posts."""

    days: tuple[date, ...]
    total: tuple[int, ...]
    sources: dict[str, tuple[int, ...]]


@click.command("stats")
@click.option("--since", metavar="TIME", default="30d", show_default=True, help="Since then: 7d, 2026-11-01.")
@click.option("--until", metavar="TIME", help="Until then; a day is included whole. By default now.")
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
    if end - start > _MOST_DAYS * DAY:
        raise UserError(f"--since: at most {_MOST_DAYS} days can be drawn")
    with session.archive().reading() as reader:
        tallies = stats.count_by_quarter(reader, start, end)
        languages = stats.count_by_language(reader, start, end)
        changes = stats.count_changes(reader, start, end)
        first = stats.read_first_time(reader)
    if form is None and first is not None:
        start = max(start, min(first, end - 1))  # days before the archive began say nothing
    picture = _arrange(tallies, start, end, zone.for_form(form))
    if form is not None:
        days = [day.isoformat() for day in picture.days]
        write_json(
            session,
            {
                "since": iso(start),
                "until": iso(end),
                "posts": sum(picture.total),
                "edited": changes.edited,
                "deleted": changes.deleted,
                "days": [{"day": day, "posts": posts} for day, posts in zip(days, picture.total, strict=True)],
                "sources": [
                    {"source": name, "posts": sum(counts), "per_day": list(counts)}
                    for name, counts in picture.sources.items()
                ],
                "languages": [{"language": name, "posts": posts} for name, posts in languages.items()],
            },
        )
        return
    for row in _draw(session, picture, session.columns):
        write_line(session, row)
    split = "  ".join(f"{one_line(name)} {posts}" for name, posts in languages.items())
    write_line(session, f"languages   {split or '-'}")
    write_line(session, f"changed     {changes.edited} edited, {changes.deleted} deleted")


def _arrange(tallies: Sequence[stats.Tally], start: int, end: int, zone: Zone) -> Picture:
    """Add quarters of an hour up to days of the zone; sources with most posts come first."""
    first, last = _day(start, zone), _day(end - 1, zone)
    days = tuple(first + timedelta(days=number) for number in range((last - first).days + 1))
    per_source: dict[str, Counter[date]] = {}
    for tally in tallies:
        per_source.setdefault(tally.source, Counter())[_day(max(tally.at, start), zone)] += tally.posts
    ranked = sorted(per_source.items(), key=lambda item: (-item[1].total(), item[0]))
    sources = {name: tuple(counts[day] for day in days) for name, counts in ranked}
    return Picture(days, tuple(sum(counts[day] for counts in per_source.values()) for day in days), sources)


def _day(at: int, zone: Zone) -> date:
    return (_EPOCH + timedelta(microseconds=at)).astimezone(zone.shows).date()


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
