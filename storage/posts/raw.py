"""Keeps the bytes that a source sent, compressed, each only once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from hashlib import sha256
from itertools import repeat
from typing import TYPE_CHECKING

from storage.archive import dictionaries
from storage.archive.columns import storable
from storage.archive.database import as_list, in_list
from storage.posts.ids import first_id
from storage.records import Raw

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer
    from storage.posts.texts import OwnText

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


def save_raw(writer: Writer, raws: Iterable[Raw], own: Iterable[OwnText | None] = repeat(None)) -> list[str]:
    """Store what is not there yet, each with its own text if it has one; the SHA-256 of each, in the order given."""
    hashes = []
    new: dict[str, dict[str, tuple[bytes, OwnText | None]]] = defaultdict(dict)
    for raw, text in zip(raws, own):  # noqa: B905 - texts may be endlessly many
        address = sha256(raw.data).hexdigest()
        hashes.append(address)
        new[storable(raw.mime)][address] = raw.data, text
    for mime, pieces in new.items():
        packed = dictionaries.pack(writer, mime, [(data, text.text if text else "") for data, text in pieces.values()])
        writer.execute_many(
            "INSERT INTO raw (sha256, mime, bytes, zstd, text_id) VALUES (:sha256, :mime, :bytes, :zstd, :text_id) "
            "ON CONFLICT (sha256) DO NOTHING",
            [
                {"sha256": address, "mime": mime, "bytes": len(data), "zstd": frame, "text_id": text and text.id}
                for (address, (data, text)), frame in zip(pieces.items(), packed, strict=True)
            ],
        )
    return hashes
