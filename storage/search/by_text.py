"""PURE: a query tree -> what the old index, which has one row a text, is asked; see storage.posts.index_move.

`text` is met by a text that satisfies the query alone; a text of every other post that satisfies it meets `spread`.
"""

from __future__ import annotations

from collections.abc import Callable

from storage.frozen import dataclass
from storage.language.tree import And, Node, Or
from storage.search.phrases import MOST_PARTS, all_of, any_of, necessary


@dataclass(frozen=True, slots=True)
class Expression:
    """A full-text expression; `parts` are those of an AND, each necessary (or the expression itself)."""

    text: str
    parts: tuple[Expression, ...] = ()


def expression(node: Node) -> Expression | None:
    """What some text (or, for an AND with parts, some text for each part) must match; None: the index cannot help."""
    if isinstance(node, And):
        parts = [found for part in node.parts if (found := expression(part))][:MOST_PARTS]
        if not parts:
            return None
        return Expression(all_of(part.text for part in parts), tuple(parts) if len(parts) > 1 else parts[0].parts)
    if isinstance(node, Or):
        ways = [expression(part) for part in node.parts]
        known = [way for way in ways if way]
        if len(known) < len(ways):
            return None
        spread = any(way.parts for way in known)
        return Expression(
            any_of(way.text for way in known), (Expression(any_of(_spread(way) for way in known)),) if spread else ()
        )
    text = necessary(node)
    return Expression(text) if text else None


def _spread(way: Expression) -> str:
    """What some text matches even where the words of this way are spread over texts: its longest part."""
    return _spread(max(way.parts, key=lambda part: len(part.text))) if way.parts else way.text


def spread(found: Expression, rarest: Callable[[list[str]], str]) -> str | None:
    """What some text of a post matches whose words are spread over texts; None if they cannot be."""
    if not found.parts:
        return None
    return rarest([_spread(part) for part in found.parts])
