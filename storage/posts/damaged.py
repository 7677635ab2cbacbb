"""Posts of which something cannot be read, because bytes of the archive have changed: which, and what helps.

SQLite keeps whatever bytes are in a text; an error about one that is no UTF-8, or a field of a wrong form, names none.
Folded words that cannot be unpacked are folded again where they are read, but an index that is built lacks them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from storage.archive import full_text
from storage.archive.database import as_list, in_list
from storage.archive.errors import ArchiveDamaged
from storage.archive.packed_words import FOLDED, columns
from storage.archive.sqlite import sqlite3
from storage.language.fold import fold
from storage.language.version import FOLD_VERSION
from storage.posts.fields import read_forward, read_links, read_segments

if TYPE_CHECKING:
    from storage.archive.database import Archive, Reader, Row

_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError)  # of a text, or of a field that is made a record
READING = (sqlite3.OperationalError, *_UNREADABLE)
"""What reading a damaged row may raise: the driver's error of a text, and those of a field that is made a record."""

# Of each table: the id of the post, its texts, and how those of them that are JSON are read.
_TABLES: dict[str, tuple[str, tuple[str, ...], dict[str, Callable[[str], object]]]] = {
    "posts": (
        "id",
        ("native_id", "posted_raw", "url", "author", "reply_to", "group_key", "forward", "views", "language"),
        {"forward": read_forward},
    ),
    "revisions": (
        "post_id",
        ("title", "text", "links", "poll", "preview"),
        {"links": read_links, "poll": json.loads, "preview": json.loads},
    ),
    "texts": ("post_id", ("text", "folded", "language", "engine", "model", "segments"), {"segments": read_segments}),
    "media": ("post_id", ("kind", "url", "mime", "name", "reason", "path"), {}),
}
_WITHOUT_REVISION = (
    "SELECT p.id FROM posts p WHERE NOT EXISTS "
    "(SELECT 1 FROM revisions r WHERE r.post_id = p.id AND r.number = p.revision) AND "
)
_UNPACKABLE = f"packed IS NOT NULL AND {FOLDED.format('')} = ''"
_NAMED = 10  # posts


def find_problems(reader: Reader) -> Iterator[tuple[str, bool]]:
    """What is wrong, one sentence for each kind of damage, and whether building the index again mends it."""
    unreadable = find_unreadable(reader)
    lost = set(reader.column(f"SELECT DISTINCT post_id FROM texts WHERE {_UNPACKABLE}")) - unreadable
    for found, what in ((unreadable, "these posts are damaged"), (lost, "searches may miss these posts")):
        if found:
            more = f" and {len(found) - _NAMED:,} more" if len(found) > _NAMED else ""
            names = ", ".join(name_posts(reader, sorted(found)[:_NAMED]))
            yield f"{what}: {names}{more}", found is lost


def find_unreadable(reader: Reader, ids: Iterable[int] | None = None) -> set[int]:
    """Those of these posts, or of all, that lack their revision, or have a text or a field that cannot be read."""
    chosen = {} if ids is None else {"ids": as_list(ids)}
    among = "TRUE" if ids is None else f"{{}} {in_list('ids')}"
    found = set(reader.column(_WITHOUT_REVISION + among.format("p.id"), chosen))
    for table, (post, texts, documents) in _TABLES.items():
        words = " || char(10) || ".join(f"coalesce({name}, '')" for name in texts)
        fields = "".join(f", CAST({name} AS BLOB) AS {name}" for name in documents)
        asked = f"SELECT {post} AS post, CAST({words} AS BLOB) AS words{fields} FROM {table} WHERE {among.format(post)}"
        found.update(row["post"] for row in reader.execute(asked, chosen) if not _is_readable(row, documents))
    return found


def name_posts(reader: Reader, ids: Iterable[int]) -> list[str]:
    """These posts as people name them, by source and native id, whatever is left of it."""
    named = reader.rows(
        "SELECT s.name AS source, CAST(p.native_id AS BLOB) AS native_id FROM posts p "
        f"JOIN sources s ON s.id = p.source_id WHERE p.id {in_list('ids')} ORDER BY p.id",
        {"ids": as_list(ids)},
    )
    return [f"{row['source']}/{row['native_id'].decode(errors='replace')}" for row in named]


def refuse(reader: Reader, ids: Iterable[int], problem: Exception | None = None) -> None:
    """Raise the error that names the damaged one of these posts, from the problem; nothing if none of them is."""
    found = name_posts(reader, find_unreadable(reader, ids))
    if found:
        way = "restore a backup; `communique doctor` names all damaged posts"
        raise ArchiveDamaged(f"the post {found[0]} is damaged in the archive: {way}", Path()) from problem


def rebuild_index(archive: Archive) -> None:
    """Build the full-text index again; what was folded and cannot be unpacked is folded again before."""
    with archive.writing() as writer:
        plain = full_text.find_floor(writer) is not None
        rows = writer.rows(f"SELECT id, CAST(text AS BLOB) AS text FROM texts WHERE {_UNPACKABLE}")
        texts = {row["id"]: row["text"].decode() for row in rows if _is_utf8(row["text"])}
        writer.execute_many(
            "UPDATE texts SET folded = :folded, packed = :packed, fold_version = :now WHERE id = :id",
            [
                {"id": text_id, "now": FOLD_VERSION} | columns(fold(text), text, plain=plain)
                for text_id, text in texts.items()
            ],
        )
    full_text.rebuild(archive)


def _is_readable(row: Row, documents: Mapping[str, Callable[[str], object]]) -> bool:
    try:
        row["words"].decode()
        for name, read in documents.items():
            if row[name] is not None:
                read(row[name].decode())
    except _UNREADABLE:
        return False
    return True


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
