"""The archive file: read-only connections, one short transaction at a time on the one writer, one way to ask both."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Self, TypeAlias, cast
from weakref import ReferenceType, finalize, ref

from storage.archive.by_place import Values, by_place
from storage.archive.connections import WAIT_S, code_of, connect, connect_to_read, is_alone, is_full
from storage.archive.errors import (
    ArchiveBroken,
    ArchiveBusy,
    ArchiveDamaged,
    ArchiveError,
    ArchiveForbidden,
    ArchiveFull,
    ArchiveMissing,
    ArchiveOutdated,
    ArchiveRefused,
    ArchiveTooNew,
)
from storage.archive.permissions import create_private, refuse_network
from storage.archive.sqlite import sqlite3

if TYPE_CHECKING:
    import sqlite3 as stdlib

    Connection: TypeAlias = stdlib.Connection
    Row: TypeAlias = stdlib.Row
    Parameters: TypeAlias = Mapping[str, object]

# Every schema that this program can bring up to date, oldest first; the last one is current.
REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011", "0012")
_PRAGMAS = (
    "PRAGMA page_size = 8192",  # only a file without tables takes it: 1.3x faster and smaller than 4096
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA recursive_triggers = ON",
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA wal_autocheckpoint = 16384",  # 128 MB; in the daemon no commit empties the log, see `log`
    "PRAGMA cache_size = -4096",  # more saved nothing at a million posts, and the daemon grew for as long as it filled
    "PRAGMA temp_store = MEMORY",
)

_NONE: Parameters = {}
_ASKING = ("SELECT", "WITH")
_RESTING = 4  # read-only connections; each remembers up to 2 MB of the file

# SQLite's primary result codes, https://www.sqlite.org/rescode.html
_BUSY = (ArchiveBusy, f"another process has kept {{path}} locked for {WAIT_S} s")
_DAMAGED = (ArchiveDamaged, "{path} cannot be read ({cause}): restore a backup")
_BROKEN = (ArchiveBroken, "the device of {path} failed ({cause})")
_ERROR, _IO_ERROR, _FULL = 1, 10, 13
_TROUBLE: dict[int, tuple[type[ArchiveError], str]] = {
    5: _BUSY,
    6: _BUSY,
    8: (ArchiveForbidden, "{path} may not be written to ({cause}): check its permissions and the mount"),
    _IO_ERROR: _BROKEN,
    11: _DAMAGED,
    _FULL: (ArchiveFull, "no space left for {path}: free some space; nothing stored so far is lost"),
    14: (ArchiveForbidden, "{path} cannot be opened ({cause}): check its permissions and those of its directory"),
    15: _BROKEN,
    26: _DAMAGED,
}


class Reader:
    """Asks the archive. Parameters are written :name, and in LIMIT :name + 0; columns are read by name or position."""

    sources: frozenset[int] | None = None  # by id: those of which alone anything is seen; None: of all

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        connection.row_factory = sqlite3.Row

    def execute(self, statement: str, parameters: Parameters = _NONE) -> stdlib.Cursor:
        """Run one statement; `rowcount` of what comes back says how many rows it changed."""
        return self._connection.execute(statement, parameters)

    def rows(self, statement: str, parameters: Parameters = _NONE) -> list[Row]:
        """All rows of the answer."""
        return self._connection.execute(statement, parameters).fetchall()

    def one(self, statement: str, parameters: Parameters = _NONE) -> Row | None:
        """The first row of the answer, None if there is none."""
        with closing(self._connection.execute(statement, parameters)) as cursor:
            return cast("Row | None", cursor.fetchone())

    def value(self, statement: str, parameters: Parameters = _NONE) -> Any:
        """The first column of the first row, None if there is none."""
        return None if (row := self.one(statement, parameters)) is None else row[0]

    def column(self, statement: str, parameters: Parameters = _NONE) -> list[Any]:
        """The first column of all rows."""
        return [row[0] for row in self._connection.execute(statement, parameters)]


class PooledReader(Reader):
    """A reader that is used again. What an answer has open it closes: an open answer would hold on to its moment."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.is_changed = False  # by a setting or a table of its own: then nobody else may have it
        self._answers: list[ReferenceType[stdlib.Cursor]] = []

    def execute(self, statement: str, parameters: Parameters = _NONE) -> stdlib.Cursor:
        answer = super().execute(statement, parameters)
        self.is_changed = self.is_changed or not statement.lstrip().startswith(_ASKING)
        if len(self._answers) >= 100:
            self._answers = [known for known in self._answers if known() is not None]
        self._answers.append(ref(answer))
        return answer

    def rest(self) -> None:
        """Let go of the moment that was read."""
        for known in self._answers:
            answer = known()
            if answer is not None:
                answer.close()
        self._answers.clear()

    def close(self) -> None:
        self._connection.close()


