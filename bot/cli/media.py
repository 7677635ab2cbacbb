"""`communique media`: list files with their states; fetch them again, or have an engine read them."""

from typing import TYPE_CHECKING

import click

from bot.cli.names import find_by_name, warn_unknown_sources
from bot.cli.query import NOTHING_FOUND
from bot.cli.terminal.output import (
    Form,
    Noun,
    Session,
    complete_name,
    find_limit,
    format_options,
    limit_option,
    say,
    say_left_out,
    source_option,
    table_option,
    write,
    write_line,
)
from bot.cli.terminal.pager import pager_option
from bot.cli.terminal.table import write_table
from bot.cli.terminal.times import zone_option
from bot.documents.counts import format_count, format_size
from bot.documents.media import listed_file_json
from bot.errors import UserError
from bot.listing.files import FILE_COLUMNS
from bot.listing.running import find_daemon
from bot.listing.times import Zone, format_time, parse_time
from storage.media import summary
from storage.media.summary import Listed

if TYPE_CHECKING:
    from bot.enrich.choice import Choice
    from storage.archive.database import Archive
    from storage.media.readings import ReadRequest
    from storage.media.stored import StoredMedia

_NOT_STORED = tuple(state for state in summary.STATES if state not in ("stored", "pending"))
_PAGE = 5_000
_LIMIT = 50


@click.group("media", cls=Noun)
def command() -> None:
    """List files with their states; fetch or read them again."""


@command.command("list")
@click.option(
    "--state",
    "states",
    type=click.Choice([*summary.STATES, "given up"]),
    multiple=True,
    help="Only files in this state (given up: no engine could read it); may be repeated.",
)
@source_option
@click.option("--since", metavar="TIME", help="Only of posts published since then: 7d, yesterday, 2026-11-01.")
@limit_option(_LIMIT, "files")
@zone_option
@format_options()
@table_option
@pager_option
@click.pass_obj
def list_files(
    session: Session,
    states: tuple[str, ...],
    sources: tuple[str, ...],
    since: str | None,
    limit: int | None,
    zone: Zone,
    form: Form | None,
) -> None:
    """List files with state and reason, those of the newest posts first."""
    start = None if since is None else parse_time(since, zone, session.clock.now(), option="--since")
    with session.archive().reading() as reader:
        unknown = warn_unknown_sources(session, reader, sources)
        most = find_limit(limit, _LIMIT, form)
        found = summary.list_files(reader, states=states, sources=sources, since=start, limit=most)
        if form is not None:
            write(session, form, (listed_file_json(file) for file in found), FILE_COLUMNS)
            _exit_if(unknown and not summary.count_listed(reader, states=states, sources=sources, since=start))
            return
        rows = [_row(file, zone) for file in found]
        full = len(rows) == most
        total = summary.count_listed(reader, states=states, sources=sources, since=start) if full else len(rows)
    write_table(session, ("post", "published", "kind", "size", "state", "why"), rows)
    say_left_out(session, len(rows), total)
    if not rows:
        say(session, "no files found")
        _exit_if(unknown)


@command.command("read")
@click.option("--since", metavar="TIME", help="Only of posts published since then: 30d, yesterday, 2026-11-01.")
@source_option
@click.option(
    "--engine",
    metavar="NAME",
    shell_complete=lambda ctx, _, typed: complete_name(ctx, "engines", typed),
    help="Only files that this engine reads.",
)
@click.option(
    "--again",
    is_flag=True,
    help="Also files that were read before; their old texts are kept (see --history of `search`).",
)
@zone_option
@click.pass_obj
def read_files(
    session: Session, since: str | None, sources: tuple[str, ...], engine: str | None, again: bool, zone: Zone
) -> None:
    """Have engines read stored files that were not read or were given up, newest first.

    A running `communique run` does it when no new file is waiting; otherwise the next one does. Files that were never
    read alert as new ones do: not for posts from first contact or backfill. A file that was read
    before does not alert again: `communique rules replay` shows which posts match now.

    \b
    communique media read --since 30d
    communique media read --again --engine burmese-ears --source spokesman
    """  # noqa: D301  click reads the backspace
    from bot.enrich.choice import Choice
    from storage.media.readings import ReadRequest

    start = None if since is None else parse_time(since, zone, session.clock.now(), option="--since")
    config = session.written_config()
    if not config.engines:
        raise UserError("the config has no [[engines]], so nothing can be read: see `communique models`")
    if engine is not None:
        find_by_name(config.engines, engine, "engine")
    with session.archive() as archive:
        unknown = _warn_unknown(session, archive, sources)
        count = _request_readings(
            archive, Choice.of(config), ReadRequest(start, sources, again), engine, session.clock.now()
        )
    write_line(session, f"{format_count(count, 'file')} queued for reading{_say_when(session) if count else ''}")
    _exit_if(unknown and not count)


