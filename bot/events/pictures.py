"""PURE: what a picture looks like, as a few bits: how near two of them are, and parts that near ones share."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import cos, pi
from statistics import median

SIDE = 32  # of the grey square that is compared
NEAR = 66  # of BITS: of the pairs in tests/events/test_pictures.py, copies have at most 64, other pictures at least 98
BITS = 255
# What may have been cut off: left, top, right, bottom, as parts of the sides. The first is the whole picture.
CUTS: tuple[tuple[float, float, float, float], ...] = (
    (0, 0, 0, 0),
    *((0.05, 0, 0, 0), (0, 0.05, 0, 0), (0, 0, 0.05, 0), (0, 0, 0, 0.05)),
    *((0.1, 0, 0, 0), (0, 0.1, 0, 0), (0, 0, 0.1, 0), (0, 0, 0, 0.1)),
    *((0.025, 0.025, 0.025, 0.025), (0.05, 0.05, 0.05, 0.05)),
)
_WAVES = 16  # in each direction, the longest ones: they survive scaling, compression and other light
_BANDS, _BAND_BITS = 8, 8
_LEAST = 3.0  # mean difference of grey below which there is nothing to compare
_HEX = 64
_WORDS, _PHOTO = "words", "photo"


def describe(squares: Sequence[bytes], *, words: bool) -> str | None:
    """What a picture looks like: `squares` are the grey values of SIDE x SIDE parts of it, one for each of CUTS.

    None if it shows too little: one colour. `words` says that it seems to hold words.
    """
    whole = squares[0]
    middle = sum(whole) / len(whole)
    if sum(abs(value - middle) for value in whole) / len(whole) < _LEAST:
        return None
    return f"{_WORDS if words else _PHOTO} {''.join(f'{_hash(square):064x}' for square in squares)}"


def seems_to_hold_words(signature: str) -> bool:
    """What `describe` knows of words."""
    return signature.startswith(_WORDS)


def measure_distance(one: str, other: str) -> int:
    """In how many of BITS two pictures differ, when what may be cut off of one of them is left out."""
    ours, theirs = _hashes(one), _hashes(other)
    pairs = [(ours[0], cut) for cut in theirs] + [(cut, theirs[0]) for cut in ours]
    return min((here ^ there).bit_count() for here, there in pairs)


def bands(signature: str) -> tuple[int, ...]:
    """Parts of the signature, each with its place: near pictures share one at least, nearly always."""
    first = _hashes(signature)[0]
    return tuple(
        place << _BAND_BITS | first >> (BITS - (place + 1) * _BAND_BITS) & ((1 << _BAND_BITS) - 1)
        for place in range(_BANDS)
    )


def _hashes(signature: str) -> list[int]:
    digits = signature.partition(" ")[2]
    return [int(digits[start : start + _HEX], 16) for start in range(0, len(digits), _HEX)]


def _hash(square: bytes) -> int:
    """Which of the longest waves are stronger than the median one: a bit each, the longest first."""
    across, down = _waves(), _waves()
    rows = [square[start : start + SIDE] for start in range(0, SIDE * SIDE, SIDE)]
    halfway = [[sum(map(_times, row, wave)) for row in rows] for wave in across]
    strengths = [sum(map(_times, halfway[one], down[other])) for one, other in _order()]
    middle = median(strengths)
    found = 0
    for strength in strengths:
        found = found << 1 | (strength > middle)
    return found


def _times(one: float, other: float) -> float:
    return one * other


@cache
def _waves() -> tuple[tuple[float, ...], ...]:
    """The discrete cosine transform (DCT-II) of SIDE values."""
    return tuple(tuple(cos(pi * (2 * x + 1) * wave / (2 * SIDE)) for x in range(SIDE)) for wave in range(_WAVES))


@cache
def _order() -> tuple[tuple[int, int], ...]:
    """Waves across and down, without the mean: the longest first, which change least."""
    pairs = [(one, other) for one in range(_WAVES) for other in range(_WAVES)]
    return tuple(sorted(pairs, key=lambda pair: (max(pair), pair))[1:])
