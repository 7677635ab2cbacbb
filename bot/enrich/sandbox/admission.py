"""What is refused before a decoder opens it: a wrong type by its bytes, too many pixels, too long, no sound."""

import math
import struct
from collections.abc import Callable
from pathlib import Path

from bot.clock import SECOND
from bot.contracts.engine import Made, MediaFile, Unfit
from storage.media.types import FILMS, PICTURES, SOUNDS

MOST_PIXELS = 50_000_000
_LONGEST_SIDE = 30_000
_HEAD = 1 << 18  # a JPEG's size may come after a large thumbnail
_TAIL = 1 << 16
_OPUS_RATE = 48_000  # granules of Opus always count these, RFC 7845


def admit(media: MediaFile, makes: Made, longest: int) -> None:
    """Raise Unfit for a file that no engine may open; `longest` is in microseconds.

    Only the bytes count: a playlist called voice.ogg is a playlist, and a decoder that followed it would read files
    and addresses of its author's choice.
    """
    if makes == "ocr":
        _admit_picture(media)
    elif makes == "transcript":
        _admit_sound(media, longest)


def _admit_picture(media: MediaFile) -> None:
    if media.mime not in PICTURES:
        raise Unfit(f"its content is {media.mime}, not a picture")
    size = dimensions(media.path, media.mime)
    if size is None:
        raise Unfit(f"it begins like {media.mime}, but the rest is not")
    width, height = size
    if width < 1 or height < 1:
        raise Unfit(f"a picture of {width} x {height} pixels")
    if width * height > MOST_PIXELS or max(size) > _LONGEST_SIDE:
        raise Unfit(
            f"a picture of {width:,} x {height:,} pixels: at most {MOST_PIXELS // 1_000_000} megapixels are read"
        )


def _admit_sound(media: MediaFile, longest: int) -> None:
    if media.mime not in SOUNDS | FILMS:
        raise Unfit(f"its content is {media.mime}, which has no sound")
    if media.size == 0:
        raise Unfit("the file is empty")
    measured = duration_s(media.path, media.mime)
    lengths = [length for length in (measured, media.duration_s) if length is not None]
    if any(length * SECOND > longest for length in lengths):
        raise Unfit(f"too long: {max(lengths):,.0f} s, at most {longest // SECOND:,} s are read")
    if measured is not None and measured <= 0:
        raise Unfit("a recording of 0 s")


# Pictures ------------------------------------------------------------------------------------------------------------


