"""Keeps the full-text index as the texts are: each row of a post is written once, in the transaction of its texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, cast

from storage.archive.full_text import find_floor
from storage.archive.index_row import MARK, NAMES
from storage.archive.packed_words import FOLDED
from storage.posts.index_words import note

if TYPE_CHECKING:
    from storage.archive.database import Writer

_AGAIN = f"INSERT INTO posts_index (rowid, {NAMES}) SELECT id, {NAMES} FROM posts_words WHERE id = :id"
_FOLDED = f"SELECT {FOLDED.format('')} FROM texts WHERE id >= :id << 14 AND id < (:id + 1) << 14"
_OLD = "INSERT INTO texts_index (rowid, folded) VALUES (:id, :folded)"


def add(writer: Writer, rows: Sequence[Mapping[str, object]]) -> None:
    """Index posts of which these rows are all texts, in ascending order of their ids."""
    floor = find_floor(writer)
    if floor is not None:
        writer.execute_many(_OLD, rows)
        rows = [row for row in rows if cast("int", row["post_id"]) >= floor]
    for columns, lines in groupby(
        _lines(rows), tuple
    ):  # naming a column that stays empty costs as much as a word in it
        writer.execute_many(_add(columns), list(lines))
    note(writer, (cast("str", row["folded"]) for row in rows))


@contextmanager
def rewriting(writer: Writer, post_ids: Iterable[int]) -> Iterator[None]:
    """Take the rows of posts out of the index, and put them back as their texts are afterwards."""
    floor = find_floor(writer)
    kept: list[dict[str, object]] = [{"id": id_} for id_ in sorted(set(post_ids)) if floor is None or id_ >= floor]
    writer.execute_many("DELETE FROM posts_index WHERE rowid = :id", kept)
    yield
    writer.execute_many(_AGAIN, kept)
    for row in kept:
        note(writer, writer.column(_FOLDED, row))


def add_to_old(writer: Writer, rows: Sequence[Mapping[str, object]]) -> None:
    """Index single texts in the old index, as long as it is in use."""
    if find_floor(writer) is not None:
        writer.execute_many(_OLD, rows)


def refold_in_old(writer: Writer, rows: Sequence[Mapping[str, object]]) -> None:
    """Put the `new` form of texts in the place of the `old` one, as long as the old index is in use."""
    if find_floor(writer) is not None:
        writer.execute_many("INSERT INTO texts_index (texts_index, rowid, folded) VALUES ('delete', :id, :old)", rows)
        writer.execute_many("INSERT INTO texts_index (rowid, folded) VALUES (:id, :new)", rows)


def _add(columns: Sequence[str]) -> str:
    return f"INSERT INTO posts_index ({', '.join(columns)}) VALUES ({', '.join(f':{name}' for name in columns)})"


def _lines(rows: Sequence[Mapping[str, object]]) -> Iterator[dict[str, object]]:
    """The rows of `posts_words`, for texts that are all current; without the columns that are empty."""
    for post_id, texts in groupby(rows, itemgetter("post_id")):
        line: dict[str, object] = {"rowid": post_id}
        for text in texts:
            kind = cast("str", text["kind"])
            before = line.get(kind)
            words = f"{MARK} {text['folded']}"
            line[kind] = f"{before} {words}" if before else words
        yield line
