"""SQLite files that an export makes and nobody else reads meanwhile: nothing in them is safe until they are closed."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from storage.archive.sqlite import sqlite3

if TYPE_CHECKING:
    from storage.archive.database import Connection

_FULL, _IO_ERROR = 13, 10  # https://www.sqlite.org/rescode.html
_MEANINGS = {_FULL: errno.ENOSPC, _IO_ERROR: errno.EIO}


def open_unsafe(path: Path) -> Connection:
    """A new file without a journal, which is of no use if its writer dies. Raises OSError."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        with as_os_errors():
            for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -16384", "temp_store = FILE"):
                connection.execute(f"PRAGMA {pragma}").close()
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def as_os_errors() -> Iterator[None]:
    """Say what the disk does as the system says it elsewhere."""
    try:
        yield
    except sqlite3.Error as problem:
        code = _MEANINGS.get(getattr(problem, "sqlite_errorcode", 0) & 0xFF)
        if code is None:
            raise
        raise OSError(code, os.strerror(code)) from problem
