"""What a picture file is and how large, read from its header alone: nothing is decoded before it is known."""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bot.enrich._contract import Unfit

MOST_PIXELS = 50_000_000
MOST_BYTES = 64 << 20
_JPEG_HEADER_CAP = 16 << 20  # colour profiles and previews before the size of the picture
_SIZED = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # start-of-frame markers, ISO 10918-1 table B.1
_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers that carry no length


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as its header announces it. `form` is Pillow's name of the format."""

    form: str
    width: int
    height: int


def look(path: Path, *, most_pixels: int = MOST_PIXELS, most_bytes: int = MOST_BYTES) -> Picture:
    """Read the header of a PNG, JPEG, WebP or GIF. Raises Unfit for everything else and for bombs."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        head = file.read(64)
        form = _form(head)
        if form is None:
            raise Unfit("it is no PNG, JPEG, WebP or GIF")
        if size > most_bytes:
            raise Unfit(f"the file is larger than {most_bytes >> 20} MB")
        try:
            width, height = _SIZES[form](file, head)
        except (struct.error, IndexError):
            raise Unfit(f"the {form} ends before it says how large it is") from None
    if width < 1 or height < 1:
        raise Unfit(f"the {form} has no size")
    if width * height > most_pixels:
        raise Unfit(f"it has {width:,} x {height:,} pixels, more than {most_pixels // 1_000_000} million")
    return Picture(form, width, height)


def _form(head: bytes) -> str | None:
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    return None


def _png(_: BinaryIO, head: bytes) -> tuple[int, int]:
    if head[12:16] != b"IHDR":
        raise Unfit("the PNG does not begin with its header")
    width, height = struct.unpack_from(">II", head, 16)
    return width, height


def _gif(_: BinaryIO, head: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", head, 6)
    return width, height


def _webp(_: BinaryIO, head: bytes) -> tuple[int, int]:
    kind = head[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", head, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise Unfit("the WebP does not begin with a picture")


def _jpeg(file: BinaryIO, _: bytes) -> tuple[int, int]:
    """Walk the segments up to the picture's data; of several sizes the largest counts."""
    width = height = 0
    file.seek(2)
    while file.tell() < _JPEG_HEADER_CAP:
        pad, marker = file.read(1)[0], file.read(1)[0]
        while marker == 0xFF:
            marker = file.read(1)[0]
        if pad != 0xFF:
            raise Unfit("the JPEG is damaged")
        if marker in _BARE:
            continue
        if marker in (0xD9, 0xDA):
            return width, height
        (length,) = struct.unpack(">H", file.read(2))
        start = file.tell()
        if marker in _SIZED:
            _, high, wide = struct.unpack(">BHH", file.read(5))
            width, height = max(width, wide), max(height, high)
        file.seek(start + length - 2)
    raise Unfit(f"the JPEG has more than {_JPEG_HEADER_CAP >> 20} MB before its picture")


_SIZES: Mapping[str, Callable[[BinaryIO, bytes], tuple[int, int]]] = {
    "PNG": _png,
    "GIF": _gif,
    "WEBP": _webp,
    "JPEG": _jpeg,
}
