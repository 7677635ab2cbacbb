"""Keeps the bytes that a source sent, compressed, each only once."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import TYPE_CHECKING

from zstandard import ZstdCompressor, ZstdDecompressor

from storage.archive.columns import storable
from storage.records import Raw

if TYPE_CHECKING:
    from storage.archive.database import Writer


def unpack(packed: bytes, size: int) -> bytes:
    """The bytes as received."""
    return ZstdDecompressor().decompress(packed, max_output_size=max(1, size))


def save_raw(writer: Writer, raws: Iterable[Raw]) -> list[str]:
    """Store what is not there yet; the SHA-256 of each, in the order given."""
    compressor = ZstdCompressor(level=3)
    hashes = []
    rows = {}
    for raw in raws:
        address = sha256(raw.data).hexdigest()
        hashes.append(address)
        if address not in rows:
            rows[address] = {
                "sha256": address,
                "mime": storable(raw.mime),
                "bytes": len(raw.data),
                "zstd": compressor.compress(raw.data),
            }
    writer.execute_many(
        "INSERT INTO raw (sha256, mime, bytes, zstd) VALUES (:sha256, :mime, :bytes, :zstd) "
        "ON CONFLICT (sha256) DO NOTHING",
        list(rows.values()),
    )
    return hashes
