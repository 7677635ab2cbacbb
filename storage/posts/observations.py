"""Present, absent, deleted, back again: what looks at a post have shown, without its content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from storage import jobs
from storage.archive.columns import int64_or_none
from storage.jobs import NewJob
from storage.posts.fetches import save_fetch
from storage.records import Checked, Fetch, FetchedPost

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

CONFIRM = "confirm"  # the slot of a look that is to prove an absence
LEFT_OUT = "a page had left it out"  # what is said of a presence that answers such a doubt
_MINUTE = 60_000_000
# how long after the first, the second … absence that proves nothing we look again; the last for all that follow
_PAUSES = (10 * _MINUTE, *8 * (60 * _MINUTE,), 1440 * _MINUTE)
_LABELLED = "labelled edited, same content"
_CONTROLLED = "a post beside it was there"


def observe(
    writer: Writer,
    observed: Sequence[tuple[int, str, str | None]],
    now: int,
    method: str,
    fetch: Fetch | None = None,
) -> None:
    """Note looks: (post id, "present" or "absent", what is to be said of it). `fetch` is kept as their evidence."""
    if observed:
        shared = {"at": now, "method": method, "fetch": save_fetch(writer, fetch, now) if fetch else None}
        writer.execute_many(
            "INSERT INTO observations (post_id, at, presence, method, detail, fetch_id) "
            "VALUES (:post_id, :at, :presence, :method, :detail, :fetch)",
            [
                {"post_id": post_id, "presence": presence, "detail": detail, **shared}
                for post_id, presence, detail in observed
            ],
        )


def note_label(writer: Writer, labelled: Sequence[tuple[int, FetchedPost]], now: int, method: str) -> None:
    """The source calls a post edited, yet its content is what we have: noted, no revision."""
    if labelled:
        observe(writer, [(post_id, "present", _LABELLED) for post_id, _ in labelled], now, method)
        writer.execute_many(
            "UPDATE posts SET edited_at = :at WHERE id = :id",
            [{"id": post_id, "at": int64_or_none(post.edited_at) or now} for post_id, post in labelled],
        )


def note_known_deletions(writer: Writer, gone: Sequence[tuple[int, int]], now: int, method: str) -> None:
    """Another archive knew these posts deleted, each since a moment: noted as its word; rules look at them again."""
    for post_id, since in gone:
        observe(writer, [(post_id, "absent", "known to the archive that it came from")], since, method)
        _mark_gone(writer, post_id, since)
        jobs.enqueue(writer, [NewJob("decide", post_id, now)])


def mark_present(writer: Writer, back: Sequence[int], doubted: Sequence[int], now: int) -> None:
    """Posts in `back` count as deleted no more, and rules look at them again; nobody needs to confirm the doubted."""
    if doubted:
        writer.execute_many(
            "DELETE FROM jobs WHERE kind = 'recheck' AND post_id = :id AND slot = 'confirm'",
            [{"id": post_id} for post_id in doubted],
        )
    if back:
        writer.execute_many("UPDATE posts SET deleted_at = NULL WHERE id = :id", [{"id": post_id} for post_id in back])
        writer.execute_many(_DISAPPEARANCE, [{"id": post_id, "at": now, "gone": 0} for post_id in back])
        jobs.enqueue(writer, [NewJob("decide", post_id, now) for post_id in back])


def record_absence(writer: Writer, post_id: int, found: Checked, now: int, apart: int) -> Literal["absent", "deleted"]:
    """Note an absence; with an earlier one that lies `apart` microseconds back, both proven, the post is deleted.

    Until then it is looked at again and again: what is in doubt stays in doubt until a look decides.
    """
    [post] = writer.rows("SELECT deleted_at FROM posts WHERE id = :id", {"id": post_id})
    first, absences = _absences(writer, post_id)
    observe(writer, [(post_id, "absent", _CONTROLLED if found.control else None)], now, found.method, found.fetch)
    if post["deleted_at"] is not None:
        return "absent"
    if found.control and first is not None and now - first >= apart:
        _mark_gone(writer, post_id, now)
        mark_present(writer, [], [post_id], now)
        jobs.enqueue(writer, [NewJob("decide", post_id, now)])
        return "deleted"
    since = now if first is None else min(first, now)
    due = since + apart if found.control else now + _PAUSES[min(absences, len(_PAUSES) - 1)]
    jobs.enqueue(writer, [NewJob("recheck", post_id, due, CONFIRM)])
    return "absent"


def _mark_gone(writer: Writer, post_id: int, at: int) -> None:
    writer.execute("UPDATE posts SET deleted_at = :at WHERE id = :id", {"id": post_id, "at": at})
    writer.execute(_DISAPPEARANCE, {"id": post_id, "at": at, "gone": 1})


_DISAPPEARANCE = "INSERT INTO disappearances (post_id, at, gone) VALUES (:id, :at, :gone)"


def find_last(reader: Reader) -> int:
    """The last observation of all: a look that begins now began after it."""
    return int(reader.value("SELECT coalesce(max(id), 0) FROM observations"))


def _absences(writer: Writer, post_id: int) -> tuple[int | None, int]:
    """When the first proven absence since the post was last there was, and how many there were, proven or not.

    Those before a jump of the clock do not count: see storage.sources.clock_repair.
    """
    [row] = writer.rows(
        "SELECT min(CASE WHEN detail = :controlled THEN at END), count(*) FROM observations WHERE post_id = :id "
        "AND presence = 'absent' AND id > coalesce("
        "(SELECT max(id) FROM observations WHERE post_id = :id AND presence = 'present'), 0) "
        "AND id > coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'absences_count_after'), 0)",
        {"id": post_id, "controlled": _CONTROLLED},
    )
    return row[0], row[1]
