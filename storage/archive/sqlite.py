"""The one import of SQLite that every process of ours makes: pysqlite3 where it has a wheel, else the stdlib.

Two SQLite libraries on one file, or one with the WAL-reset bug, can lose committed rows; `doctor` warns by these two
questions (https://www.sqlite.org/wal.html, "the WAL-reset bug").
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
else:
    try:
        import pysqlite3 as sqlite3
    except ImportError:
        import sqlite3

__all__ = ["has_wal_reset_bug", "is_fallback", "sqlite3"]


def is_fallback() -> bool:
    """Whether the interpreter's own SQLite is used because pysqlite3 is not installed."""
    return sqlite3.__name__ == "sqlite3"


def has_wal_reset_bug(version: tuple[int, ...] | None = None) -> bool:
    """Whether this SQLite can corrupt a WAL file when two connections write: fixed in 3.51.3, 3.50.7 and 3.44.6."""
    found = version or sqlite3.sqlite_version_info
    fixed = {(3, 50): 7, (3, 44): 6}.get((found[0], found[1]))
    return found < (3, 51, 3) if fixed is None else found[2] < fixed
