"""Finds posts by id, address or age and gives back everything that the archive holds of them, as plain values."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from storage.archive.best_reading import BEST_READING, READ_AGAIN, said
from storage.archive.database import as_list, in_list
from storage.posts import damaged
from storage.posts.fields import read_forward, read_links, read_segments
from storage.rows import MediaRow, PostRow, TextRow

if TYPE_CHECKING:
    from storage.archive.database import Reader, Row

_AT_ONCE = 500  # bound variables in one statement; SQLite 3.40 takes 32,766, a page of posts needs far fewer


def find_post(reader: "Reader", key: str) -> int | None:
    """Id of the post that a person names: by our id, by `SOURCE/NATIVE_ID` or by its URL; None if there is none."""
    if key.isascii() and key.isdigit() and len(key) < 19:
        row = reader.one("SELECT id FROM posts WHERE id = :id", {"id": int(key)})
        if row is not None:
            return int(row["id"])
    source, slash, native_id = key.partition("/")
    if slash:
        row = reader.one(
            "SELECT p.id FROM sources s JOIN posts p ON p.source_id = s.id AND p.native_id = :native_id"
            " WHERE s.name = :source",
            {"source": source, "native_id": native_id},
        )
        if row is not None:
            return int(row["id"])
    for url in _spellings(key):
        newest_id = reader.value("SELECT max(id) FROM posts WHERE url = :url", {"url": url})
        if newest_id is not None:
            return int(newest_id)
    return None


def find_newest(
    reader: "Reader", *, limit: int, sources: Sequence[str] = (), tags: Sequence[str] = ()
) -> tuple[int, ...]:
    """Ids of the newest posts, oldest of them first.

    `sources` and `tags` narrow it: a post passes if its source is one of these and bears one of these.
    """
    where, values = scope_clause(sources, tags)
    rows = reader.rows(
        f"SELECT p.id FROM posts p {where} ORDER BY p.id DESC LIMIT :limit + 0", {**values, "limit": limit}
    )
    return tuple(int(row["id"]) for row in reversed(rows))


def find_oldest_first(
    reader: "Reader", *, sources: Sequence[str] = (), tags: Sequence[str] = ()
) -> Iterator[tuple[int, ...]]:
    """Ids of all posts of this scope, slice by slice, the oldest first."""
    where, values = scope_clause(sources, tags)
    after = -1
    while rows := reader.column(
        f"SELECT p.id FROM posts p {where or 'WHERE TRUE'} AND p.id > :after ORDER BY p.id LIMIT {_AT_ONCE}",
        {**values, "after": after},
    ):
        yield tuple(map(int, rows))
        after = rows[-1]


def read_arrival_mark(reader: "Reader") -> int:
    """How far the archive has come: a mark for `arrived`."""
    return int(reader.value("SELECT coalesce(max(id), 0) AS mark FROM revisions"))


def find_arrived(
    reader: "Reader", after: int, upto: int, *, sources: Sequence[str] = (), tags: Sequence[str] = ()
) -> tuple[int, ...]:
    """Ids of posts first archived between two marks, in the order of their arrival, whatever their publishing time."""
    where, values = scope_clause(sources, tags)
    rows = reader.rows(
        f"SELECT p.id FROM revisions r JOIN posts p ON p.id = r.post_id {where or 'WHERE TRUE'}"
        " AND r.id > :after AND r.id <= :upto AND r.number = 0 ORDER BY r.id",
        {**values, "after": after, "upto": upto},
    )
    return tuple(int(row["id"]) for row in rows)


def find_stored_ids(reader: "Reader", source_id: int, native_ids: Iterable[str]) -> frozenset[str]:
    """Those of these ids under which a source has posts."""
    found = reader.column(
        f"SELECT native_id FROM posts WHERE source_id = :source AND native_id {in_list('ids')}",
        {"source": source_id, "ids": as_list(native_ids)},
    )
    return frozenset(found)


def read_newest_entries(
    reader: "Reader", source_id: int, limit: int
) -> list[tuple[str, str | None, str | None, str, int | None, str]]:
    """Id, address, title, text, time and hash of the bytes of the newest posts of a source, oldest first."""
    rows = reader.rows(
        f"SELECT p.native_id, p.url, {said('title')}, {said('text')}, p.posted_at, r.raw_sha256 FROM posts p "
        f"JOIN revisions r ON r.post_id = p.id AND r.number = p.revision {BEST_READING} "
        "WHERE p.source_id = :source ORDER BY p.id DESC LIMIT :limit + 0",
        {"source": source_id, "limit": limit},
    )
    return [tuple(row) for row in reversed(rows)]


def scope_clause(sources: Sequence[str], tags: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """Clause `where` over `posts p` for sources and tags, empty for everywhere, and its parameters."""
    asked = [
        (f"s.name {in_list('scope_sources')}", "scope_sources", sources),
        (
            f"EXISTS (SELECT 1 FROM json_each(s.tags) WHERE value {in_list('scope_tags')})",
            "scope_tags",
            tags,
        ),
    ]
    clauses = [clause for clause, _, names in asked if names]
    if not clauses:
        return "", {}
    return (
        f"WHERE p.source_id IN (SELECT s.id FROM sources s WHERE {' AND '.join(clauses)})",
        {name: as_list(names) for _, name, names in asked if names},
    )


def read_posts(reader: "Reader", ids: Iterable[int], *, own: bool = True) -> list[PostRow]:
    """Read posts in the order of `ids`, each with media, current texts and rules, in four statements per 500 posts.

    Ids that do not exist are left out. Without `own`, so are the texts that say what the row says itself: the body,
    and the names of its files. Raises ArchiveDamaged with the name of a post that cannot be read.
    """
    wanted = list(ids)
    found: dict[int, PostRow] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        page = wanted[start : start + _AT_ONCE]
        try:
            found.update(_read(reader, page, _TEXTS if own else _OTHER_TEXTS))
        except damaged.READING as problem:
            damaged.refuse(reader, page, problem)
            raise
        if missing := [post_id for post_id in page if post_id not in found]:
            damaged.refuse(reader, missing)
    return [found[post_id] for post_id in wanted if post_id in found]


def read_texts(reader: "Reader", ids: Iterable[int]) -> dict[int, str]:
    """Read texts by their own id, current or not: what the offsets of a hit count in."""
    rows = reader.rows(f"SELECT id, text FROM texts WHERE id {in_list('ids')}", {"ids": as_list(ids)})
    return {row["id"]: row["text"] for row in rows}


def read_languages(reader: "Reader", ids: Iterable[int]) -> dict[int, str]:
    """The language of each of these posts."""
    rows = reader.rows(f"SELECT id, language FROM posts WHERE id {in_list('ids')}", {"ids": as_list(ids)})
    return {row["id"]: row["language"] for row in rows}


def read_deleted(reader: "Reader", ids: Iterable[int]) -> set[int]:
    """Those of these posts that are deleted at their source."""
    rows = reader.rows(
        f"SELECT id FROM posts WHERE deleted_at IS NOT NULL AND id {in_list('ids')}", {"ids": as_list(ids)}
    )
    return {row["id"] for row in rows}


def read_earlier_texts(reader: "Reader", post_id: int) -> list[TextRow]:
    """What machines had made of a post's files before other words took its place, oldest first."""
    rows = reader.rows(
        f"SELECT {_TEXT} FROM texts WHERE post_id = :id AND current = 0 AND engine IS NOT NULL ORDER BY id",
        {"id": post_id},
    )
    return [_text(row) for row in rows]


