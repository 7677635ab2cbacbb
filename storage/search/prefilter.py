"""PURE: a query tree -> what SQL can ask first: never less than what the evaluator would find, usually hardly more.

A full-text expression speaks of one text. `whole` is met by a text that satisfies the query alone; `one` by some text
of every post that satisfies it, even where its words are spread over several texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import product
from typing import Any, Protocol
from unicodedata import ucd_3_2_0

from storage.frozen import dataclass
from storage.language.file_names import extension_tokens
from storage.language.fold import CLOSED
from storage.language.sequences import glob
from storage.language.terms import folded_elsewhere
from storage.language.tree import KINDS, And, Exact, Fuzzy, Guarded, Is, Near, Node, Not, Or, When, Wild, Words, leaves
from storage.language.words import PLURAL, POSSESSIVE, singular
from storage.posts.ids import SECOND, first_id

_MOST_TOKENS = 12  # of one phrase: more make the question longer and hardly narrower
_MOST_PARTS = 24
_SHORTEST_PREFIX = 3  # shorter ones gather half the index before the first row
_SLACK = 3600  # seconds, as in storage.search.documents
_MOST_FUZZY = 4  # tokens of a fuzzy term: the ways to spread its edits over more are many, and narrow little
_NOTHING = f'"{CLOSED}{CLOSED}"'  # what no text matches
TOP = 1 << 48  # above every id of a post; << 14 it still fits


@dataclass(frozen=True, slots=True)
class Expression:
    """A full-text expression; `parts` are those of an AND, each necessary (or the expression itself)."""

    text: str
    parts: tuple[Expression, ...] = ()


class IndexWords(Protocol):
    """The words that the index has: which fit a pattern, which are close to a word; None where that is no help."""

    def like(self, pattern: str) -> list[str] | None: ...

    def close_to(self, word: str, edits: int) -> dict[str, int] | None: ...


def expression(node: Node, index: IndexWords | None = None) -> Expression | None:
    """What some text (or, for an AND with parts, some text for each part) must match; None: the index cannot help.

    Fuzzy words and some with wildcards can be told only from the words that the index has.
    """
    if isinstance(node, And):
        parts = [found for part in node.parts if (found := expression(part, index))][:_MOST_PARTS]
        if not parts:
            return None
        whole = _without(_all(part.text for part in parts), _barred(node))
        return Expression(whole, tuple(parts) if len(parts) > 1 else parts[0].parts)
    if isinstance(node, Or):
        ways = [expression(part, index) for part in node.parts]
        known = [way for way in ways if way]
        if len(known) < len(ways):
            return None
        spread = any(way.parts for way in known)
        return Expression(
            _any(way.text for way in known), (Expression(_any(_spread(way) for way in known)),) if spread else ()
        )
    text = _leaf(node, index)
    return Expression(text) if text else None


def _spread(way: Expression) -> str:
    """What some text matches even where the words of this way are spread over texts: its longest part."""
    return _spread(max(way.parts, key=lambda part: len(part.text))) if way.parts else way.text


def spread(found: Expression, rarest: Callable[[list[str]], str]) -> str | None:
    """What some text of a post matches whose words are spread over texts; None if they cannot be."""
    if not found.parts:
        return None
    return rarest([_spread(part) for part in found.parts])


def _leaf(node: Node, index: IndexWords | None) -> str | None:
    if isinstance(node, Words):
        ways = [_row(needle.split(), prefix=needle[-1] != " ") for needle in node.needles]
        ways += [_row(_unmarked(needle).split(), prefix=False) for needle in node.marked]
        return _any(way for way in ways if way) if ways and all(ways) else None
    if isinstance(node, Exact):
        return _row(node.folded.split(), prefix=False)
    if isinstance(node, Guarded):
        found = expression(node.part, index)
        return found.text if found else None
    if isinstance(node, Near):
        parts = [found.text for part in node.parts if (found := expression(part, index))]
        return _all(parts[:_MOST_PARTS])
    if isinstance(node, Wild):
        found_of = [part for token in node.tokens if (part := _wild(token) or _like(token, index))]
        return _all(found_of[:_MOST_PARTS])
    return _close_to(node, index) if isinstance(node, Fuzzy) and index else None


def _barred(node: And) -> str:
    """What a text that satisfies the query alone cannot match: where that is found, the query does not hold."""
    if not all(leaf.kinds <= KINDS for leaf in leaves(node)):
        return ""  # such a text may be of a kind that what is negated does not range over
    known = [exact(part.part) for part in node.parts if isinstance(part, Not)]
    return _any([found.sure for found in known if found][:_MOST_PARTS])


def _without(text: str, barred: str) -> str:
    return f"({text} NOT {barred})" if barred else text


@dataclass(frozen=True, slots=True)
class Answer:
    """What a text of KINDS matches that satisfies the query alone: `sure` if it does, `doubtful` if it may."""

    sure: str
    doubtful: str = ""

    @property
    def unsure(self) -> str:
        """What a text matches that has to be looked at; nothing where the index alone can tell."""
        return _without(self.doubtful, self.sure) if self.doubtful else ""


def exact(node: Node) -> Answer | None:
    """What the index alone can tell of a query; None where it cannot."""
    if isinstance(node, Or):
        ways = [exact(part) for part in node.parts]
        known = [way for way in ways if way]
        return _either(known) if len(known) == len(ways) else None
    if not isinstance(node, Words) or not node.needles or node.kinds != KINDS:
        return None
    marked = [_row(_unmarked(needle).split(), prefix=False) for needle in node.marked]  # the index sees no marks
    if not all(marked):
        return None
    found = [Answer("", _any(marked))]
    for needle in node.needles:
        tokens = needle.split()
        prefix = needle[-1] != " "
        if (
            len(tokens) > _MOST_TOKENS
            or not all(_indexed(char) for token in tokens for char in token)
            or (prefix and len(tokens[-1]) < _SHORTEST_PREFIX)
        ):
            return None
        phrase, closed = _forms(tokens, prefix=prefix)
        found.append(_answer(tokens, phrase, closed))
    return _either(found)


def _answer(tokens: list[str], phrase: str, closed: str) -> Answer:
    if not extension_tokens().isdisjoint(tokens):
        return Answer("", _any((phrase, closed)))  # as an extension of a file it is not found
    return Answer(_any((phrase, closed))) if len(tokens) == 1 else Answer(phrase, closed)


def _either(ways: Iterable[Answer]) -> Answer:
    ways = list(ways)
    return Answer(_any(way.sure for way in ways), _any(way.doubtful for way in ways))


def _unmarked(needle: str) -> str:
    return needle.replace(PLURAL, "").replace(POSSESSIVE, "")


def _row(tokens: list[str], *, prefix: bool) -> str | None:
    """Tokens in a row, in the open or in the closed form of a text."""
    if len(tokens) > _MOST_TOKENS:
        tokens, prefix = tokens[:_MOST_TOKENS], False
    if prefix and len(tokens[-1]) < _SHORTEST_PREFIX:
        tokens, prefix = tokens[:-1], False
    if not any(_indexed(token) for token in tokens):
        return None
    return _any(_forms(tokens, prefix=prefix))


def _forms(tokens: list[str], *, prefix: bool) -> tuple[str, str]:
    """Tokens in a row in the open form of a text; and what a text matches that has them in its closed form."""
    end = " *" if prefix else ""
    phrase = f'"{" ".join(tokens)}"{end}'
    ends = ["" for _ in tokens[1:]] + [end]
    closed = _any(f'"{CLOSED}{token}"{end}' for token, end in zip(tokens, ends, strict=True) if _closable(token))
    if not closed or len(tokens) == 1:
        return phrase, closed
    either = (
        f'("{token}"{end} OR "{CLOSED}{token}"{end})'
        for token, end in zip(tokens, ends, strict=True)
        if _indexed(token)
    )
    return phrase, _all((closed, *either))


def _wild(token: str) -> str | None:
    """A token with wildcards by what stands before the first one."""
    lead = re.split(r"[*?]", token, maxsplit=1)[0]
    if lead == token:
        return _any(f'"{mark}{form}"' for form in {token, singular(token)} for mark in ("", CLOSED) if _indexed(form))
    if len(lead) < _SHORTEST_PREFIX or not _indexed(lead):
        return None
    exact = (f'"{mark}{form}"' for form in sorted(folded_elsewhere(lead)) for mark in ("", CLOSED))
    return _any((f'"{lead}" *', f'"{CLOSED}{lead}" *', *exact))


def _like(pattern: str, index: IndexWords | None) -> str | None:
    """A token with wildcards by the words of the index that it fits."""
    letters = re.split(r"[*?]+", pattern)
    if index is None or not any(letters) or not all(map(_indexed, "".join(letters))):
        return None
    words = index.like(pattern)
    if words is None:
        return None
    # A letter that the index does not know parts a word: then the beginning before the wildcard is a word of its own.
    return _any(f'"{word}"' for word in (*words, *letters[:1]) if word) or _NOTHING


def _close_to(leaf: Fuzzy, index: IndexWords) -> str | None:
    """Tokens in a row, a few edits away in all: for each way to spread the edits over them, the words that fit."""
    tokens = leaf.tokens[:_MOST_FUZZY]
    if not all(map(_indexed, "".join(tokens))):
        return None
    reach = [_within_reach(token, leaf.edits, index) for token in tokens]
    ways = []
    for edits in product(range(leaf.edits + 1), repeat=len(tokens)):
        if sum(edits) == leaf.edits:
            known = [
                words for of_token, most in zip(reach, edits, strict=True) if (words := of_token[most]) is not None
            ]
            if not known:
                return None
            ways.append(_all(_any(f'"{word}"' for word in words) for words in known) if all(known) else "")
    return _any(ways) or _NOTHING


def _within_reach(token: str, edits: int, index: IndexWords) -> list[list[str] | None]:
    """By the number of edits, from none on: the words of the index; None where there are too many."""
    found = index.close_to(token, edits) if edits else {token: 0, CLOSED + token: 0}
    if found is None:
        return [*_within_reach(token, edits - 1, index), None]
    return [[word for word, apart in found.items() if apart <= most] for most in range(edits + 1)]


@lru_cache(maxsize=4096)
def _indexed(token: str) -> bool:
    """Whether SQLite's tokenizer, whose letters are those of an older Unicode, keeps at least one of this token."""
    return any("\u1000" <= char <= "\u109f" or ucd_3_2_0.category(char) != "Cn" for char in token)


