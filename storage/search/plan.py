"""PURE: a query tree -> which posts it can hold on: what the full-text index says, and what is known beside words.

Words that belong together become one expression of the index. A plan is in terms of sets, so that AND, OR and NOT of
its parts are those of the query: `A OR has:voice` leads to few posts where both of its parts do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple, TypeAlias

from storage.language.tree import And, Is, Node, Not, Or, When
from storage.posts.ids import SECOND, first_id
from storage.search import prefilter
from storage.search.bounds import EVERY, NONE, Rows, is_dear

FILES: Mapping[str, tuple[str, ...]] = {  # kinds of files, as in storage.search.documents
    "voice": ("voice",),
    "audio": ("audio",),
    "photo": ("photo",),
    "video": ("video", "round"),
    "document": ("document",),
}
TRAITS = ("forward", "reply", "edit")
_OF_SOURCES = ("source", "tag", "side")
_OF_POSTS = ("event", "rule")
_SURE = 2  # seconds: ids count whole ones


class IdRange(NamedTuple):
    """Posts with ids of [low, high), or all others."""

    low: int
    high: int
    others: bool = False


class Fact(NamedTuple):
    """Posts of which something is known, or all others: `name` says what, and `values` of which names or numbers."""

    name: str
    values: tuple[Any, ...]
    others: bool = False


class All(NamedTuple):
    """Posts that are in each part."""

    parts: tuple[Plan, ...]


class Some(NamedTuple):
    """Posts that are in some part."""

    parts: tuple[Plan, ...]


Plan: TypeAlias = Rows | IdRange | Fact | All | Some
Source: TypeAlias = Mapping[str, Any]


class Ids(NamedTuple):
    """These, or all others."""

    others: bool
    ids: frozenset[int] | set[int]


EVERY_ID = Ids(others=True, ids=frozenset())


def both(one: Ids, other: Ids) -> Ids:
    """Those that are in each."""
    if one.others and other.others:
        return Ids(others=True, ids=one.ids | other.ids)
    if one.others:
        return Ids(others=False, ids=other.ids - one.ids)
    return Ids(others=False, ids=one.ids - other.ids if other.others else one.ids & other.ids)


def invert(found: Ids) -> Ids:
    """All others."""
    return Ids(not found.others, found.ids)


def all_of(parts: Iterable[Plan]) -> Plan:
    """The posts that are in each."""
    left = [part for part in dict.fromkeys(parts) if part != EVERY]
    of_sources_ = [part for part in left if isinstance(part, Fact) and part.name == "source"]
    if len(of_sources_) > 1:
        found = reduce(both, (Ids(part.others, frozenset(part.values)) for part in of_sources_))
        left = [part for part in left if part not in of_sources_]
        left.append(Fact("source", tuple(found.ids), found.others) if found.ids else NONE)
    if NONE in left:
        return NONE
    return All(tuple(left)) if len(left) > 1 else left[0] if left else EVERY


def any_of(parts: Iterable[Plan]) -> Plan:
    """The posts that are in some."""
    left = [part for part in dict.fromkeys(parts) if part != NONE]
    if EVERY in left:
        return EVERY
    return Some(tuple(left)) if len(left) > 1 else left[0] if left else NONE


def make_plan(node: Node, sources: Sequence[Source], index: Callable[[Node], Rows]) -> Plan:
    """A set that has every post on which the query can hold; `index` says what the full-text index knows of a part."""
    if not _has_facts(node):
        return index(node)
    if isinstance(node, And | Or):
        parts = list(_flat(node, type(node)))
        words = tuple(part for part in parts if not _has_facts(part))
        parts = [part for part in parts if _has_facts(part)] + ([type(node)(words)] if words else [])
        made = [make_plan(part, sources, index) for part in parts]
        return all_of(made) if isinstance(node, And) else any_of(made)
    if not isinstance(node, Not):
        return _fact(node, sources, negated=False)
    inner = node.part
    if isinstance(inner, Not):
        return make_plan(inner.part, sources, index)
    if isinstance(inner, And | Or):
        return make_plan(_turned(inner), sources, index)
    return _fact(inner, sources, negated=True)


def _turned(node: And | Or) -> And | Or:
    """What is the same as that the node does not hold."""
    return (Or if isinstance(node, And) else And)(tuple(map(Not, node.parts)))


def _flat(node: Node, kind: type[And | Or]) -> Iterator[Node]:
    """The parts of an AND or OR, those of its parts of the same kind too."""
    if isinstance(node, Not) and isinstance(node.part, Not):
        yield from _flat(node.part.part, kind)
    elif isinstance(node, Not) and isinstance(node.part, And | Or) and not isinstance(node.part, kind):
        yield from _flat(_turned(node.part), kind)
    elif isinstance(node, kind):
        for part in node.parts:
            yield from _flat(part, kind)
    else:
        yield node


def _has_facts(node: Node) -> bool:
    if isinstance(node, And | Or):
        return any(map(_has_facts, node.parts))
    if isinstance(node, Not):
        return _has_facts(node.part)
    return isinstance(node, When) or (isinstance(node, Is) and (node.field != "has" or _is_of_row(node.value)))


def _is_of_row(value: str) -> bool:
    return value in FILES or value in TRAITS


def _fact(node: Node, sources: Sequence[Source], *, negated: bool) -> Plan:
    if isinstance(node, When):
        return _barred(node) if negated else IdRange(*prefilter.span(node.start, node.end))
    if not isinstance(node, Is):
        return EVERY
    if node.field in _OF_SOURCES:
        return of_sources(sources, [row["id"] for row in sources if prefilter.possible(node, row) != negated])
    if node.field == "id":
        number = min(int(node.value), prefilter.TOP - 1)
        return IdRange(number, number + 1, negated)
    if node.field == "lang":  # a post without texts is of no known language
        return EVERY if negated or node.value == "und" else Fact("lang", (node.value,))
    if node.field in _OF_POSTS:
        return Fact(node.field, (node.value,), negated)
    if node.field != "has" or (negated and node.value in FILES):  # an earlier revision may have had the file
        return EVERY
    return Fact("file", FILES[node.value]) if node.value in FILES else Fact(node.value, (), negated)


def of_sources(sources: Sequence[Source], chosen: Sequence[int]) -> Plan:
    """The posts of the sources with these ids: they or the others are named, whichever are fewer."""
    if len(chosen) == len(sources):
        return EVERY
    if 2 * len(chosen) <= len(sources):
        return Fact("source", tuple(chosen)) if chosen else NONE
    return Fact("source", tuple(row["id"] for row in sources if row["id"] not in set(chosen)), others=True)


def _barred(when: When) -> Plan:
    """All posts but those that are surely of a time: a post's id can be an hour away from its time."""
    low = -prefilter.TOP if when.start is None else first_id(when.start // SECOND + prefilter.SLACK + _SURE)
    high = prefilter.TOP if when.end is None else first_id(when.end // SECOND - prefilter.SLACK - _SURE)
    return IdRange(low, high, others=True) if low < high else EVERY


def edges(plan: Plan) -> Iterator[int]:
    """The ids at which the spans of a plan begin and end."""
    if isinstance(plan, All | Some):
        for part in plan.parts:
            yield from edges(part)
    elif isinstance(plan, IdRange):
        yield from (plan.low, plan.high)


def between(plan: Plan, low: int, high: int) -> Plan:
    """What is left of a plan for ids of [low, high), which has no edge of a span inside."""
    if isinstance(plan, All):
        return all_of(between(part, low, high) for part in plan.parts)
    if isinstance(plan, Some):
        return any_of(between(part, low, high) for part in plan.parts)
    if isinstance(plan, IdRange):
        return EVERY if (plan.low <= low and high <= plan.high) != plan.others else NONE
    return plan


def expressions(plan: Plan) -> Iterator[str]:
    """What a plan asks the full-text index for."""
    if isinstance(plan, All | Some):
        for part in plan.parts:
            yield from expressions(part)
    elif isinstance(plan, Rows):
        yield plan.text


def narrows(plan: Plan) -> bool:
    """Whether a plan leads to some posts rather than to all but some."""
    if isinstance(plan, All):
        return any(map(narrows, plan.parts))
    if isinstance(plan, Some):
        return all(map(narrows, plan.parts))
    return not plan.others


def words_of(plan: Plan) -> int:
    """How many words or phrases its longest expression has."""
    return 1 + max((text.count(" OR ") for text in expressions(plan)), default=0)


def is_gathered(plan: Plan) -> bool:
    """Whether the index gathers all that matches before it gives the first."""
    return any('" *' in text for text in expressions(plan))


def is_dear_plan(plan: Plan) -> bool:
    """Whether an expression is dear."""
    return any(map(is_dear, expressions(plan)))


def is_walked(plan: Plan) -> bool:
    """Whether the index gives what matches from the newest on without gathering it first."""
    return isinstance(plan, Rows) and not plan.others and not is_dear(plan.text)
