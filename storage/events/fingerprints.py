"""PURE: the numbers by which a text is found: one for each three words that follow each other, and a choice of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from zlib import crc32

SHINGLE = 3
_WINDOW = 4  # of so many shingles in a row at least one is a fingerprint: any 6 tokens that two texts share are found
_MASK = (1 << 63) - 1
_FACTORS = (1_000_003 * 1_000_033 * 0x9E3779B97F4A7C15, 1_000_033 * 0x9E3779B97F4A7C15, 0x9E3779B97F4A7C15)
_MODULUS = 1 << 103  # what is beyond is not in a number
_REMEMBERED = 1 << 14  # tokens: a few megabytes


def number_shingles(tokens: Sequence[str]) -> tuple[int, ...]:
    """A number for each shingle, in order: the same on every machine and in every process, for they are stored."""
    values = [*map(_numbers().__getitem__, tokens)]
    values += [_Numbers.NONE] * (SHINGLE - len(values)) if values else []
    one, two, three = zip(*values, strict=True) if values else ((), (), ())
    return tuple([(x + y + z) >> 40 & _MASK for x, y, z in zip(one, two[1:], three[2:], strict=False)])


def choose_prints(run: Sequence[int]) -> frozenset[int]:
    """Some of these numbers, chosen so that two texts that share six tokens in a row share one.

    Winnowing, by Schleimer, Wilkerson and Aiken: "Winnowing: local algorithms for document fingerprinting" (2003).
    """
    if len(run) <= _WINDOW:
        return frozenset(run and (min(run),))
    pairs = [one if one < other else other for one, other in pairwise(run)]  # noqa: FURB136 - min takes twice as long
    fours = [one if one < other else other for one, other in zip(pairs, pairs[2:], strict=False)]  # noqa: FURB136
    return frozenset(fours)


class _Numbers(dict[str, tuple[int, int, int]]):
    """What a token adds to the number of three, as the first, second and third of them."""

    NONE = (0, 0, 0)

    def __missing__(self, token: str) -> tuple[int, int, int]:
        if len(self) >= _REMEMBERED:
            self.clear()
        number = crc32(token.encode("utf-8", "surrogatepass")) + 1
        one, two, three = _FACTORS
        self[token] = found = number * one % _MODULUS, number * two % _MODULUS, number * three % _MODULUS
        return found


@cache
def _numbers() -> _Numbers:
    return _Numbers()
