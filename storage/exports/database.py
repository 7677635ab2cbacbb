"""A database of exported posts for Datasette and everything else that reads SQLite: plain tables, and a search.

The search compares three letters at a time, so it finds parts of words in every script without a function of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from storage.archive.best_reading import BEST_READING, HASH, said
from storage.archive.database import as_list, in_list
from storage.exports.files import as_os_errors, open_unsafe

if TYPE_CHECKING:
    from storage.archive.database import Reader

_ID, _POST = "id INTEGER PRIMARY KEY", "post_id INTEGER REFERENCES posts (id)"
TABLES: Mapping[str, tuple[str, ...]] = {
    "sources": (_ID, "name", "kind", "side", "title", "tags", "first_contact_at", "last_ok_at"),
    "posts": (
        _ID, "source", "side", "native_id", "posted_at", "title", "text", "language", "author", "url", "media",
        "deleted_at", "edited_at", "collected_at", "posted_raw", "text_unicode", "other_texts", "rules",
        "forwarded_from", "forwarded_url", "reply_to", "revisions INTEGER", "raw_sha256", "event INTEGER",
        "copy_of INTEGER", "copy_reason", "copy_likeness REAL", "quotes INTEGER",
    ),
    "texts": (
        _ID, _POST, "kind", "engine", "language", "text",
        "confidence REAL", "model", "unreliable INTEGER",
    ),
    "files": (
        _ID, _POST, "kind", "name", "file", "sniffed", "mime",
        "bytes INTEGER", "sha256", "state", "reason", "duration_s REAL",
    ),
    "links": (_ID, _POST, "text", "url"),
    "revisions": (
        _ID, _POST, "number INTEGER", "collected_at", "edited_at",
        "title", "text", "method", "content_hash", "raw_sha256",
    ),
}  # fmt: skip
_SEARCHED = "title, text, text_unicode, other_texts"
_AFTERWARDS = (
    *(f"CREATE INDEX posts_by_{column} ON posts ({column})" for column in ("source", "side", "language", "posted_at")),
    *(f"CREATE INDEX {table}_by_post ON {table} (post_id)" for table in ("texts", "files", "links", "revisions")),
    f'CREATE VIRTUAL TABLE posts_fts USING FTS5 ({_SEARCHED}, content="posts", content_rowid="id", tokenize="trigram")',
    "INSERT INTO posts_fts (posts_fts) VALUES ('rebuild')",
    "COMMIT",
)
_FIND = """
SELECT id, source, posted_at, title, text, url FROM posts
WHERE title LIKE '%' || :words || '%' OR text LIKE '%' || :words || '%' OR text_unicode LIKE '%' || :words || '%'
    OR other_texts LIKE '%' || :words || '%'
ORDER BY id DESC LIMIT 200"""
_PER_DAY = """
SELECT substr(posted_at, 1, 10) AS day, source, count(*) AS posts, count(edited_at) AS edited,
    count(deleted_at) AS deleted
FROM posts WHERE posted_at IS NOT NULL GROUP BY day, source ORDER BY day DESC, posts DESC LIMIT 1000"""
_CHANGED = """
SELECT p.id, p.source, p.posted_at, p.edited_at, p.deleted_at, old.text AS first_said, p.text AS says_now, p.url
FROM posts p LEFT JOIN revisions old ON old.post_id = p.id AND old.number = 1
WHERE p.deleted_at IS NOT NULL OR p.revisions > 1 ORDER BY p.id DESC LIMIT 1000"""
QUERIES = {
    "find": ("Find words", "Part of a word is enough, in every script, and however short it is.", _FIND),
    "per_day": ("Posts per day and source", "In UTC, the newest day first.", _PER_DAY),
    "changed": ("Edited and deleted posts", "What each said first, and what it says now.", _CHANGED),
}


class ExportDatabase:
    """A new file, whole only after `finish`. Use it as a context manager. Raises OSError for what the disk does."""

    def __init__(self, path: Path) -> None:
        self._connection = open_unsafe(path)
        self._statements = {
            table: f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})" for table, columns in TABLES.items()
        }
        with as_os_errors():
            for table, columns in TABLES.items():
                typed = ", ".join(column if " " in column else f"{column} TEXT" for column in columns)
                self._connection.execute(f"CREATE TABLE {table} ({typed})")
            self._connection.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def add(self, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """Rows with a value for each column; what has no `id` gets the next."""
        names = [column.split()[0] for column in TABLES[table]]
        with as_os_errors():
            self._connection.executemany(self._statements[table], ([row.get(name) for name in names] for row in rows))

    def finish(self) -> None:
        """Make the indexes and the search."""
        with as_os_errors():
            for statement in _AFTERWARDS:
                self._connection.execute(statement).close()


def read_revisions(reader: Reader, post_ids: Iterable[int]) -> list[Mapping[str, Any]]:
    """Every version of these posts, as the best reader has read it, oldest first; times are microseconds UTC."""
    rows = reader.rows(
        f"SELECT r.post_id, r.number + 1 AS number, r.collected_at, r.edited_at, {said('title')} AS title, "
        f"{said('text')} AS text, r.method, {HASH} AS content_hash, r.raw_sha256 FROM revisions r {BEST_READING} "
        f"WHERE r.post_id {in_list('ids')} ORDER BY r.post_id, r.number",
        {"ids": as_list(post_ids)},
    )
    return [dict(row) for row in rows]
