"""PURE: what a file is by its first bytes, whatever its name and its source say."""

from __future__ import annotations

HEAD = 4096  # bytes that `sniff` wants to see
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"BM", "image/bmp"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"PK\x05\x06", "application/zip"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"\x7fELF", "application/x-executable"),
    (0, b"MZ", "application/x-executable"),
    (0, b"#!AMR", "audio/amr"),
    (0, b"#EXTM3U", "application/vnd.apple.mpegurl"),
    (0, b"ffconcat", "text/x-ffconcat"),
    (0, b"v=0\r\n", "application/sdp"),
    (0, b"v=0\n", "application/sdp"),
)
_BRANDS = {b"avif": "image/avif", b"heic": "image/heic", b"heix": "image/heic", b"mif1": "image/heic"}
_SPOKEN_BRANDS = (b"M4A ", b"M4B ")
PICTURES = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp", "image/tiff"})
SOUNDS = frozenset({"audio/ogg", "audio/mpeg", "audio/mp4", "audio/flac", "audio/wav", "audio/amr", "audio/aac"})
FILMS = frozenset({"video/mp4", "video/webm", "video/ogg"})

_ENDINGS = {
    "audio/ogg": "ogg",
    "audio/mpeg": "mp3",
    "audio/mp4": "m4a",
    "audio/wav": "wav",
    "audio/flac": "flac",
    "audio/aac": "aac",
    "audio/amr": "amr",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/gif": "gif",
    "video/mp4": "mp4",
    "video/webm": "webm",
    "application/pdf": "pdf",
}


def sniff(head: bytes) -> str:
    """Name the type that the first bytes show; "application/octet-stream" where they show none.

    A playlist, a page or a drawing in disguise is named as what it is, so that no decoder is ever handed one.
    """
    if head[:4] == b"OggS":
        return _ogg(head)
    if head[:4] == b"RIFF":
        return {b"WAVE": "audio/wav", b"WEBP": "image/webp"}.get(head[8:12], "application/octet-stream")
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        return _BRANDS.get(brand, "audio/mp4" if brand in _SPOKEN_BRANDS else "video/mp4")
    for offset, magic, mime in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return mime
    if head[:1] == b"\xff" and len(head) > 1 and head[1] & 0xE0 == 0xE0:
        return "audio/aac" if head[1] & 0x06 == 0 else "audio/mpeg"
    return _text(head)


def ending(mime: str | None) -> str:
    """What the name of a file of this type ends with; "bin" for types that nothing should open by itself."""
    return _ENDINGS.get(mime or "", "bin")


def _ogg(head: bytes) -> str:
    """Tell sound from film by the first packet (RFC 3533: it is the codec's own header)."""
    return "video/ogg" if b"\x80theora" in head[:256] else "audio/ogg"


def _text(head: bytes) -> str:
    words = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:512].lower()
    if words.startswith(b"#extm3u"):
        return "application/vnd.apple.mpegurl"
    if words.startswith((b"<!doctype html", b"<html", b"<script", b"<body", b"<head")):
        return "text/html"
    if words.startswith((b"<?xml", b"<svg", b"<!doctype svg")):
        return "image/svg+xml" if b"<svg" in head.lower() else "application/xml"
    if not head or b"\x00" in head:
        return "application/octet-stream"
    try:
        head[: max(len(head) - 3, 1)].decode("utf-8")  # a letter may be cut at the end
    except UnicodeDecodeError as error:
        if error.end < len(head) - 6:
            return "application/octet-stream"
    return "text/plain"
