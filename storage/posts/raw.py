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
    from storage.posts.texts import OwnText

_DAY = first_id(24 * 3600)


def address_of(raw: Raw) -> str:
    """The SHA-256 by which these bytes are kept."""
    return sha256(raw.data).hexdigest()


def find_stored(reader: Reader, addresses: Iterable[str]) -> set[str]:
    """Those of these SHA-256 whose bytes the archive has already."""
    values = {"addresses": as_list(addresses)}
    return set(reader.column(f"SELECT sha256 FROM raw WHERE sha256 {in_list('addresses')}", values))


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


def save_raw(writer: Writer, raws: Iterable[tuple[str, Raw, OwnText | None]]) -> None:
    """Store what is not there yet, by its SHA-256, each with its own text if it has one."""
    new: dict[str, dict[str, tuple[bytes, OwnText | None]]] = defaultdict(dict)
    for address, raw, text in raws:
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
