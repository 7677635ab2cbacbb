"""PURE: a query tree -> one that says the same with less: no part twice, and none that the others contradict.

So nothing is read of the index for `army -army`, or for the first way of `(army OR navy) -army`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from storage.language.tree import FILES, LEAVES, And, Node, Not, Or, Words

_ALWAYS, _NEVER = And(()), Or(())
_MOST_WORDS = 50  # of which it is asked whether others follow from them
_MOST_ROUNDS = 3
_Key = tuple[type, Node]


def simplify(root: Node) -> Node:
    """A query that holds on the same posts."""
    for _ in range(_MOST_ROUNDS):
        root = _Decided().without_known(root)
    return root


def is_never(node: Node) -> bool:
    """Whether a simplified query surely holds on no post."""
    return isinstance(node, Or) and not node.parts


def _is_always(node: Node) -> bool:
    return isinstance(node, And) and not node.parts


class _Decided:
    """The leaves of which it is known, where a part of the query matters, whether they hold."""

    def __init__(self) -> None:
        self._leaves: dict[_Key, bool] = {}
        self._words: dict[Words, bool] = {}

    def without_known(self, node: Node, *, negated: bool = False) -> Node:
        """What is left of a part, or of its opposite: NOT is moved to the leaves."""
        if isinstance(node, Not):
            return self.without_known(node.part, negated=not negated)
        if isinstance(node, And | Or):
            joined = isinstance(node, And) != negated
            return self._group(sorted(_flat(node, negated, joined), key=_is_group), joined)
        known = self._find(node)
        if known is not None:
            return _ALWAYS if known != negated else _NEVER
        return Not(node) if negated else node

    def _group(self, parts: Iterable[tuple[Node, bool]], joined: bool) -> Node:
        """Parts, each with whether it is negated, in an AND if `joined`, else in an OR."""
        left, learned = dict[_Key, Node](), list[Node]()
        try:
            for part, negated in parts:
                found = self.without_known(part, negated=negated)
                if is_never(found) or _is_always(found):
                    if is_never(found) == joined:
                        return found
                    continue
                for piece in found.parts if isinstance(found, And if joined else Or) else (found,):
                    left[type(piece), piece] = piece
                    if not isinstance(piece, And | Or):
                        inner = piece.part if isinstance(piece, Not) else piece
                        learned.append(inner)
                        self._learn(inner, holds=isinstance(piece, Not) != joined)
        finally:
            self._forget(learned)
        known = tuple(left.values())
        return known[0] if len(known) == 1 else And(known) if joined else Or(known)

    def _learn(self, leaf: Node, *, holds: bool) -> None:
        self._leaves[type(leaf), leaf] = holds
        if isinstance(leaf, Words) and leaf.needles and len(self._words) < _MOST_WORDS:
            self._words[leaf] = holds

    def _forget(self, leaves: Iterable[Node]) -> None:
        for leaf in leaves:
            self._leaves.pop((type(leaf), leaf), None)
            if isinstance(leaf, Words):
                self._words.pop(leaf, None)

    def _find(self, leaf: Node) -> bool | None:
        if isinstance(leaf, LEAVES) and not leaf.kinds:
            return False
        known = self._leaves.get((type(leaf), leaf))
        if known is not None or not isinstance(leaf, Words):
            return known
        for other, holds in self._words.items():
            if holds and _follows(leaf, other):
                return True
            if not holds and _follows(other, leaf):
                return False
        return None


def _follows(words: Words, other: Words) -> bool:
    """Whether words are found wherever others are: `reg*` is in each text with `"regional command"`."""
    return (
        (words.kinds == other.kinds or (other.kinds < words.kinds and other.kinds != FILES))
        and not other.marked
        and bool(other.needles)
        and all(any(needle in longer for needle in words.needles) for longer in other.needles)
    )


def _flat(node: And | Or, negated: bool, joined: bool) -> Iterator[tuple[Node, bool]]:
    """The parts of an AND or OR, those of its parts of the same kind too, each with whether it is negated."""
    for part in node.parts:
        turned = negated
        while isinstance(part, Not):
            part, turned = part.part, not turned
        if isinstance(part, And | Or) and (isinstance(part, And) != turned) == joined:
            yield from _flat(part, turned, joined)
        else:
            yield part, turned


def _is_group(part: tuple[Node, bool]) -> bool:
    return isinstance(part[0], And | Or)