class Writer(Reader):
    """Asks and changes the archive, inside the transaction that `Archive.writing` has begun."""

    def execute_many(self, statement: str, rows: Iterable[Values]) -> None:
        """Run the same statement once for each row of parameters."""
        if rows:
            self._connection.executemany(*by_place(statement, rows))

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo only what happens inside if a row is refused; what the file or the device does ends the transaction."""
        self.execute("SAVEPOINT inner")
        try:
            yield
        except Exception as problem:
            if concerns_one_row(problem):
                self.execute("ROLLBACK TO inner")
                self.execute("RELEASE inner")
            raise
        self.execute("RELEASE inner")

    @property
    def changes(self) -> int:
        """How many rows this connection has changed since it was opened."""
        return self._connection.total_changes


class Archive:
    """One SQLite file. `reading` and `writing` raise only `ArchiveError`s for what the file or the device does.

    Any thread may use either; writers wait for each other. Close it, or use it as a context manager.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._lock = RLock()
        self._connection: Connection | None = None
        self._file: tuple[int, int] | None = None  # what the writer has open: device and inode
        self._resting: list[tuple[tuple[int, ...], PooledReader]] = []  # each with what was found of its file
        self._drop: Callable[[], object] = finalize(self, _close, self._resting)
        self._open = False
        self._known = False  # an archive was found here

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _there(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def close(self) -> None:
        """Close every connection that is not in use; the next use of the archive opens what it needs."""
        with self._lock:
            self._disconnect()
            self._file = None

    def _disconnect(self) -> None:
        self._drop()
        self._connection = None

    @contextmanager
    def reading(self, *, fresh: bool = False) -> Iterator[Reader]:
        """A read-only connection on the last committed state; a `fresh` one has nothing of the file in memory yet.

        Let go of it soon: while it reads, the write-ahead log cannot shrink.
        """
        found = self._found()
        with translate_errors(self.path):
            reader = (None if fresh else self._rested(found)) or self._open_reader()
            try:
                yield reader
                reader.rest()
            except BaseException:
                reader.close()
                raise
            if len(self._resting) < _RESTING and not reader.is_changed:
                self._resting.append((found, reader))
            else:
                reader.close()

    def _found(self) -> tuple[int, ...]:
        """What tells this file from one that was put in its place, or written over it."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            found = None
        if found is None or not stat.S_ISREG(found.st_mode):
            raise ArchiveMissing(f"there is no archive at {self.path} yet: collect something first", self.path)
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def _rested(self, found: tuple[int, ...]) -> PooledReader | None:
        """A reader that rests on the file as it was found; those on another one are closed."""
        while True:
            try:
                file, reader = self._resting.pop()
            except IndexError:
                return None
            if file == found:
                return reader
            reader.close()

    def _open_reader(self) -> PooledReader:
        connection = connect_to_read(self.path)
        try:
            connection.execute("PRAGMA query_only = ON").close()
            self._refuse_other(connection)
        except BaseException:
            connection.close()
            raise
        reader = PooledReader(connection)
        reader.is_changed = is_alone(connection)  # such a one may not rest
        return reader

    def _refuse_other(self, connection: Connection) -> None:
        try:
            refuse_other_schema(connection, self.path)
        except (ArchiveMissing, ArchiveRefused) as problem:
            raise (self._replaced() if self._known else problem) from None
        self._known = True

    def _replaced(self) -> ArchiveMissing:
        return ArchiveMissing(f"the archive {self.path} was removed or replaced while it was in use", self.path)

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """One transaction that holds the write lock from its first moment: committed at the end, or nothing of it.

        Keep it short: no other process can write meanwhile; they wait 30 s and then raise ArchiveBusy.
        """
        if self._file is None:
            with self.reading():
                pass  # looks at the schema
        with self._lock, translate_errors(self.path):
            if self._open:
                raise RuntimeError("this thread is in a transaction already: pass its writer on")
            if self._file is not None and self._there() != self._file:
                # an open file outlives its name: what were written now would be gone with its last descriptor
                raise self._replaced()
            if self._connection is None:
                self._connection = open_writer(self.path)
                self._drop = finalize(self, _close, self._resting, self._connection)
                self._file = self._there()
            self._open = True
            try:
                with transaction(self._connection) as writer:
                    yield writer
            except sqlite3.OperationalError:
                self._disconnect()  # after a fault of the device, the next transaction starts on a fresh connection
                raise
            finally:
                self._open = False


def _close(resting: list[tuple[tuple[int, ...], PooledReader]], writer: Connection | None = None) -> None:
    """Close the readers, and the writer after them: only a connection that may write empties the log as it closes."""
    while resting:
        resting.pop()[1].close()
    if writer is not None:
        writer.close()


@contextmanager
def transaction(connection: Connection) -> Iterator[Writer]:
    """One transaction that holds the write lock from its first moment: committed at the end, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield Writer(connection)
        connection.commit()
    finally:
        connection.rollback()  # nothing is left to undo after a commit


def open_writer(path: Path, *, foreign_keys: bool = True) -> Connection:
    """A connection that may write, to a file that is made if it is not there; `transaction` begins each transaction."""
    refuse_network(path.parent)
    create_private(path)
    connection = connect(path, mode="rw")
    try:
        for pragma in (*_PRAGMAS, f"PRAGMA foreign_keys = {int(foreign_keys)}"):
            connection.execute(pragma).close()
    except BaseException:
        connection.close()
        raise
    return connection


def refuse_other_schema(connection: Connection, path: Path) -> None:
    """Raise unless the schema is the one that this program works with."""
    found = schema_of(connection, path)
    if found is None:
        raise ArchiveMissing(f"the archive {path} is empty: collect something first", path)
    refuse_newer(found, REVISIONS, path)
    if found != REVISIONS[-1]:
        raise ArchiveOutdated(f"the archive {path} was made by an older version: `communique run` upgrades it", path)


def refuse_newer(found: str, known: Sequence[str], path: Path) -> None:
    """Raise ArchiveTooNew for a schema that this program has never heard of."""
    if found not in known:
        raise ArchiveTooNew(
            f"the archive {path} has schema {found or 'none'}, this program knows up to {known[-1]}: "
            "upgrade the program, or restore an older backup",
            path,
        )


def schema_of(connection: Connection, path: Path) -> str | None:
    """The schema revision of the file, None for an empty one. Another program's file raises ArchiveRefused."""
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return None
    if "alembic_version" not in tables:
        raise ArchiveRefused(f"{path} is a database of another program: choose another path for the archive", path)
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return "" if row is None else str(row[0])


def in_list(name: str) -> str:
    """The end of a condition: whether a column is among the values of parameter :name, which `as_list` made."""
    return f"IN (SELECT value FROM json_each(:{name}))"


def as_list(values: Iterable[object]) -> str:
    """Values as one parameter for `in_list`."""
    return json.dumps(list(values))


@contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite says of the file or the device into our own errors; let mistakes of our own pass."""
    try:
        yield
    except Exception as problem:
        cause = getattr(problem, "orig", problem)  # as SQLAlchemy wraps it in a migration
        found = error_of(cause, path) if isinstance(cause, sqlite3.Error) else None
        if found is None:
            raise
        raise found from problem


def error_of(cause: stdlib.Error, path: Path) -> ArchiveError | None:
    """The ArchiveError that a driver's error means; None if it concerns one statement, not the file or the device."""
    code = code_of(cause)
    if code == _ERROR and str(cause).startswith("no such table") and _is_replaced(path):
        return ArchiveMissing(f"the archive {path} was removed or replaced while it was in use", path)
    if str(cause).startswith("Could not decode to UTF-8"):  # the driver's word for a damaged text
        return ArchiveDamaged(f"{path} holds damaged words: restore a backup; `communique doctor` names the post", path)
    if code == _IO_ERROR and is_full(path.parent):
        code = _FULL  # SQLite says so only of the database itself, not of the files beside it
    kind, sentence = _TROUBLE.get(code, (None, ""))
    return kind(sentence.format(path=path, cause=cause), path) if kind else None


def _is_replaced(path: Path) -> bool:
    """Whether the file holds no archive any more: whoever wrote into it kept its name and inode."""
    try:
        with closing(connect(path, mode="ro")) as connection:
            return schema_of(connection, path) is None
    except (sqlite3.Error, ArchiveError):
        return True


def concerns_one_row(problem: Exception) -> bool:
    """Whether an error comes from the values of a row, so that other rows may still be stored."""
    return not isinstance(problem, sqlite3.OperationalError | ArchiveError)
