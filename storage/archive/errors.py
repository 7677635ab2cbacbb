"""What the archive raises, by who must act.

    ArchiveError                 one sentence that a user may read
    ├── ArchiveRefused           a person must act: the place, the permissions, the version, the file
    │   ├── ArchiveMissing       nothing has been collected there yet
    │   ├── ArchiveForbidden     the permissions or the mount keep us out; nothing is lost
    │   ├── ArchiveOutdated      made by an older version: migrate it first
    │   ├── ArchiveTooNew        made by a newer version: upgrade this program
    │   └── ArchiveDamaged       truncated, overwritten or not a database at all
    └── ArchiveUnwritable        nothing was written; it may be tried again
        ├── ArchiveBusy          another process held the write lock for too long
        ├── ArchiveFull          no space left on the device
        └── ArchiveBroken        the device reported an input/output error

A transaction that raises one of these has changed nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, EFBIG, ENOSPC
from pathlib import Path


class ArchiveError(Exception):
    """Anything that the archive raises on purpose; `path` is the database file or the directory it concerns."""

    def __init__(self, message: str, path: Path) -> None:
        super().__init__(message)
        self.path = path


class ArchiveRefused(ArchiveError):
    """No retry heals this: a person must do what the sentence says."""


class ArchiveMissing(ArchiveRefused):
    """There is no archive at this path yet."""


class ArchiveForbidden(ArchiveRefused):
    """The permissions or the mount do not let this process use the file; nothing is lost."""


class ArchiveOutdated(ArchiveRefused):
    """The schema is older than this program; `storage.migrations.migrate.ensure` brings it up to date."""


class ArchiveTooNew(ArchiveRefused):
    """The schema is newer than this program."""


class ArchiveDamaged(ArchiveRefused):
    """The file cannot be read as an archive."""


class ArchiveUnwritable(ArchiveError):
    """The write did not happen and may be tried again."""


class ArchiveBusy(ArchiveUnwritable):
    """Another process held the write lock for longer than we wait."""


class ArchiveFull(ArchiveUnwritable):
    """No space is left on the device; everything committed before is safe."""


class ArchiveBroken(ArchiveUnwritable):
    """The device reported an input/output error; everything committed before is safe."""


@contextmanager
def disk_errors(place: Path) -> Iterator[None]:
    """What the disk at `place` says, as an ArchiveError in one sentence."""
    try:
        yield
    except OSError as problem:
        if problem.errno in (ENOSPC, EDQUOT, EFBIG):
            raise ArchiveFull(f"no space left in {place}: free some space and try again", place) from problem
        raise ArchiveBroken(f"cannot use {place}: {problem.strerror or problem}", place) from problem
