"""`communique media`: how files stand and why; have them fetched again, or read by an engine, on purpose."""

from typing import TYPE_CHECKING

import click

from bot.cli.daemon import find_daemon
from bot.cli.names import find_by_name, warn_unknown_sources
from bot.cli.terminal.output import (
    Form,
    Noun,
    Session,
    counted,
    formats,
    line,
    names_in_config,
    say,
    sized,
    source_option,
    table,
    write,
)
from bot.cli.terminal.times import Zone, moment, shown, zone_option
from bot.documents.media import listed_file_json
from bot.errors import UserError
from storage.media import summary
from storage.media.summary import Listed

if TYPE_CHECKING:
    from bot.enrich.choice import Choice
    from storage.archive.database import Archive
    from storage.media.readings import ReadRequest
    from storage.media.rows import StoredMedia

COLUMNS = (
    "source", "native_id", "url", "posted_at", "kind", "name", "state", "reason", "bytes", "sha256", "read_by",
    "read_at", "given_up",
)  # fmt: skip
_NOT_STORED = tuple(state for state in summary.STATES if state not in ("stored", "pending"))
_PAGE = 5_000


@click.group("media", cls=Noun)
def command() -> None:
    """List files with their states; have them fetched or read again."""


@command.command("list")
@click.option(
    "--state",
    "states",
    type=click.Choice([*summary.STATES, "given up"]),
    multiple=True,
    help="Only files in this state; given up: those that no engine could read. May be repeated.",
)
@source_option
@click.option("--since", metavar="TIME", help="Only of posts published then or later: 7d, yesterday, 2026-11-01.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
@zone_option
@formats()
@click.pass_obj
def listed(
    session: Session,
    states: tuple[str, ...],
    sources: tuple[str, ...],
    since: str | None,
    limit: int,
    zone: Zone,
    form: Form | None,
) -> None:
    """List files, those of the newest posts first, each with its state and the reason."""
    start = None if since is None else moment(since, zone, session.clock.now(), option="--since")
    with session.archive().reading() as reader:
        warn_unknown_sources(session, reader, sources)
        found = summary.list_files(reader, states=states, sources=sources, since=start, limit=limit)
        if form is not None:
            write(session, form, (listed_file_json(file) for file in found), COLUMNS)
            return
        rows = [_row(file, zone) for file in found]
    table(session, ("post", "published", "kind", "size", "state", "why"), rows)
    if not rows:
        say(session, "no files that fit")


@command.command("read")
@click.option("--since", metavar="TIME", help="Only of posts published then or later: 30d, yesterday, 2026-11-01.")
@source_option
@click.option(
    "--engine",
    metavar="NAME",
    shell_complete=lambda ctx, _, typed: names_in_config(ctx, "engines", typed),
    help="Only files that this engine of the config reads.",
)
@click.option("--again", is_flag=True, help="Also what was read before; its words are kept, and found with --history.")
@zone_option
@click.pass_obj
def read(
    session: Session, since: str | None, sources: tuple[str, ...], engine: str | None, again: bool, zone: Zone
) -> None:
    """Have stored files read that were not read, or were given up, newest first.

    A running `communique run` does it while nothing fresh waits; otherwise the next one does. New words alert as
    those of a fresh file do: not for posts of first contact and backfill.

    \b
    communique media read --since 30d
    communique media read --again --engine burmese-ears --source spokesman
    """  # noqa: D301  click reads the backspace
    from bot.enrich.choice import Choice
    from storage.media.readings import ReadRequest

    start = None if since is None else moment(since, zone, session.clock.now(), option="--since")
    config = session.config()
    if not config.engines:
        raise UserError("the config has no [[engines]]: nothing can be read; `communique models` tells what suits")
    if engine is not None:
        find_by_name(config.engines, engine, "engine")
    with session.archive() as archive:
        _warn_unknown(session, archive, sources)
        asked = _ask(archive, Choice.of(config), ReadRequest(start, sources, again), engine, session.clock.now())
    line(session, f"{counted(asked, 'file')} to be read{_when(session) if asked else ''}")


@command.command("fetch")
@click.option("--since", metavar="TIME", help="Only of posts published then or later: 2d, yesterday, 2026-11-01.")
@source_option
@click.option(
    "--state", "states", type=click.Choice(_NOT_STORED), multiple=True, help="Only files in this state; default: all."
)
@zone_option
@click.pass_obj
def fetch(session: Session, since: str | None, sources: tuple[str, ...], states: tuple[str, ...], zone: Zone) -> None:
    """Try once more for files that were too big, gone or refused: after a cap was raised, or a source had a bad day.

    Addresses on public pages live for about two days; an account at Telegram finds files of any age.
    """
    from storage.media import rows as media_rows

    start = None if since is None else moment(since, zone, session.clock.now(), option="--since")
    with session.archive() as archive:
        _warn_unknown(session, archive, sources)
        with archive.writing() as writer:
            asked = media_rows.retry_files(
                writer, states or _NOT_STORED, session.clock.now(), sources=sources, since=start
            )
    line(session, f"{counted(asked, 'file')} to be fetched{_when(session) if asked else ''}")


def _warn_unknown(session: Session, archive: "Archive", sources: tuple[str, ...]) -> None:
    with archive.reading() as reader:
        warn_unknown_sources(session, reader, sources)


def _when(session: Session) -> str:
    running = find_daemon(session.data_dir()).running
    return ": the running daemon does it" if running else ": `communique run` does it"


def _ask(archive: "Archive", choice: "Choice", what: "ReadRequest", engine: str | None, now: int) -> int:
    """Leave a job for each file in short transactions; how many files."""
    from bot.enrich.choice import reading_jobs
    from storage import jobs
    from storage.media import readings

    below, asked = None, 0
    while True:
        with archive.reading() as reader:
            page = readings.find_requested(reader, what, below=below, limit=_PAGE)
        if not page:
            return asked
        below = page[-1]
        files = [file for file in page if engine is None or _is_for(choice, file, engine)]
        new = [job for file in files for job in reading_jobs(choice, file, file.mime, now)]
        with archive.writing() as writer:
            readings.reopen(writer, [int(job.slot) for job in new])
            jobs.enqueue_missing(writer, new, again=True)
        asked += len({job.slot for job in new})


def _is_for(choice: "Choice", file: "StoredMedia", engine: str) -> bool:
    readers = choice.readers(file.source, file.kind, file.mime).values()
    return any(reader.settings.name == engine for reader in readers)


def _row(file: Listed, zone: Zone) -> list[str]:
    size = "-" if file.bytes is None else sized(file.bytes)
    why = file.reason or (f"not read: {file.given_up}" if file.given_up else "")
    if not why and file.read_by:
        why = f"read by {file.read_by.partition(' ')[0]}"
    post = f"{file.source}/{file.native_id}"
    return [post, shown(file.posted_at, zone), file.kind, size, file.state, why]
