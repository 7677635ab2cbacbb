"""Pieces that could not be read or stored as posts: kept whole, shown to the user, never in the way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from storage.alerts import notices
from storage.archive.columns import id_text, storable
from storage.posts import raw
from storage.records import Quarantined

if TYPE_CHECKING:
    from storage.archive.database import Writer


def save_pieces(writer: Writer, source_id: int, pieces: Iterable[Quarantined], now: int) -> int:
    """Store pieces and notice each once; the number of new ones. The same post with the same fault is kept once."""
    return sum(_keep(writer, source_id, piece, now) for piece in pieces)


def _keep(writer: Writer, source_id: int, piece: Quarantined, now: int) -> int:
    values = {
        "source": source_id,
        "native_id": None if piece.native_id is None else id_text(piece.native_id),
        "reason": storable(piece.reason),
        "now": now,
    }
    # the same block comes again at every poll, with other bytes where the page carries its own time
    if piece.native_id is not None and writer.one(
        "SELECT 1 FROM quarantine WHERE source_id = :source AND native_id = :native_id AND reason = :reason", values
    ):
        return 0
    values["raw"] = address = raw.address_of(piece.raw)
    raw.save_raw(writer, [(address, piece.raw, None)])
    kept = writer.value(
        "INSERT INTO quarantine (source_id, native_id, raw_sha256, reason, at) "
        "VALUES (:source, :native_id, :raw, :reason, :now) ON CONFLICT (source_id, raw_sha256) DO NOTHING "
        "RETURNING id",
        values,
    )
    if kept is None:
        return 0
    name = writer.value("SELECT name FROM sources WHERE id = :source", values)
    what = "a piece" if piece.native_id is None else f"post {values['native_id']}"
    notices.add(writer, now, f"source {name}", f"{what} of {name} is kept aside: {values['reason']}")
    return 1
