"""Finds posts, newest first: the index proposes candidates, the one evaluator of rules and search decides.

SQL only narrows (see storage.search.candidates); what is yielded has been verified on the whole post.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from storage.frozen import dataclass
from storage.language.hits import find_hits
from storage.language.match import Document, PreparedDocument, holds, only_reliable
from storage.language.tree import And, Is, Node, Not, Or, Query
from storage.rows import Hit
from storage.search import documents
from storage.search.bounds import AS_IT_IS, EVERY, Rows, Scope
from storage.search.candidates import Asked, Candidates
from storage.search.plan import is_gathered
from storage.search.sift import Sieve

if TYPE_CHECKING:
    from storage.archive.database import Reader

_FEW = 2_000  # posts
_FIRST, _MOST = 40, 1000  # posts of the first slice, and where all of them are wanted


@dataclass(frozen=True, slots=True)
class FoundPost:
    """A post that the query holds on, and where; `at` is the time that `date:` asks for, microseconds UTC."""

    post_id: int
    hits: tuple[Hit, ...]
    source: str
    at: int


@dataclass(frozen=True, slots=True)
class Proposed:
    """How many posts of all have to be looked at for a query; `indexed` says whether the index can tell which."""

    posts: int
    of: int
    indexed: bool


def search(
    reader: Reader,
    query: Query,
    *,
    limit: int | None,
    since: int | None = None,
    until: int | None = None,
    sources: Sequence[str] = (),
    tags: Sequence[str] = (),
    history: bool = False,
    reliable: bool = False,
    below: int | None = None,
    looking: Callable[[int], None] | None = None,
) -> Iterator[FoundPost]:
    """Posts that the query holds on, newest first, at most `limit`.

    [since, until) bounds the time that a post is ordered by, microseconds UTC; `sources` are names and `tags` are tags
    of which one is enough. `history` looks at the texts of earlier revisions too, `reliable` at none that is no ground
    for an alert by itself. `looking` hears from time to time which post it has come to. `below`: only
    posts with lower ids, for the next page.
    """
    asked = replace(_asked(query, since, until, sources, tags, Scope(history, reliable)), below=below)
    wanted = _Search(reader, asked, limit)
    left = limit
    if left is not None and left <= 0:
        return
    for reading in wanted.readings(_FIRST if limit is None else min(limit, _FIRST), looking=looking):
        document = reading.document
        yield FoundPost(document.post_id, find_hits(query, reading), document.source, document.posted_at or 0)
        if left is not None:
            left -= 1
            if not left:
                return


def search_ids(
    reader: Reader,
    query: Query,
    *,
    since: int | None,
    until: int | None,
    sources: Sequence[str],
    looking: Callable[[int], None] | None = None,
) -> Iterator[int]:
    """Ids of all posts that `search` yields; where they have the words is not looked for."""
    wanted = _Search(reader, _asked(query, since, until, sources, (), AS_IT_IS))
    return (reading.document.post_id for reading in wanted.readings(_MOST, looking))


def count(
    reader: Reader,
    query: Query,
    *,
    since: int | None = None,
    until: int | None = None,
    sources: Sequence[str] = (),
    tags: Sequence[str] = (),
    history: bool = False,
) -> int:
    """How many posts `search` would yield without a limit."""
    wanted = _Search(reader, _asked(query, since, until, sources, tags, Scope(history)))
    found = wanted.count_indexed()
    return sum(1 for _ in wanted.readings(_MOST)) if found is None else found


def count_some(
    reader: Reader,
    query: Query,
    *,
    since: int | None = None,
    until: int | None = None,
    sources: Sequence[str] = (),
    tags: Sequence[str] = (),
    history: bool = False,
    effort: int,
) -> tuple[int, bool]:
    """How many posts `search` would yield, and whether that is all: at most `effort` posts or so are looked at."""
    wanted = _Search(reader, _asked(query, since, until, sources, tags, Scope(history)))
    found = wanted.count_indexed(effort)
    if found is not None:
        return found, True
    return sum(1 for _ in wanted.readings(_MOST, effort=effort)), not wanted.cut


def count_candidates(reader: Reader, query: Query, *, sources: Sequence[str] = ()) -> Proposed:
    """Count the posts that SQL proposes for a query, before the evaluator looks at them."""
    wanted = Candidates(reader, _asked(query, None, None, sources, (), AS_IT_IS))
    total = int(reader.value(_ALL))
    return Proposed(sum(map(len, wanted.slices(_MOST))), total, wanted.is_indexed)


def _asked(
    query: Query, since: int | None, until: int | None, sources: Sequence[str], tags: Sequence[str], scope: Scope
) -> Asked:
    return Asked(query.root, since, until, frozenset(sources), frozenset(tags), scope)


class _Search:
    """One question put to one archive."""

    def __init__(self, reader: Reader, asked: Asked, limit: int | None = None) -> None:
        self._reader = reader
        self._asked = asked
        self._candidates = Candidates(reader, asked)
        fields = _fields(asked.root)
        self._media, self._rules = "has" in fields, "rule" in fields
        self._sieve = Sieve(reader, self._candidates.root, asked.scope)
        self._candidates.wanted = limit
        self.cut = False  # whether `readings` ended before its last candidate

    def count_indexed(self, effort: int | None = None) -> int | None:
        """How many answers there are, where the index can tell all but a few; None where it cannot.

        With `effort`, None also where more posts than that have to be looked at.
        """
        found, asked = self._candidates, self._asked
        parts = asked.since is not None or asked.until is not None or asked.sources or asked.tags
        if found.visible is not None or parts or found.moving or found.stale or asked.scope.history:
            return None
        bounds = found.bounds
        if effort is None and bounds != (gathered := found.find_bounds(gathers=True)):
            bounds = bounds if self._are_few(bounds.doubtful) else gathered
        doubtful = bounds.doubtful
        if doubtful.others or bounds.surely == Rows(False, ""):
            return None
        if effort is not None and self._count(doubtful, effort) == effort:
            return None
        looked = sum(1 for _ in self.readings(_MOST, among=doubtful)) if doubtful.text else 0
        return self._count(bounds.surely) + looked

    def _are_few(self, rows: Rows) -> bool:
        """Whether these posts are looked at before all is gathered that tells their number."""
        return not (rows.others or is_gathered(rows)) and self._count(rows, _FEW) < _FEW

    def _count(self, rows: Rows, most: int = -1) -> int:
        """How many posts these are, at most so many."""
        matching = int(self._reader.value(_COUNT, {"term": rows.text, "most": most})) if rows.text else 0
        return int(self._reader.value(_ALL)) - matching if rows.others else matching

    def readings(
        self,
        first: int = _FIRST,
        looking: Callable[[int], None] | None = None,
        among: Rows = EVERY,
        effort: int | None = None,
    ) -> Iterator[PreparedDocument]:
        """Every post on which the query holds, newest first; with `among` those of them that are in it.

        With `effort` no slice of candidates is begun after so many.
        """
        looked = 0
        for ids in self._candidates.slices(first, among):
            if effort is not None and looked >= effort:
                self.cut = True
                return
            looked += len(ids)
            if looking:
                looking(ids[0])
            ids = self._sieve.left(ids)
            loaded = documents.load_documents(
                self._reader, ids, history=self._asked.scope.history, media=self._media, rules=self._rules
            )
            for post_id in ids:
                if (document := loaded.get(post_id)) and self._is_asked_of(document):
                    if self._asked.scope.reliable:
                        document = only_reliable(document)
                    reading = PreparedDocument(document)
                    if holds(self._asked.root, reading):
                        self._candidates.found += 1
                        yield reading

    def _is_asked_of(self, document: Document) -> bool:
        """Whether a post is in the part of the archive that is searched: the candidates are a few more."""
        asked, at = self._asked, document.posted_at or 0
        return (
            (asked.since is None or at >= asked.since)
            and (asked.until is None or at < asked.until)
            and (not asked.sources or document.source in asked.sources)
            and (not asked.tags or not asked.tags.isdisjoint(document.tags))
        )


_COUNT = "SELECT count(*) FROM (SELECT 1 FROM posts_index WHERE posts_index MATCH :term LIMIT :most + 0)"
_ALL = "SELECT count(*) FROM posts"


def _fields(node: Node) -> set[str]:
    if isinstance(node, And | Or):
        return set().union(*map(_fields, node.parts))
    if isinstance(node, Not):
        return _fields(node.part)
    return {node.field} if isinstance(node, Is) else set()
