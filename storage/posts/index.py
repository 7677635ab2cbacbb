"""Keeps the full-text index as the texts are: each row of a post is written once, in the transaction of its texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, cast

from storage.archive.full_text import find_floor
from storage.archive.index_row import COLUMNS, MARK, NAMES
from storage.posts.index_words import note

if TYPE_CHECKING:
    from storage.archive.database import Writer

_EMPTY = dict.fromkeys(COLUMNS)
_ADD = f"INSERT INTO posts_index (rowid, {NAMES}) VALUES (:id, {', '.join(f':{name}' for name in COLUMNS)})"
_AGAIN = f"INSERT INTO posts_index (rowid, {NAMES}) SELECT id, {NAMES} FROM posts_words WHERE id = :id"
_FOLDED = "SELECT folded FROM texts WHERE id >= :id << 14 AND id < (:id + 1) << 14"
_OLD = "INSERT INTO texts_index (rowid, folded) VALUES (:id, :folded)"


def add(writer: Writer, rows: Sequence[Mapping[str, object]]) -> None:
    """Index posts of which these rows are all texts, in ascending order of their ids."""
    floor = find_floor(writer)
    if floor is not None:
        writer.execute_many(_OLD, rows)
        rows = [row for row in rows if cast("int", row["post_id"]) >= floor]
    writer.execute_many(_ADD, list(_lines(rows)))
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


def _lines(rows: Sequence[Mapping[str, object]]) -> Iterator[dict[str, object]]:
    """The rows of `posts_words`, for texts that are all current."""
    for post_id, texts in groupby(rows, itemgetter("post_id")):
        line: dict[str, object] = {**_EMPTY, "id": post_id}
        for text in texts:
            kind = cast("str", text["kind"])
            before = line[kind]
            words = f"{MARK} {text['folded']}"
            line[kind] = f"{before} {words}" if before else words
        yield line
