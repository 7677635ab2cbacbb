"""`communique status`: what is watched, what fails, what is waiting, and what to do next."""

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from bot.cli.status import files as status_files
from bot.cli.terminal.output import Session, format_options, style, write_json, write_text
from bot.cli.terminal.pager import pager_option
from bot.cli.terminal.times import zone_option
from bot.config import paths
from bot.daemon.judging import DaemonState, free_bytes, judge
from bot.documents.as_json import iso
from bot.documents.counts import format_count, format_size
from bot.documents.mute import describe_muted
from bot.errors import ConfigError, UserError
from bot.foreign.text import one_line, visible
from bot.listing.account import explain_account
from bot.listing.files import NO_FILES, FileReport, read_report, warn_of_files
from bot.listing.running import find_daemon
from bot.listing.status import describe_status, find_warnings, suggest_steps
from bot.listing.times import Zone, format_age, format_time
from storage.alerts.mutes import Mute
from storage.backups.record import BackupRecord
from storage.posts.index_move import IndexMove
from storage.posts.progress import FoldProgress
from storage.state_names import HEALTHY, OK
from storage.status import QUEUES, ArchiveStatus, OpenGap, Queue, Watch, read_status

if TYPE_CHECKING:
    from bot.config.caps import Caps

_UNHEALTHY = 1
_BELOW = 12  # where the lines of a label continue
_QUEUES = {"decide": "post", "recheck": "re-check", "outbox": "message"}


@click.command("status")
@click.option("--health", is_flag=True, help="Exit with 1 if something is wrong: for a container or a cron job.")
@zone_option
@format_options(streams=False)
@pager_option
@click.pass_context
def command(ctx: click.Context, health: bool, zone: Zone, form: str | None) -> None:
    """Show what is watched, what fails and what is waiting.

    \b
    Unhealthy means one of these:
      no daemon is running
      the running daemon has written nothing for 3 minutes
      no source has answered since the start, or for 15 minutes
      a source has been due for 15 minutes and was not polled
      a message has waited for an hour, or a new post for 15 minutes
      the disk is full

    One failing source among others is a warning; a source without new posts is fine.
    """  # noqa: D301  click reads the backspace
    session: Session = ctx.obj
    now = session.clock.now()
    daemon = find_daemon(session.data_dir())
    found, files, collected = _read_status(session, now)
    shown = iso if form else functools.partial(format_time, zone=zone)
    database = paths.database_in(session.data_dir())
    problems = tuple(dict.fromkeys((*collected, *judge(found, daemon, database, now, shown))))
    if form is not None:
        document = describe_status(found, files, daemon, problems, now, _find_first_step(session, found))
        write_json(session, document)
    else:
        for row in _lines(session, found, files, daemon, problems, zone, now):
            write_text(session, row, indent=_BELOW if row[:4].strip() else 4)
    if health and problems:
        ctx.exit(_UNHEALTHY)


def _read_limits(session: Session) -> "Caps | None":
    from bot.config.caps import find_caps

    return find_caps(session.config_flag, session.environment)


def _read_status(session: Session, now: int) -> tuple[ArchiveStatus, FileReport, tuple[str, ...]]:
    """The status, the files, and a problem where nothing was collected yet: for a script that is an answer, too."""
    try:
        archive = session.archive(says=False)
    except UserError as nothing:
        empty = ArchiveStatus((), (), tuple(Queue(name, 0, None) for name in QUEUES), (), (), None)
        return empty, NO_FILES, (str(nothing),)
    with archive.reading() as reader:
        files = read_report(reader, _read_limits(session), free_bytes(session.data_dir()))
        return read_status(reader, now), files, ()


def _find_first_step(session: Session, found: ArchiveStatus) -> str:
    """What comes first where nothing is watched yet: a config, a source in it, or the first pass; else nothing."""
    if found.watches:
        return ""
    from bot.config.entries import list_sources

    if not session.has_config():
        return "communique init"
    try:
        known = list_sources(session.config_flag, session.environment)
    except ConfigError:
        return "communique config check"
    return "communique run --once" if known else "communique sources add ADDRESS"


def describe_watch(watch: Watch, zone: Zone, now: int) -> str:
    """Since when a source is watched without interruption, or not watched: no news is not the same as no view."""
    last = f"last post {format_time(watch.last_post_at, zone, unknown='never')}"
    if watch.paused:
        return f"paused, {last}"
    if watch.outcome is None:
        return "not polled yet"
    if watch.outcome == OK:
        rounds = format_count(watch.rounds, "round")
        since = f"watched without interruption since {format_time(watch.stretch_from, zone)} ({rounds})"
        looked = f"last polled {format_age(watch.stretch_to, now)}"
        return f"{since}, {looked}, {last}"
    why = f" ({watch.outcome})" * (watch.outcome != watch.state)
    return f"not watched since {format_time(watch.last_ok_at, zone, unknown='the beginning')}{why}, {last}"


