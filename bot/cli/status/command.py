"""`communique status`: what is being watched since when, what is failing, what waits, and what to do next."""

from collections.abc import Iterator
from pathlib import Path

import click

from bot.cli.account import explain_account
from bot.cli.daemon import DaemonState, find_daemon
from bot.cli.kinds import reads_with_account
from bot.cli.status import files as status_files
from bot.cli.status.files import FileReport
from bot.cli.terminal.output import Session, counted, formats, line, styled, write_json
from bot.cli.terminal.times import Zone, ago, shown, zone_option
from bot.clock import HOUR, MINUTE
from bot.documents.as_json import iso
from bot.documents.status import status_json
from bot.errors import UserError
from bot.foreign.text import one_line, visible
from storage.archive import marker
from storage.state_names import CONNECTED, HEALTHY, NEEDS_SIGN_IN, OK
from storage.status import QUEUES, ArchiveStatus, OpenGap, Queue, Watch, read_status

_BLIND = 15 * MINUTE  # so long may every source fail, or a due round stay away, before this counts as ill health
_ROOM = 16 << 20  # bytes that must be free, for a full disk lets nothing be stored, not even that it is full
_LATE = HOUR  # so long may a message wait to be delivered
_UNHEALTHY = 1


@click.command("status")
@click.option("--health", is_flag=True, help="Exit with 1 if something is wrong: for a container or a cron job.")
@zone_option
@formats(streams=False)
@click.pass_context
def command(ctx: click.Context, health: bool, zone: Zone, form: str | None) -> None:
    """Tell how things stand.

    Unhealthy is: no daemon runs; no source answers since 15 minutes; a source is due since 15 minutes and nobody
    asks it; a message waits since an hour; a new post waits since 15 minutes for its rules; the disk is full. A quiet
    source is not ill, one failing source among others is a warning.
    """
    session: Session = ctx.obj
    now = session.clock.now()
    daemon = find_daemon(session.data_dir())
    found, files, collected = _standing(session, now)
    problems = (*collected, *ailments(found, daemon, now), *cramped(_free(session.data_dir())))
    if form is not None:
        document = status_json(
            found,
            now,
            problems=problems,
            warnings=(*warnings(found, now), *status_files.warnings(files)),
            running=daemon.running,
            pid=daemon.pid,
            media=status_files.document(files),
            media_by_source={watch.name: status_files.source_document(files, watch.name) for watch in found.watches},
            next_steps=next_steps(found, daemon),
        )
        write_json(session, document)
    else:
        for row in _lines(session, found, files, daemon, problems, zone, now):
            line(session, row)
    if health and problems:
        ctx.exit(_UNHEALTHY)


def _standing(session: Session, now: int) -> tuple[ArchiveStatus, FileReport, tuple[str, ...]]:
    """How things stand, and why not where nothing was collected yet: that is an answer, for it is asked by machines."""
    try:
        archive = session.archive()
    except UserError as nothing:
        empty = ArchiveStatus((), (), tuple(Queue(name, 0, None) for name in QUEUES), (), (), None)
        return empty, status_files.NONE, (str(nothing),)
    odd = marker.trouble(archive.path)
    with archive.reading() as reader:
        files = status_files.files(session, reader, _free(session.data_dir()))
        return read_status(reader, now), files, () if odd is None else (odd,)


def cramped(free: int | None) -> tuple[str, ...]:
    """Name a full disk; `free` is in bytes, None where it cannot be told."""
    full = free is not None and free < _ROOM
    return ("the disk is full: nothing new can be stored until there is room",) if full else ()


def _free(data_dir: Path) -> int | None:
    from shutil import disk_usage

    try:
        return disk_usage(data_dir).free
    except OSError:
        return None


def ailments(found: ArchiveStatus, daemon: DaemonState, now: int) -> tuple[str, ...]:
    """Name everything that counts as ill health, in one sentence each."""
    asked = [watch for watch in found.watches if watch.enabled and not watch.paused]
    problems = []
    if daemon.running is False:
        problems.append("no daemon is running")
    if asked and all(watch.state not in HEALTHY and now - watch.state_since > _BLIND for watch in asked):
        problems.append("no source answers")
    overdue = [watch.name for watch in asked if max(watch.next_poll_at, watch.hold_until or 0) < now - _BLIND]
    if overdue and daemon.running is not False:
        problems.append(f"due, but not asked: {', '.join(overdue)}")
    for name, most, words in (("outbox", _LATE, "a message waits to be delivered"), ("decide", _BLIND, "a post waits")):
        oldest = found.queue(name).oldest_at
        if oldest is not None and now - oldest > most:
            problems.append(f"{words} since {iso(oldest)}")
    return tuple(problems)


def warnings(found: ArchiveStatus, now: int) -> Iterator[str]:
    """Name what a person should know although the whole is healthy."""
    for watch in found.watches:
        if watch.enabled and not watch.paused and watch.state not in HEALTHY:
            reason = f": {watch.reason}" if watch.reason else ""
            yield f"source {watch.name} is {watch.state} since {iso(watch.state_since)}{reason}"
    if found.account is not None and any(watch.enabled and reads_with_account(watch.kind) for watch in found.watches):
        if found.account.state != CONNECTED:
            state, since = found.account.state, iso(found.account.state_since)
            yield f"the Telegram account has not worked since {since} ({state}){explain_account(found.account)}"
        elif found.account.reason:
            yield found.account.reason
    for target in found.targets:
        if target.state != "ok":
            reason = f": {target.reason}" if target.reason else ""
            yield f"target {target.name} is {target.state} since {iso(target.state_since)}{reason}"
        elif target.hold_until is not None and target.hold_until > now:
            yield f"target {target.name} asked us to wait until {iso(target.hold_until)}"
    for name, words in (
        ("dead", "messages could not be delivered"),
        ("given_up", "jobs were given up"),
        ("quarantine", "pieces could not be read and are kept aside"),
    ):
        if found.queue(name).waiting:
            yield f"{found.queue(name).waiting} {words}"


