"""PURE: the numbers by which a text is found: one for each three words that follow each other, and a choice of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from struct import Struct
from zlib import crc32

SHINGLE = 3
_WINDOW = 4  # of so many shingles in a row at least one is a fingerprint: any 6 tokens that two texts share are found
_MASK = (1 << 63) - 1
_FIRST, _SECOND, _ALL = 1_000_003, 1_000_033, 0x9E3779B97F4A7C15  # factors
_FIELD = Struct("<5xQ5x")  # a sum is below 2 ** 137; of its bits the number has those from 40 to 102
_BITS = 8 * _FIELD.size
_REMEMBERED = 1 << 15  # tokens: a few megabytes


def number_shingles(tokens: Sequence[str]) -> tuple[int, ...]:
    """A number for each shingle, in order: the same on every machine and in every process, for they are stored.

    It is ((first * _FIRST + second) * _SECOND + third) * _ALL of the checksums of its tokens. The checksums of all
    tokens are one large number with a field for each, so that this is computed once for all shingles.
    """
    ones = int.from_bytes(b"".join(map(_checksums().__getitem__, tokens)), "little")
    sums = ((ones * _FIRST + (ones >> _BITS)) * _SECOND + (ones >> 2 * _BITS)) * _ALL
    fields = memoryview(sums.to_bytes(_FIELD.size * len(tokens), "little"))
    count = max(len(tokens) + 1 - SHINGLE, 1)  # a shorter text is as if it ended with tokens of no number
    return tuple([value & _MASK for (value,) in _FIELD.iter_unpack(fields[: _FIELD.size * count])])


def choose_prints(run: Sequence[int]) -> frozenset[int]:
    """Some of these numbers, chosen so that two texts that share six tokens in a row share one.

    Winnowing, by Schleimer, Wilkerson and Aiken: "Winnowing: local algorithms for document fingerprinting" (2003).
    """
    if len(run) <= _WINDOW:
        return frozenset(run and (min(run),))
    pairs = [one if one < other else other for one, other in pairwise(run)]  # noqa: FURB136 - min takes twice as long
    fours = [one if one < other else other for one, other in zip(pairs, pairs[2:], strict=False)]  # noqa: FURB136
    return frozenset(fours)


class _Checksums(dict[str, bytes]):
    """The field of each token, for that of its checksum is always the same."""

    def __missing__(self, token: str) -> bytes:
        if len(self) >= _REMEMBERED:
            self.clear()
        number = crc32(token.encode("utf-8", "surrogatepass")) + 1
        self[token] = found = number.to_bytes(_FIELD.size, "little")
        return found


@cache
def _checksums() -> _Checksums:
    return _Checksums()
