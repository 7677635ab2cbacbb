"""PURE: carries `in:` from where it is written down to the leaves of its group."""

from __future__ import annotations

from storage.language.tree import KINDS, LEAVES, And, HasText, Node, Not, Or


def scoped(node: Node, kinds: frozenset[str] = KINDS) -> Node:
    """The tree with the kinds of text that each leaf ranges over.

    Terms that are beside `in:transcript` are looked for in transcripts only, those beside `-in:ocr` anywhere else. An
    `in:` with no term beside it asks whether the post has such a text.
    """
    if isinstance(node, And):
        others = [part for part in node.parts if not _is_scope(part)]
        if len(others) < len(node.parts) and any(_has_leaf(part) for part in others):
            kinds = _narrowed(node, kinds)
            return And(tuple(scoped(part, kinds) for part in others)) if len(others) > 1 else scoped(others[0], kinds)
        return And(tuple(scoped(part, kinds) for part in node.parts))
    if isinstance(node, Or):
        return Or(tuple(scoped(part, kinds) for part in node.parts))
    if isinstance(node, Not):
        return Not(scoped(node.part, kinds))
    if isinstance(node, LEAVES):
        return node._replace(kinds=kinds)
    return node


def _narrowed(group: And, kinds: frozenset[str]) -> frozenset[str]:
    """What `in:`s of a group leave of the kinds: the union of those named, without those negated."""
    named = [part for part in group.parts if _names_kinds(part)]
    if named:
        kinds = frozenset().union(*(_kinds(part) for part in named))
    for part in group.parts:
        if isinstance(part, Not) and _names_kinds(part.part):
            kinds -= _kinds(part.part)
    return kinds


def _is_scope(node: Node) -> bool:
    return _names_kinds(node.part if isinstance(node, Not) else node)


def _names_kinds(node: Node) -> bool:
    """`in:ocr`, or a group of nothing else: `in:(transcript OR ocr)`."""
    return isinstance(node, HasText) or (isinstance(node, And | Or) and all(map(_names_kinds, node.parts)))


def _kinds(node: Node) -> frozenset[str]:
    if isinstance(node, HasText):
        return node.kinds
    assert isinstance(node, And | Or)
    return frozenset().union(*map(_kinds, node.parts))


def _has_leaf(node: Node) -> bool:
    if isinstance(node, And | Or):
        return any(map(_has_leaf, node.parts))
    if isinstance(node, Not):
        return _has_leaf(node.part)
    return isinstance(node, LEAVES)
