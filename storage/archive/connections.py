"""How a database file is opened. One that nobody else uses can also be read on a disk without a free byte."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from storage.archive.errors import ArchiveForbidden
from storage.archive.packed_words import register
from storage.archive.sqlite import sqlite3

if TYPE_CHECKING:
    from pathlib import Path
    from sqlite3 import Connection

WAIT_S = 30
_STATEMENTS = 512  # that a connection has ready: collecting and deciding ask some 150 different ones
_READ_ONLY, _IO_ERROR = 8, 10  # https://www.sqlite.org/rescode.html
_NO_SPACE = 1_000_000  # bytes: less is no room for the index of the write-ahead log


def connect(path: Path, *, mode: str) -> Connection:
    """A plain connection without implicit transactions; `mode` is SQLite's own: "ro", "rw" or "rwc"."""
    name = f"{path.absolute().as_uri()}?mode={mode}"
    with_all: dict[str, Any] = {"uri": True, "isolation_level": None, "check_same_thread": False}
    return register(sqlite3.connect(name, timeout=WAIT_S, cached_statements=_STATEMENTS, **with_all))


def connect_to_read(path: Path) -> Connection:
    """A connection for reading. Where no index of the write-ahead log can be made, it holds the file alone.

    Then SQLite keeps that index in memory (https://www.sqlite.org/wal.html#noshm), and whoever else wants to use the
    file waits until the connection is closed.
    """
    connection = connect(path, mode="ro")
    try:
        connection.execute("PRAGMA schema_version").close()  # the first look at the file
    except sqlite3.OperationalError as problem:
        connection.close()
        if code_of(problem) == _READ_ONLY:
            why = f"{path} cannot be read: SQLite needs to write small files beside it"
            raise ArchiveForbidden(f"{why}; check the permissions of {path.parent} and the mount", path) from None
        if code_of(problem) != _IO_ERROR:
            raise
        connection = connect(path, mode="rw")  # only who may write can hold a file alone
        connection.execute("PRAGMA locking_mode = EXCLUSIVE").close()
    except BaseException:
        connection.close()
        raise
    return connection


def is_alone(connection: Connection) -> bool:
    """Whether nobody else can use the file as long as this connection is open."""
    return bool(connection.execute("PRAGMA locking_mode").fetchone()[0] == "exclusive")


def code_of(problem: Exception) -> int:
    """SQLite's primary result code; 0 for what is no problem of SQLite."""
    return int(getattr(problem, "sqlite_errorcode", 0)) & 0xFF


def is_full(place: Path) -> bool:
    """Whether the disk of this directory has less room than SQLite needs to work."""
    try:
        disk = os.statvfs(place)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _NO_SPACE
