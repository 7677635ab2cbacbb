"""Which posts have to be looked at for a query: every post on which it can hold, newest first, and few others.

They are read in slices, each a short statement, so that no search keeps the write-ahead log from shrinking.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from storage.archive.database import as_list, in_list
from storage.archive.full_text import find_floor
from storage.frozen import dataclass
from storage.language.tree import And, Fuzzy, Guarded, Is, Near, Node, Not, Or, Wild
from storage.posts.ids import TEXT_BITS
from storage.posts.progress import find_versions
from storage.search import by_text, prefilter
from storage.search.bounds import AS_IT_IS, EVERY, Bounded, Rows, Scope, bounds, gathered
from storage.search.vocabulary import Vocabulary

if TYPE_CHECKING:
    from storage.archive.database import Reader

_NEWEST = 400  # posts that are looked at before very many words are gathered
_LAST = 1000  # posts of the longest slice
_GATHERED = 64_000  # posts that are asked for at once, at most, where each statement gathers very many words
_MANY = 20_000  # rows that are read faster than all words of the index
_FEW = 2_000  # posts that are looked at faster than the index finds out which of them have the words
_RARE = (1_000, 10_000, 100_000)  # rows up to which the words of a query are compared for rarity, step by step


class _Walk(NamedTuple):
    """One way to posts: a statement that gives their ids in descending order, and the expression that it asks for."""

    ask: str
    term: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A query, and the part of the archive that is searched: names of sources, tags, [since, until) in microseconds."""

    root: Node
    since: int | None = None
    until: int | None = None
    sources: frozenset[str] = frozenset()
    tags: frozenset[str] = frozenset()
    scope: Scope = AS_IT_IS


