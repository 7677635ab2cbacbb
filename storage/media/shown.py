"""Files as pages list them: the newest first and page by page, and everything that is known of one content."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Reader

_COLUMNS = (
    "m.id, m.post_id, s.name AS source, s.side, p.posted_at, p.collected_at, p.deleted_at, m.kind, m.name, m.mime,"
    " m.sniffed, m.state, m.reason, coalesce(m.size, m.bytes) AS bytes, m.duration_s, m.sha256, m.stored_at, m.path"
)
_JOINED = "media m JOIN posts p ON p.id = m.post_id JOIN sources s ON s.id = p.source_id"


@dataclass(frozen=True, slots=True)
class FileLine:
    """One file of one post. `mime` and `name` are the source's own words, `sniffed` is what its first bytes show."""

    id: int
    post_id: int
    source: str
    side: str | None
    posted_at: int | None
    collected_at: int
    deleted_at: int | None
    kind: str
    name: str | None
    mime: str | None
    sniffed: str | None
    state: str
    reason: str | None
    bytes: int | None
    duration_s: float | None
    sha256: str | None
    stored_at: int | None
    path: str | None


def list_newest(
    reader: Reader,
    *,
    kind: str | None = None,
    state: str | None = None,
    source: str | None = None,
    before: int | None = None,
    limit: int,
) -> list[FileLine]:
    """At most so many files, those that were noticed last first; `before` is the id of a file, for the next page."""
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM {_JOINED} WHERE (:before IS NULL OR m.id < :before) AND (:kind IS NULL OR"
        " m.kind = :kind) AND (:state IS NULL OR m.state = :state) AND (:source IS NULL OR s.name = :source)"
        " ORDER BY m.id DESC LIMIT :limit + 0",
        {"before": before, "kind": kind, "state": state, "source": source, "limit": limit},
    )
    return [FileLine(*row) for row in rows]


def find_content(reader: Reader, sha256: str, *, limit: int) -> list[FileLine]:
    """The posts that show this content, the oldest first, at most so many; empty where we do not have it."""
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM {_JOINED} WHERE m.sha256 = :sha256 AND m.state = 'stored' ORDER BY m.post_id, m.id"
        " LIMIT :limit + 0",
        {"sha256": sha256, "limit": limit},
    )
    return [FileLine(*row) for row in rows]
