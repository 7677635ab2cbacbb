"""Takes the data directory for one process: private, locked, migrated."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.config import paths
from bot.daemon.lock import Lock
from storage.archive import migrate
from storage.archive.database import Archive


@contextmanager
def opened(data_dir: Path, now: int, say: Callable[[str], None]) -> Iterator[Archive]:
    """The archive of `data_dir`, held until the end. `now` is microseconds UTC; `say` hears what was changed.

    Raises UserError and ArchiveRefused where a person must act first, AlreadyRunning where another process holds it.
    """
    tightened = paths.prepare(data_dir)
    if tightened:
        say(tightened)
    with Lock(data_dir), Archive(paths.database_in(data_dir)) as archive:
        migrated = migrate.ensure(archive, now=now)
        if migrated.backup is not None:
            say(f"the archive was upgraded from {migrated.before} to {migrated.after}; before that: {migrated.backup}")
        yield archive
