"""What counts as unhealthy, one sentence each: the same for `status --health` and for the pings of a heartbeat."""

from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import disk_usage

from bot.clock import HOUR, MINUTE
from bot.documents.as_json import iso
from storage.archive import marker
from storage.frozen import dataclass
from storage.state_names import HEALTHY, OK
from storage.status import ArchiveStatus, Watch

_BLIND = 15 * MINUTE  # longer than this no source answers, or a due round is missing
_FIRST = 3 * MINUTE  # longer than this after the start no source has answered yet
_ROOM = 16 << 20  # bytes that must be free: on a full disk nothing can be stored, not even that it is full
_LATE = HOUR  # longer than this a message waits for delivery
_SILENT = 3 * MINUTE  # longer than this without a heartbeat, which comes every minute
Shown = Callable[[int], str | None]
"""Writes a time: for a machine or for the screen."""


@dataclass(frozen=True, slots=True)
class DaemonState:
    """Whether a daemon uses the data directory; `running` is None where that cannot be read.

    `since` is when it took the directory, in microseconds UTC.
    """

    running: bool | None
    pid: int | None
    since: int | None = None


def judge(found: ArchiveStatus, daemon: DaemonState, database: Path, now: int, shown: Shown = iso) -> tuple[str, ...]:
    """Everything that counts as unhealthy of a daemon, its archive and its disk; empty if all is well."""
    odd = marker.trouble(database)
    return (
        *(() if odd is None else (odd.sentence,)),
        *find_problems(found, daemon, now, shown),
        *check_space(database.parent, running=daemon.running),
    )


def find_problems(found: ArchiveStatus, daemon: DaemonState, now: int, shown: Shown = iso) -> tuple[str, ...]:
    """What the archive shows of everything that counts as unhealthy."""
    active = [watch for watch in found.watches if watch.enabled and not watch.paused]
    problems = []
    if daemon.running is False:
        problems.append("no daemon is running")
    signs = [at for at in (found.heartbeat_at, daemon.since) if at is not None]
    if daemon.running and signs and not any(abs(now - at) <= _SILENT for at in signs):
        last = "" if found.heartbeat_at is None else f" since {shown(found.heartbeat_at)}"
        problems.append(f"the daemon is running, but has written nothing to the archive{last}")
    if active and _hears_nothing(active, daemon, now):
        problems.append("no source answers")
    overdue = [watch.name for watch in active if max(watch.next_poll_at, watch.hold_until or 0) < now - _BLIND]
    if overdue and daemon.running is not False:
        problems.append(f"due, but not polled: {', '.join(overdue)}")
    for name, most, words in (
        ("outbox", _LATE, "a message has waited for delivery"),
        ("decide", _BLIND, "a post has waited for its rules"),
    ):
        oldest = found.queue(name).oldest_at
        if oldest is not None and now - oldest > most:
            problems.append(f"{words} since {shown(oldest)}")
    return tuple(problems)


def _hears_nothing(active: Sequence[Watch], daemon: DaemonState, now: int) -> bool:
    """Whether no source answers: at once where none has since the daemon began, else only if that lasts."""
    answers = [watch.last_ok_at for watch in active if watch.last_ok_at is not None]
    answered = bool(answers) and (daemon.since is None or max(answers) >= daemon.since)
    if all(watch.state not in HEALTHY for watch in active):
        return not answered or all(now - watch.state_since > _BLIND for watch in active)
    waited = daemon.since is not None and now - daemon.since > _FIRST
    return bool(daemon.running) and waited and not answered and all(watch.state != OK for watch in active)


def check_space(data_dir: Path, *, running: bool | None) -> tuple[str, ...]:
    """A problem if the disk is full. What a running daemon keeps for that is room only as long as it is kept."""
    free = free_bytes(data_dir)
    reserve_used = bool(running) and not (data_dir / "reserve").exists()
    return judge_space(free, reserve_used=reserve_used)


def judge_space(free: int | None, *, reserve_used: bool = False) -> tuple[str, ...]:
    """A problem if the disk is full; `free` is in bytes, None if unknown.

    `reserve_used`: what the daemon keeps for a full disk is in use, so that part of what is free is only that.
    """
    full = free is not None and free < (2 * _ROOM if reserve_used else _ROOM)
    return ("the disk is full: nothing new can be stored until there is room",) if full else ()


def free_bytes(data_dir: Path) -> int | None:
    """What is free where the archive is; None if that cannot be read."""
    try:
        return disk_usage(data_dir).free
    except OSError:
        return None
