"""Which posts have to be looked at for a query: every post on which it can hold, newest first, and few others.

They are read in slices, each by short statements, so that no search keeps the write-ahead log from shrinking.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from storage.archive.full_text import find_floor
from storage.frozen import dataclass
from storage.language.match import PreparedDocument
from storage.language.tree import And, Fuzzy, Guarded, Near, Node, Not, Or, Wild
from storage.language.version import FOLD_VERSION
from storage.posts.ids import TEXT_BITS
from storage.posts.progress import find_versions
from storage.search import by_text, prefilter
from storage.search.bounds import AS_IT_IS, EVERY, NONE, Bounded, Rows, Scope, bounds, is_dear
from storage.search.documents import load_documents
from storage.search.parts import MATCHING, SOME, Parts, read_ids
from storage.search.plan import (
    All,
    Fact,
    Ids,
    Plan,
    Source,
    all_of,
    any_of,
    between,
    edges,
    is_dear_plan,
    is_walked,
    make_plan,
    narrows,
    of_sources,
)
from storage.search.simplify import is_never, simplify
from storage.search.usual import without_usual
from storage.search.vocabulary import Vocabulary

if TYPE_CHECKING:
    from storage.archive.database import Reader

_NEWEST = 1_000  # posts that are looked at before much is read of the index
_LAST = 1000  # posts of the longest slice
_GATHERED = 64_000  # posts that are asked for at once, at most, where each statement gathers very many words
_WINDOW = 1_000  # texts of posts from which sets are taken first, and the most: a set of so many takes 20 MB
_WIDEST = 256_000
_WIDEST_DEAR = 1_000_000  # where each statement gathers very many words
_FEW_BEFORE_DEAR = 1_000  # the same where that set is gathered from very many words
_FEW_TRIED = 200  # the same where nothing but these words narrows the query
_NONE_FOUND = 300  # posts that are looked at in the time of one more step
_FEW_MORE = 1_000  # posts that are looked at faster than much is asked of the index
_SAMPLE = 100  # posts that say what is usual
_FEW_LED = 400  # posts that are looked at faster than other parts narrow them
_RARE = (1_000, 10_000, 100_000)  # rows up to which the words of a query are compared for rarity, step by step


@dataclass(frozen=True, slots=True)
class Asked:
    """A query, and the part of the archive that is searched: names of sources, tags, [since, until) in microseconds.

    `below`: only posts with lower ids.
    """

    root: Node
    since: int | None = None
    until: int | None = None
    sources: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    scope: Scope = AS_IT_IS
    below: int | None = None


class Candidates:
    """The posts that may be answers to one question."""

    def __init__(self, reader: Reader, asked: Asked) -> None:
        self.root = simplify(asked.root)
        self._reader = reader
        self._asked = replace(asked, root=self.root)
        self._vocabulary = Vocabulary(reader)
        self._floor = prefilter.TOP
        self._newest: list[int] = []  # posts that were looked at last
        self.wanted: int | None = None  # how many answers, if not all
        self.found = 0  # how many of them whoever looks at the posts has found

    @cached_property
    def stale(self) -> tuple[int, ...]:
        """Versions of texts that the index knows by an older folding."""
        return tuple(find_versions(self._reader))

    @cached_property
    def _parts(self) -> Parts:
        return Parts(self._reader, (FOLD_VERSION, *self.stale), history=self._asked.scope.history)

    @cached_property
    def moving(self) -> bool:
        """Whether the old index is asked, because posts are still moved to the new one."""
        return find_floor(self._reader) is not None

    @cached_property
    def visible(self) -> set[int] | None:
        """All posts that the reader sees, where they are so few that each is looked at: the index has mostly others."""
        sources = self._reader.sources
        return None if sources is None else self._parts.few(Fact("source", tuple(sources)))

    @cached_property
    def bounds(self) -> Bounded:
        """What the index says, with the help of its words."""
        return self.find_bounds(gathers=False)

    def find_bounds(self, *, gathers: bool) -> Bounded:
        """The same; `gathers` as for the words of the index."""
        return bounds(self._asked.root, self._asked.scope, self._vocabulary.limited(gathers=gathers))

    @property
    def is_indexed(self) -> bool:
        """Whether the index can tell which posts may be answers."""
        if self.moving:
            return by_text.expression(self._asked.root) is not None
        return not self.bounds.at_all.others

    @cached_property
    def _sources(self) -> list[Source]:
        rows = self._reader.rows("SELECT id, name, handle, tags, side FROM sources")
        return [{**dict(row), "tags": json.loads(row["tags"])} for row in rows]

    def _plan(self, words: Vocabulary, *, easy: bool = False, root: Node | None = None) -> Plan:
        """All that is known of the answers, or of those of another query; `easy` as for `bounds`."""
        asked = self._asked
        chosen = [
            row["id"]
            for row in self._sources
            if (not asked.sources or row["name"] in asked.sources)
            and (not asked.tags or not asked.tags.isdisjoint(row["tags"]))
        ]
        if self.moving:
            found = all_of((self._old_index(), self._facts))
        else:
            found = make_plan(
                root or asked.root, self._sources, lambda node: bounds(node, asked.scope, words, easy=easy).at_all
            )
        if self.stale:
            found = any_of((found, all_of((Fact("stale", self.stale), self._facts))))
        return all_of((found, of_sources(self._sources, chosen)))

    @property
    def _facts(self) -> Plan:
        """What is known beside words."""
        return make_plan(self._asked.root, self._sources, lambda _: EVERY)

    def _old_index(self) -> Plan:
        found = by_text.expression(self._asked.root)
        if not found:
            return EVERY
        asks = [(_MATCHING_OLD, found.text)]
        if spread := by_text.spread(found, self._rarest):
            asks.append((_MATCHING_OLD + ("" if self._asked.scope.history else _SEVERAL), spread))
        return Fact("old index", tuple(asks))

    def slices(self, size: int, among: Rows = EVERY) -> Iterator[list[int]]:
        """Post ids in descending slices; with `among` only posts of these.

        What takes long to be asked of the index is asked where the newest posts do not do.
        """
        if is_never(self.root):
            return
        low, high = prefilter.span(self._asked.since, self._asked.until)
        high = high if self._asked.below is None else min(high, self._asked.below)
        if self.visible is not None:
            yield from _sliced(_between(self.visible, low, high), size)
            return
        if among != EVERY:
            yield from filter(None, self._of(among, low, high, size, dear=is_dear_plan(among)))
            return
        for plan, least in self._plans():
            looked = 0
            for ids in self._of(plan, low, high, size, dear=is_dear_plan(plan)):
                looked += len(ids) or _NONE_FOUND
                high = ids[-1] if ids else self._floor
                if ids:
                    self._newest = ids
                    yield ids
                if least is not None and looked >= least and not self._goes_well(looked):
                    break
            else:
                return

    def _plans(self) -> Iterator[tuple[Plan, int | None]]:
        """Plans, each dearer than those before, and after how many posts the next one is tried; None: the last."""
        words = self._vocabulary.limited(thorough=False)
        plan = self._plan(words)
        if not is_dear_plan(plan) and not _needs_words(self._asked.root):
            yield plan, None
            return
        easy = self._plan(words, easy=True)
        if is_dear_plan(plan) or narrows(easy):
            yield easy, _NEWEST
        elif self._is_dear:
            yield easy, _FEW_TRIED
        if self._is_dear:
            easy = self._plan(self._vocabulary, easy=True)
            if self._leads(easy):
                yield easy, None
                return
            if self.wanted is not None:
                self._parts.gathers = True
                yield self._plan(self._vocabulary, root=self._without_usual()), _FEW_MORE
        yield self._thorough_plan, None

    @cached_property
    def _thorough_plan(self) -> Plan:
        return self._plan(self._vocabulary)

    @cached_property
    def _is_dear(self) -> bool:
        return is_dear_plan(self._thorough_plan)

    def _goes_well(self, looked: int) -> bool:
        """Whether looking at a few more posts is faster than asking for what narrows them, from what it has found."""
        if self.wanted is None or not self._is_dear:
            return False
        return (self.wanted - self.found) * looked <= _FEW_MORE * self.found

    def _without_usual(self) -> Node:
        """The query without what posts usually have that were looked at, of what takes long to be gathered."""
        asked = self._asked

        def takes_long(node: Node) -> bool:
            return is_dear(bounds(node, asked.scope, self._vocabulary).at_all.text)

        ids = self._newest[-_SAMPLE:]
        if not ids:
            ids = self._reader.column(_POSTS + SOME, {"low": -prefilter.TOP, "high": prefilter.TOP, "most": _SAMPLE})
        loaded = load_documents(self._reader, ids, history=asked.scope.history)
        return without_usual(asked.root, [PreparedDocument(one) for one in loaded.values()], takes_long)

    def _leads(self, plan: Plan) -> bool:
        """Whether a plan leads to so few posts that they are looked at before many words are asked for."""
        few = self._parts.few(plan)
        return few is not None and len(few) <= _FEW_BEFORE_DEAR

    def _of(self, plan: Plan, low: int, high: int, size: int, *, dear: bool = False) -> Iterator[list[int]]:
        """The posts of a plan in [low, high), from one edge of a span to the next."""
        cuts = sorted({low, *(edge for edge in edges(plan) if low < edge < high)}, reverse=True)
        for cut in cuts:
            for ids in self._stretch(between(plan, cut, high), cut, high, size, dear=dear):
                yield ids
                size = min(size * 2, _LAST) if ids else size
            high = cut

    def _stretch(self, plan: Plan, low: int, high: int, size: int, *, dear: bool) -> Iterator[list[int]]:
        """The posts of a plan in [low, high), which has no edge of a span inside."""
        if plan == NONE:
            return iter(())
        if isinstance(plan, Rows) and not plan.others:
            return self._walk(plan.text, low, high, size, dear=dear)
        few = self._parts.few(plan)
        if few is not None and len(few) <= _FEW_LED:
            return _sliced(_between(few, low, high), size)
        parts = plan.parts if isinstance(plan, All) else ()
        words = next((part for part in parts if isinstance(part, Rows) and is_walked(part)), None)
        return self._windows(plan, words, low, high, size, dear=dear)

    def _walk(self, term: str, low: int, high: int, size: int, *, dear: bool) -> Iterator[list[int]]:
        """What matches in the index, a few posts at a time."""
        most = max(size, _LAST) if dear else size
        while low < high:
            asked = {"term": term, "low": low, "high": high, "most": most}
            ids = sorted(read_ids(self._reader, MATCHING + _NEWEST_FIRST, asked), reverse=True)
            yield from _sliced(ids, size)
            if len(ids) < most:
                return
            high, size = ids[-1], min(size * 2, _LAST)
            most = min(most * 16, _GATHERED) if dear else size

    def _windows(
        self, plan: Plan, words: Rows | None, low: int, high: int, size: int, *, dear: bool
    ) -> Iterator[list[int]]:
        """The posts of a plan among more and more posts at a time, or among more and more that have some words.

        An empty list ends each of these steps: down to `_floor` all has been given.
        """
        most = _GATHERED if dear else _WINDOW
        while low < high:
            asked: dict[str, object] = {"low": low, "high": high, "most": most}
            few = self._parts.few(plan, most)
            if few is not None:
                yield from self._among(plan, _between(few, low, high), size)
                return
            if words is not None:
                matching = read_ids(self._reader, MATCHING + _NEWEST_FIRST, asked | {"term": words.text})
                floor = min(matching) if len(matching) == most else low
                ids = _between(self._parts.narrow(plan, set(matching), but=words), low, high)
            else:
                after = self._reader.value(_AFTER_SOME, asked)
                floor = low if after is None else after
                ids = self._newest_first(self._parts.find(plan, floor, high), floor, high)
            yield from _sliced(ids, size)
            self._floor = floor
            yield []
            size = min(size * 2, _LAST) if ids else size
            high, most = floor, min(most * 16, _WIDEST_DEAR) if dear else min(most * 4, _WIDEST)

    def _among(self, plan: Plan, ids: list[int], size: int) -> Iterator[list[int]]:
        """Those of these posts that are in a plan, asked for more and more at a time."""
        most = _WINDOW
        while ids:
            found = _between(self._parts.narrow(plan, set(ids[:most])), ids[-1], ids[0] + 1)
            yield from _sliced(found, size)
            self._floor = ids[:most][-1]
            yield []
            size = min(size * 2, _LAST) if found else size
            ids, most = ids[most:], min(most * 4, _WIDEST)

    def _newest_first(self, found: Ids, low: int, high: int) -> list[int]:
        if found.others:
            every = self._reader.column(_POSTS, {"low": low, "high": high})
            return [post_id for post_id in every if post_id not in found.ids]
        return _between(found.ids, low, high)

    def _rarest(self, terms: list[str]) -> str:
        """The expression with the fewest rows, as far as it pays to count."""
        least = terms[0]
        for most in _RARE:
            rows = {term: self._reader.value(_HOW_MANY_OLD, {"term": term, "most": most}) for term in terms}
            least = min(terms, key=rows.__getitem__)
            if rows[least] < most:
                break
        return least


def _between(ids: AbstractSet[int], low: int, high: int) -> list[int]:
    return sorted((post_id for post_id in ids if low <= post_id < high), reverse=True)


def _sliced(ids: list[int], size: int) -> Iterator[list[int]]:
    start = 0
    while start < len(ids):
        yield ids[start : start + size]
        start, size = start + size, min(size * 2, _LAST)


def _needs_words(node: Node) -> bool:
    """Whether a query has words that only the words of the index can narrow."""
    if isinstance(node, And | Or | Near):
        return any(map(_needs_words, node.parts))
    if isinstance(node, Not | Guarded):
        return _needs_words(node.part)
    return isinstance(node, Fuzzy | Wild)


_NEWEST_FIRST = f" ORDER BY rowid DESC{SOME}"
# In the old index a text's rowid is its post's id << 14 and more.
_MATCHING_OLD = (
    f"SELECT texts_index.rowid >> {TEXT_BITS} FROM texts_index WHERE texts_index MATCH :term "
    f"AND texts_index.rowid >= :low << {TEXT_BITS} AND texts_index.rowid < :high << {TEXT_BITS}"
)
_SEVERAL = f" AND EXISTS (SELECT 1 FROM posts WHERE posts.id = texts_index.rowid >> {TEXT_BITS} AND posts.texts > 1)"
_HOW_MANY_OLD = "SELECT count(*) FROM (SELECT 1 FROM texts_index WHERE texts_index MATCH :term LIMIT :most + 0)"
_POSTS = "SELECT id FROM posts WHERE id >= :low AND id < :high ORDER BY id DESC"
# Counted in texts: their index is read much faster than posts, and windows need not be of one size.
_AFTER_SOME = (
    "SELECT post_id FROM texts INDEXED BY texts_by_post WHERE post_id >= :low AND post_id < :high "
    "ORDER BY post_id DESC LIMIT 1 OFFSET :most"
)
