"""PURE: draws a QR code in a terminal (ISO/IEC 18004: bytes, lowest error correction, versions 1 to 6)."""

from collections.abc import Iterator, Sequence
from typing import Literal

_DATA = {1: 19, 2: 34, 3: 55, 4: 80, 5: 108, 6: 136}  # codewords, error correction L
_CORRECTION = {1: 7, 2: 10, 3: 15, 4: 20, 5: 26, 6: 18}  # codewords of each block
_BLOCKS = {1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 2}
_FORMAT = 0b111011111000100  # error correction L, mask 0
_HALVES = {(True, True): " ", (True, False): "▄", (False, True): "▀", (False, False): "█"}


Look = Literal["blocks on black", "blocks", "spaces", "nothing"]


def draw_qr(text: str, look: Look = "blocks") -> str:
    """The code with its quiet zone. "blocks": two rows of it in one of text, for light letters on dark.

    "blocks on black" is for terminals of any colour, "spaces" for those that have no such letters: it is larger, and
    still less than 80 columns wide. Raises ValueError for more than 134 bytes.
    """
    modules = build_matrix(text.encode())
    if look == "nothing":
        return "(This terminal can show no QR code: make one of this address, or use --phone)"
    if look == "spaces":
        return _spaced(modules)
    lines = _blocks(modules)
    return "\n".join(f"\x1b[97;40m{line}\x1b[0m" for line in lines) if look == "blocks on black" else "\n".join(lines)


def _spaced(modules: list[list[bool]]) -> str:
    empty = [[False] * len(modules)] * 2
    rows = ([False, False, *row, False, False] for row in (*empty, *modules, *empty))
    return "\n".join("".join("\x1b[40m  " if dark else "\x1b[107m  " for dark in row) + "\x1b[0m" for row in rows)


def _blocks(modules: list[list[bool]]) -> list[str]:
    size = len(modules) + 8
    rows = [[False] * size for _ in range(4)]
    rows += [[False] * 4 + row + [False] * 4 for row in modules]
    rows += [[False] * size for _ in range(5)]
    return [
        "".join(_HALVES[upper, lower] for upper, lower in zip(rows[at], rows[at + 1], strict=True))
        for at in range(0, size, 2)
    ]


def build_matrix(data: bytes) -> list[list[bool]]:
    """The modules, True where dark. Raises ValueError for too much data."""
    version = next((known for known in _DATA if len(data) + 2 <= _DATA[known]), None)
    if version is None:
        raise ValueError("too long for a small QR code")
    size = 17 + 4 * version
    dark: dict[tuple[int, int], bool] = {}
    for row, column in ((3, 3), (3, size - 4), (size - 4, 3)):
        _finder(dark, row, column, size)
    for at in range(8, size - 8):
        dark[6, at] = dark[at, 6] = at % 2 == 0
    if version > 1:
        middle = size - 7
        for row in range(-2, 3):
            for column in range(-2, 3):
                dark[middle + row, middle + column] = max(abs(row), abs(column)) != 1
    _format(dark, size)
    bits = _bits(_codewords(data, version))
    for row, column in _path(size):
        if (row, column) not in dark:
            dark[row, column] = next(bits, False) ^ ((row + column) % 2 == 0)
    return [[dark[row, column] for column in range(size)] for row in range(size)]


def compute_correction(data: Sequence[int], count: int) -> list[int]:
    """Reed-Solomon codewords over GF(256) with the polynomial 0x11D."""
    generator = [1]
    root = 1
    for _ in range(count):
        generator = [
            (generator[at] if at < len(generator) else 0) ^ (_times(generator[at - 1], root) if at else 0)
            for at in range(len(generator) + 1)
        ]
        root = _times(root, 2)
    rest = [*data, *([0] * count)]
    for at in range(len(data)):
        factor = rest[at]
        for step, coefficient in enumerate(generator):
            rest[at + step] ^= _times(coefficient, factor)
    return rest[len(data) :]


def _times(one: int, other: int) -> int:
    product = 0
    while other:
        product ^= one if other & 1 else 0
        one = (one << 1) ^ (0x11D if one & 0x80 else 0)
        other >>= 1
    return product


def _codewords(data: bytes, version: int) -> list[int]:
    """Mode, length, data and padding, in blocks with their corrections, interleaved."""
    number = (0b0100 << 8 | len(data)) << 8 * len(data) | int.from_bytes(data, "big")
    words = list((number << 4).to_bytes(len(data) + 2, "big"))
    words += [(0xEC, 0x11)[at % 2] for at in range(_DATA[version] - len(words))]
    length = len(words) // _BLOCKS[version]
    blocks = [words[start : start + length] for start in range(0, len(words), length)]
    corrections = [compute_correction(block, _CORRECTION[version]) for block in blocks]
    return [word for part in (blocks, corrections) for together in zip(*part, strict=True) for word in together]


def _bits(words: Sequence[int]) -> Iterator[bool]:
    return iter([bool(word >> shift & 1) for word in words for shift in range(7, -1, -1)])


def _path(size: int) -> list[tuple[int, int]]:
    """Where the bits go: columns in pairs from the right, up and down in turn, past the timing column."""
    places = []
    upwards = True
    for right in [*range(size - 1, 6, -2), 5, 3, 1]:
        for row in range(size - 1, -1, -1) if upwards else range(size):
            places += [(row, right), (row, right - 1)]
        upwards = not upwards
    return places


def _finder(dark: dict[tuple[int, int], bool], row: int, column: int, size: int) -> None:
    for down in range(-4, 5):
        for across in range(-4, 5):
            if 0 <= row + down < size and 0 <= column + across < size:
                dark[row + down, column + across] = max(abs(down), abs(across)) in (0, 1, 3)


def _format(dark: dict[tuple[int, int], bool], size: int) -> None:
    for at in range(15):
        bit = bool(_FORMAT >> at & 1)
        dark[(8, size - 1 - at) if at < 8 else (size - 15 + at, 8)] = bit
        near = at if at < 6 else at + 1
        dark[(near, 8) if at < 8 else (8, 15 - at if at == 8 else 14 - at)] = bit
    dark[size - 8, 8] = True
