"""One owner per data directory: a lock that dies with its process, names its pid, and opens the archive."""

import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from bot.config import paths
from bot.errors import AlreadyRunning, UserError

if TYPE_CHECKING:
    from storage.archive.database import Archive
    from storage.archive.errors import ArchiveUnwritable

_OUR_UNIT = re.compile(r"/([\w@.:\\-]*communique[\w@.:\\-]*)\.service(?:/|$)", re.MULTILINE)


@contextmanager
def open_archive(
    data_dir: Path,
    now: int,
    say: Callable[[str], None],
    *,
    new_archive: bool = False,
    wait: "Callable[[ArchiveUnwritable], None] | None" = None,
) -> Iterator["Archive"]:
    """The archive of `data_dir`, private, locked and migrated. `now` is microseconds UTC; `say` reports changes.

    `new_archive` moves a database aside that is not the one that was here before. `wait` is called, and then everything
    tried again, as long as the disk is too full even to read. Raises UserError and ArchiveRefused where a person must
    act first, ArchiveUnwritable where nothing waits, AlreadyRunning where another process holds it.
    """
    from storage.archive.database import Archive
    from storage.archive.errors import ArchiveUnwritable

    tightened = paths.prepare(data_dir)
    if tightened:
        say(tightened)
    with Lock(data_dir), Archive(paths.database_in(data_dir)) as archive:
        if new_archive:
            _move_odd_aside(archive.path, now, say)
        while True:
            try:
                _make_ready(archive, now, say)
                break
            except ArchiveUnwritable as problem:
                if wait is None:
                    raise
                wait(problem)
        yield archive


def _make_ready(archive: "Archive", now: int, say: Callable[[str], None]) -> None:
    from storage.archive import marker
    from storage.archive.errors import ArchiveFull, ArchiveUnwritable
    from storage.migrations import migrate  # slow to import, and `holder` is asked by commands that only read

    marker.check(archive.path)
    migrated = migrate.ensure(archive, now=now)
    if migrated.backup is not None:
        made = " (made by an upgrade that was interrupted)" if migrated.reused else ""
        say(f"the archive was upgraded from {migrated.before} to {migrated.after}; backup: {migrated.backup}{made}")
    try:
        marker.renew(archive)
    except ArchiveUnwritable as problem:  # a full disk keeps nobody from watching; whoever writes next says that it is
        why = "nothing can be written now" if isinstance(problem, ArchiveFull) else problem
        say(f"the mark of the archive could not be renewed: {why}")


def _move_odd_aside(database: Path, now: int, say: Callable[[str], None]) -> None:
    from storage.archive import marker

    odd = marker.trouble(database)
    if odd is not None and not odd.lost:
        raise UserError(odd.sentence)
    if odd is not None:
        say(f"{odd.sentence}: it is now {marker.move_aside(database, now)}, and an empty archive begins")
    elif database.exists():
        raise UserError(f"{database} is the archive that was here before: leave --new-archive out")


class Lock:
    """Held for the life of the process. Entering raises AlreadyRunning with the pid of the holder, or UserError."""

    def __init__(self, data_dir: Path) -> None:
        self._path = paths.lock_in(data_dir)
        self._descriptor = -1

    def __enter__(self) -> Self:
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise UserError(f"cannot open {self._path} ({why}): nothing can be collected there") from None
        # `holder` looks by taking the lock shared for a moment: a refusal counts only when it lasts.
        for pause in (0.05, 0.1, 0.2, None):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if pause is None:
                    pid = _read_pid(descriptor)
                    os.close(descriptor)
                    who = f"process {pid}" if pid else "another process"
                    way = f"; to stop it: {_command_that_stops(pid)}" if pid else ""
                    raise AlreadyRunning(f"already running: {who} holds {self._path.parent}{way}") from None
                time.sleep(pause)
        with suppress(OSError):  # on a full disk the lock holds all the same, but its pid cannot be read
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


def holder(data_dir: Path) -> int | None:
    """The pid of the process that holds the data directory, None if none does (0 if its pid is not readable)."""
    try:
        descriptor = os.open(paths.lock_in(data_dir), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read_pid(descriptor) or 0
    else:
        return None
    finally:
        os.close(descriptor)


def held_since(data_dir: Path) -> int:
    """When the process that holds it took it, in microseconds UTC. Raises OSError."""
    return paths.lock_in(data_dir).stat().st_mtime_ns // 1_000


def _command_that_stops(pid: int) -> str:
    """A service would be started again by systemd; what belongs to one is read from cgroups(7)."""
    with suppress(OSError):
        unit = _OUR_UNIT.search(Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8", errors="replace"))
        if unit is not None:
            return f"systemctl {'--user ' if '/user.slice/' in unit.string else ''}stop {unit[1]}"
    return f"kill {pid}"


def _read_pid(descriptor: int) -> int | None:
    words = os.pread(descriptor, 32, 0).split()
    return int(words[0]) if words and words[0].isdigit() else None
