"""PURE: a query without those of its conditions that many posts meet: what is left leads to all its answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from storage.language.match import PreparedDocument, holds
from storage.language.tree import And, Node, Not, Or

_USUAL = 0.25  # of the posts: with so many a condition narrows too little for what it costs to gather them
_SELDOM_BARRED = 0.05  # the same of a condition that excludes posts: those that it excludes are gathered


def without_usual(node: Node, posts: Sequence[PreparedDocument], is_dear: Callable[[Node], bool]) -> Node:
    """The query without the dear conditions that these posts usually meet."""
    if isinstance(node, And):
        parts = (part for part in node.parts if not (is_dear(part) and _is_usual(part, posts)))
        return And(tuple(without_usual(part, posts, is_dear) for part in parts))
    if isinstance(node, Or):
        return Or(tuple(without_usual(part, posts, is_dear) for part in node.parts))
    return node


def _is_usual(node: Node, posts: Sequence[PreparedDocument]) -> bool:
    least = (_SELDOM_BARRED if isinstance(node, Not) else _USUAL) * len(posts)
    return sum(holds(node, post) for post in posts) >= least