@command.command("fetch")
@click.option("--since", metavar="TIME", help="Only of posts published since then: 2d, yesterday, 2026-11-01.")
@source_option
@click.option(
    "--state",
    "states",
    type=click.Choice(_NOT_STORED),
    multiple=True,
    help="Only files in this state; by default all of them.",
)
@zone_option
@click.pass_obj
def fetch_files(
    session: Session, since: str | None, sources: tuple[str, ...], states: tuple[str, ...], zone: Zone
) -> None:
    """Fetch again the files that were too big, gone or refused.

    Useful after a cap was raised, or `media` of a source got more kinds: by itself `run` then fetches those of the
    last two days. Addresses on public pages work for about that long; a Telegram account and yt-dlp find files of any
    age.
    """
    from storage.media import rows as media_rows

    start = None if since is None else parse_time(since, zone, session.clock.now(), option="--since")
    with session.archive() as archive:
        unknown = _warn_unknown(session, archive, sources)
        with archive.writing() as writer:
            count = media_rows.retry_files(
                writer, states or _NOT_STORED, session.clock.now(), sources=sources, since=start
            )
    write_line(session, f"{format_count(count, 'file')} queued for download{_say_when(session) if count else ''}")
    _exit_if(unknown and not count)


def _warn_unknown(session: Session, archive: "Archive", sources: tuple[str, ...]) -> bool:
    with archive.reading() as reader:
        return warn_unknown_sources(session, reader, sources)


def _exit_if(nothing_found: bool) -> None:
    if nothing_found:
        raise SystemExit(NOTHING_FOUND)


def _say_when(session: Session) -> str:
    running = find_daemon(session.data_dir()).running
    return "; the running daemon does it" if running else "; `communique run` does it"


def _request_readings(archive: "Archive", choice: "Choice", what: "ReadRequest", engine: str | None, now: int) -> int:
    """Queue a job for each file in short transactions. The number of files."""
    from bot.enrich.choice import reading_jobs
    from storage import jobs
    from storage.media import readings

    below, count = None, 0
    while True:
        with archive.reading() as reader:
            page = readings.find_requested(reader, what, below=below, limit=_PAGE)
        if not page:
            return count
        below = page[-1]
        files = [file for file in page if engine is None or _is_for(choice, file, engine)]
        new = [job for file in files for job in reading_jobs(choice, file, file.mime, now)]
        with archive.writing() as writer:
            readings.reopen(writer, [int(job.slot) for job in new])
            jobs.enqueue_missing(writer, new, again=True)
        count += len({job.slot for job in new})


def _is_for(choice: "Choice", file: "StoredMedia", engine: str) -> bool:
    readers = choice.readers(file.source, file.kind, file.mime).values()
    return any(reader.settings.name == engine for reader in readers)


def _row(file: Listed, zone: Zone) -> list[str]:
    size = "-" if file.bytes is None else format_size(file.bytes)
    why = file.reason or (f"not read: {file.given_up}" if file.given_up else "")
    if not why and file.read_by:
        why = f"read by {file.read_by.partition(' ')[0]}"
    post = f"{file.source}/{file.native_id}"
    return [post, format_time(file.posted_at, zone), file.kind, size, file.state, why]
