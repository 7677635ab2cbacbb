"""The full-text index over the folded texts: how it is made, compared with the texts, and built again."""

from __future__ import annotations

from contextlib import closing

from storage.archive.database import Archive
from storage.archive.errors import ArchiveDamaged
from storage.archive.sqlite import sqlite3

CREATE = (
    'CREATE VIRTUAL TABLE texts_index USING fts5(folded, content="texts", content_rowid="id", '
    "tokenize=\"unicode61 remove_diacritics 0 categories 'L* N* Co Mn Mc'\")"
)
REBUILD = "INSERT INTO texts_index (texts_index) VALUES ('rebuild')"


def why_unsupported() -> str | None:
    """What this SQLite says against such an index; None if it can make one."""
    try:
        with closing(sqlite3.connect(":memory:")) as memory:
            memory.execute(CREATE)
    except sqlite3.Error as error:
        return str(error)
    return None


def agrees(archive: Archive) -> bool:
    """Whether the index has the words of the texts: SQLite's own checks of the file do not see that it lost some."""
    try:
        with archive.writing() as writer:
            writer.execute("INSERT INTO texts_index (texts_index, rank) VALUES ('integrity-check', 1)")
    except ArchiveDamaged:
        return False
    return True


def rebuild(archive: Archive) -> None:
    """Build the index from the stored texts again."""
    with archive.writing() as writer:
        writer.execute(REBUILD)
