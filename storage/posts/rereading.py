"""What a better reader finds in bytes that were stored before it: other words of a revision, and no event."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from storage.archive.best_reading import BEST_READING, HASH, said
from storage.archive.columns import id_text, int64_or_none, storable, storable_or_none
from storage.archive.database import as_list, concerns_one_row, in_list
from storage.archive.dictionaries import DamagedBytes, unpack
from storage.frozen import dataclass
from storage.media import rows as media_rows
from storage.posts import texts
from storage.posts.content import content_hash, links_json, record_json
from storage.records import FetchedPost, Raw, StoredRaw

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer


@dataclass(frozen=True, slots=True)
class Reread:
    """One revision, and what was read in its bytes now; `post` None: this reader cannot read them."""

    stored: StoredRaw
    post: FetchedPost | None


# What is to be read ---------------------------------------------------------------------------------------------------


def find_shown(reader: Reader, source_id: int, native_ids: Sequence[str], number: int) -> list[StoredRaw]:
    """The posts among these that an older reader than `number` has read, whose bytes are whole."""
    stored, _ = _stored(
        reader,
        f"p.source_id = :source AND p.native_id {in_list('ids')} AND p.reader < :number",
        {"source": source_id, "ids": as_list(id_text(native_id) for native_id in native_ids), "number": number},
    )
    return stored


def find_posts(reader: Reader, post_ids: Sequence[int], number: int) -> list[StoredRaw]:
    """The same by the ids of posts."""
    stored, _ = _stored(
        reader, f"p.id {in_list('ids')} AND p.reader < :number", {"ids": as_list(post_ids), "number": number}
    )
    return stored


def find_next(reader: Reader, source: str, number: int, limit: int) -> tuple[list[StoredRaw], list[int]]:
    """The next posts of a source that an older reader has read, and that this one was not tried on.

    Beside them the ids of those whose bytes are damaged.

    Posts that rules have not seen yet come later: what they say now is still to be compared with what they said.
    """
    return _stored(
        reader,
        "p.id IN (SELECT w.id FROM posts w WHERE w.source_id = (SELECT id FROM sources WHERE name = :source) "
        "AND w.reader > -:number AND w.reader < :number AND NOT EXISTS "
        "(SELECT 1 FROM jobs j WHERE j.kind = 'decide' AND j.post_id = w.id AND j.slot = '') LIMIT :limit + 0)",
        {"source": source, "number": number, "limit": limit},
    )


def _stored(reader: Reader, where: str, values: Mapping[str, object]) -> tuple[list[StoredRaw], list[int]]:
    whole, damaged = [], []
    for row in reader.rows(
        "SELECT p.id, p.native_id, p.revision, w.mime, w.bytes, w.zstd, w.text FROM posts p "
        "JOIN revisions r ON r.post_id = p.id AND r.number = p.revision JOIN received w ON w.sha256 = r.raw_sha256 "
        f"WHERE {where}",
        values,
    ):
        try:
            data = unpack(reader, row["zstd"], row["bytes"], row["text"])
        except DamagedBytes:  # `doctor` says so
            damaged.append(row["id"])
        else:
            whole.append(StoredRaw(row["id"], row["native_id"], row["revision"], Raw(data, row["mime"])))
    return whole, damaged


def set_reader(writer: Writer, source: str, number: int) -> None:
    """Write down by which reader the posts of a source are to be read."""
    writer.execute(
        "UPDATE sources SET reader = :number WHERE name = :source AND reader <> :number",
        {"source": source, "number": number},
    )


# What was found -------------------------------------------------------------------------------------------------------


def save(writer: Writer, found: Sequence[Reread], number: int, now: int, read: texts.Read = texts.analyze) -> None:
    """Store what reader `number` found. A post that was edited in between is left alone: its bytes are others now."""
    for reread in found:
        revision = writer.value("SELECT revision FROM posts WHERE id = :id", {"id": reread.stored.post_id})
        if revision != reread.stored.revision:
            continue
        post = reread.post
        try:
            with writer.savepoint():
                if post is not None:
                    _take_up(writer, reread.stored, post, number, now, read)
        except Exception as problem:
            if not concerns_one_row(problem):
                raise
            post = None  # it stays as it is
        if post is None:
            set_unreadable(writer, [reread.stored.post_id], number)
        else:
            writer.execute(
                "UPDATE posts SET reader = :number WHERE id = :id", {"number": number, "id": reread.stored.post_id}
            )


def set_unreadable(writer: Writer, post_ids: Sequence[int], number: int) -> None:
    """Write down that reader `number` cannot read the bytes of these posts, which stay as they are."""
    writer.execute(
        f"UPDATE posts SET reader = -:number WHERE id {in_list('ids')}", {"number": number, "ids": as_list(post_ids)}
    )


def note_words(writer: Writer, post_id: int, content_hash: str, number: int, now: int) -> None:
    """Write down that a post has got words that its own bytes do not show, and that they are no news."""
    writer.execute(
        "INSERT INTO rereadings (post_id, revision, reader, at, title, text, links, poll, preview, content_hash, "
        f"replaced) SELECT p.id, p.revision, :reader, :now, {', '.join(map(said, _CONTENT))}, :hash, '{{}}' "
        f"FROM posts p JOIN revisions r ON r.post_id = p.id AND r.number = p.revision {BEST_READING} "
        "WHERE p.id = :id ON CONFLICT DO NOTHING",
        {"id": post_id, "reader": number, "now": now, "hash": content_hash},
    )


def _take_up(writer: Writer, stored: StoredRaw, post: FetchedPost, number: int, now: int, read: texts.Read) -> None:
    before = _read_before(writer, stored.post_id)
    content, facts, now_hash = _content(post, before.content[-1]), _facts(post, before.facts), content_hash(post)
    changes = writer.changes
    media_ids = media_rows.add_files(writer, stored.post_id, stored.revision, post.media)
    standing = texts.supersede(writer, post, stored.post_id, stored.revision, read, media_ids)
    same = writer.changes == changes and tuple(content.values()) == before.content and facts == before.facts
    if same and now_hash == before.hash:
        return
    writer.execute(
        "INSERT INTO rereadings (post_id, revision, reader, at, title, text, links, poll, preview, content_hash, "
        "replaced) VALUES (:post_id, :revision, :reader, :at, :title, :text, :links, :poll, :preview, "
        ":content_hash, :replaced)",
        {
            **(dict.fromkeys(_CONTENT) if same and before.as_received else content),
            "post_id": stored.post_id,
            "revision": stored.revision,
            "reader": number,
            "at": now,
            "content_hash": now_hash,
            "replaced": json.dumps({name: value for name, value in before.facts.items() if value != facts[name]}),
        },
    )
    if same:
        return
    writer.execute(
        f"UPDATE posts SET {', '.join(f'{column} = :{column}' for column in _OF_POST)}, texts = :texts, "
        "language = :language WHERE id = :id",
        {**facts, "id": stored.post_id, "texts": standing.texts, "language": standing.language},
    )


@dataclass(frozen=True, slots=True)
class _Before:
    """What the current revision of a post says until now; `as_received`: as it was read when it came."""

    content: tuple[object, ...]
    hash: str
    as_received: bool
    facts: dict[str, object]


def _read_before(reader: Reader, post_id: int) -> _Before:
    facts = ", ".join(f"p.{column}" for column in _OF_POST)
    row = reader.one(
        f"SELECT {HASH}, d.text IS NULL, {', '.join(map(said, _CONTENT))}, {facts} FROM posts p "
        f"JOIN revisions r ON r.post_id = p.id AND r.number = p.revision {BEST_READING} WHERE p.id = :id",
        {"id": post_id},
    )
    assert row is not None
    hash_, as_received, *rest = row
    content, values = rest[: len(_CONTENT)], rest[len(_CONTENT) :]
    return _Before(tuple(content), hash_, bool(as_received), dict(zip(_OF_POST, values, strict=True)))


_CONTENT = ("title", "text", "links", "poll", "preview")
_OF_POST = ("posted_at", "posted_raw", "url", "author", "reply_to", "forward")


def _content(post: FetchedPost, preview: object) -> dict[str, object]:
    return {
        "title": storable_or_none(post.title),
        "text": storable(post.text),
        "links": links_json(post.links + post.buttons),
        "poll": record_json(post.poll),
        "preview": record_json(post.preview) or preview,
    }


def _facts(post: FetchedPost, before: Mapping[str, object]) -> dict[str, object]:
    """What the post says of its time and origin. The bytes may say less of the origin than the reply around them."""
    found = {
        "posted_at": int64_or_none(post.posted_at),
        "posted_raw": storable(post.posted_raw),
        "url": storable_or_none(post.url),
        "author": storable_or_none(post.author),
        "reply_to": None if post.reply_to is None else id_text(post.reply_to),
        "forward": record_json(post.forward),
    }
    return {name: before[name] if value is None and name != "posted_at" else value for name, value in found.items()}
