"""The file people.db: made when it is first written to, one connection, one short transaction at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Self

from storage.archive.database import Reader, Writer, open_writer, transaction, translate_errors
from storage.archive.errors import ArchiveMissing, ArchiveRefused, ArchiveTooNew

if TYPE_CHECKING:
    from storage.archive.database import Connection

VERSION = 1
_MARK = 0x436F6D70  # application_id, https://www.sqlite.org/pragma.html#pragma_application_id: "Comp"


class PeopleFile:
    """People, their sessions and tokens, and what they asked for. Any thread may use it; close it at the end.

    `reading` and `writing` raise only `ArchiveError`s for what the file or the device does. Nobody waits long: there
    is little in it.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._lock = RLock()
        self._connection: Connection | None = None
        self._inode: tuple[int, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next use opens one."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def is_there(self) -> bool:
        """Whether anybody was ever written down here."""
        return self._found() is not None

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """The last committed state. Raises ArchiveMissing where nobody was written down yet."""
        with self._lock, translate_errors(self.path):
            if self._found() is None:
                raise ArchiveMissing(f"there is no {self.path} yet: `communique people add` makes it", self.path)
            connection = self._open()
            connection.execute("BEGIN")
            try:
                yield Reader(connection)
            finally:
                connection.rollback()

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """One transaction: committed at the end, or nothing of it. The file is made if it is not there."""
        with self._lock, translate_errors(self.path), transaction(self._open()) as writer:
            yield writer

    def _found(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return found.st_dev, found.st_ino

    def _open(self) -> Connection:
        if self._connection is not None and self._found() == self._inode:
            return self._connection
        self.close()
        connection = open_writer(self.path)
        try:
            _make_ready(connection, self.path)
        except BaseException:
            connection.close()
            raise
        self._connection, self._inode = connection, self._found()
        return connection


def is_ours(connection: Connection) -> bool:
    """Whether a file is one of people."""
    return bool(connection.execute("PRAGMA application_id").fetchone()[0] == _MARK)


def _make_ready(connection: Connection, path: Path) -> None:
    if is_ours(connection):
        if connection.execute("PRAGMA user_version").fetchone()[0] == VERSION:
            return
        raise ArchiveTooNew(f"{path} was made by a newer version: upgrade the program", path)
    with _alone(connection):
        if connection.execute("SELECT 1 FROM sqlite_master").fetchone() is not None:
            if is_ours(connection):
                return  # another process was faster
            raise ArchiveRefused(f"{path} is a database of another program: move it away", path)
        from storage.people import tables  # slow to import, for the first use of the file alone

        for statement in tables.list_statements():
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {_MARK}")
        connection.execute(f"PRAGMA user_version = {VERSION}")


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.commit()
    finally:
        connection.rollback()
