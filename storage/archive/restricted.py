"""The archive as somebody may read it who sees only some sources: no statement on this connection finds anything else.

SQLite looks a name up among temporary objects first. So on such a connection each table is covered by a temporary view
of the same name, which holds what the visible sources have; a table that says nothing of a single source is covered by
an empty one, unless it is listed in OPEN. An authorizer (https://www.sqlite.org/c3ref/set_authorizer.html) refuses
every statement that reads a table past its view, so that a table which a later version adds is closed until somebody
says here whom its rows belong to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

from storage.archive.database import PooledReader, refuse_other_schema, translate_errors
from storage.archive.errors import ArchiveMissing
from storage.archive.packed_words import register
from storage.archive.sqlite import sqlite3

if TYPE_CHECKING:
    import sqlite3 as stdlib
    from pathlib import Path

    from storage.archive.database import Connection, Reader

_RESTING = 8  # connections
_FORCED = re.compile(r" INDEXED BY \w+")  # a view has no index; SQLite finds that of the table below it

_PAST = re.compile(r"\bmain\s*\.", re.IGNORECASE)

_POST = "EXISTS (SELECT 1 FROM main.posts p WHERE p.id = {column} AND p.source_id IN ({sources}))"
_MATCH = (
    "EXISTS (SELECT 1 FROM main.matches n JOIN main.posts p ON p.id = n.post_id"
    " WHERE n.id = {column} AND p.source_id IN ({sources}))"
)
_NAMED = "EXISTS (SELECT 1 FROM main.sources v WHERE v.id IN ({sources}) AND {condition})"


def _of_post(column: str = "t.post_id") -> str:
    return _POST.replace("{column}", column)


def _of_match(column: str = "t.match_id") -> str:
    return _MATCH.replace("{column}", column)


def _of_source(condition: str) -> str:
    return _NAMED.replace("{condition}", condition)


_BY_SOURCE = "t.source_id IN ({sources})"
_EVENT = _of_post("t.event_id")
_OF_FILES = _of_source("t.{rule} = 'media:' || v.name")
_RULE = f"(t.{{rule}} NOT LIKE 'media:%' OR {_OF_FILES})"

# Which rows of each table belong to visible sources; the row is `t`.
CONDITIONS: dict[str, str] = {
    "acks": _of_match(),
    "disappearances": _of_post(),
    "deliveries": f"({_of_match()} OR {_of_match('t.escalates')})",
    "event_links": f"{_of_post()} AND {_of_post('t.other')}",
    "event_posts": f"{_of_post()} AND {_EVENT}",
    "events": f"{_of_post('t.id')} AND (t.leads_to IS NULL OR {_of_post('t.leads_to')})",
    "facing": f"{_of_match()} AND {_of_match('t.faces')}",
    "gaps": _BY_SOURCE,
    "given_up": _of_post(),
    "identity_changes": _BY_SOURCE,
    "jobs": _of_post(),
    "matches": _of_post(),
    "media": _of_post(),
    "meta": "t.key IN ('index_move', 'heartbeat', 'heartbeat_failed', 'absences_count_after')",
    "mutes": (
        f'(t.source IS NULL OR {_of_source("v.name = t.source")}) AND t."query" IS NULL'
        f" AND (t.tag IS NULL OR {_of_source('EXISTS (SELECT 1 FROM json_each(v.tags) j WHERE j.value = t.tag)')})"
        f" AND (t.rule IS NULL OR {_RULE.replace('{rule}', 'rule')})"
    ),
    "notices": _of_source("t.about = 'source ' || v.name"),
    "observations": _of_post(),
    "posts": _BY_SOURCE,
    "quarantine": _BY_SOURCE,
    "rereadings": _of_post(),
    "revisions": _of_post(),
    "rules": _RULE.replace("{rule}", "name"),
    "runs": _BY_SOURCE,
    "silences": _BY_SOURCE,
    "sources": "t.id IN ({sources})",
    "telegram_watches": _of_source("v.name = t.source"),
    "texts": _of_post(),
    "topics": _EVENT,
    "undecided": _of_post(),
    "verdicts": _of_match(),
}
# What of a visible row speaks of others.
COLUMNS: dict[str, dict[str, str]] = {
    "deliveries": {"payload": "'{}'", "digest_id": "NULL"},
    "events": {
        "newest_at": (
            "coalesce((SELECT max(b.at) FROM main.event_posts b JOIN main.posts p ON p.id = b.post_id"
            " WHERE b.event_id = t.id AND p.source_id IN ({sources})), t.opened_at)"
        ),
        "origin": "NULL",
        "quotes": f"iif({_of_post('t.quotes')}, t.quotes, NULL)",
    },
    "rules": {"query": "''"},
}
# Read as they are: they hold no word of a source, or only the rows above lead to theirs. `received` is a view: the text
# by which bytes are packed may be one of another source that showed the same bytes.
OPEN = frozenset({"alembic_version", "dictionaries", "fetches", "raw", "received", "words"})
# Covered by an empty view: how the program works, and what engines and events are found by.
CLOSED = frozenset(
    {
        "bot_answers", "bots", "config_entries", "digest_schedules", "digests", "done_requests",
        "event_bands", "event_banners",
        "event_corrections", "event_files", "event_messages", "event_origins", "event_pictures", "event_prints",
        "event_steps", "event_waiting_prints", "event_words", "sendings", "targets",
        "telegram_account", "telegram_peers", "telegram_requests", "telegram_spent", "telegram_waits",
    }
)  # fmt: skip
_INDEXES = {"posts_index": "t.rowid", "texts_index": "t.rowid >> 14"}
_OF_SQLITE = frozenset({"sqlite_master", "sqlite_schema", "json_each", "json_tree"})
_HARMLESS = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE, sqlite3.SQLITE_TRANSACTION}
)


class _CoveredConnection(sqlite3.Connection):
    """A connection on which no statement asks for an index by its name, or for a table past its view."""

    covered = False

    def execute(self, statement: str, parameters: Any = (), /) -> stdlib.Cursor:
        if self.covered and _PAST.search(statement):
            raise PermissionError("a statement names the file itself, where what is hidden would be read")
        return super().execute(_FORCED.sub("", statement) if " INDEXED BY " in statement else statement, parameters)


class RestrictedReaders:
    """Read-only connections to one archive, each for a set of sources. Any thread may use them; close them last."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        self._resting: list[tuple[tuple[int, ...], frozenset[int], PooledReader]] = []  # used last: at the end

    @contextmanager
    def reading(self, sources: frozenset[int]) -> Iterator[Reader]:
        """The last committed state, of these sources alone (by id). Raises what `Archive.reading` raises."""
        found = self._found()
        with translate_errors(self.path):
            reader = self._rested(found, sources) or self._open(sources)
            try:
                yield reader
                reader.rest()
            except BaseException:
                reader.close()
                raise
            self._give_back(found, sources, reader)

    def close(self) -> None:
        """Close every connection that is not in use."""
        with self._lock:
            while self._resting:
                self._resting.pop()[2].close()

    def _found(self) -> tuple[int, ...]:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            raise ArchiveMissing(
                f"there is no archive at {self.path} yet: collect something first", self.path
            ) from None
        return found.st_dev, found.st_ino

    def _rested(self, found: tuple[int, ...], sources: frozenset[int]) -> PooledReader | None:
        with self._lock:
            for number, (file, seen, reader) in enumerate(self._resting):
                if (file, seen) == (found, sources):
                    del self._resting[number]
                    return reader
        return None

    def _give_back(self, found: tuple[int, ...], sources: frozenset[int], reader: PooledReader) -> None:
        with self._lock:
            self._resting.append((found, sources, reader))
            if len(self._resting) > _RESTING:
                self._resting.pop(0)[2].close()

    def _open(self, sources: frozenset[int]) -> PooledReader:
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode=ro",
            uri=True,
            timeout=30,
            isolation_level=None,
            check_same_thread=False,
            factory=_CoveredConnection,
        )
        try:
            refuse_other_schema(register(connection), self.path)
            for statement in _cover(connection, sources):
                connection.execute(statement).close()
            connection.execute("PRAGMA query_only = ON").close()
            connection.set_authorizer(_authorize)
            connection.covered = True
        except BaseException:
            connection.close()
            raise
        reader = PooledReader(connection)
        reader.sources = sources
        return reader


