"""Documents that are spoilt at one place, the same way each time: what strangers send when something has gone wrong."""

import random
import re
from collections.abc import Callable, Sequence

Spoil = Callable[[bytes, random.Random], bytes]


def _cut(piece: bytes, chance: random.Random) -> bytes:
    start, end = _span(piece, chance)
    return piece[:start] + piece[end:]


def _doubled(piece: bytes, chance: random.Random) -> bytes:
    start, end = _span(piece, chance)
    return piece[:end] + piece[start:end] * chance.choice((1, 1, 30)) + piece[end:]


def _flipped(piece: bytes, chance: random.Random) -> bytes:
    found = bytearray(piece)
    for _ in range(chance.randrange(1, 9)):
        found[chance.randrange(len(found))] ^= 1 << chance.randrange(8)
    return bytes(found)


def _nested(piece: bytes, chance: random.Random) -> bytes:
    start, end = _span(piece, chance)
    before, after = chance.choice(
        ((b"<div>", b"</div>"), (b"[", b"]"), (b'{"a":', b"}"), (b"<b>", b""), (b"<!--", b""))
    )
    times = chance.choice((1, 60, 3000))
    return piece[:start] + before * times + piece[start:end] + after * times + piece[end:]


def _other_charset(piece: bytes, chance: random.Random) -> bytes:
    start, end = _span(piece, chance)
    words = piece[start:end].decode("utf-8", "replace")
    return (
        piece[:start] + words.encode(chance.choice(("utf-16", "latin-1", "cp1251", "utf-7")), "replace") + piece[end:]
    )


def _numbers_as_text(piece: bytes, chance: random.Random) -> bytes:
    return re.sub(
        rb"\d+", lambda found: chance.choice((b'"%s"', b"%se999", b"-%s", b"%s.5")) % found[0], piece, count=5
    )


def _nulls(piece: bytes, chance: random.Random) -> bytes:
    values = list(re.finditer(rb'"[^"]*"|\d+', piece))
    if not values:
        return b"\0" + piece
    value = chance.choice(values)
    return piece[: value.start()] + chance.choice((b"null", b"\0", b"[]", b"{}", b'""')) + piece[value.end() :]


def _huge(piece: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(piece))
    return piece[:at] + chance.choice((b"x", b"9", b"<", b"&amp;", b"\n", "ā".encode())) * 60_000 + piece[at:]


def _tangled(piece: bytes, chance: random.Random) -> bytes:
    """Marks that mean something to a parser, where they do not belong."""
    at = chance.randrange(len(piece))
    marks = (
        b"<![CDATA[",
        b"]]>",
        b"-->",
        b"</item>",
        b"</entry>",
        b"<item>",
        b"&#0;",
        b"&bogus;",
        b"\xff\xfe",
        b"\\ud800",
    )
    return piece[:at] + chance.choice(marks) + piece[at:]


WAYS: Sequence[Spoil] = (
    *(_cut, _doubled, _flipped, _nested, _other_charset, _numbers_as_text, _nulls, _huge, _tangled),
)


def _span(piece: bytes, chance: random.Random) -> tuple[int, int]:
    start = chance.randrange(len(piece))
    return start, min(len(piece), start + chance.choice((1, 7, 60, len(piece))))


def spoil(pieces: Sequence[bytes], seed: int) -> tuple[list[bytes], int, str]:
    """The pieces with one of them spoilt: which, and how."""
    chance = random.Random(seed)
    which, way = chance.randrange(len(pieces)), WAYS[seed % len(WAYS)]
    spoilt = [way(piece, chance) if at == which else piece for at, piece in enumerate(pieces)]
    return spoilt, which, way.__name__
