"""Finds posts, newest first: the index proposes candidates, the one evaluator of rules and search decides.

SQL only narrows (see storage.search.prefilter); what is yielded has been verified on the whole post. Candidates are
read in slices, each a short statement, so that no search keeps the write-ahead log from shrinking.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from storage.archive.database import as_list, in_list
from storage.frozen import dataclass
from storage.language.hits import find_hits
from storage.language.match import Document, PreparedDocument, holds, only_reliable
from storage.language.tree import KINDS, And, Is, Node, Not, Or, Query
from storage.posts.ids import TEXT_BITS
from storage.posts.progress import find_versions
from storage.rows import Hit
from storage.search import documents, prefilter
from storage.search.vocabulary import Vocabulary

if TYPE_CHECKING:
    from storage.archive.database import Reader

_FIRST, _LAST = 40, 1000  # posts of the first slice and of the longest
_MANY = 20_000  # rows that are read faster than all words of the index
_COUNTED = 20_000  # rows of a slice that is only counted: more than the texts of one post, which are 1 << 14 at most
_RARE = (1_000, 10_000, 100_000)  # rows up to which the words of a query are compared for rarity, step by step


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
    looking: Callable[[int], None] | None = None,
) -> Iterator[FoundPost]:
    """Posts that the query holds on, newest first, at most `limit`.

    [since, until) bounds the time that a post is ordered by, microseconds UTC; `sources` are names and `tags` are tags
    of which one is enough. `history` looks at the texts of earlier revisions too, `reliable` at none that is no ground
    for an alert by itself. `looking` hears from time to time which post it has come to.
    """
    wanted = _Search(reader, query, since, until, frozenset(sources), frozenset(tags), history, reliable=reliable)
    left = limit
    for reading in wanted.readings(looking=looking):
        if left is not None:
            if left <= 0:
                return
            left -= 1
        document = reading.document
        yield FoundPost(document.post_id, find_hits(query, reading), document.source, document.posted_at or 0)


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
    wanted = _Search(reader, query, since, until, frozenset(sources), frozenset(tags), history)
    exact = prefilter.exact(query.root)
    if not exact or wanted.stale or since is not None or until is not None or sources or tags or history:
        return sum(1 for _ in wanted.readings(first=_LAST))
    total = _counted(reader, exact.sure) if exact.sure else 0
    if exact.unsure:
        looked = wanted.readings(first=_LAST, among=exact.unsure)
        total += sum(
            1 for reading in looked if not (exact.sure and _matches(reader, exact.sure, reading.document.post_id))
        )
    return total


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
    wanted = _Search(reader, query, since, until, frozenset(sources), frozenset(tags), history)
    narrow = since is not None or until is not None or sources or tags or history
    if prefilter.exact(query.root) and not wanted.stale and not narrow:
        return count(reader, query), True
    return sum(1 for _ in wanted.readings(first=_LAST, effort=effort)), not wanted.cut


def _matches(reader: Reader, expression: str, post_id: int) -> bool:
    """Whether a current text of a post matches: then `_counted` has counted it."""
    asked = {"term": expression, "low": post_id, "high": post_id + 1, "kinds": as_list(sorted(KINDS))}
    return reader.one(_MATCHES, asked) is not None


def count_candidates(reader: Reader, query: Query, *, sources: Sequence[str] = ()) -> Proposed:
    """Count the posts that SQL proposes for a query, before the evaluator looks at them."""
    wanted = _Search(reader, query, None, None, frozenset(sources), frozenset(), history=False)
    [(total,)] = reader.rows("SELECT count(*) FROM posts")
    return Proposed(wanted.proposed(), int(total), wanted.expression is not None)


def _counted(reader: Reader, expression: str, *, most: int = _COUNTED) -> int:
    """Posts with a current text that matches, where the index alone can tell; in slices, the newest first."""
    total, high = 0, prefilter.TOP
    while True:
        [(posts, rows, floor, of_floor)] = reader.rows(
            _COUNT, {"term": expression, "high": high, "most": most, "kinds": as_list(sorted(KINDS))}
        )
        if rows < most:
            return total + int(posts)
        total += posts - of_floor  # the last post of the slice may have more texts: it is counted with the next
        high = floor + 1


class _Search:
    """One question put to one archive."""

    def __init__(
        self,
        reader: Reader,
        query: Query,
        since: int | None,
        until: int | None,
        sources: frozenset[str],
        tags: frozenset[str],
        history: bool,
        *,
        reliable: bool = False,
    ) -> None:
        self._reader = reader
        self._root = query.root
        self._since, self._until = since, until
        self._sources, self._tags = sources, tags
        self._history, self._reliable = history, reliable
        fields = _fields(query.root)
        self._media, self._rules = "has" in fields, "rule" in fields
        self.stale = tuple(find_versions(reader))  # texts that the index knows by an older folding
        self.cut = False  # whether `readings` ended before its last candidate

    @cached_property
    def expression(self) -> prefilter.Expression | None:
        """What the index is asked. Its words are read only where the rest of the query leaves too many posts."""
        found = prefilter.expression(self._root)
        if found and self._reader.value(_HOW_MANY, {"term": found.text, "most": _MANY}) < _MANY:
            return found
        return prefilter.expression(self._root, Vocabulary(self._reader))

    def proposed(self) -> int:
        """How many posts would be looked at."""
        allowed = self._allowed()
        return 0 if allowed == "" else sum(map(len, self._candidates(allowed, _LAST)))

    def readings(
        self,
        first: int = _FIRST,
        looking: Callable[[int], None] | None = None,
        among: str = "",
        effort: int | None = None,
    ) -> Iterator[PreparedDocument]:
        """Every post on which the query holds, newest first; with `among`, those of them with a text that matches.

        With `effort` no slice of candidates is begun after so many.
        """
        allowed = self._allowed()
        if allowed is not None and not allowed:
            return
        looked = 0
        for ids in self._candidates(allowed, first, among):
            if effort is not None and looked >= effort:
                self.cut = True
                return
            looked += len(ids)
            if looking:
                looking(ids[0])
            loaded = documents.load_documents(
                self._reader, ids, history=self._history, media=self._media, rules=self._rules
            )
            for post_id in ids:
                if (document := loaded.get(post_id)) and self._in_time(document):
                    if self._reliable:
                        document = only_reliable(document)
                    reading = PreparedDocument(document)
                    if holds(self._root, reading):
                        yield reading

    def _in_time(self, document: Document) -> bool:
        at = document.posted_at or 0
        return (self._since is None or at >= self._since) and (self._until is None or at < self._until)

    def _allowed(self) -> str | None:
        """The sources that can hold an answer, as a JSON list; None if all can, empty if none."""
        rows = [
            {**dict(row), "tags": json.loads(row["tags"])}
            for row in self._reader.rows("SELECT id, name, handle, tags, side FROM sources")
        ]
        chosen = [
            row["id"]
            for row in rows
            if (not self._sources or row["name"] in self._sources)
            and (not self._tags or not self._tags.isdisjoint(row["tags"]))
            and prefilter.possible(self._root, row)
        ]
        if len(chosen) == len(rows):
            return None
        return as_list(chosen) if chosen else ""

    def _candidates(self, allowed: str | None, size: int, among: str = "") -> Iterator[list[int]]:
        """Post ids in descending slices: every post that can hold the query, and some that do not."""
        low, high = prefilter.ids(self._root)
        from_, until = prefilter.span(self._since, self._until)
        low, high = max(low, from_), min(high, until)
        if (event := prefilter.event(self._root)) is not None:
            first, last = self._reader.rows(_EVENT, {"event": event})[0]
            low, high = max(low, first or high), min(high, (last or 0) + 1)
        expression = prefilter.Expression(among) if among else self.expression
        asks = [_POSTS if allowed is None else _POSTS_OF]
        terms: list[str | None] = [None]
        if expression:
            asks, terms = [_TEXTS], [expression.text]
            if spread := prefilter.spread(expression, self._rarest):
                asks.append(_SPREAD_EVER if self._history else _SPREAD)
                terms.append(spread)
            asks += [_STALE.format(version=version) for version in self.stale]
            terms += [None] * len(self.stale)
        while low < high:
            slices = [
                [
                    row[0]
                    for row in self._reader.rows(
                        ask, {"low": low, "high": high, "most": size, "term": term, "allowed": allowed}
                    )
                ]
                for ask, term in zip(asks, terms, strict=True)
            ]
            floor = max((ids[-1] for ids in slices if len(ids) == size), default=low)
            ids = sorted({post_id for ids in slices for post_id in ids if post_id >= floor}, reverse=True)
            if expression and allowed is not None:
                kept = {row[0] for row in self._reader.rows(_OF_SOURCES, {"ids": as_list(ids), "allowed": allowed})}
                ids = [post_id for post_id in ids if post_id in kept]
            if ids:
                yield ids
            high = floor
            size = min(size * 2, _LAST)

    def _rarest(self, terms: list[str]) -> str:
        """The expression with the fewest rows, as far as it pays to count."""
        least = terms[0]
        for most in _RARE:
            rows = {term: self._reader.rows(_HOW_MANY, {"term": term, "most": most})[0][0] for term in terms}
            least = min(terms, key=rows.__getitem__)
            if rows[least] < most:
                break
        return least


# A text's rowid is its post's id << 14 and more; a post with several texts that match comes several times.
_RANGE = f"texts_index.rowid >= :low << {TEXT_BITS} AND texts_index.rowid < :high << {TEXT_BITS}"
_TEXTS = (
    f"SELECT rowid >> {TEXT_BITS} FROM texts_index WHERE texts_index MATCH :term AND {_RANGE} "
    "ORDER BY rowid DESC LIMIT :most"
)
_SPREAD_EVER = _TEXTS
_SPREAD = (
    f"SELECT texts_index.rowid >> {TEXT_BITS} FROM texts_index WHERE texts_index MATCH :term AND {_RANGE} "
    f"AND EXISTS (SELECT 1 FROM posts WHERE posts.id = texts_index.rowid >> {TEXT_BITS} AND posts.texts > 1) "
    "ORDER BY texts_index.rowid DESC LIMIT :most"
)
_EVENT = "SELECT min(post_id), max(post_id) FROM event_posts WHERE event_id = :event"
# Every text that is still folded by another version is read: no index can tell what it holds by this one.
_STALE = (
    f"SELECT id >> {TEXT_BITS} FROM texts WHERE fold_version = {{version}} AND id >= :low << {TEXT_BITS} "
    f"AND id < :high << {TEXT_BITS} ORDER BY id DESC LIMIT :most"
)
_POSTS = "SELECT id FROM posts WHERE id >= :low AND id < :high ORDER BY id DESC LIMIT :most"
_POSTS_OF = (
    f"SELECT id FROM posts WHERE id >= :low AND id < :high AND source_id {in_list('allowed')} "
    "ORDER BY id DESC LIMIT :most"
)
_OF_SOURCES = f"SELECT id FROM posts WHERE id {in_list('ids')} AND source_id {in_list('allowed')}"
# Of the slice: matching posts, rows, its last post, and whether that one is among them.
_COUNT = (
    "WITH slice AS (SELECT rowid AS id FROM texts_index WHERE texts_index MATCH :term "
    f"AND rowid < :high << {TEXT_BITS} ORDER BY rowid DESC LIMIT :most), "
    f"totals AS (SELECT count(*) AS rows, min(id) >> {TEXT_BITS} AS floor FROM slice), "
    "held AS (SELECT DISTINCT texts.post_id AS post FROM slice CROSS JOIN texts ON texts.id = slice.id "
    f"WHERE texts.current = 1 AND texts.kind {in_list('kinds')}) "
    "SELECT (SELECT count(*) FROM held), rows, floor, (SELECT count(*) FROM held WHERE post = floor) FROM totals"
)
_MATCHES = (
    f"SELECT 1 FROM texts_index CROSS JOIN texts ON texts.id = texts_index.rowid WHERE texts_index MATCH :term "
    f"AND {_RANGE} AND texts.current = 1 AND texts.kind {in_list('kinds')} LIMIT 1"
)
_HOW_MANY = "SELECT count(*) FROM (SELECT 1 FROM texts_index WHERE texts_index MATCH :term LIMIT :most)"


def _fields(node: Node) -> set[str]:
    if isinstance(node, And | Or):
        return set().union(*map(_fields, node.parts))
    if isinstance(node, Not):
        return _fields(node.part)
    return {node.field} if isinstance(node, Is) else set()