class Candidates:
    """The posts that may be answers to one question."""

    def __init__(self, reader: Reader, asked: Asked) -> None:
        self._reader = reader
        self._asked = asked
        self.stale = tuple(find_versions(reader))  # texts that the index knows by an older folding
        self.moving = find_floor(reader) is not None  # then the old index is asked
        self._facts = sorted(_necessary_facts(asked.root))

    @cached_property
    def allowed(self) -> str | None:
        """The sources that can hold an answer, as a JSON list; None if all can, empty if none."""
        rows = [
            {**dict(row), "tags": json.loads(row["tags"])}
            for row in self._reader.rows("SELECT id, name, handle, tags, side FROM sources")
        ]
        sources, tags = self._asked.sources, self._asked.tags
        chosen = [
            row["id"]
            for row in rows
            if (not sources or row["name"] in sources)
            and (not tags or not tags.isdisjoint(row["tags"]))
            and prefilter.possible(self._asked.root, row)
        ]
        if len(chosen) == len(rows):
            return None
        return as_list(chosen) if chosen else ""

    @cached_property
    def countable(self) -> Bounded:
        """What the index says without the help of its words."""
        return bounds(self._asked.root, self._asked.scope)

    @cached_property
    def bounds(self) -> Bounded:
        """What the index says. All its words are read only where the rest of the query leaves too many posts."""
        root, scope = self._asked.root, self._asked.scope
        found = bounds(root, scope, Vocabulary(self._reader, thorough=False))
        term = found.at_all.known
        if not _needs_words(root) or (term is not None and self._is_rare(_HOW_MANY, {"term": term}, _MANY)):
            return found
        return bounds(root, scope, Vocabulary(self._reader))

    @property
    def is_indexed(self) -> bool:
        """Whether the index can tell which posts may be answers."""
        if self.moving:
            return by_text.expression(self._asked.root) is not None
        return not self.bounds.at_all.others

    def slices(self, size: int, among: Rows = EVERY) -> Iterator[list[int]]:
        """Post ids in descending slices; with `among` only posts of these."""
        low, high = prefilter.ids(self._asked.root)
        from_, until = prefilter.span(self._asked.since, self._asked.until)
        low, high = max(low, from_), min(high, until)
        if (event := prefilter.event(self._asked.root)) is not None:
            first, last = self._reader.rows(_EVENT, {"event": event})[0]
            low, high = max(low, first or high), min(high, (last or 0) + 1)
        ways = self._ways(among) if low < high and self.allowed != "" else []
        gathers = among == EVERY and self._gathers(ways)
        looked = 0
        while gathers and low < high and looked < _NEWEST:
            ids, high = self._slice(self._walked, low, high, size)
            looked += len(ids)
            if ids:
                yield ids
        step = _LAST if gathers else size
        while ways and low < high:
            ids, high = self._slice(ways, low, high, step)
            for start in range(0, len(ids), _LAST):
                yield ids[start : start + _LAST]
            step = min(step * 4, _GATHERED) if gathers else min(step * 2, _LAST)

    def _slice(self, ways: list[_Walk], low: int, high: int, size: int) -> tuple[list[int], int]:
        """The next posts on these ways, about `size` of them, and the lowest id up to which they are all."""
        found = [self._ids(way, low, high, size) for way in ways]
        floor = max((ids[-1] for ids in found if len(ids) == size), default=low)
        return sorted({post_id for ids in found for post_id in ids if post_id >= floor}, reverse=True), floor

    def _ids(self, way: _Walk, low: int, high: int, most: int) -> list[int]:
        asked = {"low": low, "high": high, "most": most, "term": way.term, "allowed": self.allowed}
        return self._reader.column(way.ask, asked)

    def _gathers(self, ways: list[_Walk]) -> bool:
        """Whether the index gathers the rows of very many words before it gives one: then the newest posts may do."""
        return not self.moving and any(gathered(way.term) for way in ways if way.term)

    @cached_property
    def _walked(self) -> list[_Walk]:
        """The ways that gather nothing, to more posts."""
        words = Vocabulary(self._reader, thorough=False)
        at_all = bounds(self._asked.root, self._asked.scope, words, walked=True).at_all
        return self._without_index() if at_all.others else self._matching(at_all.text)

    def _ways(self, among: Rows) -> list[_Walk]:
        """The ways that lead to every candidate: one, or several that are followed at the same time."""
        if self._few and among.others:
            return self._few
        if not self.moving:
            term = self.bounds.at_all.known if among.others else among.text
            if term is None:
                return self._without_index()
            return self._matching(term)
        old = self._old_ways()
        return self._without_index() if old is None else old + self._stale()

    def _matching(self, term: str) -> list[_Walk]:
        """The ways to what matches in the index, and to what it knows by an older folding."""
        ways = [_Walk(_MATCHING.format(more=self._more("posts_index.rowid")), term)] if term else []
        return ways + self._stale()

    def _stale(self) -> list[_Walk]:
        stale = _STALE.format(more=self._more(f"(t.id >> {TEXT_BITS})"), version="{version}")
        return [_Walk(stale.format(version=version)) for version in self.stale]

    def _old_ways(self) -> list[_Walk] | None:
        root = self._asked.root
        found = by_text.expression(root)
        if not found:
            return None
        id_ = f"(texts_index.rowid >> {TEXT_BITS})"
        ways = [_Walk(_MATCHING_OLD.format(more=self._more(id_)), found.text)]
        if spread := by_text.spread(found, self._rarest):
            several = "" if self._asked.scope.history else f" AND {_SEVERAL}"
            ways.append(_Walk(_MATCHING_OLD.format(more=several + self._more(id_)), spread))
        return ways

    @cached_property
    def _few(self) -> list[_Walk]:
        """The ways to the posts of the sources, or with a fact, that the query asks for, if they are few."""
        if self.allowed and self._is_rare(_HOW_MANY_OF, {"allowed": self.allowed}, _FEW):
            return [_Walk(_POSTS_OF.format(more=self._more("p.id", but="source")))]
        for fact in self._facts:
            ways = self._by_fact(fact)
            if sum(len(self._ids(way, -prefilter.TOP, prefilter.TOP, _FEW)) for way in ways) < _FEW:
                return ways
        return []

    def _without_index(self) -> list[_Walk]:
        """The ways to all posts that have what the query asks for beside words."""
        if self._facts:
            return self._by_fact(self._facts[0])
        of = f" AND p.source_id {in_list('allowed')}" if self.allowed else ""
        return [_Walk(_POSTS.format(more=of))]

    def _by_fact(self, fact: str) -> list[_Walk]:
        more = self._more("{id}", but=fact)
        if fact in _FILES:
            return [_Walk(_WITH_FILE.format(kind=kind, more=more.format(id="m.post_id"))) for kind in _FILES[fact]]
        return [_Walk(_POSTS.format(more=f" AND ({_TRAITS[fact]})" + more.format(id="p.id")))]

    def _more(self, id_: str, but: str = "") -> str:
        """What else is known of the post of this id."""
        found = [f"EXISTS (SELECT 1 FROM posts o WHERE o.id = {id_} AND o.source_id {in_list('allowed')})"]
        found = found if self.allowed and but != "source" else []
        for fact in self._facts:
            if fact in _FILES and fact != but:
                kinds = ", ".join(f"'{kind}'" for kind in _FILES[fact])
                found.append(f"EXISTS (SELECT 1 FROM media f WHERE f.post_id = {id_} AND f.kind IN ({kinds}))")
            elif fact != but:
                found.append(f"EXISTS (SELECT 1 FROM posts p WHERE p.id = {id_} AND ({_TRAITS[fact]}))")
        return "".join(f" AND {condition}" for condition in found)

    def _is_rare(self, ask: str, asked: dict[str, object], most: int) -> bool:
        return int(self._reader.value(ask, asked | {"most": most})) < most

    def _rarest(self, terms: list[str]) -> str:
        """The expression with the fewest rows, as far as it pays to count."""
        least = terms[0]
        for most in _RARE:
            rows = {term: self._reader.value(_HOW_MANY_OLD, {"term": term, "most": most}) for term in terms}
            least = min(terms, key=rows.__getitem__)
            if rows[least] < most:
                break
        return least


