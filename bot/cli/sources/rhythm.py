"""`communique sources rhythm` and `ack`: what is usual for a source, and accepting that it is silent."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from bot.cli.names import name_source, unknown_name
from bot.cli.terminal.output import Session, format_options, source_argument, write_json, write_line
from bot.cli.terminal.times import zone_option
from bot.documents.charts import draw_sparkline
from bot.documents.counts import format_count
from bot.documents.rhythm import rhythm_json
from bot.errors import UserError
from bot.foreign.text import visible
from bot.listing.rhythm import WEEKDAYS, count_hours, describe_habit, read_past
from bot.listing.times import Zone, format_time, parse_time

if TYPE_CHECKING:
    from bot.intake.habit import Missing
    from storage.archive.database import Reader
    from storage.records import SourceRow


@click.command("rhythm")
@source_argument
@click.option("--since", metavar="TIME", default="120d", show_default=True, help="Silences since then: 2026-11-01.")
@format_options(streams=False)
@click.pass_obj
def command(session: Session, name: str, since: str, form: str | None) -> None:
    """Draw when a source usually posts, and list when it would have been reported as silent in the past.

    Times are those of [defaults] timezone, in which its habits are learnt.
    """
    from bot.daemon.rhythm import find_usual
    from bot.intake.habit import BACK, learn, replay

    config, now = session.config(), session.clock.now()
    name = name_source(session, name)
    zone = Zone(config.zone, config.zone)
    begin = min(max(parse_time(since, zone, now, option="--since"), 0), now)
    with session.archive().reading() as reader:
        row = _find(reader, name)
        past, until = read_past(reader, row, begin - BACK, now)
    usual = next((find_usual(config, one) for one in config.sources if one.name == row.name), config.defaults.usual)
    habit, findings = learn(past, until, config.zone), replay(past, begin, until, config.zone, usual)
    hours = count_hours(past, until - BACK, zone.shows)
    if form == "json":
        week = [{"day": day, "posts": counts} for day, counts in zip(WEEKDAYS, hours, strict=True)]
        write_json(session, rhythm_json(row.name, usual, habit, config.zone.key, findings) | {"hours": week})
        return
    for line in (*describe_habit(row.name, habit, usual, config.zone.key), "", *_draw(hours), ""):
        write_line(session, line)
    for line in _list(findings, begin, zone):
        write_line(session, line)


@click.command("ack")
@source_argument
@zone_option
@click.pass_obj
def acknowledge(session: Session, name: str, zone: Zone) -> None:
    """Accept that a source is silent: you hear of it again if it is silent for as long again."""
    from storage.sources import rhythm

    now = session.clock.now()
    name = name_source(session, name)
    with session.archive() as archive:
        with archive.reading() as reader:
            row = _find(reader, name)
        with archive.writing() as writer:
            since = rhythm.accept(writer, row.id, now)
    if since is None:
        raise UserError(f"{visible(row.name)} has not been reached yet: there is no silence to accept")
    write_line(
        session,
        f"{visible(row.name)} has posted nothing since {format_time(since, zone)}, which is accepted; if it is still"
        f" silent at {format_time(2 * now - since, zone)}, you hear of it again",
    )


def _find(reader: "Reader", name: str) -> "SourceRow":
    from storage.sources.names import read_tags
    from storage.sources.states import find_source

    row = find_source(reader, name)
    if row is None:
        raise unknown_name(name, read_tags(reader), "source", "the archive")
    return row


def _draw(hours: Sequence[Sequence[int]]) -> Iterator[str]:
    """A line for each day of the week, two columns for each hour; all days are drawn to one scale."""
    yield "     " + "".join(f"{hour:02}    " for hour in range(0, 24, 3)).rstrip()
    most = max(max(row) for row in hours)
    for day, row in zip(WEEKDAYS, hours, strict=True):
        bars = draw_sparkline([*row, most], 25)[:24]
        yield f"{day}  {''.join(bar * 2 for bar in bars)}".rstrip()


def _list(findings: "Sequence[Missing]", since: int, zone: Zone) -> Iterator[str]:
    times = format_count(len(findings), "time")
    yield f"since {format_time(since, zone)} it would have been reported {times}" + ":" * bool(findings)
    for one in findings:
        end = "it has not posted since" if one.until is None else f"until {format_time(one.until, zone)}"
        what = f"silence since {format_time(one.since, zone)}" if one.slot is None else f"not as {one.slot}"
        yield f"  {format_time(one.at, zone)}  {what}, {end}"
