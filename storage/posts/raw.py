"""Keeps the bytes that a source sent, compressed, each only once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from hashlib import sha256
from typing import TYPE_CHECKING

from storage.archive import dictionaries
from storage.archive.columns import storable
from storage.archive.database import as_list, in_list
from storage.posts.ids import first_id
from storage.records import Raw

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

_DAY = first_id(24 * 3600)


def find_stored(reader: Reader, raws: Iterable[Raw]) -> set[str]:
    """The SHA-256 of those that the archive has already."""
    addresses = as_list(sha256(raw.data).hexdigest() for raw in raws)
    return set(reader.column(f"SELECT sha256 FROM raw WHERE sha256 {in_list('addresses')}", {"addresses": addresses}))


def was_received(reader: Reader, source_id: int, address: str, post_id: int) -> bool:
    """Whether these bytes came from the source before, with a post published within a day of this one, or set aside."""
    values = {"source": source_id, "address": address, "low": post_id - _DAY, "high": post_id + _DAY}
    return bool(
        reader.value(
            "SELECT EXISTS (SELECT 1 FROM posts p JOIN revisions r ON r.post_id = p.id WHERE p.source_id = :source"
            " AND p.id > :low AND p.id < :high AND r.raw_sha256 = :address)"
            " OR EXISTS (SELECT 1 FROM quarantine WHERE source_id = :source AND raw_sha256 = :address)",
            values,
        )
    )


def save_raw(writer: Writer, raws: Iterable[Raw]) -> list[str]:
    """Store what is not there yet; the SHA-256 of each, in the order given."""
    hashes = []
    new: dict[str, dict[str, bytes]] = defaultdict(dict)
    for raw in raws:
        address = sha256(raw.data).hexdigest()
        hashes.append(address)
        new[storable(raw.mime)][address] = raw.data
    rows = [
        {"sha256": address, "mime": mime, "bytes": len(data), "zstd": packed}
        for mime, pieces in new.items()
        for (address, data), packed in zip(
            pieces.items(), dictionaries.pack(writer, mime, list(pieces.values())), strict=True
        )
    ]
    writer.execute_many(
        "INSERT INTO raw (sha256, mime, bytes, zstd) VALUES (:sha256, :mime, :bytes, :zstd) "
        "ON CONFLICT (sha256) DO NOTHING",
        rows,
    )
    return hashes