def next_steps(found: ArchiveStatus, daemon: DaemonState) -> Iterator[str]:
    """Suggest what to type next."""
    if not found.watches:
        yield "communique run --once"
    elif daemon.running is False:
        yield "communique run"
    if found.account is not None and found.account.state in NEEDS_SIGN_IN:
        yield "communique login"
    for watch in found.watches:
        if watch.enabled and not watch.paused and watch.state not in HEALTHY:
            yield f"communique sources check {watch.name}"
    for target in found.targets:
        if target.state != "ok":
            yield f"communique alerts test {target.name}"
    if found.queue("dead").waiting:
        yield "communique alerts retry --dead"


def sight(watch: Watch, zone: Zone, now: int) -> str:
    """Tell silence from blindness: since when we have looked without a break, or since when we have not."""
    last = f"last post {shown(watch.last_post_at, zone, unknown='never')}"
    if watch.paused:
        return f"paused, {last}"
    if watch.outcome is None:
        return "not asked yet"
    if watch.outcome == OK:
        rounds = counted(watch.rounds, "round")
        since = f"watched without interruption since {shown(watch.stretch_from, zone)} ({rounds})"
        looked = f"last looked {ago(watch.stretch_to, now)}"
        return f"{since}, {looked}, {last}"
    return f"blind since {shown(watch.last_ok_at, zone, unknown='the beginning')} ({watch.outcome}), {last}"


def _lines(
    session: Session,
    found: ArchiveStatus,
    files: FileReport,
    daemon: DaemonState,
    problems: tuple[str, ...],
    zone: Zone,
    now: int,
) -> Iterator[str]:
    states = {True: f"running, process {daemon.pid or '?'}", False: "not running", None: "cannot be told"}
    yield f"daemon      {styled(session, states[daemon.running], 'green' if daemon.running else 'red')}"
    yield f"last round  {shown(found.last_round_at, zone, unknown='never')} ({ago(found.last_round_at, now)})"
    yield f"queues      {', '.join(_waiting(queue, now) for queue in found.queues)}"
    if found.account is not None:
        state, since = found.account.state, shown(found.account.state_since, zone)
        yield f"telegram    {one_line(f'{state} since {since}{explain_account(found.account)}')}"
    for method, until in found.waits:
        yield f"            asked to wait with {one_line(method)} until {shown(until, zone, seconds=True)}"
    yield from status_files.lines(session, files, now)
    for watch in found.watches:
        yield ""
        gone = "" if watch.enabled else " (no longer in the config)"
        state = styled(session, one_line(watch.state), "green" if watch.state in HEALTHY else "red")
        yield f"{styled(session, one_line(watch.name), 'bold')}  {state}{gone}"
        yield f"    {one_line(sight(watch, zone, now))}"
        if watch.reason:
            yield f"    {one_line(watch.reason)}"
        upcoming = max(watch.next_poll_at, watch.hold_until or 0)
        if watch.enabled and not watch.paused and watch.next_poll_at:
            never = "after a change of the config or `sources resume`"
            yield f"    next round {shown(upcoming, zone, unknown=never, seconds=True)}"
        yield f"    {counted(watch.posts, 'post')}, {watch.deleted} deleted, {counted(watch.gaps, 'open gap')}"
        if held := status_files.of_source(files, watch.name):
            yield f"    {held}"
    for gap in found.gaps:
        what = visible(f"{gap.source}  {stretch(gap, zone)}  {gap.reason}")
        yield f"{styled(session, 'gap', 'yellow')}  {what}"
    yield ""
    for told in found.notices:
        yield f"{styled(session, shown(told.at, zone), 'dim')}  {one_line(told.text)}"
    for problem in problems:
        yield f"{styled(session, 'unhealthy', 'red')}  {one_line(problem)}"
    for warning in (*warnings(found, now), *status_files.warnings(files)):
        yield f"{styled(session, 'warning', 'yellow')}  {one_line(warning)}"
    yield from status_files.given_up(session, files)
    for step in next_steps(found, daemon):
        yield f"next: {one_line(step)}"


def _waiting(queue: Queue, now: int) -> str:
    oldest = f" (oldest {ago(queue.oldest_at, now)})" if queue.waiting else ""
    return f"{queue.name.replace('_', ' ')} {queue.waiting}{oldest}"


def stretch(gap: OpenGap, zone: Zone) -> str:
    """Say which posts are missing: by number, or by time where there are no numbers."""
    if gap.low is not None or gap.high is not None:
        return f"numbers {'…' if gap.low is None else gap.low} to {'…' if gap.high is None else gap.high}"
    return f"from {shown(gap.from_at, zone, unknown='the beginning')} to {shown(gap.to_at, zone, unknown='now')}"
