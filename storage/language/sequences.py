"""PURE: tokens in a row: phrases, wildcards, fuzzy words and nearness, as ranges of token numbers."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from storage.language.distance import distance, pieces
from storage.language.tree import Exact, Fuzzy, Guarded, Near, Node, Or, Wild, Words
from storage.language.words import PLURAL, POSSESSIVE, plurals

if TYPE_CHECKING:
    from storage.language.written import Written

_MARKS = PLURAL + POSSESSIVE
Span = tuple[int, int]  # numbers of a first and a last token


class Row:
    """The tokens of one form of a text, with their marks; as they were written, where this form can tell."""

    def __init__(self, tokens: list[str], written: Written | None = None) -> None:
        self.tokens = tokens
        self.written = written if written and len(written.tokens) == len(tokens) else None

    @cached_property
    def words(self) -> list[str]:
        """The tokens without marks."""
        return [token.rstrip(_MARKS) for token in self.tokens]

    @cached_property
    def spots(self) -> dict[str, list[int]]:
        """Where each word is."""
        spots: dict[str, list[int]] = {}
        for place, word in enumerate(self.words):
            spots.setdefault(word, []).append(place)
        return spots


def found(node: Node, row: Row) -> Iterable[Span]:
    """Where a leaf (not a Regex), or one of an Or of leaves, is among the tokens."""
    if isinstance(node, Words):
        return _words(node.needles, node.marked, row)
    if isinstance(node, Guarded):
        return (span for span in found(node.part, row) if _counts(node, row, span))
    if isinstance(node, Exact):
        return _in_a_row(node.written.split(), row.written.tokens) if row.written else ()
    if isinstance(node, Wild):
        return _wild(node, row.tokens)
    if isinstance(node, Fuzzy):
        return _fuzzy(node, row.tokens)
    if isinstance(node, Near):
        return _near(node, row)
    assert isinstance(node, Or)
    return (span for part in node.parts for span in found(part, row))


def asks_as_written(node: Node) -> bool:
    """Whether a leaf, or one of its parts, needs to know how the text was written."""
    if isinstance(node, Near | Or):
        return any(map(asks_as_written, node.parts))
    return isinstance(node, Exact | Guarded)


def may_have(leaf: Wild | Fuzzy, text: str) -> bool:
    """Whether each token of the leaf is somewhere in a text: tokens with their marks, a space before and after each.

    Only tokens are looked at that have letters of it, so that most texts are refused much faster than by `found`.
    """
    for wanted in leaf.tokens:
        edits = leaf.edits if isinstance(leaf, Fuzzy) else -1
        letters = _letters_of(wanted, edits)
        if letters and not any(
            fits(wanted, token) if edits < 0 else _edits(wanted, token, edits) <= edits
            for token in _tokens_with(letters, text)
        ):
            return False
    return True


@lru_cache(maxsize=4096)
def _letters_of(wanted: str, edits: int) -> re.Pattern[str] | None:
    """What is in each token so many edits away or, with -1, in each that a pattern fits; None where all may do."""
    if edits >= 0:
        known = pieces(wanted, edits + 1)
    else:
        longest = max(re.split(r"[*?]", wanted), key=len)
        known = [longest, PLURAL] if longest else []  # of a plural a pattern fits other letters, too
    return re.compile("|".join(map(re.escape, known))) if known else None


def _tokens_with(letters: re.Pattern[str], text: str) -> Iterator[str]:
    end = 0
    while letters_here := letters.search(text, end):
        end = text.find(" ", letters_here.end())
        yield text[text.rfind(" ", 0, letters_here.start()) + 1 : end]


def _words(needles: Iterable[str], marked: Iterable[str], row: Row) -> Iterator[Span]:
    for needle in needles:
        tokens = needle.split()
        if needle[-1] != " ":
            yield from _beginnings(tokens, row.words)
            continue
        for start in row.spots.get(tokens[0], ()):
            if row.words[start : start + len(tokens)] == tokens:
                yield start, start + len(tokens) - 1
    for needle in marked:
        yield from _in_a_row(needle.split(), row.tokens)


def _in_a_row(wanted: list[str], tokens: list[str]) -> Iterator[Span]:
    size = len(wanted)
    for start in range(len(tokens) - size + 1):
        if tokens[start] == wanted[0] and tokens[start : start + size] == wanted:
            yield start, start + size - 1


def _beginnings(wanted: list[str], words: list[str]) -> Iterator[Span]:
    """Words in a row, of the last of which only the beginning is known."""
    *before, last = wanted
    size = len(wanted)
    for start in range(len(words) - size + 1):
        if words[start + size - 1].startswith(last) and words[start : start + size - 1] == before:
            yield start, start + size - 1


def _counts(leaf: Guarded, row: Row, span: Span) -> bool:
    first, last = span
    words = row.words
    for guard in leaf.not_after:
        start = first - len(guard)
        if start >= 0 and tuple(words[start:first]) == guard and _together(row, first - 1):
            return False
    return not any(
        tuple(words[last + 1 : last + 1 + len(guard)]) == guard and _together(row, last) for guard in leaf.not_before
    )


def _together(row: Row, number: int) -> bool:
    """Whether no sign parts a token from the next: behind the end of a sentence nothing belongs to it."""
    return row.written is None or row.written.together(number)


def _wild(leaf: Wild, tokens: list[str]) -> Iterator[Span]:
    size = len(leaf.tokens)
    first, *rest = leaf.tokens
    for start in range(len(tokens) - size + 1):
        if fits(first, tokens[start]) and all(
            fits(pattern, token) for pattern, token in zip(rest, tokens[start + 1 : start + size], strict=True)
        ):
            yield start, start + size - 1


def _fuzzy(leaf: Fuzzy, tokens: list[str]) -> Iterator[Span]:
    size = len(leaf.tokens)
    for start in range(len(tokens) - size + 1):
        if _apart(leaf, tokens[start : start + size]):
            yield start, start + size - 1


def _apart(leaf: Fuzzy, tokens: list[str]) -> bool:
    left = leaf.edits
    for word, token in zip(leaf.tokens, tokens, strict=True):
        left -= _edits(word, token, leaf.edits)
        if left < 0:
            return False
    return True


@lru_cache(maxsize=1 << 16)
def _edits(word: str, token: str, limit: int) -> int:
    """The edits between a word and a token without its marks; anything above `limit` where it is above."""
    token = token.rstrip(_MARKS)
    if word == token:
        return 0
    return limit + 1 if abs(len(word) - len(token)) > limit else distance.__wrapped__(word, token, limit)


@lru_cache(maxsize=1 << 16)
def fits(pattern: str, token: str) -> bool:
    """Whether a token, as it was written, is what a pattern of letters, `*` and `?` asks for."""
    word = token.rstrip(_MARKS)
    if glob(pattern, word):
        return True
    return token.endswith(PLURAL) and any(glob(pattern, plural) for plural in plurals(word))


def glob(pattern: str, word: str) -> bool:
    """Whether `*` (any letters) and `?` (one letter) make the pattern the word; in time of one length by the other."""
    at = place = 0
    star = resume = -1
    while at < len(word):
        if place < len(pattern) and pattern[place] == "*":
            star, resume = place, at
            place += 1
        elif place < len(pattern) and pattern[place] in ("?", word[at]):
            place += 1
            at += 1
        elif star >= 0:
            resume += 1
            place, at = star + 1, resume
        else:
            return False
    return not pattern[place:].strip("*")


def _near(leaf: Near, row: Row) -> Iterable[Span]:
    places = {part: sorted(set(found(part, row))) for part in dict.fromkeys(leaf.parts)}
    if len(leaf.parts) > 2:
        return _stretches(leaf, places)
    one, other = (places[part] for part in leaf.parts)
    spans = set(_one_after_the_other(one, other, leaf.distance))
    if not leaf.ordered:
        spans.update(_one_after_the_other(other, one, leaf.distance))
    return sorted(spans)


def _one_after_the_other(before: list[Span], after: list[Span], distance: int) -> Iterator[Span]:
    """Where the one is followed by the other, with few enough tokens between them."""
    for first, last in before:
        number = bisect_left(after, (last + 1, -1))
        if number < len(after) and after[number][0] - last - 1 <= distance:
            yield first, after[number][1]


def _stretches(leaf: Near, places: dict[Node, list[Span]]) -> Iterator[Span]:
    """Shortest stretches that hold every part (a part asked for twice, twice) and few enough other tokens."""
    wanted = Counter(leaf.parts)
    longest = {part: sorted(dict(spans).items()) for part, spans in places.items()}  # of those that begin together
    if any(len(longest[part]) < times for part, times in wanted.items()):
        return
    for start in sorted({first for spans in longest.values() for first, _ in spans}):
        last, own = start, 0
        for part, times in wanted.items():
            number = bisect_left(longest[part], (start, -1))
            chosen = longest[part][number : number + times]
            if len(chosen) < times:
                return
            last = max(last, chosen[-1][1])
            own += sum(end - first + 1 for first, end in chosen)
        if last - start + 1 - own <= leaf.distance:
            yield start, last
