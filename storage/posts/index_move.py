"""Moves the full-text index to one row a post, the newest first, in short steps; the old one serves until all is done.

A step is one transaction with its own account of what is done, so that a kill costs one step. What is stored meanwhile
goes into both indexes as far as the new one has come.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from storage.archive.full_text import MOVE
from storage.archive.index_row import NAMES
from storage.archive.packed_words import FOLDED
from storage.frozen import dataclass
from storage.posts.ids import TEXT_BITS
from storage.posts.index_words import note

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

_MOST = 500  # posts at a time
_LETTERS = 400_000  # of them all, so that one step takes a fraction of a second
_SAMPLE = 500  # texts, of which the size of the index is guessed
_SHARE = 0.8  # of the folded texts: what their index takes
_ROOM = 200_000_000  # bytes that stay free for what comes meanwhile
_LONGEST_SEARCH = 600  # seconds, for which a search that has begun may ask the old index
_ENDED = "index_moved"  # in `meta`: when the move ended, until the old index is dropped
_LONGEST_PAUSE = 60  # seconds that count as part of the move: longer ones, nobody was there


@dataclass(frozen=True, slots=True)
class IndexMove:
    """How far it is. `seconds`: how long it has taken so far; `lacking`: bytes that the disk is short of."""

    floor: int
    done: int
    total: int
    seconds: int = 0
    at: int = 0
    lacking: int = 0

    @property
    def seconds_left(self) -> int | None:
        """None until that can be guessed."""
        if not self.done or not self.seconds:
            return None
        return round(max(self.total - self.done, 0) * self.seconds / self.done)


def read_move(reader: Reader) -> IndexMove | None:
    """How far the move is; None where the new index has every post."""
    value = reader.value("SELECT value FROM meta WHERE key = :key", {"key": MOVE})
    return None if value is None else IndexMove(**json.loads(value))


def read_move_progress(reader: Reader) -> IndexMove | None:
    """The same, with all posts that there are to move, also where no daemon has begun."""
    move = read_move(reader)
    return move and replace(move, total=move.done + _count_left(reader, move.floor))


def has_leftover(reader: Reader, now: int) -> bool:
    """Whether the old index is there though no search that is still running can ask it. `now` in seconds."""
    ended = reader.value("SELECT value FROM meta WHERE key = :key", {"key": _ENDED})
    return ended is not None and now - int(ended) >= _LONGEST_SEARCH


def count_needed_bytes(reader: Reader) -> int:
    """What the rest of the new index will take on the disk, beside the old one; about."""
    move = read_move(reader)
    if move is None:
        return 0
    size = reader.value(f"SELECT avg(length(CAST(folded AS BLOB))) FROM (SELECT folded FROM texts LIMIT {_SAMPLE})")
    texts = reader.value("SELECT count(*) FROM texts WHERE id < :floor", {"floor": move.floor << TEXT_BITS})
    return int((size or 0) * texts * _SHARE) + _ROOM


def begin(writer: Writer, now: int, *, lacking: int) -> IndexMove:
    """Note how much there is to do, or what the disk is short of. `now` in seconds."""
    move = read_move(writer)
    assert move is not None
    return _save(writer, replace(move, total=move.done + _count_left(writer, move.floor), at=now, lacking=lacking))


def move_some(writer: Writer, now: int) -> bool:
    """Index the next posts; False once that was the last of them. `now` in seconds."""
    move = read_move(writer)
    if move is None:
        return False
    posts = _next(writer, move.floor)
    if not posts:
        writer.execute("DELETE FROM meta WHERE key = :key", {"key": MOVE})
        writer.execute("INSERT INTO meta (key, value) VALUES (:key, :now)", {"key": _ENDED, "now": str(now)})
        return False
    writer.execute(
        f"INSERT INTO posts_index (rowid, {NAMES}) SELECT id, {NAMES} FROM posts_words "
        "WHERE id >= :low AND id < :high ORDER BY id",
        {"low": posts[-1], "high": move.floor},
    )
    note(
        writer,
        writer.column(
            f"SELECT {FOLDED.format('')} FROM texts WHERE id >= :low << {TEXT_BITS} AND id < :high << {TEXT_BITS}",
            {"low": posts[-1], "high": move.floor},
        ),
    )
    passed = min(max(now - move.at, 0), _LONGEST_PAUSE) if move.at else 0
    done = move.done + len(posts)
    _save(writer, replace(move, floor=posts[-1], done=done, seconds=move.seconds + passed, at=now, lacking=0))
    return True


def drop_leftover(writer: Writer) -> None:
    """Drop the old index, whose pages are free for what comes."""
    writer.execute("DROP TABLE IF EXISTS texts_index")
    writer.execute("DELETE FROM meta WHERE key = :key", {"key": _ENDED})


def _next(writer: Writer, floor: int) -> list[int]:
    """The posts below, newest first, with no more letters than fit in one step; always one, if there is one."""
    found: list[int] = []
    letters = 0
    for row in writer.rows(_NEXT, {"floor": floor, "most": _MOST}):
        letters += row["letters"] or 0
        if found and letters > _LETTERS:
            break
        found.append(row["id"])
    return found


def _count_left(reader: Reader, floor: int) -> int:
    return int(reader.value("SELECT count(*) FROM posts WHERE id < :floor", {"floor": floor}))


def _save(writer: Writer, move: IndexMove) -> IndexMove:
    writer.execute("UPDATE meta SET value = :value WHERE key = :key", {"key": MOVE, "value": json.dumps(asdict(move))})
    return move


_NEXT = (
    f"SELECT p.id, (SELECT sum(length(t.text)) FROM texts t WHERE t.id >= p.id << {TEXT_BITS} "
    f"AND t.id < (p.id + 1) << {TEXT_BITS}) AS letters FROM posts p WHERE p.id < :floor "
    "ORDER BY p.id DESC LIMIT :most + 0"
)