def _lines(
    session: Session,
    found: ArchiveStatus,
    files: FileReport,
    daemon: DaemonState,
    problems: tuple[str, ...],
    zone: Zone,
    now: int,
) -> Iterator[str]:
    states = {True: f"running, process {daemon.pid or '?'}", False: "not running", None: "unknown"}
    yield f"daemon      {style(session, states[daemon.running], 'green' if daemon.running else 'red')}"
    last = found.last_round_at
    yield f"last round  {'never' if last is None else f'{format_time(last, zone)} ({format_age(last, now)})'}"
    waiting = [_describe_queue(queue, now) for queue in found.queues if queue.waiting and queue.name in _QUEUES]
    yield f"waiting     {', '.join(waiting) or 'nothing'}"
    for account in found.accounts:
        state, since = account.state, format_time(account.state_since, zone)
        name = f"{account.account}: " if account.account else ""
        yield f"telegram    {one_line(f'{name}{state} since {since}{explain_account(account)}')}"
    for method, until in found.waits:
        yield f"            rate-limited: {one_line(method)} until {format_time(until, zone, seconds=True)}"
    for sentence in found.paces:
        yield f"pace        {one_line(sentence)}"
    if found.backups.last_at is not None:
        yield f"backup      {one_line(describe_backups(found.backups, zone, now))}"
    if found.rereading is not None:
        done, total = found.rereading.done, found.rereading.total
        yield f"reading     {done:,} of {total:,} posts are read again by this version, which may find more in them"
    if found.indexing is not None:
        yield f"index       {describe_indexing(found.indexing)}"
    if found.moving is not None:
        yield f"index       {describe_move(found.moving)}"
    for mute in found.mutes:
        yield f"muted       {one_line(describe_mute(mute, zone))}"
    yield from status_files.describe_files(session, files, now)
    for watch in found.watches:
        yield ""
        gone = "" if watch.enabled else " (no longer in the config)"
        state = style(session, one_line(watch.state), "green" if watch.state in HEALTHY else "red")
        yield f"{style(session, one_line(watch.name), 'bold')}  {state}{gone}"
        yield f"    {one_line(describe_watch(watch, zone, now))}"
        if watch.reason:
            yield f"    {one_line(watch.reason)}"
        upcoming = max(watch.next_poll_at, watch.hold_until or 0)
        if watch.enabled and not watch.paused and watch.next_poll_at:
            never = "after a change of the config or `sources resume`"
            yield f"    next round {format_time(upcoming, zone, unknown=never, seconds=True)}"
        posts, gaps = format_count(watch.posts, "post"), format_count(watch.gaps, "open gap")
        yield f"    {posts}, {watch.deleted} deleted, {gaps}"
        if held := status_files.describe_source(files, watch.name):
            yield f"    {held}"
    for gap in found.gaps:
        what = visible(f"{gap.source}  {describe_gap(gap, zone)}  {gap.reason}")
        yield f"{style(session, 'gap', 'yellow')}  {what}"
    yield ""
    ill = {watch.name for watch in found.watches if watch.state not in HEALTHY}
    ill |= {target.name for target in found.targets if target.state != "ok"}
    for notice in found.notices:
        if notice.about.partition(" ")[2] in ill:
            continue  # the line of the source or the warning of the target says it
        yield f"{style(session, format_time(notice.at, zone), 'dim')}  {one_line(notice.text)}"
    for problem in problems:
        yield f"{style(session, 'unhealthy', 'red')}  {one_line(problem)}"
    for warning in (
        *find_warnings(found, now, functools.partial(format_time, zone=zone)),
        *warn_of_files(files),
    ):
        yield f"{style(session, 'warning', 'yellow')}  {one_line(warning)}"
    yield from status_files.given_up(session, files)
    for step in suggest_steps(found, daemon, _find_first_step(session, found)):
        yield f"next: {one_line(step)}"


def describe_indexing(progress: FoldProgress) -> str:
    """Say how many texts are indexed by this version, and what that means for a search."""
    return (
        f"{progress.done:,} of {progress.total:,} texts are indexed by this version; search reads the others one by one"
    )


def describe_move(move: IndexMove) -> str:
    """Say how far the full-text index is in its new form, and how long the rest takes; or what it waits for."""
    if move.lacking:
        return (
            f"{format_size(move.lacking)} more of free disk is needed to move it to its new form; the old one is used"
        )
    left = (
        "" if move.seconds_left is None else f", about {format_count(max(move.seconds_left // 60, 1), 'minute')} left"
    )
    return f"{move.done:,} of {move.total:,} posts are in its new form{left}; search uses the old one until then"


def describe_backups(known: BackupRecord, zone: Zone, now: int) -> str:
    """Say when the last backup was made, where it is, and how far the kept ones reach back."""
    last = f"last {format_time(known.last_at, zone)} ({format_age(known.last_at, now)}) in {known.path}"
    return f"{last}, {known.kept} kept, oldest {format_time(known.oldest_at, zone)}"


def describe_mute(mute: Mute, zone: Zone) -> str:
    """Say what is muted until when, by whom and why, and how many messages that has held."""
    held = f"{format_count(mute.held, 'message')} held"
    until = format_time(mute.until, zone)
    return f"{describe_muted(mute)} until {until} ({held}; mute {mute.id}, by {mute.who}: {mute.why})"


def _describe_queue(queue: Queue, now: int) -> str:
    waiting = format_count(queue.waiting, _QUEUES[queue.name])
    if queue.oldest_at is None:
        return f"{waiting} (held for later: `communique alerts list --undelivered`)"
    return f"{waiting} (oldest {format_age(queue.oldest_at, now)})"


def describe_gap(gap: OpenGap, zone: Zone) -> str:
    """Which posts are missing: by number, or by time where there are no numbers."""
    if gap.low is not None or gap.high is not None:
        return f"numbers {'…' if gap.low is None else gap.low} to {'…' if gap.high is None else gap.high}"
    start, end = format_time(gap.from_at, zone, unknown="the beginning"), format_time(gap.to_at, zone, unknown="now")
    return f"from {start} to {end}"