def read_raw(reader: "Reader", sha256: str) -> bytes:
    """Bytes as received. Raises KeyError if none have this hash, DamagedBytes if they are not those that came."""
    from hashlib import sha256 as digest

    from storage.archive.dictionaries import DamagedBytes, unpack

    row = reader.one("SELECT bytes, zstd, text FROM received WHERE sha256 = :sha256", {"sha256": sha256})
    if row is None:
        raise KeyError(sha256)
    data = unpack(reader, row["zstd"], int(row["bytes"]), row["text"])
    if digest(data).hexdigest() != sha256:
        raise DamagedBytes("do not hold what their hash says")
    return data


def _spellings(url: str) -> Iterator[str]:
    """Spell the address as given, and as people paste it: without its scheme, or from the preview page of a channel."""
    yield url
    bare = url.partition("://")[2] or url
    bare = bare.replace("t.me/s/", "t.me/", 1) if bare.startswith("t.me/s/") else bare
    bare = bare.partition("?")[0] if bare.startswith("t.me/") else bare
    for scheme in ("https://", "http://"):
        if scheme + bare != url:
            yield scheme + bare


def _read(reader: "Reader", ids: Sequence[int], of_texts: str) -> dict[int, PostRow]:
    several = {"ids": as_list(ids)}
    media: dict[int, list[MediaRow]] = {}
    for row in reader.rows(_MEDIA, several):
        post_id, *values = row
        media.setdefault(post_id, []).append(MediaRow(*values))
    texts: dict[int, list[TextRow]] = {}
    for row in reader.rows(of_texts, several):
        texts.setdefault(row["post_id"], []).append(_text(row))
    rules: dict[int, list[str]] = {}
    for row in reader.rows(_RULES, several):
        rules.setdefault(row["post_id"], []).append(row["rule"])
    return {
        row["id"]: _post(row, media.get(row["id"], []), texts.get(row["id"], []), rules.get(row["id"], []))
        for row in reader.rows(_POSTS, several)
    }


