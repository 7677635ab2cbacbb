"""The newest posts of an answer as fast as the index allows, for pages: what it is sure of is not looked at again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from storage.archive.database import as_list, in_list
from storage.frozen import dataclass
from storage.language.hits import find_hits
from storage.language.match import PreparedDocument, holds
from storage.language.tree import And, Is, Node, Query, When
from storage.posts.ids import POST_BITS, SECOND
from storage.search import documents, prefilter
from storage.search.bounds import AS_IT_IS
from storage.search.candidates import Asked, Candidates
from storage.search.parts import read_ids
from storage.search.search import FoundPost
from storage.search.sift import IN_LANGUAGE, Sieve
from storage.search.simplify import is_never, simplify

if TYPE_CHECKING:
    from storage.archive.database import Reader

EVERYTHING = And(())
"""A query that every post answers."""

_FIRST, _MOST = 200, 12_000  # posts that are proposed at once
_LOOKED_AT = 100  # between two questions whether it is enough


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest posts of an answer, newest first. No id below `reached` was looked at; None: these are all."""

    ids: list[int]
    reached: int | None


@dataclass(frozen=True, slots=True)
class Facets:
    """How posts are spread: over sources, sides, languages, kinds (as `has:` names them), and quarters of an hour.

    The quarters are the times of their beginning, in microseconds UTC.
    """

    sources: dict[str, int]
    sides: dict[str, int]
    languages: dict[str, int]
    kinds: dict[str, int]
    quarters: dict[int, int]


def find_newest(
    reader: Reader, root: Node, *, most: int, before: int | None = None, enough: Callable[[], bool] = lambda: False
) -> Newest:
    """At most so many posts on which a query holds, with ids below `before`; it stops early once it is `enough`."""
    ways, found = _Ways(reader, root), list[int]()
    for ids, sure in ways.proposed(prefilter.TOP if before is None else before, most):
        for start in range(0, len(ids), _LOOKED_AT):
            part = ids[start : start + _LOOKED_AT]
            found += ways.verified(part, sure)
            if len(found) > most:
                return Newest(found[:most], found[most - 1])
            if part[-1] not in sure and enough():
                return Newest(found, part[-1])
        if ids and enough() and len(found) < most:
            return Newest(found, ids[-1])
    return Newest(found, None)


def find_places(reader: Reader, query: Query, ids: list[int]) -> Iterator[FoundPost]:
    """These posts of an answer, each with what the query found in it."""
    loaded = documents.load_documents(reader, ids, media=False, rules=False)
    for document in (loaded[post_id] for post_id in ids if post_id in loaded):
        hits = find_hits(query, PreparedDocument(document))
        yield FoundPost(document.post_id, hits, document.source, document.posted_at or 0)


def count_facets(reader: Reader, ids: list[int]) -> Facets:
    """Count these posts by what they have in common."""
    wanted = {"ids": as_list(ids)}
    found, several = Facets({}, {}, {}, {}, _by_quarter(ids)), 0
    for name, side, language, posts, more_texts, *traits, _ in reader.execute(_SPREAD, wanted):
        for counts, key in ((found.sources, name), (found.sides, side), (found.languages, language)):
            if key is not None:
                counts[key] = counts.get(key, 0) + posts
        several += more_texts
        for kind, count in zip(_TRAITS, traits, strict=True):
            if count:
                found.kinds[kind] = found.kinds.get(kind, 0) + count
    for language, posts in reader.execute(_OTHER_LANGUAGES, wanted) if several else ():
        found.languages[language] = found.languages.get(language, 0) + posts
    for kind, posts in reader.execute(_KINDS, wanted):
        if kind in documents.HAS:
            found.kinds[documents.HAS[kind]] = found.kinds.get(documents.HAS[kind], 0) + posts
    return found


