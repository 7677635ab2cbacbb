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
    """The edits between two words; anything above `limit` where it is above."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(word, 1):
        line = [row]
        for column, found in enumerate(other, 1):
            edits = min(last[column] + 1, line[-1] + 1, last[column - 1] + (letter != found))
            if row > 1 and column > 1 and letter == other[column - 2] and word[row - 2] == found:
                edits = min(edits, before[column - 2] + 1)
            line.append(edits)
        if min(line) > limit:
            return limit + 1
        before, last = last, line
    return last[-1]


def pieces(word: str, number: int) -> list[str]:
    """So many pieces of a word, with a letter between two of them; none if it is too short for that.

    An edit, two swapped letters too, touches one of them at most: a word with fewer edits has another one as it is.
    """
    size = len(word) - (number - 1)
    if size < number:
        return []
    ends = [size * piece // number + piece for piece in range(number + 1)]
    return [word[start : end - 1] for start, end in pairwise(ends)]
