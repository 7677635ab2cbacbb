"""A made-up archive to search in: a post a minute, one in ten with a transcript, some with files, replies, edits."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from bench._texts import Words
from storage.archive.database import Archive, Writer
from storage.archive.index_row import NAMES
from storage.archive.packed_words import pack, register
from storage.archive.sqlite import sqlite3
from storage.language.fold import CLOSED, fold
from storage.language.version import FOLD_VERSION
from storage.migrations import migrate
from storage.posts.index_words import note

NOW = 1_763_800_000
_BATCH = 5_000
_POST = (
    "INSERT INTO posts (id, source_id, native_id, posted_at, posted_raw, reply_to, edited_at, collected_at, alerts, "
    "revision, texts, language) VALUES (?, ?, ?, ?, '', ?, ?, 0, 1, 0, ?, 'und')"
)
_TEXT = (
    "INSERT INTO texts (id, post_id, kind, revision, text, folded, packed, fold_version, language, current) "
    f"VALUES (?, ?, ?, 0, ?, '', ?, {FOLD_VERSION}, 'und', 1)"
)


def fill(path: Path, words: Words, posts: int) -> None:
    """Make the archive. Each text is put together from three of a pool, which is faster than new ones."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with Archive(path) as archive:
        migrate.ensure(archive, now=NOW * 1_000_000)
    connection = register(sqlite3.connect(path, isolation_level=None))
    for pragma in ("synchronous = OFF", "journal_mode = OFF", "cache_size = -200000"):
        connection.execute(f"PRAGMA {pragma}")
    for number in range(1, 21):
        connection.execute(
            "INSERT INTO sources (id, name, kind, tags, enabled, state, state_since, paused, next_poll_at, failures) "
            "VALUES (?, ?, 'feed', '[]', 1, 'ok', 0, 0, 0, 0)",
            (number, f"source{number}"),
        )
    pool = [(text, fold(text)) for text in (words.post(200) for _ in range(min(20_000, posts // 4)))]
    numbers = iter(range(posts))
    while batch := list(islice(numbers, _BATCH)):
        connection.execute("BEGIN")
        rows = list(_texts(batch, posts, words, pool))
        connection.executemany(_POST, [_post(number, posts) for number in batch])
        connection.executemany(_TEXT, ((*row[:4], pack(str(row[4]), str(row[3]))) for row in rows))
        connection.executemany(
            "INSERT INTO media (post_id, key, kind, revision, state) VALUES (?, 'm', ?, 0, 'stored')",
            [(_id(number, posts), kind) for number in batch if (kind := _file(number))],
        )
        ids = _id(batch[0], posts), _id(batch[-1], posts)
        connection.execute(
            f"INSERT INTO posts_index (rowid, {NAMES}) SELECT id, {NAMES} FROM posts_words WHERE id BETWEEN ? AND ?",
            ids,
        )
        note(Writer(connection), (str(row[4]) for row in rows))
        connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()


def _id(number: int, posts: int) -> int:
    return (NOW - 60 * (posts - number)) << 16


def _post(number: int, posts: int) -> tuple[object, ...]:
    at = (_id(number, posts) >> 16) * 1_000_000
    reply, edit = "1" if number % 25 == 3 else None, at if number % 200 == 5 else None
    return _id(number, posts), number % 20 + 1, str(number), at, reply, edit, 1 + (number % 10 == 0)


def _file(number: int) -> str | None:
    """A photo in one post of ten, a voice note in one of 3,000."""
    return "voice" if number % 3_000 == 7 else "photo" if number % 10 == 1 else None


def _texts(
    batch: Sequence[int], posts: int, words: Words, pool: Sequence[tuple[str, str]]
) -> Iterator[tuple[object, ...]]:
    for number in batch:
        for place in range(1 + (number % 10 == 0)):
            parts = [words.chance.choice(pool) for _ in range(3)]
            yield (
                _id(number, posts) << 14 | place,
                _id(number, posts),
                "transcript" if place else "body",
                "\n".join(text for text, _ in parts),
                _joined([folded for _, folded in parts]),
            )


def _joined(folded: Sequence[str]) -> str:
    """The folded form of texts one after the other: closed compounds stand at the end."""
    bodies, closed = [], set()
    for body, *compounds in (one.split(f" {CLOSED}") for one in folded):
        bodies.append(body)
        closed.update(compounds)
    return " ".join((*bodies, *(CLOSED + compound for compound in sorted(closed))))
