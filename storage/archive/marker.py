"""The mark beside the database file, by which the wrong file, an older one, or one that lost its log is noticed.

The file and the mark hold the same two facts: which archive it is, and a count that the writing process raises at its
start and then every few seconds in which it wrote. The count is committed to the database first and written beside it
second. So a database whose count is behind the mark has lost what was committed: an older copy was put in its place,
or its write-ahead log was removed. A mark that is behind is only a death between the two steps.

The log is emptied just before the count is raised, so that a log without which something is lost holds a raise. Only
in the moment between the two can a loss pass unnoticed.
"""

from __future__ import annotations

import os
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from storage.archive.connections import connect_to_read
from storage.archive.database import Reader, schema_of, translate_errors
from storage.archive.errors import ArchiveForbidden, ArchiveRefused, disk_errors
from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Archive, Writer

_ID, _COUNT = "archive_id", "archive_count"
_NAMES = {"id": _ID, "count": _COUNT}
_SELECT = "SELECT key, value FROM meta WHERE key IN (:id, :count)"
_WAYS_OUT = (
    "`communique restore BACKUP NEWDIR` brings a backup back; `communique run --new-archive` moves what is here aside "
    "and begins an empty archive"
)


@dataclass(frozen=True, slots=True)
class Mark:
    """Which archive, and how often its writer has raised the count."""

    archive: str
    count: int


@dataclass(frozen=True, slots=True)
class Oddity:
    """Why the database file is not used, and what to do where it is `lost`: nothing is, if we only may not read it.

    `repeats`: whoever reads the file gets the same sentence.
    """

    sentence: str
    lost: bool = True
    repeats: bool = False

    @property
    def advice(self) -> str:
        return _WAYS_OUT if self.lost else ""

    def __str__(self) -> str:
        return f"{self.sentence}: {self.advice}" if self.lost else self.sentence


def mark_of(database: Path) -> Path:
    """Name the mark of a database file."""
    return database.with_suffix(".mark")


def unfinished_of(database: Path) -> Path:
    """Name the file that a restore fills, and that only a finished one renames."""
    return database.with_name(database.name + ".restoring")


def read(database: Path) -> Mark | None:
    """The mark beside a database file, None where there is none.

    Raises ArchiveRefused for one that is not ours, ArchiveForbidden for one that cannot be read.
    """
    path = mark_of(database)
    try:
        words = path.read_text(encoding="ascii", errors="replace").split()
    except FileNotFoundError:
        return None
    except OSError as problem:
        raise ArchiveForbidden(f"cannot read {path} ({problem.strerror}): check its permissions", path) from problem
    if len(words) != 4 or words[::2] != ["archive", "count"] or not words[3].isdecimal():
        raise ArchiveRefused(f"{path} is not the mark that this program wrote", path)
    return Mark(words[1], int(words[3]))


def write(database: Path, mark: Mark) -> None:
    """Write the mark beside a database file, synced, whole or not at all. Raises ArchiveUnwritable."""
    path = mark_of(database)
    unfinished = path.with_name(path.name + ".tmp")
    with disk_errors(path.parent):
        descriptor = os.open(unfinished, os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, f"archive {mark.archive}\ncount {mark.count}\n".encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        unfinished.rename(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def renew(archive: Archive) -> None:
    """Raise the count in the database, then beside it. Only the process that holds the data directory does this."""
    with archive.writing() as writer:
        mark = raise_count(writer)
    write(archive.path, mark)


def of_database(reader: Reader) -> Mark | None:
    """What the database says of itself; None for one that no version with marks has written to."""
    found = dict(reader.execute(_SELECT, _NAMES).fetchall())
    return Mark(str(found[_ID]), int(found[_COUNT])) if len(found) == 2 else None


def raise_count(writer: Writer) -> Mark:
    """Raise the count in the caller's transaction; a database without a mark gets one. `write` it after the commit."""
    import secrets  # which every search would wait for

    writer.execute(
        "INSERT INTO meta (key, value) VALUES (:key, :id) ON CONFLICT (key) DO NOTHING",
        {"key": _ID, "id": secrets.token_hex(16)},
    )
    writer.execute(
        "INSERT INTO meta (key, value) VALUES (:key, '1') "
        "ON CONFLICT (key) DO UPDATE SET value = CAST(CAST(value AS INTEGER) + 1 AS TEXT)",
        {"key": _COUNT},
    )
    raised = of_database(writer)
    assert raised is not None
    return raised


def trouble(database: Path) -> Oddity | None:
    """Why the database file is not the one that its mark speaks of; None where they agree, or there is no mark."""
    try:
        found = _mismatch(database)
    except ArchiveForbidden as problem:
        return Oddity(str(problem), lost=False, repeats=problem.path == database)
    except ArchiveRefused as problem:
        return Oddity(str(problem))
    except OSError as problem:
        why = problem.strerror or problem
        return Oddity(f"{database} cannot be looked at ({why}): check the permissions of its directory", lost=False)
    return None if found is None else Oddity(found)


def _mismatch(database: Path) -> str | None:
    if unfinished_of(database).exists() and not database.exists():
        return f"{database.parent} holds a restore that was not finished (the same `communique restore` continues it)"
    mark = read(database)  # before the database: its writer raises the database first
    if mark is None:
        return None
    found, known = _found(database)
    if not known:
        return f"the archive {database} is {'empty' if database.exists() else 'gone'}, and was not before"
    if found is None:
        return f"{database} has no mark: it is another archive, or its write-ahead log was removed"
    if found.archive != mark.archive:
        return f"{database} is not the archive that was here before"
    if found.count < mark.count:
        return f"{database} lacks what was stored last: it is an older copy, or its write-ahead log was removed"
    return None


def _found(database: Path) -> tuple[Mark | None, bool]:
    """What the database says of itself, and whether it is an archive at all."""
    if not database.exists() or (database.stat().st_size == 0 and not _has_log(database)):
        return None, False
    with translate_errors(database), closing(connect_to_read(database)) as connection:
        if schema_of(connection, database) is None:
            return None, False
        return of_database(Reader(connection)), True


def _has_log(database: Path) -> bool:
    log = database.with_name(database.name + "-wal")
    return log.exists() and log.stat().st_size > 0


def check(database: Path) -> None:
    """Refuse to work on a database that is not the one that was here before. Raises ArchiveRefused."""
    found = trouble(database)
    if found is not None:
        raise ArchiveRefused(str(found), database)


def move_aside(database: Path, now: int) -> Path:
    """Give the database, its log and its mark names that nobody opens, so that the next start begins a new archive.

    Returns the new name of the database. Nothing is removed. `now` is microseconds UTC.
    """
    stamp = datetime.fromtimestamp(now / 1_000_000, UTC).strftime("%Y%m%dT%H%M%SZ")
    aside = database.with_name(f"{database.stem}-aside-{stamp}{database.suffix}")
    if aside.exists() or mark_of(aside).exists():
        raise ArchiveRefused(f"{aside} is there already: look at it first", aside)
    for ending in ("-wal", "-shm", ".restoring"):
        part = database.with_name(database.name + ending)
        if part.exists():
            part.rename(aside.with_name(aside.name + ending))
    if database.exists():
        database.rename(aside)
    if mark_of(database).exists():
        mark_of(database).rename(mark_of(aside))
    return aside
