"""Copies the database of a living archive into one file, and proves that such a file is whole.

The copy is made by SQLite's online backup (https://www.sqlite.org/backup.html) from a connection that holds a read
transaction: in WAL mode a reader delays no writer, and the copy never begins again because somebody wrote. It goes
in small steps that are synced one by one, so that a commit of the writer never waits behind a disk full of our pages.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from storage.archive import full_text, marker
from storage.archive.connections import connect_to_read
from storage.archive.database import REVISIONS, Reader, error_of, refuse_newer, schema_of, translate_errors
from storage.archive.errors import ArchiveBroken, ArchiveDamaged, ArchiveMissing
from storage.archive.packed_words import register
from storage.archive.sqlite import sqlite3
from storage.frozen import dataclass

if TYPE_CHECKING:
    import sqlite3 as stdlib

_STEP = 256  # pages: 2 MB
_PIECE = 1 << 20
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Counts:
    """What an archive holds at one moment; `files` are distinct contents that are stored, with their bytes."""

    posts: int
    revisions: int
    files: int
    file_bytes: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The moment that was copied (microseconds UTC), and what the archive held then."""

    at: int
    schema: str
    mark: marker.Mark | None
    counts: Counts


def copy_database(path: Path, to: Path, now: Callable[[], int]) -> Snapshot:
    """Copy the archive at `path` into the new file `to` (mode 0600), synced, as it is at one moment.

    Raises ArchiveError; then `to` may hold a part. Neither file is opened but by SQLite, which would lose its locks.
    """
    with translate_errors(path), closing(connect_to_read(path)) as source:
        source.execute("BEGIN")
        schema = schema_of(source, path)
        if schema is None:
            raise ArchiveMissing(f"the archive {path} is empty: there is nothing to back up", path)
        refuse_newer(schema, REVISIONS, path)
        snapshot = Snapshot(now(), schema, marker.of_database(Reader(source)), counts(source, schema))
        _copy_pages(source, to)
    return snapshot


def _copy_pages(source: stdlib.Connection, to: Path) -> None:
    descriptor = os.open(to, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        with translate_errors(to), alone(to) as target:
            target.execute("PRAGMA cache_size = -1024")  # pages leave it at once
            try:
                source.backup(target, pages=_STEP, progress=lambda *_: os.fdatasync(descriptor))
            except sqlite3.Error as problem:  # which file it is about, the driver does not say
                raise error_of(problem, to) or ArchiveBroken(
                    f"cannot copy to {to.parents[1]}: {problem}", to
                ) from problem
            target.execute("PRAGMA journal_mode = DELETE")  # one file, whoever opens it
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def alone(path: Path) -> Iterator[stdlib.Connection]:
    """A connection to a file that is nobody else's: without locks, so that it may be on a network disk."""
    name = f"{path.absolute().as_uri()}?mode=rw&vfs=unix-none"
    with closing(sqlite3.connect(name, uri=True, isolation_level=None, check_same_thread=False)) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA synchronous = OFF")  # whoever wrote it syncs it
        connection.execute("PRAGMA temp_store = MEMORY")
        yield connection


def counts(reader: stdlib.Connection, schema: str) -> Counts:
    """Count what an archive of this schema holds."""
    posts = reader.execute("SELECT count(*) FROM posts").fetchone()[0]
    revisions = reader.execute("SELECT count(*) FROM revisions").fetchone()[0]
    files = dict(stored_files(reader, schema))
    return Counts(posts, revisions, len(files), sum(files.values()))


def stored_files(reader: stdlib.Connection, schema: str) -> Iterator[tuple[str, int]]:
    """The SHA-256 and the size of each content that is stored. The first schema knew no stored files."""
    if schema != REVISIONS[0]:
        yield from reader.execute(
            "SELECT sha256, max(coalesce(size, 0)) FROM media WHERE state = 'stored' AND sha256 IS NOT NULL "
            "GROUP BY sha256"
        )


@contextmanager
def at_rest(path: Path) -> Iterator[stdlib.Connection]:
    """Read a database file of a backup, which nobody writes to. Raises ArchiveDamaged."""
    name = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with translate_errors(path), closing(sqlite3.connect(name, uri=True, isolation_level=None)) as reader:
        yield reader


def prove(path: Path, schema: str, expected: Counts) -> None:
    """Prove a copied file: pages, references, full-text index, counts. Raises ArchiveDamaged with what is wrong."""
    try:
        with alone(path) as copy:
            found = next(_faults(copy, path, schema, expected), None)
    except sqlite3.Error as problem:
        raise error_of(problem, path) or ArchiveDamaged(f"{path} is damaged ({problem})", path) from problem
    if found is not None:
        raise ArchiveDamaged(f"{path} is damaged: {found}", path)


def _faults(copy: stdlib.Connection, path: Path, schema: str, expected: Counts) -> Iterator[str]:
    copy.execute("PRAGMA journal_mode = MEMORY")
    said = [str(row[0]) for row in copy.execute(f"PRAGMA quick_check({_SHOWN})")]
    if said != ["ok"]:
        yield said[0]
    lost = copy.execute("PRAGMA foreign_key_check").fetchone()
    if lost is not None:
        yield f"a row of {lost[0]} refers to a missing row of {lost[2]}"
    if _index_is_stale(copy):
        yield "the full-text index does not agree with the texts"
    if schema_of(copy, path) != schema:
        yield f"its schema is not {schema}"
    found = counts(copy, schema)
    if found != expected:
        yield f"it holds {found}, and should hold {expected}"


def _index_is_stale(copy: stdlib.Connection) -> bool:
    """Neither of SQLite's own checks sees a full-text index that has lost its words. Nothing is written."""
    register(copy).execute("BEGIN")
    try:
        copy.execute(full_text.check(full_text.name_index(Reader(copy))))
    except sqlite3.DatabaseError as problem:
        if getattr(problem, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_CORRUPT:
            raise
        return True
    finally:
        copy.execute("ROLLBACK")
    return False


def digest(path: Path) -> str:
    """The SHA-256 of a file at rest."""
    state = sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            state.update(piece)
    return state.hexdigest()


def sync(path: Path) -> None:
    """Have a file, or the names in a directory, on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
