"""What files there are: how many in which state, how many bytes, of which source; and each file of one post."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, get_args

from storage.archive.database import as_list, in_list
from storage.frozen import dataclass
from storage.media.stored import NO_ROOM, State

if TYPE_CHECKING:
    from storage.archive.database import Reader

_TOP = (1 << 63) - 1
_SLICE = 500
STATES: tuple[str, ...] = ("stored", "pending", *get_args(State), "not downloadable")


@dataclass(frozen=True, slots=True)
class Held:
    """Files by state, and the bytes of those that are stored: of one source all, of all sources each content once."""

    files: Mapping[str, int] = field(default_factory=dict)
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Awaited:
    """Files that wait for an engine to make such text of them; times are microseconds UTC."""

    made: str  # transcript or ocr
    files: int
    oldest_at: int


@dataclass(frozen=True, slots=True)
class Holdings:
    """All files at one moment. `unread` are stored, and no engine has read them or is asked to.

    `no_room` counts, by the reason, those that are pending because there is no room for them; `read_badly`, by what was
    made of them, those whose text is unreliable.
    """

    total: Held
    sources: Mapping[str, Held]
    no_room: Mapping[str, int] = field(default_factory=dict)
    awaited: tuple[Awaited, ...] = ()
    unread: int = 0
    given_up: int = 0
    read_badly: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Holding:
    """What we know of one file beside its state: the next try, and what became of its reading."""

    next_try_at: int | None
    read_by: str | None
    read_at: int | None
    waits: bool
    given_up: str | None


@dataclass(frozen=True, slots=True)
class Listed:
    """One file with the post that it belongs to."""

    source: str
    native_id: str
    url: str | None
    posted_at: int | None
    kind: str
    name: str | None
    state: str
    reason: str | None
    bytes: int | None
    sha256: str | None
    read_by: str | None
    read_at: int | None
    given_up: str | None


@dataclass(frozen=True, slots=True)
class FileOfPost:
    """One stored file with what its post says of it; `sniffed` is the type that its first bytes show."""

    post_id: int
    source: str
    native_id: str
    url: str | None
    posted_at: int | None
    kind: str
    mime: str | None
    name: str | None
    sha256: str
    size: int
    sniffed: str | None
    path: str


@dataclass(frozen=True, slots=True)
class StoredFile:
    """How a file is called by its source, and its type by its bytes."""

    name: str | None
    sniffed: str | None


def count_files(reader: Reader) -> Holdings:
    """Count everything; reads every row of `media` once."""
    sources: dict[str, dict[str, tuple[int, int]]] = {}
    for row in reader.rows(_BY_SOURCE):
        sources.setdefault(row["name"], {})[row["state"]] = (row["files"], row["bytes"])
    total = {
        state: sum(found.get(state, (0, 0))[0] for found in sources.values())
        for state in STATES
        if any(state in found for found in sources.values())
    }
    return Holdings(
        Held(total, int(reader.value(_BYTES))),
        {
            name: Held({state: files for state, (files, _) in found.items()}, found.get("stored", (0, 0))[1])
            for name, found in sources.items()
        },
        {row["reason"]: row["files"] for row in reader.rows(_NO_ROOM)},
        tuple(Awaited(row["kind"], row["files"], row["oldest_at"]) for row in reader.rows(_AWAITED)),
        int(reader.value(_UNREAD)),
        int(reader.value("SELECT count(*) FROM given_up WHERE kind IN ('transcript', 'ocr')")),
        {row["kind"]: row["files"] for row in reader.rows(_READ_BADLY)},
    )


def read_files_of_post(reader: Reader, post_id: int) -> dict[int, Holding]:
    """The same of each file of one post, by its row."""
    rows = reader.rows(
        f"SELECT m.id, m.next_try_at, m.read_by, m.read_at, {_WAITS} AS waits, g.reason AS given_up FROM media m "
        f"{_LOST} WHERE m.post_id = :post",
        {"post": post_id},
    )
    return {
        row["id"]: Holding(row["next_try_at"], row["read_by"], row["read_at"], bool(row["waits"]), row["given_up"])
        for row in rows
    }


def find_stored_file(reader: Reader, sha256: str) -> StoredFile | None:
    """A file by the hash of its bytes, as one of the posts has it that show it; None if none of them does."""
    row = reader.one(
        "SELECT m.name, m.sniffed FROM media m JOIN posts p ON p.id = m.post_id"
        " WHERE m.sha256 = :sha256 AND m.state = 'stored' ORDER BY m.id LIMIT 1",
        {"sha256": sha256},
    )
    return None if row is None else StoredFile(*row)


def list_files(
    reader: Reader, *, states: tuple[str, ...], sources: tuple[str, ...], since: int | None, limit: int | None
) -> Iterator[Listed]:
    """Files, those of the newest posts first; no `states` or `sources`: all. "given up" are those not to be read."""
    placed = list_files_after(reader, states=states, sources=sources, since=since, limit=limit)
    return (file for file, _ in placed)


def list_files_after(
    reader: Reader,
    *,
    states: tuple[str, ...],
    sources: tuple[str, ...],
    since: int | None,
    until: int | None = None,
    limit: int | None,
    after: tuple[int, int] = (_TOP, 0),
) -> Iterator[tuple[Listed, tuple[int, int]]]:
    """The same, each with its place; only what comes after the place `after`."""
    wanted = _listed(states, sources, since, until)
    (post, last), left = after, limit
    while left is None or left > 0:
        size = _SLICE if left is None else min(left, _SLICE)
        rows = reader.rows(
            "SELECT m.post_id, m.id, s.name AS source, p.native_id, p.url, p.posted_at, m.kind, m.name, m.state, "
            "m.reason, coalesce(m.size, m.bytes) AS bytes, m.sha256, m.read_by, m.read_at, g.reason AS given_up "
            f"{_FROM} AND m.post_id <= :post AND (m.post_id < :post OR m.id > :last) "
            "ORDER BY m.post_id DESC, m.id LIMIT :size + 0",
            {**wanted, "post": post, "last": last, "size": size},
        )
        for row in map(dict, rows):
            post, last = row.pop("post_id"), row.pop("id")
            yield Listed(**row), (post, last)
        if len(rows) < size:
            return
        left = None if left is None else left - size


def count_listed(reader: Reader, *, states: tuple[str, ...], sources: tuple[str, ...], since: int | None) -> int:
    """How many files `list_files` gives without a limit."""
    return int(reader.value(f"SELECT count(*) {_FROM}", _listed(states, sources, since)))


def _listed(
    states: tuple[str, ...], sources: tuple[str, ...], since: int | None, until: int | None = None
) -> dict[str, object]:
    return {
        "any_state": not states,
        "states": as_list(states),
        "lost": "given up" in states,
        "anywhere": not sources,
        "sources": as_list(sources),
        "since": since,
        "until": until,
    }


def read_stored_files(
    reader: Reader, *, sources: tuple[str, ...] = (), kinds: tuple[str, ...] = (), since: int | None = None
) -> list[FileOfPost]:
    """Every file whose bytes we have, those of the oldest posts first; no `sources` or `kinds`: all."""
    rows = reader.rows(
        "SELECT m.post_id, s.name AS source, p.native_id, p.url, p.posted_at, m.kind, m.mime, m.name, m.sha256, "
        "m.size, m.sniffed, m.path FROM media m JOIN posts p ON p.id = m.post_id "
        "JOIN sources s ON s.id = p.source_id WHERE m.state = 'stored' "
        f"AND (:any_source OR s.name {in_list('sources')}) "
        f"AND (:any_kind OR m.kind {in_list('kinds')}) "
        "AND (:since IS NULL OR coalesce(p.posted_at, p.collected_at) >= :since) ORDER BY m.post_id, m.id",
        {
            "any_source": not sources,
            "sources": as_list(sources),
            "any_kind": not kinds,
            "kinds": as_list(kinds),
            "since": since,
        },
    )
    return [FileOfPost(**dict(row)) for row in rows]


_BY_SOURCE = (
    "SELECT s.name, m.state, count(*) AS files, coalesce(sum(m.size), 0) AS bytes FROM media m "
    "JOIN posts p ON p.id = m.post_id JOIN sources s ON s.id = p.source_id GROUP BY s.name, m.state"
)
_NO_ROOM = (
    f"SELECT reason, count(*) AS files FROM media WHERE state = 'pending' AND reason LIKE '{NO_ROOM}%' "
    "GROUP BY reason ORDER BY files DESC"
)
_BYTES = (
    "SELECT coalesce(sum(size), 0) FROM (SELECT max(size) AS size FROM media WHERE state = 'stored' GROUP BY sha256)"
)
_READ_BADLY = (
    "SELECT kind, count(*) AS files FROM texts INDEXED BY texts_in_doubt WHERE unreliable = 1 AND current = 1 "
    "AND kind IN ('transcript', 'ocr') GROUP BY kind ORDER BY kind"
)
_AWAITED = (
    "SELECT kind, count(*) AS files, min(due_at) AS oldest_at FROM jobs WHERE kind IN ('transcript', 'ocr') "
    "GROUP BY kind ORDER BY kind DESC"
)
_WAITS = (
    "EXISTS (SELECT 1 FROM jobs j WHERE j.kind IN ('transcript', 'ocr') AND j.post_id = m.post_id "
    "AND j.slot = CAST(m.id AS TEXT))"
)
_LOST = (
    "LEFT JOIN (SELECT CAST(slot AS INTEGER) AS media_id, reason, max(id) FROM given_up "
    "WHERE kind IN ('transcript', 'ocr') GROUP BY slot) g ON g.media_id = m.id"
)
_FROM = (
    f"FROM media m JOIN posts p ON p.id = m.post_id JOIN sources s ON s.id = p.source_id {_LOST} "
    f"WHERE (:any_state OR m.state {in_list('states')} OR (:lost AND g.reason IS NOT NULL)) "
    f"AND (:anywhere OR s.name {in_list('sources')}) "
    "AND (:since IS NULL OR coalesce(p.posted_at, p.collected_at) >= :since) "
    "AND (:until IS NULL OR coalesce(p.posted_at, p.collected_at) < :until)"
)
_UNREAD = (
    "SELECT count(*) FROM media m WHERE m.state = 'stored' AND m.read_by IS NULL "
    f"AND NOT {_WAITS} AND m.id NOT IN (SELECT CAST(slot AS INTEGER) FROM given_up WHERE kind IN ('transcript', 'ocr'))"
)