def _closable(token: str) -> bool:
    """Whether a token may be a closed compound: a word of letters, of a script that writes hyphens."""
    first = token[0]
    return not (
        first.isdecimal() or re.match("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7af]", first)
    )


def _all(parts: Iterable[str]) -> str:
    return _joined(" AND ", parts)


def _any(parts: Iterable[str | None]) -> str:
    return _joined(" OR ", parts)


def _joined(word: str, parts: Iterable[str | None]) -> str:
    found = list(dict.fromkeys(filter(None, parts)))
    return f"({word.join(found)})" if len(found) > 1 else found[0] if found else ""


def ids(node: Node) -> tuple[int, int]:
    """The posts that a query can hold on, by its dates and ids: [low, high) of post ids, which are ordered by time."""
    if isinstance(node, And):
        spans = [ids(part) for part in node.parts]
        return max(low for low, _ in spans), min(high for _, high in spans)
    if isinstance(node, Or):
        spans = [ids(part) for part in node.parts]
        return min(low for low, _ in spans), max(high for _, high in spans)
    if isinstance(node, When):
        return span(node.start, node.end)
    if isinstance(node, Is) and node.field == "id":
        number = min(int(node.value), TOP - 1)
        return number, number + 1
    return -TOP, TOP


def event(node: Node) -> int | None:
    """The event to which every post belongs on which a query holds; None if it asks for no single one."""
    if isinstance(node, And):
        return next((found for part in node.parts if (found := event(part)) is not None), None)
    return int(node.value) if isinstance(node, Is) and node.field == "event" else None


def span(start: int | None, end: int | None) -> tuple[int, int]:
    """The ids of posts of [start, end), microseconds UTC, and a few more on both sides."""
    low = -TOP if start is None else first_id(start // SECOND - _SLACK)
    high = TOP if end is None else first_id(end // SECOND + 1 + _SLACK)
    return max(low, -TOP), min(high, TOP)


def possible(node: Node, source: Mapping[str, Any], *, certain: bool = False) -> bool:
    """Whether a query can hold on some post of a source; with `certain`, whether it holds on all of them."""
    if isinstance(node, And):
        return all(possible(part, source, certain=certain) for part in node.parts)
    if isinstance(node, Or):
        return any(possible(part, source, certain=certain) for part in node.parts)
    if isinstance(node, Not):
        return not possible(node.part, source, certain=not certain)
    if isinstance(node, Is) and node.field in ("source", "tag", "side"):
        named = (source["name"], source["handle"])
        names = {"source": named, "tag": source["tags"], "side": (source["side"],)}[node.field]
        return any(glob(node.value, name.casefold()) for name in names if name)
    return not certain
