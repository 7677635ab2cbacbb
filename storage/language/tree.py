"""PURE: what a query says, as a tree: each leaf is tried on texts or on the post they belong to.

Nodes are named tuples because a dataclass each would cost a cold `search` three milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from storage.frozen import dataclass

KINDS = frozenset({"body", "transcript", "ocr", "file", "poll", "attached", "card"})  # what a query reads without `in:`
FILES = frozenset({"file"})  # names of files: asked for alone, they are read with their extensions


class QueryError(ValueError):
    """A query that cannot be read: one sentence, and the code point of the query where the trouble begins."""

    def __init__(self, message: str, position: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


class And(NamedTuple):
    """Every part holds, each anywhere in the post."""

    parts: tuple[Node, ...]


class Or(NamedTuple):
    """One part holds."""

    parts: tuple[Node, ...]


class Not(NamedTuple):
    """The part holds nowhere in the post."""

    part: Node


class Words(NamedTuple):
    """Whole tokens in a row: one of `needles` is in the plain form of a text, or one of `marked` in its exact form.

    A needle begins with a space; it ends with one too, unless it asks for a prefix.
    """

    needles: tuple[str, ...]
    marked: tuple[str, ...] = ()
    kinds: frozenset[str] = KINDS


class Exact(NamedTuple):
    """Tokens in a row as they were written, case included; `folded` is the needle in the plain form of such a text."""

    written: str
    folded: str
    kinds: frozenset[str] = KINDS


class Guarded(NamedTuple):
    """Words, Exact or an Or of them that do not count right behind one of `not_after` or before one of `not_before`."""

    part: Node
    not_after: tuple[tuple[str, ...], ...]
    not_before: tuple[tuple[str, ...], ...]
    kinds: frozenset[str] = KINDS


class Wild(NamedTuple):
    """Tokens in a row of which some have wildcards: `*` any letters, `?` one."""

    tokens: tuple[str, ...]
    kinds: frozenset[str] = KINDS


class Fuzzy(NamedTuple):
    """As many tokens in a row, at most so many letter edits away in all."""

    tokens: tuple[str, ...]
    edits: int
    kinds: frozenset[str] = KINDS


class Near(NamedTuple):
    """Every part in a stretch with at most `distance` other tokens in it, in any order unless `ordered`.

    A part is a leaf other than Regex, or an Or of such.
    """

    parts: tuple[Node, ...]
    distance: int
    ordered: bool = False
    kinds: frozenset[str] = KINDS


class Regex(NamedTuple):
    """An RE2 pattern on the readable text; `edges` says that the pattern asks for word boundaries."""

    source: str
    edges: bool
    kinds: frozenset[str] = KINDS


class HasText(NamedTuple):
    """The post has a text of one of these kinds."""

    kinds: frozenset[str]


class Is(NamedTuple):
    """A fact about the post: `field` is source, tag, side, lang, has, id or rule. Names may hold wildcards."""

    field: str
    value: str


class From(NamedTuple):
    """The post's author or forward origin has these tokens in a row (needles as in Words)."""

    needles: tuple[str, ...]


class When(NamedTuple):
    """The post's time lies in [start, end), microseconds UTC; None is open."""

    start: int | None
    end: int | None


Leaf: TypeAlias = Words | Exact | Guarded | Wild | Fuzzy | Near | Regex
LEAVES = (Words, Exact, Guarded, Wild, Fuzzy, Near, Regex)
Node: TypeAlias = And | Or | Not | Leaf | HasText | Is | From | When


@dataclass(frozen=True, slots=True)
class Query:
    """A query as it was written, and what it says.

    `terms` are the names in it that mean phrases, and which; `slips` say what in it is probably not meant.
    """

    text: str
    root: Node
    terms: tuple[tuple[str, Sequence[str]], ...] = ()
    slips: tuple[str, ...] = ()


def leaves(node: Node) -> list[Leaf]:
    """The leaves that are looked for in texts and not negated: what a hit can rest on."""
    if isinstance(node, And | Or):
        return [leaf for part in node.parts for leaf in leaves(part)]
    return [node] if isinstance(node, LEAVES) else []
