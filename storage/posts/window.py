"""What was archived within a time: posts, edits, and the files of these posts that no engine has read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Reader


@dataclass(frozen=True, slots=True)
class WindowArrivals:
    """Posts and edits that were collected; recordings and pictures of these posts without a text of their own."""

    posts: int = 0
    edits: int = 0
    not_transcribed: int = 0
    not_read: int = 0


def count_arrivals(reader: Reader, since: int, until: int) -> WindowArrivals:
    """Count what was collected between two times in microseconds UTC."""
    values = {"first": _find_first(reader, since), "since": since, "until": until}
    window = "r.id >= :first AND r.collected_at >= :since AND r.collected_at < :until"
    posts, edits = reader.one(
        f"SELECT count(*) FILTER (WHERE r.number = 0), count(*) FILTER (WHERE r.number > 0) FROM revisions r"
        f" WHERE {window}",
        values,
    ) or (0, 0)
    heard = "m.kind IN ('voice', 'audio', 'round', 'video')"
    unheard, unread = reader.one(
        f"SELECT count(*) FILTER (WHERE {heard}), count(*) FILTER (WHERE m.kind = 'photo') FROM revisions r"
        f" JOIN media m ON m.post_id = r.post_id WHERE {window} AND r.number = 0 AND m.read_by IS NULL",
        values,
    ) or (0, 0)
    return WindowArrivals(posts, edits, unheard, unread)


def _find_first(reader: Reader, since: int) -> int:
    """The id of the first revision of that time: ids grow with time, as far as the clock was right."""
    low, high = 1, int(reader.value("SELECT coalesce(max(id), 0) FROM revisions")) + 1
    while low < high:
        middle = (low + high) // 2
        at = reader.value("SELECT collected_at FROM revisions WHERE id >= :id ORDER BY id LIMIT 1", {"id": middle})
        low, high = (low, middle) if at is None or at >= since else (middle + 1, high)
    return low
