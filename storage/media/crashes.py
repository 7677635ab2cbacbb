"""Files during whose reading the whole process died: read alone and late, and after two deaths that count left alone.

A death counts against a file only if no other was being read and its reading began when the process had been healthy
for a minute: an innocent file must not be given up because somebody killed us. A file during whose reading the process
died at all is read with no other beside it, and after the second time not before the healthy minute, so that the next
death counts: a file that always takes the process with it is left alone after at most four.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import jobs

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

MOST = 2
_READING = "kind IN ('transcript', 'ocr')"  # jobs that read a file, by their slot
_REASON = f"the whole process died {MOST} times while an engine was reading it and nothing else"


def was_interrupted(reader: Reader, media_id: int) -> bool:
    """Whether the process died while this file was read last, so that it is read alone now."""
    return bool(reader.value("SELECT crashes IS NOT NULL FROM media WHERE id = :id", {"id": media_id}))


def is_suspect(reader: Reader, job_id: int) -> bool:
    """Whether that happened to this job of a file the last two times, so that it waits for the healthy minute."""
    return bool(reader.value("SELECT interruptions >= 2 FROM jobs WHERE id = :id", {"id": job_id}))


def has_suspects(reader: Reader, until: int) -> bool:
    """Whether a suspect is to be read at `until` or before."""
    return bool(
        reader.value(
            f"SELECT EXISTS (SELECT 1 FROM jobs WHERE {_READING} AND due_at <= :until AND interruptions >= 2)",
            {"until": until},
        )
    )


def begin_reading(writer: Writer, media_id: int, now: int) -> None:
    """Write down that an engine reads this file from now on; commit it before the engine starts."""
    writer.execute("UPDATE media SET reading_since = :now WHERE id = :id", {"id": media_id, "now": now})


def end_reading(writer: Writer, media_id: int, *, broken_off: bool) -> None:
    """The engine has ended, however it did, and we are alive: that acquits the file, unless it was `broken_off`."""
    writer.execute(
        "UPDATE media SET reading_since = NULL, crashes = iif(:broken_off, crashes, NULL) WHERE id = :id",
        {"id": media_id, "broken_off": int(broken_off)},
    )
    if not broken_off:
        writer.execute(f"UPDATE jobs SET interruptions = 0 WHERE {_READING} AND slot = :slot", {"slot": str(media_id)})


def count(writer: Writer, now: int) -> None:
    """At the start of a process: note what was being read when the last one died, and give up what did it twice."""
    being_read = writer.rows(
        "SELECT m.id, m.post_id, max(j.healthy) AS healthy FROM media m LEFT JOIN jobs j "
        f"ON j.post_id = m.post_id AND j.slot = CAST(m.id AS TEXT) AND j.{_READING} "
        "WHERE m.reading_since IS NOT NULL GROUP BY m.id"
    )
    for row in being_read:
        counts = len(being_read) == 1 and bool(row["healthy"])
        deaths = writer.value(
            "UPDATE media SET crashes = coalesce(crashes, 0) + :counts, reading_since = NULL WHERE id = :id "
            "RETURNING crashes",
            {"id": row["id"], "counts": int(counts)},
        )
        for job in jobs.find_of_file(writer, row["post_id"], row["id"]):
            writer.execute("UPDATE jobs SET interruptions = interruptions + 1 WHERE id = :id", {"id": job})
            if deaths >= MOST:
                jobs.give_up(writer, job, now, _REASON)