def _by_quarter(ids: list[int]) -> dict[int, int]:
    counts = Counter(post_id // _QUARTER_OF_IDS for post_id in ids)
    return {quarter * _QUARTER * SECOND: count for quarter, count in counts.items()}


class _Ways:
    """One question put to one archive: who may be an answer, and who is."""

    def __init__(self, reader: Reader, root: Node) -> None:
        self._reader, self._root = reader, (root := simplify(root))
        words, facts = _split(root)
        self._candidates = Candidates(reader, Asked(And(tuple(words))))
        of = self._candidates
        self._is_slow = of.visible is not None or of.moving or bool(of.stale)
        self._sieve = Sieve(reader, root, AS_IT_IS)
        conditions = list(_conditions(reader, facts))
        self._where = "".join(f" AND {condition}" for condition, _ in conditions)
        self._values = {name: value for _, values in conditions for name, value in values.items()}

    def proposed(self, high: int, most: int) -> Iterator[tuple[list[int], set[int]]]:
        """Ids in descending slices, and those of them that are surely answers."""
        if is_never(self._root):
            return
        low, top = prefilter.ids(self._root)
        high = min(high, top)
        if self._is_slow:
            whole = Candidates(self._reader, Asked(self._root))
            yield from (([one for one in ids if one < high], set()) for ids in whole.slices(_FIRST))
            return
        size = min(max(most + 1, _FIRST), _MOST)
        while low < high:
            ids, sure, floor = self._slice(low, high, size)
            if ids:
                yield ids, sure
            high, size = floor, min(size * 4, _MOST)

    def _slice(self, low: int, high: int, size: int) -> tuple[list[int], set[int], int]:
        bounds = self._candidates.bounds
        asked: dict[str, object] = {"low": low, "high": high, "size": size}
        if bounds.at_all.others:
            ids = self._ids(_ALL, asked)
        else:
            ids = self._ids(_MATCHING, asked | {"term": bounds.at_all.text}) if bounds.at_all.text else []
        floor = ids[-1] if len(ids) == size else low
        if self._where:
            known = self._values | {"ids": as_list(ids)}
            ids = self._ids(_AMONG.format(self._where), known)
        return ids, self._surely(ids), floor

    def _surely(self, ids: list[int]) -> set[int]:
        """Those of them that the index is sure of: one that excludes words can be asked only for what it excludes."""
        surely, at_all, _ = self._candidates.bounds
        if surely == at_all and not (at_all.others and at_all.text):
            return set(ids)
        if surely.others or not surely.text or not ids:
            return set()
        asked = {"low": ids[-1], "high": ids[0] + 1, "size": -1, "term": surely.text}
        return set(self._ids(_MATCHING, asked))

    def _ids(self, ask: str, asked: dict[str, object]) -> list[int]:
        return sorted(read_ids(self._reader, ask, asked), reverse=True)

    def verified(self, ids: list[int], sure: set[int]) -> list[int]:
        """Those of them on which the query holds."""
        doubtful = self._sieve.left([one for one in ids if one not in sure])
        loaded = documents.load_documents(self._reader, doubtful) if doubtful else {}
        holding = {one for one, document in loaded.items() if holds(self._root, PreparedDocument(document))}
        return [one for one in ids if one in sure or one in holding]


def _split(root: Node) -> tuple[list[Node], list[Node]]:
    """What is asked of the words, and the facts that every answer has as SQL can tell them exactly."""
    parts = list(root.parts) if isinstance(root, And) else [root]
    facts: list[Node] = [part for part in parts if isinstance(part, When) or (isinstance(part, Is) and _is_fact(part))]
    return [part for part in parts if part not in facts], facts


def _is_fact(node: Is) -> bool:
    return node.field in ("source", "side", "tag", "lang") or (node.field == "has" and node.value in _HAVING)


def _conditions(reader: Reader, facts: list[Node]) -> Iterator[tuple[str, dict[str, object]]]:
    """Each fact as a condition on `posts p`, with the parameters of it."""
    for number, fact in enumerate(facts):
        name = f"fact{number}"
        if isinstance(fact, When):
            if fact.start is not None:
                yield f"{_SAID} >= :{name}_start", {f"{name}_start": fact.start}
            if fact.end is not None:
                yield f"{_SAID} < :{name}_end", {f"{name}_end": fact.end}
        elif isinstance(fact, Is) and fact.field == "lang":
            yield IN_LANGUAGE.format(name=name), {name: fact.value}
        elif isinstance(fact, Is) and fact.field == "has":
            yield f"({_HAVING[fact.value]})", {}
        else:
            yield f"p.source_id {in_list(name)}", {name: as_list(_sources(reader, fact))}


def _sources(reader: Reader, fact: Node) -> list[int]:
    rows = [
        {**dict(row), "tags": json.loads(row["tags"])}
        for row in reader.rows("SELECT id, name, handle, tags, side FROM sources")
    ]
    return [row["id"] for row in rows if prefilter.possible(fact, row)]


_QUARTER = 900  # seconds
_QUARTER_OF_IDS = _QUARTER << POST_BITS
# When a post was said, as the evaluator has it: see storage.search.documents.
_SAID = (
    f"(CASE WHEN abs(p.posted_at / {SECOND} - (p.id >> {POST_BITS})) < 3600 THEN p.posted_at"
    f" ELSE (p.id >> {POST_BITS}) * {SECOND} END)"
)
_MATCHING = (
    "SELECT rowid AS id FROM posts_index WHERE posts_index MATCH :term AND rowid >= :low AND rowid < :high "
    "ORDER BY rowid DESC LIMIT :size + 0"
)
_ALL = "SELECT p.id FROM posts p WHERE p.id >= :low AND p.id < :high ORDER BY p.id DESC LIMIT :size + 0"
_EACH = "FROM json_each(:ids) j CROSS JOIN posts p ON p.id = j.value"  # what the index proposes is read by `posts`
_AMONG = f"SELECT p.id {_EACH} WHERE TRUE{{}} ORDER BY p.id DESC"
_TRAITS = {
    "forward": "p.forward IS NOT NULL",
    "reply": "p.reply_to IS NOT NULL",
    "edit": "p.edited_at IS NOT NULL OR p.revision > 0",
}
_FILE = "EXISTS (SELECT 1 FROM media m WHERE m.post_id = p.id AND m.revision = p.revision AND m.kind IN ({}))"
_HAVING = _TRAITS | {
    name: _FILE.format(", ".join(f"'{kind}'" for kind, named in documents.HAS.items() if named == name))
    for name in documents.HAS.values()
}
_SPREAD = (
    "SELECT s.name, s.side, q.* FROM (SELECT p.language, count(*) AS posts, sum(p.texts > 1), "
    + ", ".join(f"sum({condition})" for condition in _TRAITS.values())
    + f", p.source_id AS source_id {_EACH} GROUP BY p.source_id, 1) q JOIN sources s ON s.id = q.source_id"
)
_OTHER_LANGUAGES = (
    f"SELECT t.language, count(DISTINCT p.id) {_EACH} JOIN texts t ON t.post_id = p.id AND t.current = 1"
    " WHERE p.texts > 1 AND t.language <> p.language GROUP BY 1"
)
_KINDS = (
    "SELECT CASE m.kind WHEN 'round' THEN 'video' ELSE m.kind END, count(DISTINCT p.id)"
    f" {_EACH} JOIN media m ON m.post_id = p.id AND m.revision = p.revision GROUP BY 1"
)