def dimensions(path: Path, mime: str) -> tuple[int, int] | None:
    """Width and height from the header, without decoding; None if the header makes no sense."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    read = _PICTURES.get(mime)
    try:
        return read(head) if read else None
    except (struct.error, IndexError):
        return None


def _png(head: bytes) -> tuple[int, int] | None:
    return struct.unpack(">II", head[16:24]) if head[12:16] == b"IHDR" else None


def _gif(head: bytes) -> tuple[int, int]:
    width, height = struct.unpack("<HH", head[6:10])
    return width, height


def _bmp(head: bytes) -> tuple[int, int]:
    width, height = struct.unpack("<ii", head[18:26])
    return width, abs(height)


def _jpeg(head: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 < len(head):
        if head[at] != 0xFF:
            return None
        marker = head[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in (0x01, *range(0xD0, 0xD9)):
            at += 2
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", head[at + 5 : at + 9])
            return width, height
        else:
            at += 2 + struct.unpack(">H", head[at + 2 : at + 4])[0]
    return None


def _webp(head: bytes) -> tuple[int, int] | None:
    form = head[12:16]
    if form == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if form == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if form == b"VP8 ":
        width, height = struct.unpack("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None


def _tiff(head: bytes) -> tuple[int, int] | None:
    order = "<" if head[:2] == b"II" else ">"
    (offset,) = struct.unpack(f"{order}I", head[4:8])
    (count,) = struct.unpack(f"{order}H", head[offset : offset + 2])
    sides: dict[int, int] = {}
    for entry in range(min(count, 64)):
        at = offset + 2 + 12 * entry
        tag, kind = struct.unpack(f"{order}HH", head[at : at + 4])
        if tag in (256, 257):
            form = "H" if kind == 3 else "I"
            (sides[tag],) = struct.unpack_from(f"{order}{form}", head, at + 8)
    return (sides[256], sides[257]) if len(sides) == 2 else None


_PICTURES: dict[str, Callable[[bytes], tuple[int, int] | None]] = {
    "image/png": _png,
    "image/gif": _gif,
    "image/bmp": _bmp,
    "image/jpeg": _jpeg,
    "image/webp": _webp,
    "image/tiff": _tiff,
}


# Sound ---------------------------------------------------------------------------------------------------------------


def duration_s(path: Path, mime: str) -> float | None:
    """Seconds from the container, without decoding; None if it does not say. A lie is caught by the deadline."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
        size = file.seek(0, 2)
        file.seek(max(size - _TAIL, 0))
        tail = file.read(_TAIL)
    try:
        if mime == "audio/ogg":
            return _ogg(head, tail)
        if mime == "audio/wav":
            return _wav(head, size)
        if mime in ("audio/mp4", "video/mp4"):
            return _mp4(head) or _mp4(tail)
        if mime == "audio/flac":
            return _flac(head)
        if mime == "video/webm":
            return _webm(head)
    except (struct.error, IndexError, ZeroDivisionError):
        return None
    return None


def _ogg(head: bytes, tail: bytes) -> float | None:
    """The last page's granule divided by the rate in the first packet."""
    last = tail.rfind(b"OggS")
    if last < 0:
        return None
    (granule,) = struct.unpack("<q", tail[last + 6 : last + 14])
    vorbis = head.find(b"\x01vorbis")
    rate = struct.unpack("<I", head[vorbis + 12 : vorbis + 16])[0] if 0 <= vorbis < 256 else _OPUS_RATE
    return None if granule < 0 else granule / rate if rate else 0.0


def _wav(head: bytes, whole: int) -> float | None:
    """Bytes divided by bytes per second; a recording written as a stream claims four gigabytes."""
    form = head.find(b"fmt ")
    data = head.find(b"data", form)
    if form < 0 or data < 0:
        return None
    (rate,) = struct.unpack("<I", head[form + 16 : form + 20])
    (size,) = struct.unpack("<I", head[data + 4 : data + 8])
    return min(size, whole) / rate if rate else 0.0


def _mp4(part: bytes) -> float | None:
    at = part.find(b"mvhd")
    if at < 0:
        return None
    if part[at + 4] == 1:
        scale, length = struct.unpack(">IQ", part[at + 24 : at + 36])
    else:
        scale, length = struct.unpack(">II", part[at + 16 : at + 24])
    return float(length) / scale if scale else 0.0


def _flac(head: bytes) -> float | None:
    """Samples divided by the rate, from the first block (RFC 9639); a stream of unknown length says 0."""
    bits = int.from_bytes(head[18:26], "big")
    rate, samples = bits >> 44, bits & (1 << 36) - 1
    return samples / rate if samples else None


def _webm(head: bytes) -> float | None:
    """Element Duration, a float in units of TimestampScale nanoseconds (RFC 9559)."""
    at, scale_at = head.find(b"\x44\x89"), head.find(b"\x2a\xd7\xb1\x83")
    if at < 0 or head[at + 2] not in (0x84, 0x88):
        return None
    (length,) = struct.unpack_from(">d" if head[at + 2] == 0x88 else ">f", head, at + 3)
    scale = int.from_bytes(head[scale_at + 4 : scale_at + 7], "big") if scale_at >= 0 else 1_000_000
    return float(length) * scale / 1e9 if math.isfinite(length) and length > 0 else None
