"""How revisions and absences came to us: status line, headers, final address, certificate; each only once."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING

from zstandard import ZstdCompressor, ZstdDecompressor

from storage.archive.columns import storable, storable_or_none
from storage.records import Fetch

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

_MOST_HEADERS = 1 << 18  # bytes


def save_fetch(writer: Writer, fetch: Fetch, now: int) -> int:
    """Store it unless it is there already; its id."""
    headers = json.dumps(fetch.headers).encode("ascii")
    facts = {
        "method": storable(fetch.method),
        "status": storable_or_none(fetch.status),
        "url": storable_or_none(fetch.url),
        "certificate": storable_or_none(fetch.certificate),
        "layer": fetch.layer,
    }
    digest = sha256(json.dumps(facts, sort_keys=True).encode("ascii") + headers).hexdigest()
    known = writer.value("SELECT id FROM fetches WHERE digest = :digest", {"digest": digest})
    if known is not None:
        return int(known)
    return int(
        writer.value(
            "INSERT INTO fetches (digest, at, method, status, url, headers, certificate, layer) "
            "VALUES (:digest, :at, :method, :status, :url, :headers, :certificate, :layer) RETURNING id",
            {**facts, "digest": digest, "at": now, "headers": ZstdCompressor(level=3).compress(headers)},
        )
    )


def read_fetch(reader: Reader, fetch_id: int | None) -> Fetch | None:
    """Read one by its id; None if nothing was recorded."""
    row = reader.one(
        "SELECT method, status, url, headers, certificate, layer FROM fetches WHERE id = :id", {"id": fetch_id}
    )
    if row is None:
        return None
    headers = json.loads(ZstdDecompressor().decompress(row["headers"], _MOST_HEADERS))
    return Fetch(
        row["method"], row["status"], row["url"], tuple((n, v) for n, v in headers), row["certificate"], row["layer"]
    )
