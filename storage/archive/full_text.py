"""The full-text index, one row a post with a column a kind of text: how it is made, checked, and built again.

It is an index on the view `posts_words`, which gathers the folded texts of a post: so SQLite itself can take a row out
again, compare it with the texts and build it again, in every version since 3.35. A contentless table that deletes would
need 3.43 in every program that opens the file, and nothing could prove that it agrees with the texts.

It keeps no sizes of columns, which only ranking would need, and no prefixes: they made it 1.6 times as large and as
dear to write, and the words that begin with three letters are gathered in time without.

Archives from before have `texts_index`, one row a text. It stays in use until storage.posts.index_move is through.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from storage.archive.database import Archive
from storage.archive.errors import ArchiveDamaged
from storage.archive.index_row import EARLIER, KINDS, MARK, NAMES
from storage.archive.packed_words import FOLDED
from storage.archive.sqlite import sqlite3

if TYPE_CHECKING:
    from storage.archive.database import Reader

CREATE = (
    f'CREATE VIRTUAL TABLE posts_index USING fts5({NAMES}, content="posts_words", content_rowid="id", columnsize=0, '
    "tokenize=\"unicode61 remove_diacritics 0 categories 'L* N* Co Mn Mc'\")"
)
REBUILD = "INSERT INTO {0} ({0}) VALUES ('rebuild')"
MOVE = "index_move"  # in `meta`, as JSON; its `floor` is the lowest post that the new index has. None: all of them


def _column(name: str, condition: str) -> str:
    return (
        f"(SELECT '{MARK} ' || group_concat({FOLDED.format('t.')}, ' {MARK} ') FROM texts t NOT INDEXED "
        f"WHERE t.id >= p.id << 14 AND t.id < (p.id + 1) << 14 AND {condition}) AS {name}"
    )


WORDS = "SELECT p.id AS id, {} FROM posts p WHERE {}".format(  # reads texts in the order of their ids: that of the row
    ", ".join(
        (
            *(_column(kind, f"t.current = 1 AND t.kind = '{kind}'") for kind in KINDS),
            _column(EARLIER, "t.current = 0"),
        )
    ),
    "EXISTS (SELECT 1 FROM texts t NOT INDEXED WHERE t.id >= p.id << 14 AND t.id < (p.id + 1) << 14)",
)


def why_unsupported() -> str | None:
    """What this SQLite says against such an index; None if it can make one."""
    try:
        with closing(sqlite3.connect(":memory:")) as memory:
            memory.execute(CREATE)
    except sqlite3.Error as error:
        return str(error)
    return None


def find_floor(reader: Reader) -> int | None:
    """The lowest post that the new index has, while the old one is in use; None once it has all."""
    floor = reader.value(f"SELECT json_extract(value, '$.floor') FROM meta WHERE key = '{MOVE}'")
    return None if floor is None else int(floor)


def name_index(reader: Reader) -> str:
    """The index that is in use."""
    is_new = reader.value("SELECT 1 FROM sqlite_master WHERE name = 'posts_index'")
    return "posts_index" if is_new and find_floor(reader) is None else "texts_index"


def check(index: str) -> str:
    """The statement that fails where an index does not agree with the texts; it changes nothing."""
    return f"INSERT INTO {index} ({index}, rank) VALUES ('integrity-check', 1)"


def agrees(archive: Archive) -> bool:
    """Whether the index has the words of the texts: SQLite's own checks of the file do not see that it lost some."""
    try:
        with archive.writing() as writer:
            writer.execute(check(name_index(writer)))
    except ArchiveDamaged:
        return False
    return True


def rebuild(archive: Archive) -> None:
    """Build the index from the stored texts again."""
    with archive.writing() as writer:
        writer.execute(REBUILD.format(name_index(writer)))
