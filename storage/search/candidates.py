"""Which posts have to be looked at for a query: every post on which it can hold, newest first, and few others.

They are read in slices, each by short statements, so that no search keeps the write-ahead log from shrinking.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from functools import cached_property
from typing import TYPE_CHECKING

from storage.archive.database import as_list
from storage.archive.full_text import find_floor
from storage.frozen import dataclass
from storage.language.sequences import glob
from storage.language.tree import And, Fuzzy, Guarded, Near, Node, Not, Or, Wild
from storage.language.version import FOLD_VERSION
from storage.posts.ids import TEXT_BITS
from storage.posts.progress import find_versions
from storage.search import by_text, prefilter
from storage.search.bounds import AS_IT_IS, EVERY, NONE, Bounded, Rows, Scope, bounds, is_dear
from storage.search.facts import RULES, WHOLE, WITH
from storage.search.plan import (
    All,
    Fact,
    IdRange,
    Ids,
    Plan,
    Some,
    Source,
    all_of,
    any_of,
    between,
    both,
    edges,
    expressions,
    invert,
    make_plan,
    narrows,
    of_sources,
)
from storage.search.vocabulary import Vocabulary

if TYPE_CHECKING:
    from storage.archive.database import Reader

_NEWEST = 1_000  # posts that are looked at before much is read of the index
_LAST = 1000  # posts of the longest slice
_GATHERED = 64_000  # posts that are asked for at once, at most, where each statement gathers very many words
_WINDOW = 1_000  # texts of posts from which sets are taken first, and the most: a set of so many takes 20 MB
_WIDEST = 256_000
_WIDEST_DEAR = 1_000_000  # where each statement gathers very many words
_FEW = 100  # posts that are looked at faster than a set is taken to narrow them
_FEW_BEFORE_DEAR = 1_000  # the same where that set is gathered from very many words
_FEW_ROWS = 2_000  # of one part: they are taken at once
_FEW_LED = 400  # posts that are looked at faster than other parts narrow them
_ROWS_FOR_ONE = 20  # rows of the index that are read to spare a look at one post
_MOST_MATCHED = 100_000  # posts of a rule: more are no help
_RARE = (1_000, 10_000, 100_000)  # rows up to which the words of a query are compared for rarity, step by step


_EVERY = Ids(others=True, ids=frozenset())


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
        self._reader = reader
        self._asked = asked
        self._known: dict[Plan, set[int] | None] = {}
        self._matched: dict[Fact, Ids] = {}

    @cached_property
    def stale(self) -> tuple[int, ...]:
        """Versions of texts that the index knows by an older folding."""
        return tuple(find_versions(self._reader))

    @cached_property
    def moving(self) -> bool:
        """Whether the old index is asked, because posts are still moved to the new one."""
        return find_floor(self._reader) is not None

    @cached_property
    def visible(self) -> set[int] | None:
        """All posts that the reader sees, where they are so few that each is looked at: the index has mostly others."""
        sources = self._reader.sources
        return None if sources is None else self._few(Fact("source", tuple(sources)))

    @cached_property
    def bounds(self) -> Bounded:
        """What the index says, with the help of its words."""
        return self.find_bounds(gathers=False)

    def find_bounds(self, *, gathers: bool) -> Bounded:
        """The same; `gathers` as for the words of the index."""
        return bounds(self._asked.root, self._asked.scope, Vocabulary(self._reader, gathers=gathers))

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

    def _plan(self, words: Vocabulary, *, easy: bool = False) -> Plan:
        """All that is known of the answers; `easy` as for `bounds`."""
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
                asked.root, self._sources, lambda node: bounds(node, asked.scope, words, easy=easy).at_all
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
        low, high = prefilter.span(self._asked.since, self._asked.until)
        high = high if self._asked.below is None else min(high, self._asked.below)
        if self.visible is not None:
            yield from _sliced(_between(self.visible, low, high), size)
            return
        if among != EVERY:
            yield from self._of(among, low, high, size, dear=_is_dear(among))
            return
        plan = self._plan(Vocabulary(self._reader, thorough=False))
        dear = _is_dear(plan)
        if dear or _needs_words(self._asked.root):
            easy = self._plan(Vocabulary(self._reader, thorough=False), easy=True)
            looked = 0 if dear or narrows(easy) else _NEWEST
            for ids in self._of(easy, low, high, size) if not looked else ():
                yield ids
                looked, high = looked + len(ids), ids[-1]
                if looked >= _NEWEST:
                    break
            if looked < _NEWEST:
                return
            words = Vocabulary(self._reader)
            plan = self._plan(words)
            dear = _is_dear(plan)
            if dear and self._leads(easy := self._plan(words, easy=True)):
                plan, dear = easy, False
        yield from self._of(plan, low, high, size, dear=dear)

    def _leads(self, plan: Plan) -> bool:
        """Whether a plan leads to so few posts that they are looked at before many words are asked for."""
        few = self._few(plan)
        return few is not None and len(few) <= _FEW_BEFORE_DEAR

    def _of(self, plan: Plan, low: int, high: int, size: int, *, dear: bool = False) -> Iterator[list[int]]:
        """The posts of a plan in [low, high), from one edge of a span to the next."""
        cuts = sorted({low, *(edge for edge in edges(plan) if low < edge < high)}, reverse=True)
        for cut in cuts:
            for ids in self._stretch(between(plan, cut, high), cut, high, size, dear=dear):
                yield ids
                size = min(size * 2, _LAST)
            high = cut

    def _stretch(self, plan: Plan, low: int, high: int, size: int, *, dear: bool) -> Iterator[list[int]]:
        """The posts of a plan in [low, high), which has no edge of a span inside."""
        if plan == NONE:
            return iter(())
        if isinstance(plan, Rows) and not plan.others:
            return self._walk(plan.text, low, high, size, dear=dear)
        few = self._few(plan)
        if few is not None and len(few) <= _FEW_LED:
            return _sliced(_between(few, low, high), size)
        words = [part for part in plan.parts if _is_walked(part)] if isinstance(plan, All) else []
        return self._windows(plan, words[0] if words else None, low, high, size, dear=dear)

    def _walk(self, term: str, low: int, high: int, size: int, *, dear: bool) -> Iterator[list[int]]:
        """What matches in the index, a few posts at a time."""
        while low < high:
            asked = {"term": term, "low": low, "high": high, "most": size}
            ids: list[int] = self._reader.column(_MATCHING + _NEWEST_FIRST, asked)
            for start in range(0, len(ids), _LAST):
                yield ids[start : start + _LAST]
            if len(ids) < size:
                return
            high = ids[-1]
            size = min(size * 4, _GATHERED) if dear else min(size * 2, _LAST)

    def _windows(
        self, plan: Plan, words: Plan | None, low: int, high: int, size: int, *, dear: bool
    ) -> Iterator[list[int]]:
        """The sets of a plan among more and more posts at a time, or among more and more that have some words."""
        most = _GATHERED if dear else _WINDOW
        while low < high:
            asked: dict[str, object] = {"low": low, "high": high, "most": most}
            if isinstance(words, Rows):
                matching = self._reader.column(_MATCHING + _NEWEST_FIRST, asked | {"term": words.text})
                floor = matching[-1] if len(matching) == most else low
                others = all_of(part for part in plan.parts if part != words) if isinstance(plan, All) else EVERY
                found = Ids(others=False, ids=set(matching))
                if len(matching) > _FEW:
                    beside = self._set(others, floor, high, _ROWS_FOR_ONE * len(matching))
                    found = both(found, beside)
                    words = words if beside.others or len(beside.ids) > len(matching) else None  # what is rarer leads
            else:
                after = self._reader.value(_AFTER_SOME, asked)
                floor = low if after is None else after
                found = self._set(plan, floor, high)
            ids = self._newest_first(found, floor, high)
            yield from _sliced(ids, size)
            size = min(size * 2, _LAST) if ids else size
            high, most = floor, min(most * 16, _WIDEST_DEAR) if dear else min(most * 4, _WIDEST)

    def _newest_first(self, found: Ids, low: int, high: int) -> list[int]:
        if found.others:
            every = self._reader.column(_POSTS, {"low": low, "high": high})
            return [post_id for post_id in every if post_id not in found.ids]
        return _between(found.ids, low, high)

    def _set(self, plan: Plan, low: int, high: int, most: int = -1) -> Ids:
        """The posts of a plan in [low, high), which has no edge of a span inside; and a few more.

        A part with so many rows is left out: it narrows too little for what it costs.
        """
        if isinstance(plan, All):
            known = _EVERY
            for part in sorted(plan.parts, key=self._dearness):
                if not known.others:
                    if len(known.ids) <= (_FEW_BEFORE_DEAR if _is_dear(part) else _FEW):
                        break
                    most = _ROWS_FOR_ONE * len(known.ids)
                known = both(known, self._set(part, low, high, most))
            return known
        if isinstance(plan, Some):
            known = Ids(others=False, ids=set())
            for part in plan.parts:
                known = invert(both(invert(known), invert(self._set(part, low, high, most))))
                if known == _EVERY:
                    break
            return known
        assert not isinstance(plan, IdRange), "a span has no edge here"
        few = self._few(plan)
        if few is not None:
            return Ids(plan.others, few)
        asked: dict[str, object] = {"low": low, "high": high, "most": most}
        if isinstance(plan, Rows):
            found = self._reader.column(_MATCHING + _SOME, asked | {"term": plan.text}) if plan.text else []
        elif plan.name == "old index":
            found = [one for ask, term in plan.values for one in self._reader.column(ask, asked | {"term": term})]
        elif plan.name in WITH:
            found = self._with(plan, WITH[plan.name] + _SOME, asked)
        else:
            return self._of_posts(plan)
        return _EVERY if len(found) == most else Ids(plan.others, set(found))

    def _few(self, plan: Plan) -> set[int] | None:
        """All posts of a plan, asked for once, where they are few, and maybe some others."""
        if isinstance(plan, All):
            known = [few for part in plan.parts if (few := self._few(part)) is not None]
            return set.intersection(*known) if known else None
        if isinstance(plan, Some):
            ways = [self._few(part) for part in plan.parts]
            return None if None in ways else set().union(*filter(None, ways))
        if isinstance(plan, IdRange) or plan.others:
            return None
        if plan not in self._known:
            self._known[plan] = self._whole(plan)
        return self._known[plan]

    def _whole(self, plan: Rows | Fact) -> set[int] | None:
        asked: dict[str, object] = {"low": -prefilter.TOP, "high": prefilter.TOP, "most": _FEW_ROWS}
        if isinstance(plan, Rows):
            if is_dear(plan.text):
                return None
            found = self._reader.column(_MATCHING + _NEWEST_FIRST, asked | {"term": plan.text})
        elif plan.name in WITH:
            found = self._with(plan, WITH[plan.name] + _SOME, asked)
        elif plan.name in WHOLE:
            whole = self._of_posts(plan)
            return None if whole.others or len(whole.ids) >= _FEW_ROWS else set(whole.ids)
        else:
            return None
        return set(found) if len(found) < _FEW_ROWS else None  # rows: one post may have several

    def _of_posts(self, fact: Fact) -> Ids:
        """Facts of which there is no index by post, events and rules: they are the same in each window."""
        if fact not in self._matched:
            values: tuple[object, ...] = fact.values
            if fact.name == "rule":
                names = self._reader.column(RULES)
                values = tuple(name for name in names if glob(str(fact.values[0]), name.casefold()))
            ids = self._reader.column(WHOLE[fact.name], {"values": as_list(values), "most": _MOST_MATCHED})
            known = len(ids) < _MOST_MATCHED
            self._matched[fact] = Ids(fact.others, set(ids)) if known else _EVERY
        return self._matched[fact]

    def _with(self, fact: Fact, ask: str, asked: dict[str, object]) -> list[int]:
        known = {"values": as_list(fact.values), "versions": as_list((FOLD_VERSION, *self.stale))}
        return self._reader.column(ask, asked | known)

    def _dearness(self, plan: Plan) -> int:
        """How late a part is asked for: what is rare comes first."""
        return 0 if self._few(plan) is not None else 3 if _is_dear(plan) else 1 if isinstance(plan, Fact) else 2

    def _rarest(self, terms: list[str]) -> str:
        """The expression with the fewest rows, as far as it pays to count."""
        least = terms[0]
        for most in _RARE:
            rows = {term: self._reader.value(_HOW_MANY_OLD, {"term": term, "most": most}) for term in terms}
            least = min(terms, key=rows.__getitem__)
            if rows[least] < most:
                break
        return least


def _is_dear(plan: Plan) -> bool:
    return any(map(is_dear, expressions(plan)))


def _is_walked(plan: Plan) -> bool:
    """Whether the index gives what matches from the newest on without gathering it first."""
    return isinstance(plan, Rows) and not plan.others and not is_dear(plan.text)


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


_MATCHING = "SELECT rowid FROM posts_index WHERE posts_index MATCH :term AND rowid >= :low AND rowid < :high"
_SOME = " LIMIT :most + 0"
_NEWEST_FIRST = f" ORDER BY rowid DESC{_SOME}"
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