_MEDIA = (
    "SELECT m.post_id, m.kind, m.mime, m.name, m.bytes, m.sha256, m.state, m.reason, m.path, m.duration_s, m.id, "
    "m.sniffed, m.size, m.stored_at FROM media m JOIN posts p ON p.id = m.post_id "
    f"WHERE m.post_id {in_list('ids')} AND m.revision = p.revision ORDER BY m.id"
)
_TEXT = "id, kind, text, language, engine, confidence, current, media_id, model, unreliable, segments"
_TEXTS = f"SELECT post_id, {_TEXT} FROM texts WHERE post_id {in_list('ids')} AND current = 1 ORDER BY id"
_OTHER_TEXTS = _TEXTS.replace(
    in_list("ids"), f"IN (SELECT p.id FROM posts p WHERE p.id {in_list('ids')} AND p.texts > 1)"
).replace("current = 1", "current = 1 AND kind NOT IN ('body', 'file')")
_RULES = f"SELECT post_id, rule FROM matches WHERE post_id {in_list('ids')} GROUP BY post_id, rule ORDER BY min(id)"
_POSTS = (
    f"SELECT p.id, s.name AS source, p.native_id, p.url, {said('title')} AS title, p.author, p.posted_at, "
    f"p.posted_raw, p.collected_at, p.edited_at, p.deleted_at, {said('text')} AS text, p.language, p.forward, "
    f"p.reply_to, r.raw_sha256, {said('links')} AS links, p.revision, {READ_AGAIN} AS reread_at, "
    "b.event_id, nullif(b.reason, 'first') AS joined_by, b.measure, e.quotes "
    "FROM posts p JOIN sources s ON s.id = p.source_id "
    "LEFT JOIN event_posts b ON b.post_id = p.id LEFT JOIN events e ON e.id = p.id "
    f"JOIN revisions r ON r.post_id = p.id AND r.number = p.revision {BEST_READING} WHERE p.id {in_list('ids')}"
)


def _text(row: "Row") -> TextRow:
    return TextRow(
        id=row["id"],
        kind=row["kind"],
        text=row["text"],
        language=row["language"],
        engine=row["engine"],
        confidence=row["confidence"],
        current=bool(row["current"]),
        media_id=row["media_id"],
        model=row["model"],
        unreliable=bool(row["unreliable"]),
        segments=read_segments(row["segments"]),
    )


def _post(row: "Row", media: list[MediaRow], texts: list[TextRow], rules: list[str]) -> PostRow:
    """A row of `_POSTS`: its columns are taken in order, for looking each up by its name takes longer than all else."""
    *own, forward, reply_to, raw, links, revision, reread_at, event, joined_by, likeness, quotes = row
    values = (
        *own,
        read_forward(forward),
        reply_to,
        raw,
        read_links(links),
        tuple(media),
        tuple(texts),
        tuple(rules),
        revision + 1,
        reread_at,
        event,
        joined_by,
        likeness,
        quotes,
    )
    return PostRow(*values)
