"""Chooses the posts of an export: a query or none, a time, sources and tags, and what whoever asks may read."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from storage.archive.database import as_list, in_list
from storage.frozen import dataclass
from storage.language.tree import And, Query, When
from storage.posts import reading
from storage.search import prefilter
from storage.search.documents import ordering_time
from storage.search.newest import find_newest
from storage.search.search import search_ids

if TYPE_CHECKING:
    from storage.archive.database import Reader
    from storage.rows import PostRow

PAGE = 500  # posts that are in memory at once
_AT_ONCE = 10_000  # ids


@dataclass(frozen=True, slots=True)
class Selection:
    """What is wanted. [since, until) is in microseconds UTC; no `query` means all posts, no `sources` or `tags` any.

    `may_read` are the ids of the sources that whoever asks may read; None: all of them. Of others nothing is given.
    """

    query: Query | None = None
    since: int | None = None
    until: int | None = None
    sources: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    may_read: frozenset[int] | None = None


def find_sources(reader: Reader, wanted: Selection) -> dict[int, str]:
    """Id and name of every source that can have a post that is wanted, by name."""
    rows = [
        {**dict(row), "tags": json.loads(row["tags"])}
        for row in reader.rows("SELECT id, name, handle, tags, side FROM sources ORDER BY name")
    ]
    return {
        row["id"]: row["name"]
        for row in rows
        if (wanted.may_read is None or row["id"] in wanted.may_read)
        and (not wanted.sources or row["name"] in wanted.sources)
        and (not wanted.tags or not set(wanted.tags).isdisjoint(row["tags"]))
        and (wanted.query is None or prefilter.possible(wanted.query.root, row))
    }


def find_ids(reader: Reader, wanted: Selection, looking: Callable[[int], None] | None = None) -> array[int]:
    """Ids of the posts that are wanted, the oldest first: eight bytes each. `looking` is that of a search."""
    sources = find_sources(reader, wanted)
    if not sources:
        return array("q")
    if wanted.query is None:
        return array("q", _walk(reader, wanted, sources))
    narrowed = len(sources) < reader.value(_SOURCES)
    found = array("q", _search(reader, wanted, sources, looking) if narrowed else _search_all(reader, wanted, looking))
    found.reverse()
    return found


def read_pages(reader: Reader, ids: array[int], may_read: frozenset[int] | None = None) -> Iterator[list[PostRow]]:
    """The posts of these ids, page by page in their order; events that nobody here may know of are left out."""
    for start in range(0, len(ids), PAGE):
        page = reading.read_posts(reader, ids[start : start + PAGE], own=False)
        yield page if may_read is None else _without_hidden(reader, page, may_read)


def read_names(reader: Reader, ids: set[int], may_read: frozenset[int] | None = None) -> dict[int, tuple[str, str]]:
    """Source and id at the source of these posts, those of them that may be read."""
    return {
        row["id"]: (row["name"], row["native_id"])
        for row in reader.rows(_NAMES.format(which=f"p.id {in_list('asked')}"), {"asked": as_list(ids)})
        if may_read is None or row["source_id"] in may_read
    }


def read_addresses(
    reader: Reader, urls: set[str], may_read: frozenset[int] | None = None
) -> dict[str, tuple[str, str]]:
    """The same of the posts that have these addresses."""
    return {
        row["url"]: (row["name"], row["native_id"])
        for row in reader.rows(_NAMES.format(which=f"p.url {in_list('asked')}"), {"asked": as_list(sorted(urls))})
        if may_read is None or row["source_id"] in may_read
    }


_SOURCES = "SELECT count(*) FROM sources"
_NAMES = (
    "SELECT p.id, p.url, p.source_id, s.name, p.native_id FROM posts p JOIN sources s ON s.id = p.source_id "
    "WHERE {which} ORDER BY p.id"
)


def _walk(reader: Reader, wanted: Selection, sources: dict[int, str]) -> Iterator[int]:
    """Ids of all posts of these sources within the time, upwards; each slice is a short statement."""
    after, until = prefilter.span(wanted.since, wanted.until)
    after -= 1
    timed = wanted.since is not None or wanted.until is not None
    every = len(sources) == reader.value(_SOURCES)
    of = "" if every else f" AND source_id {in_list('sources')}"
    asked = {"sources": as_list(sources), "until": until}
    statement = f"SELECT id, posted_at FROM posts WHERE id > :after AND id < :until{of} ORDER BY id LIMIT {_AT_ONCE}"
    while rows := reader.rows(statement, asked | {"after": after}):
        for post_id, posted_at in rows:
            if not timed or _is_in_time(ordering_time(post_id, posted_at), wanted):
                yield post_id
        after = rows[-1][0]


def _search(
    reader: Reader, wanted: Selection, sources: dict[int, str], looking: Callable[[int], None] | None
) -> Iterator[int]:
    """Ids of the posts of these sources on which the query holds, the newest first."""
    assert wanted.query is not None
    names, since, until = tuple(sources.values()), wanted.since, wanted.until
    return search_ids(reader, wanted.query, since=since, until=until, sources=names, looking=looking)


def _search_all(reader: Reader, wanted: Selection, looking: Callable[[int], None] | None) -> Iterator[int]:
    """The same in all sources: what the index is sure of is not looked at again."""
    assert wanted.query is not None
    root, before = wanted.query.root, None
    if wanted.since is not None or wanted.until is not None:
        parts = root.parts if isinstance(root, And) else (root,)
        root = And((*parts, When(wanted.since, wanted.until)))

    def is_enough() -> bool:
        if looking is not None:
            looking(0)
        return False

    while True:
        page = find_newest(reader, root, most=_AT_ONCE, before=before, enough=is_enough)
        yield from page.ids
        if (before := page.reached) is None:
            return


def _is_in_time(at: int, wanted: Selection) -> bool:
    return (wanted.since is None or at >= wanted.since) and (wanted.until is None or at < wanted.until)


def _without_hidden(reader: Reader, page: list[PostRow], may_read: frozenset[int]) -> list[PostRow]:
    """An event has the id of its first post: one of a source that may not be read is not named."""
    from dataclasses import replace

    named = {found for post in page for found in (post.event, post.quotes) if found is not None}
    known = read_names(reader, named, may_read).keys()
    shown = []
    for post in page:
        if post.event is not None and post.event not in known:
            post = replace(post, event=None, joined_by=None, likeness=None)
        shown.append(post if post.quotes is None or post.quotes in known else replace(post, quotes=None))
    return shown
