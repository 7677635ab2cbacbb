"""Which stored files an engine has read, which none has, and which were given up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from storage.archive.database import as_list, in_list
from storage.frozen import dataclass
from storage.media.stored import FILES, StoredMedia

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

Made = Literal["transcript", "ocr"]
_OF_FILES = "kind IN ('transcript', 'ocr')"
_GIVEN_UP = f"m.id IN (SELECT CAST(slot AS INTEGER) FROM given_up WHERE {_OF_FILES})"
_WAITS = (
    "EXISTS (SELECT 1 FROM jobs j WHERE j.kind IN ('transcript', 'ocr') AND j.post_id = m.post_id "
    "AND j.slot = CAST(m.id AS TEXT))"
)


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """Which files a person wants to be read: those of `sources`, or of all; with `again` also what was read before.

    `since` is in microseconds UTC.
    """

    since: int | None = None
    sources: tuple[str, ...] = ()
    again: bool = False


@dataclass(frozen=True, slots=True)
class GivenUpFile:
    """A file that an engine gave up; `read_by` is which, as it was configured, None where that is not known."""

    file: StoredMedia
    made: Made
    native_id: str
    at: int
    reason: str
    read_by: str | None


def find_unread(reader: Reader, *, below: StoredMedia | None = None, limit: int) -> list[StoredMedia]:
    """Files on which no engine has had its say and for which no job waits: those of the newest posts first.

    `below` is the last of the page before.
    """
    rows = reader.rows(
        f"{_UNREAD} WHERE m.state = 'stored' AND m.read_by IS NULL AND NOT {_WAITS} AND NOT {_GIVEN_UP} {_PAGE}",
        _page(below, limit),
    )
    return [StoredMedia(**dict(row)) for row in rows]


def find_requested(
    reader: Reader, what: ReadRequest, *, below: StoredMedia | None = None, limit: int
) -> list[StoredMedia]:
    """Files that a person asks for, in the same order: all that were not read, with `again` those that were."""
    rows = reader.rows(
        f"{FILES} WHERE +m.state = 'stored' AND (:again OR m.read_by IS NULL OR {_GIVEN_UP}) "
        "AND (:since IS NULL OR coalesce(p.posted_at, p.collected_at) >= :since) "
        f"AND (:anywhere OR s.name {in_list('sources')}) {_PAGE}",
        _page(below, limit)
        | {
            "again": what.again,
            "since": what.since,
            "anywhere": not what.sources,
            "sources": as_list(what.sources),
        },
    )
    return [StoredMedia(**dict(row)) for row in rows]


# The planner would rather sort all that is stored than walk the index of what is unread.
_UNREAD = FILES.replace("media m", "media m INDEXED BY media_unread")
_PAGE = "AND (m.post_id, m.id) < (:post, :id) ORDER BY m.post_id DESC, m.id DESC LIMIT :limit + 0"
_TOP = (1 << 63) - 1


def _page(below: StoredMedia | None, limit: int) -> dict[str, object]:
    post, row = (_TOP, _TOP) if below is None else (below.post_id, below.id)
    return {"post": post, "id": row, "limit": limit}


def list_given_up(reader: Reader, *, limit: int) -> list[GivenUpFile]:
    """Files that were given up, the last of them first."""
    rows = reader.rows(
        f"SELECT f.*, g.kind AS made, q.native_id, g.at, g.reason, r.read_by FROM given_up g JOIN ({FILES}) f "
        "ON f.id = CAST(g.slot AS INTEGER) AND f.post_id = g.post_id JOIN media r ON r.id = f.id "
        f"JOIN posts q ON q.id = f.post_id WHERE g.{_OF_FILES} ORDER BY g.id DESC LIMIT :limit + 0",
        {"limit": limit},
    )
    found = []
    for row in rows:
        values = dict(row)
        more = {name: values.pop(name) for name in ("made", "native_id", "at", "reason", "read_by")}
        found.append(GivenUpFile(StoredMedia(**values), **more))
    return found


def mark_read(writer: Writer, media_id: int, by: str, now: int) -> None:
    """An engine has had its say on a file: words, none, or that it cannot be read.

    What it says of a file that had been read before is no news.
    """
    writer.execute(
        "UPDATE media SET read_by = :by, read_at = :now, reread = CASE WHEN read_by IS NULL THEN reread ELSE 1 END "
        "WHERE id = :id",
        {"id": media_id, "by": by, "now": now},
    )


def reopen(writer: Writer, media_ids: Iterable[int]) -> None:
    """Forget that these files were given up: another engine, or a person, wants to try."""
    ids = as_list(media_ids)
    writer.execute(
        f"UPDATE media SET read_by = NULL, crashes = NULL WHERE id {in_list('ids')} AND id IN "
        f"(SELECT CAST(slot AS INTEGER) FROM given_up WHERE {_OF_FILES})",
        {"ids": ids},
    )
    writer.execute(
        f"DELETE FROM given_up WHERE {_OF_FILES} AND CAST(slot AS INTEGER) {in_list('ids')}",
        {"ids": ids},
    )