def _needs_words(node: Node) -> bool:
    """Whether a query has words that only the words of the index can narrow."""
    if isinstance(node, And | Or | Near):
        return any(map(_needs_words, node.parts))
    if isinstance(node, Not | Guarded):
        return _needs_words(node.part)
    return isinstance(node, Fuzzy | Wild)


def _necessary_facts(node: Node) -> frozenset[str]:
    """What every answer `has`, as far as files and traits of posts go."""
    if isinstance(node, And):
        return frozenset[str]().union(*map(_necessary_facts, node.parts))
    if isinstance(node, Or):
        first, *others = map(_necessary_facts, node.parts)
        return first.intersection(*others)
    if isinstance(node, Is) and node.field == "has" and (node.value in _FILES or node.value in _TRAITS):
        return frozenset({node.value})
    return frozenset()


_FILES = {  # kinds of files, as in storage.search.documents
    "voice": ("voice",),
    "audio": ("audio",),
    "photo": ("photo",),
    "video": ("video", "round"),
    "document": ("document",),
}
_TRAITS = {  # each is the condition of an index on posts
    "forward": "p.forward IS NOT NULL",
    "reply": "p.reply_to IS NOT NULL",
    "edit": "p.edited_at IS NOT NULL OR p.revision > 0",
}
_MATCHING = (
    "SELECT rowid FROM posts_index WHERE posts_index MATCH :term AND rowid >= :low AND rowid < :high{more} "
    "ORDER BY rowid DESC LIMIT :most"
)
# In the old index a text's rowid is its post's id << 14 and more: a post with several that match comes several times.
_MATCHING_OLD = (
    f"SELECT texts_index.rowid >> {TEXT_BITS} FROM texts_index WHERE texts_index MATCH :term "
    f"AND texts_index.rowid >= :low << {TEXT_BITS} AND texts_index.rowid < :high << {TEXT_BITS}{{more}} "
    "ORDER BY texts_index.rowid DESC LIMIT :most"
)
_SEVERAL = f"EXISTS (SELECT 1 FROM posts WHERE posts.id = texts_index.rowid >> {TEXT_BITS} AND posts.texts > 1)"
_EVENT = "SELECT min(post_id), max(post_id) FROM event_posts WHERE event_id = :event"
# Every text that is still folded by another version is read: no index can tell what it holds by this one.
_STALE = (
    f"SELECT t.id >> {TEXT_BITS} FROM texts t WHERE t.fold_version = {{version}} AND t.id >= :low << {TEXT_BITS} "
    f"AND t.id < :high << {TEXT_BITS}{{more}} ORDER BY t.id DESC LIMIT :most"
)
_POSTS = "SELECT p.id FROM posts p WHERE p.id >= :low AND p.id < :high{more} ORDER BY p.id DESC LIMIT :most"
_POSTS_OF = (
    f"SELECT p.id FROM posts p INDEXED BY posts_by_source WHERE p.source_id {in_list('allowed')} "
    "AND p.id >= :low AND p.id < :high{more} ORDER BY p.id DESC LIMIT :most"
)
_WITH_FILE = (
    "SELECT DISTINCT m.post_id FROM media m WHERE m.kind = '{kind}' AND m.post_id >= :low AND m.post_id < :high{more} "
    "ORDER BY m.post_id DESC LIMIT :most"
)
_HOW_MANY_OF = (
    "SELECT count(*) FROM (SELECT 1 FROM posts INDEXED BY posts_by_source "
    f"WHERE source_id {in_list('allowed')} LIMIT :most)"
)
_HOW_MANY = "SELECT count(*) FROM (SELECT 1 FROM posts_index WHERE posts_index MATCH :term LIMIT :most)"
_HOW_MANY_OLD = "SELECT count(*) FROM (SELECT 1 FROM texts_index WHERE texts_index MATCH :term LIMIT :most)"
