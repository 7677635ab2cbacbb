"""PURE: a query tree -> two sets of posts in terms of the full-text index: on which it surely holds, on which it can.

The index has one row a post with a column a kind of text, so AND, OR and NOT mean there what they mean to the
evaluator. Where both sets are one, the index alone can count.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from storage.archive.index_row import COLUMNS, EARLIER, MARK
from storage.frozen import dataclass
from storage.language.tree import FILES, LEAVES, And, Fuzzy, HasText, Is, Node, Not, Or, Wild, Words
from storage.search.phrases import MOST_PARTS, Found, IndexWords, all_of, any_of, necessary, tell

_MARK = f'"{MARK}"'
_MANY_WORDS = 200


class Rows(NamedTuple):
    """The posts whose row matches `text`, or with `others` all but these. Nothing matches an empty text."""

    others: bool
    text: str

    @property
    def known(self) -> str | None:
        """What their rows match; None where the index cannot be asked for them."""
        return None if self.others else self.text


EVERY, NONE = Rows(True, ""), Rows(False, "")


def invert(rows: Rows) -> Rows:
    """All other posts."""
    return Rows(not rows.others, rows.text)


def both(parts: Iterable[Rows]) -> Rows:
    """The posts that are in each."""
    parts = list(parts)
    wanted = dict.fromkeys(part.text for part in parts if not part.others)
    barred = any_of(part.text for part in parts if part.others)
    if "" in wanted:
        return NONE
    if not wanted:
        return Rows(True, barred)
    text = all_of(wanted)
    return Rows(False, f"({text} NOT {barred})" if barred else text)


def either(parts: Iterable[Rows]) -> Rows:
    """The posts that are in one of them."""
    return invert(both([invert(part) for part in parts]))


class Bounded(NamedTuple):
    """A query holds on every post of `surely`, and on none outside `at_all`.

    `maybe` has all of the latter that are none of the former, where they can be asked for without them.
    """

    surely: Rows
    at_all: Rows
    maybe: Rows | None = None

    @property
    def doubtful(self) -> Rows:
        """The posts that have to be looked at."""
        return NONE if self.surely == self.at_all else both((self.maybe or self.at_all, invert(self.surely)))


@dataclass(frozen=True, slots=True)
class Scope:
    """What of a post is read: with `history` also what it said earlier, and if `reliable` not all that it says."""

    history: bool = False
    reliable: bool = False


AS_IT_IS = Scope()


def bounds(node: Node, scope: Scope = AS_IT_IS, index: IndexWords | None = None, *, easy: bool = False) -> Bounded:
    """What the index can say of a query. Fuzzy words and some with wildcards need the words that the index has.

    `easy`: it says nothing of leaves for which very many words are gathered before there is one post.
    """
    if isinstance(node, And):
        return _all([bounds(part, scope, index, easy=easy) for part in node.parts])
    if isinstance(node, Or):
        ways = [bounds(part, scope, index, easy=easy) for part in node.parts]
        return Bounded(either(way.surely for way in ways), either(way.at_all for way in ways))
    if isinstance(node, Not):
        inner = bounds(node.part, scope, index, easy=easy)
        return Bounded(invert(inner.at_all), invert(inner.surely))
    found = _leaf(node, scope, index)
    if easy and is_dear(found.at_all.text):
        return Bounded(NONE, EVERY)
    return Bounded(NONE, found.at_all) if scope.reliable else found


def is_dear(text: str) -> bool:
    """Whether an expression has an open end or very many words: all are opened before the first row is given."""
    return '" *' in text or text.count(" OR ") > _MANY_WORDS


def _all(parts: list[Bounded]) -> Bounded:
    """Of many parts only some are asked for: more make the question longer and hardly narrower."""
    parts = list(dict.fromkeys(parts))
    if len(parts) <= MOST_PARTS:
        return Bounded(both(part.surely for part in parts), both(part.at_all for part in parts))
    parts.sort(key=lambda part: part.at_all.others)
    return Bounded(NONE, both(part.at_all for part in parts[:MOST_PARTS]))


def _leaf(node: Node, scope: Scope, index: IndexWords | None) -> Bounded:
    if isinstance(node, Words | Fuzzy | Wild):
        found = tell(node, index)
        return _words(node, found, scope) if found else Bounded(NONE, EVERY)
    if isinstance(node, LEAVES):
        text = necessary(node, index)
        return Bounded(NONE, Rows(False, _within(_columns(node.kinds, scope), text)) if text else EVERY)
    if isinstance(node, HasText):
        return _has_text(node.kinds, scope)
    if isinstance(node, Is) and (node.field, node.value) == ("has", "poll"):
        return _has_text(frozenset({"poll"}), scope)
    return Bounded(NONE, EVERY)


def _words(leaf: Words | Fuzzy | Wild, found: Found, scope: Scope) -> Bounded:
    # The extension of a file is found where names of files alone are asked for; an earlier text may be of any kind.
    without = FILES if found.extension and leaf.kinds != FILES else frozenset[str]()
    surely = Rows(False, _within(leaf.kinds - without, found.surely))
    if found.at_all is None:
        return Bounded(surely, EVERY)
    maybe = None if found.maybe is None or scope.history else Rows(False, _within(leaf.kinds, found.maybe))
    return Bounded(surely, Rows(False, _within(_columns(leaf.kinds, scope), found.at_all)), maybe)


def _has_text(kinds: frozenset[str], scope: Scope) -> Bounded:
    surely = Rows(False, _within(kinds, _MARK))
    return Bounded(surely, Rows(False, _within(_columns(kinds, scope), _MARK)))


def _columns(kinds: frozenset[str], scope: Scope) -> frozenset[str]:
    return kinds | {EARLIER} if scope.history else kinds


def _within(kinds: frozenset[str], text: str) -> str:
    """An expression that speaks of these columns alone."""
    return (
        f"{{{' '.join(column for column in COLUMNS if column in kinds)}}} : {_grouped(text)}" if kinds and text else ""
    )


def _grouped(text: str) -> str:
    return text if text.startswith("(") else f"({text})"