def _cover(connection: Connection, sources: frozenset[int]) -> Iterator[str]:
    """The temporary views that cover what is in the file."""
    allowed = ", ".join(str(int(one)) for one in sorted(sources))
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')").fetchall():
        if name in CONDITIONS:
            condition = CONDITIONS[name].replace("{sources}", allowed)
            columns = ", ".join(_columns(connection, name, allowed))
            yield f'CREATE TEMP VIEW "{name}" AS SELECT {columns} FROM main."{name}" t WHERE {condition}'
        elif name in CLOSED:
            yield f'CREATE TEMP VIEW "{name}" AS SELECT * FROM main."{name}" WHERE 0'
        elif name in _INDEXES:
            post = _of_post(_INDEXES[name]).replace("{sources}", allowed)
            columns = f't.rowid AS rowid, t."{name}" AS "{name}"'
            yield f'CREATE TEMP VIEW "{name}" AS SELECT {columns} FROM main."{name}" t WHERE {post}'


def _columns(connection: Connection, table: str, allowed: str) -> Iterator[str]:
    changed = COLUMNS.get(table, {})
    for row in connection.execute(f'PRAGMA table_info("{table}")').fetchall():
        name = row[1]
        yield f'{changed[name].replace("{sources}", allowed)} AS "{name}"' if name in changed else f't."{name}"'


def _authorize(action: int, first: str | None, second: str | None, database: str | None, view: str | None) -> int:
    """Whether a statement may do this: it reads column `second` of table `first`, asked by `view`, None for itself.

    Without a column: it counts the rows that a view has already chosen (or those of the file, see `covered`).
    """
    if action in _HARMLESS:
        allowed = True
    elif action == sqlite3.SQLITE_READ and first is not None:
        allowed = (
            database == "temp"
            or first in OPEN
            or first in _OF_SQLITE
            or _is_inner(first)
            or (_is_covered(first) and (second == "" or (view is not None and (_is_covered(view) or view in OPEN))))
        )
    else:
        allowed = action == sqlite3.SQLITE_PRAGMA and first == "data_version"
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _is_covered(name: str) -> bool:
    return name in CONDITIONS or name in CLOSED or name in _INDEXES


def _is_inner(table: str) -> bool:
    """Whether it is a table of the full-text index, which SQLite reads for us."""
    return any(table.startswith(f"{index}_") for index in _INDEXES)
