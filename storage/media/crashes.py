"""Files whose reading took the whole process with it: after the second time they are left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import jobs

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

MOST = 2
_REASON = f"the whole process died {MOST} times while an engine was reading it"


def has_crashed(reader: Reader, media_id: int) -> bool:
    """Whether the process died while this file was read, so that it is read alone now."""
    return bool(reader.value("SELECT crashes > 0 FROM media WHERE id = :id", {"id": media_id}))


def begin_reading(writer: Writer, media_id: int, now: int) -> None:
    """Write down that an engine reads this file from now on; commit it before the engine starts."""
    writer.execute("UPDATE media SET reading_since = :now WHERE id = :id", {"id": media_id, "now": now})


def end_reading(writer: Writer, media_id: int) -> None:
    """The engine has ended, however it did, and we are alive."""
    writer.execute("UPDATE media SET reading_since = NULL WHERE id = :id", {"id": media_id})


def count(writer: Writer, now: int) -> None:
    """At the start of a process: count what was being read when the last one died, and give up what did it twice."""
    died = writer.rows(
        "UPDATE media SET crashes = coalesce(crashes, 0) + 1, reading_since = NULL WHERE reading_since IS NOT NULL "
        "RETURNING id, post_id, crashes"
    )
    for row in died:
        if row["crashes"] >= MOST:
            for job in jobs.find_of_file(writer, row["post_id"], row["id"]):
                jobs.give_up(writer, job, now, _REASON)
