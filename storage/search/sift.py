"""Leaves out posts in whose texts a regular expression is surely not found, before the evaluator has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.archive.database import as_list, in_list
from storage.language.readable import is_legible, legible
from storage.language.regex import compiled, without_edges
from storage.language.tree import FILES, And, Node, Regex
from storage.search.bounds import Scope

if TYPE_CHECKING:
    from storage.archive.database import Reader


class Sieve:
    """The regular expressions of a query that each of its answers has.

    The name of a file is read without its extension, which costs more than it spares: it always passes. So does all
    where only reliable words count, because what is doubtful is blanked there.
    """

    def __init__(self, reader: Reader, root: Node, scope: Scope) -> None:
        self._reader = reader
        self._current = 0 if scope.history else 1
        self._leaves = [] if scope.reliable else _necessary(root)

    def left(self, post_ids: list[int]) -> list[int]:
        """Those in which each may be found, in the same order."""
        for leaf in self._leaves:
            if post_ids:
                found = self._with(leaf, post_ids)
                post_ids = [post_id for post_id in post_ids if post_id in found]
        return post_ids

    def _with(self, leaf: Regex, post_ids: list[int]) -> set[int]:
        search = compiled(without_edges(leaf.source) if leaf.edges else leaf.source).search
        found: set[int] = set()
        asked = {"ids": as_list(post_ids), "current": self._current}
        for post_id, kind, text in self._reader.execute(_TEXTS, asked):
            if post_id not in found and kind in leaf.kinds:
                passes = kind == "file" and leaf.kinds != FILES
                if passes or search(text if is_legible(text) else legible(text)):
                    found.add(post_id)
        return found


_TEXTS = f"SELECT post_id, kind, text FROM texts WHERE post_id {in_list('ids')} AND current >= :current"


def _necessary(node: Node) -> list[Regex]:
    if isinstance(node, And):
        return [leaf for part in node.parts for leaf in _necessary(part)]
    return [node] if isinstance(node, Regex) else []
