"""PURE: how many letters apart two words are."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise


def within(word: str, other: str, edits: int) -> bool:
    """Whether at most so many letters put in, left out, changed or swapped with their neighbour part the two words."""
    if word == other:
        return True
    return abs(len(word) - len(other)) <= edits and distance(word, other, edits) <= edits


@lru_cache(maxsize=1 << 14)
def distance(word: str, other: str, limit: int) -> int:
    """The edits between two words; anything above `limit` where it is above.

    A column of the table of edits is the bits of a few numbers: Hyyrö, "A Bit-Vector Algorithm for Computing
    Levenshtein and Damerau Edit Distances" (2003). `down` and `up`: where the edits are one more, or one less, than in
    the row above.
    """
    if not word:
        return len(other)
    places = _places_of_letters(word)
    every, lowest = (1 << len(word)) - 1, 1 << len(word) - 1
    down, up, kept, before, edits = every, 0, 0, 0, len(word)
    for left, letter in enumerate(other, 1 - len(other)):
        here = places.get(letter, 0)
        swapped = (~kept & here) << 1 & before
        kept = ((here & down) + down ^ down) | here | up | swapped
        more, fewer = up | ~(kept | down) & every, kept & down
        edits += bool(more & lowest) - bool(fewer & lowest)
        if edits + left > limit:  # each letter that is left takes one edit back at most
            return limit + 1
        more = more << 1 | 1
        down, up, before = (fewer << 1 | ~(kept | more)) & every, more & kept & every, here
    return edits


@lru_cache(maxsize=1 << 10)  # one word is compared with many
def _places_of_letters(word: str) -> dict[str, int]:
    places: dict[str, int] = {}
    for row, letter in enumerate(word):
        places[letter] = places.get(letter, 0) | 1 << row
    return places


def pieces(word: str, number: int) -> list[str]:
    """So many pieces of a word, with a letter between two of them; none if it is too short for that.

    An edit, two swapped letters too, touches one of them at most: a word with fewer edits has another one as it is.
    """
    size = len(word) - (number - 1)
    if size < number:
        return []
    ends = [size * piece // number + piece for piece in range(number + 1)]
    return [word[start : end - 1] for start, end in pairwise(ends)]
