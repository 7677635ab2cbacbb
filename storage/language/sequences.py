"""PURE: tokens in a row: wildcards, fuzzy words and nearness, as ranges of token numbers."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache

from storage.language.distance import distance
from storage.language.tree import Fuzzy, Near, Wild
from storage.language.words import PLURAL, POSSESSIVE, plurals

_MARKS = PLURAL + POSSESSIVE


def found(leaf: Wild | Fuzzy | Near, tokens: list[str]) -> Iterator[tuple[int, int]]:
    """Where a leaf stands among tokens with marks: the numbers of its first and its last token."""
    if isinstance(leaf, Near):
        yield from _near(leaf, tokens)
        return
    size = len(leaf.tokens)
    if isinstance(leaf, Wild):
        first, *rest = leaf.tokens
        for start in range(len(tokens) - size + 1):
            if fits(first, tokens[start]) and all(
                fits(pattern, token) for pattern, token in zip(rest, tokens[start + 1 : start + size], strict=True)
            ):
                yield start, start + size - 1
    else:
        for start in range(len(tokens) - size + 1):
            if _apart(leaf, tokens[start : start + size]):
                yield start, start + size - 1


def _apart(leaf: Fuzzy, tokens: list[str]) -> bool:
    left = leaf.edits
    for word, token in zip(leaf.tokens, tokens, strict=True):
        token = token.rstrip(_MARKS)
        if word != token:
            if abs(len(word) - len(token)) > left:
                return False
            left -= distance(word, token, leaf.edits)
            if left < 0:
                return False
    return True


@lru_cache(maxsize=1 << 14)
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


def _near(leaf: Near, tokens: list[str]) -> Iterator[tuple[int, int]]:
    """Shortest stretches that hold every part (a part asked for twice, twice) and few enough other tokens."""
    words = [token.rstrip(_MARKS) for token in tokens]
    spots = _spots(words)
    wanted = {part: leaf.parts.count(part) for part in leaf.parts}
    places = {part: _places(part, words, spots) for part in wanted}
    if any(len(places[part]) < times for part, times in wanted.items()):
        return
    own = sum(min(map(len, part)) for part in leaf.parts)
    for start in sorted({first for spans in places.values() for first, _ in spans}):
        last = start
        for part, times in wanted.items():
            number = bisect_left(places[part], (start, -1)) + times - 1
            if number >= len(places[part]):
                return
            last = max(last, places[part][number][1])
        if last - start + 1 - own <= leaf.distance:
            yield start, last


def _spots(words: list[str]) -> dict[str, list[int]]:
    spots: dict[str, list[int]] = {}
    for place, word in enumerate(words):
        spots.setdefault(word, []).append(place)
    return spots


def _places(part: tuple[tuple[str, ...], ...], words: list[str], spots: dict[str, list[int]]) -> list[tuple[int, int]]:
    return sorted(
        (start, start + len(form) - 1)
        for form in part
        for start in spots.get(form[0], ())
        if words[start : start + len(form)] == list(form)
    )
