"""Gathers a reply's body under a cap that counts the bytes as sent and as unpacked."""

import zlib
from collections.abc import Callable, Mapping

_GZIP = 16 + zlib.MAX_WBITS
_MAGIC = b"\x1f\x8b"


class UnusableBody(Exception):
    """The body is too big or not what its headers say; the text completes "example.org sent …"."""


class TooBig(UnusableBody):
    """The body is longer than the cap."""


class Body:
    """One body while it arrives: `feed` it the bytes as they come, then `finish`. Both raise UnusableBody.

    With a `sink`, what is unpacked goes there piece by piece, and `finish` gives nothing back.
    """

    def __init__(self, cap: int, headers: Mapping[str, str], sink: Callable[[bytes], object] | None = None) -> None:
        self._cap = cap
        self._arrived = 0
        self._unpacked = 0
        self._bytes = bytearray()
        self._keep: Callable[[bytes], object] = sink or self._bytes.extend
        self._gzip = _is_gzip(headers.get("content-encoding", ""))
        self._inflate = zlib.decompressobj(_GZIP)
        announced = headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > cap:
            raise self._too_big()

    def feed(self, chunk: bytes) -> None:
        self._arrived += len(chunk)
        if self._arrived > self._cap:
            raise self._too_big()
        if self._gzip:
            self._unpack(chunk)
        else:
            self._keep(chunk)

    def finish(self) -> bytes:
        if self._gzip and self._arrived and not self._inflate.eof:
            raise UnusableBody("a truncated gzip body")
        return bytes(self._bytes)

    def _unpack(self, chunk: bytes) -> None:
        """Unpack one chunk, never holding more than one byte over the cap; a gzip file may have several members."""
        while chunk:
            if self._inflate.eof:
                if not chunk.startswith(_MAGIC[: len(chunk)]):
                    return  # padding after the last member, which gzip allows
                self._inflate = zlib.decompressobj(_GZIP)
            try:
                piece = self._inflate.decompress(chunk, self._cap + 1 - self._unpacked)
            except zlib.error:
                raise UnusableBody("a body that is not the gzip it is said to be") from None
            self._unpacked += len(piece)
            if self._unpacked > self._cap:
                raise self._too_big()
            self._keep(piece)
            chunk = self._inflate.unused_data

    def _too_big(self) -> TooBig:
        return TooBig(f"more than {self._cap:,} bytes")


def _is_gzip(encoding: str) -> bool:
    """Gzip is all we ask for; a second layer is a bomb's way in (661 bytes can hold 300 MB)."""
    match encoding.strip().lower():
        case "" | "identity":
            return False
        case "gzip" | "x-gzip":
            return True
    raise UnusableBody(f"a body packed as {encoding[:40]!a}, which was not requested")
