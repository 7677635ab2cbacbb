"""What is due: rules to run on a post, a post to look at again, a file to be read; claimed until when, given up why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from storage.archive.database import as_list, in_list
from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

ATTEMPTS = 3
NOW = -1
LEASE = 300_000_000  # microseconds
_BACK_OFF = 30_000_000  # microseconds after the first failure, ten times that after the second


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job that is ours until its lease runs out. `attempts` counts those that failed before."""

    id: int
    kind: str
    post_id: int
    slot: str
    attempts: int
    seen: int | None = None  # of `decide`: see NewJob


@dataclass(frozen=True, slots=True)
class NewJob:
    """Work to be done at `due_at` (microseconds UTC) or soon after.

    A `background` job gives way to fresh ones; None for kinds without that difference. `seen` is the revision that
    rules have seen already, NOW for the current one, None where everything in the post is news; a job that waits
    already keeps its own.
    """

    kind: str
    post_id: int
    due_at: int
    slot: str = ""
    background: bool | None = None
    seen: int | None = NOW


def enqueue(writer: Writer, jobs: Sequence[NewJob]) -> None:
    """Add jobs; one that waits already is taken over with the new time, free and with no failures.

    That it was interrupted stays known: what kills the process may still be in it.
    """
    writer.execute_many(
        f"{_INSERT} DO UPDATE SET due_at = excluded.due_at, claimed_until = NULL, attempts = 0", _rows(jobs)
    )


def enqueue_missing(writer: Writer, jobs: Sequence[NewJob], *, again: bool) -> None:
    """Add jobs, but leave alone what is under way, and unless `again` whatever waits already."""
    more = "DO UPDATE SET due_at = excluded.due_at, attempts = 0 WHERE claimed_until IS NULL" if again else "DO NOTHING"
    writer.execute_many(f"{_INSERT} {more}", _rows(jobs))


_INSERT = (
    "INSERT INTO jobs (kind, post_id, slot, due_at, attempts, patient, seen) VALUES (:kind, :post_id, :slot, :due_at, "
    f"0, :patient, iif(:seen = {NOW}, (SELECT revision FROM posts WHERE id = :post_id), :seen)) "
    "ON CONFLICT (kind, post_id, slot)"
)


def _rows(jobs: Sequence[NewJob]) -> list[dict[str, object]]:
    return [
        {
            "kind": job.kind,
            "post_id": job.post_id,
            "slot": job.slot,
            "due_at": job.due_at,
            "patient": None if job.background is None else int(job.background),
            "seen": job.seen,
        }
        for job in jobs
    ]


_FREE = "kind = :kind AND due_at <= :now AND (claimed_until IS NULL OR claimed_until <= :now)"
_SUSPECT = f"{_FREE} AND attempts + interruptions > 0 AND interruptions >= 2"
# What was interrupted once is very probably innocent, so it comes first; what failed comes when its time has come.
_APART = f"{_FREE} AND attempts + interruptions > 0 AND interruptions < 2 ORDER BY interruptions DESC, due_at, post_id"
_FRESH = f"{_FREE} AND attempts + interruptions = 0 ORDER BY due_at, post_id"


def claim(
    writer: Writer, kind: str, now: int, *, lease: int = LEASE, limit: int, healthy: bool = False
) -> list[ClaimedJob]:
    """Take at most `limit` jobs that are due and free, the longest due first, until `now` + `lease` (microseconds).

    A job that failed or was interrupted before is taken by itself and before all others. One that was interrupted
    twice or more is a suspect, which only `claim_suspect` takes. `healthy`: the process has been so for a minute.
    """
    return _claim(writer, kind, now, lease, _APART, 1, healthy=healthy) or _claim(
        writer, kind, now, lease, _FRESH, limit, healthy=healthy
    )


def claim_suspect(writer: Writer, kind: str, now: int, *, lease: int = LEASE) -> list[ClaimedJob]:
    """Take one job during whose last two claims the process died; hold nothing else, and be healthy for a minute."""
    return _claim(writer, kind, now, lease, f"{_SUSPECT} ORDER BY due_at, post_id", 1, healthy=True)


def has_suspect(reader: Reader, kind: str, now: int) -> bool:
    """Whether `claim_suspect` would find one."""
    return bool(reader.value(f"SELECT EXISTS (SELECT 1 FROM jobs WHERE {_SUSPECT})", {"kind": kind, "now": now}))


def _claim(
    writer: Writer, kind: str, now: int, lease: int, which: str, limit: int, *, healthy: bool
) -> list[ClaimedJob]:
    rows = writer.rows(
        "UPDATE jobs SET claimed_until = :until, healthy = :healthy "
        f"WHERE id IN (SELECT id FROM jobs WHERE {which} LIMIT :limit + 0) "
        "RETURNING id, kind, post_id, slot, attempts, seen, due_at",
        {"until": now + lease, "kind": kind, "now": now, "limit": limit, "healthy": int(healthy)},
    )
    return [ClaimedJob(*row[:6]) for row in sorted(rows, key=lambda row: (row["due_at"], row["post_id"]))]


def claim_newest(
    writer: Writer,
    kind: str,
    now: int,
    *,
    lease: int,
    healthy: bool = False,
    background: bool | None = None,
    sources: Iterable[str] | None = None,
) -> ClaimedJob | None:
    """Take the job of the newest post, so that a backlog never holds up what has just come.

    Where that is said, only one in the `background` or not, of one of these `sources`. `healthy`: see `claim`.
    """
    where, values = _which(kind, now, background, sources)
    row = writer.one(
        "UPDATE jobs SET claimed_until = :until, healthy = :healthy "
        f"WHERE id = (SELECT id FROM jobs WHERE {where} ORDER BY post_id DESC, id DESC LIMIT 1) "
        "RETURNING id, kind, post_id, slot, attempts",
        values | {"until": now + lease, "healthy": int(healthy)},
    )
    return None if row is None else ClaimedJob(*row)


def is_due(
    reader: Reader, kind: str, now: int, *, background: bool | None = None, sources: Iterable[str] | None = None
) -> bool:
    """Whether `claim_newest` would find one."""
    where, values = _which(kind, now, background, sources)
    return bool(reader.value(f"SELECT EXISTS (SELECT 1 FROM jobs WHERE {where})", values))


def _which(
    kind: str, now: int, background: bool | None, sources: Iterable[str] | None
) -> tuple[str, dict[str, object]]:
    # the plus keeps SQLite on the index that is sorted by post: a hundred thousand may be due
    where = "kind = :kind AND +due_at <= :now AND (claimed_until IS NULL OR claimed_until <= :now)"
    values: dict[str, object] = {"kind": kind, "now": now}
    if background is not None:
        where += " AND patient = :patient"
        values["patient"] = int(background)
    if sources is not None:
        where += (
            " AND post_id IN (SELECT p.id FROM posts p JOIN sources s ON s.id = p.source_id WHERE p.id = jobs.post_id"
            f" AND s.name {in_list('sources')})"
        )
        values["sources"] = as_list(sources)
    return where, values


def finish(writer: Writer, ids: Iterable[int]) -> None:
    """Remove jobs that are finished, and that they were ever given up."""
    gone = {"ids": as_list(ids)}
    writer.execute(
        "DELETE FROM given_up WHERE (post_id, kind, slot) IN"
        f" (SELECT post_id, kind, slot FROM jobs WHERE id {in_list('ids')})",
        gone,
    )
    writer.execute(f"DELETE FROM jobs WHERE id {in_list('ids')}", gone)


def postpone(writer: Writer, ids: Iterable[int], due_at: int) -> None:
    """Put claimed jobs back until `due_at`: they could not be begun."""
    later = [{"id": job, "due_at": due_at} for job in ids]
    writer.execute_many("UPDATE jobs SET due_at = :due_at, claimed_until = NULL WHERE id = :id", later)


def put_behind(writer: Writer, job_id: int, due_at: int) -> None:
    """Put a claimed job back until `due_at`, and from then on behind all that is fresh."""
    writer.execute(
        "UPDATE jobs SET due_at = :due_at, claimed_until = NULL, patient = iif(patient IS NULL, NULL, 1) "
        "WHERE id = :id",
        {"id": job_id, "due_at": due_at},
    )


def record_failure(writer: Writer, job_id: int, now: int, reason: str) -> bool:
    """Note that the work on a claimed job failed; True if it was the third time and the job is given up."""
    failed = writer.value("SELECT attempts + 1 FROM jobs WHERE id = :id", {"id": job_id})
    if failed is None:
        return False
    if failed >= ATTEMPTS:
        give_up(writer, job_id, now, reason)
        return True
    writer.execute(
        "UPDATE jobs SET due_at = :due_at, claimed_until = NULL, attempts = :failed, interruptions = 0, deaths = 0 "
        "WHERE id = :id",
        {"id": job_id, "due_at": now + _BACK_OFF * 10 ** (failed - 1), "failed": failed},
    )
    return False


def find_of_file(reader: Reader, post_id: int, media_id: int) -> list[int]:
    """The jobs that read a file: their ids."""
    return reader.column(
        "SELECT id FROM jobs WHERE kind IN ('transcript', 'ocr') AND post_id = :post AND slot = :slot",
        {"post": post_id, "slot": str(media_id)},
    )


def give_up(writer: Writer, job_id: int, now: int, reason: str, *, announce: bool = True) -> None:
    """Put a job aside with the reason; unless `announce`, only `status` shows it: no failure, and no retry helps."""
    writer.execute(
        "INSERT INTO given_up (kind, post_id, slot, at, reason, announced) "
        "SELECT kind, post_id, slot, :now, :reason, :announced FROM jobs WHERE id = :id",
        {"id": job_id, "now": now, "reason": reason, "announced": int(not announce)},
    )
    writer.execute("DELETE FROM jobs WHERE id = :id", {"id": job_id})


def take_up(writer: Writer, job: NewJob) -> None:
    """Add a job by a person's wish: nothing that happened to it before counts, and everything in the post is news."""
    forget_given_up(writer, job.kind, job.post_id)
    enqueue(writer, [job])
    writer.execute(
        "UPDATE jobs SET interruptions = 0, deaths = 0, seen = NULL "
        "WHERE kind = :kind AND post_id = :post_id AND slot = :slot",
        {"kind": job.kind, "post_id": job.post_id, "slot": job.slot},
    )


def forget_given_up(writer: Writer, kind: str, post_id: int) -> None:
    """Remove from the list of what was given up: it is tried again, or its time is over."""
    writer.execute("DELETE FROM given_up WHERE kind = :kind AND post_id = :post_id", {"kind": kind, "post_id": post_id})


def find_due(reader: Reader, kind: str, post_ids: Iterable[int], now: int) -> list[ClaimedJob]:
    """The jobs of this kind for these posts that are due at `now`, claimed or not."""
    rows = reader.rows(
        "SELECT id, kind, post_id, slot, attempts, seen FROM jobs "
        f"WHERE kind = :kind AND post_id {in_list('posts')} AND due_at <= :now ORDER BY post_id",
        {"kind": kind, "posts": as_list(post_ids), "now": now},
    )
    return [ClaimedJob(*row) for row in rows]


def set_apart(writer: Writer, ids: Iterable[int], due_at: int) -> None:
    """Put claimed jobs back until `due_at`, each to be taken by itself: work on all of them at once failed."""
    writer.execute_many(
        "UPDATE jobs SET due_at = :due_at, claimed_until = NULL, attempts = max(attempts, 1) WHERE id = :id",
        [{"id": job, "due_at": due_at} for job in ids],
    )


def make_due(writer: Writer, kinds: Sequence[str], now: int) -> None:
    """Make due what was only put off, for whatever it waited for may be there now."""
    for kind in kinds:
        writer.execute(
            "UPDATE jobs SET due_at = :now WHERE kind = :kind AND due_at > :now AND attempts = 0",
            {"kind": kind, "now": now},
        )


def next_due(reader: Reader, kind: str, healthy_at: int = 0) -> int | None:
    """When the next job of this kind is due or its claim ends, in microseconds UTC; None if none waits.

    Suspects are not due before `healthy_at`. No job matters that is due with the first free one or after it: of
    re-checks there are ten thousands, and those of one page are often due in the same second.
    """
    at: int | None = reader.value(
        "WITH free AS (SELECT due_at FROM jobs "
        "WHERE kind = :kind AND claimed_until IS NULL AND interruptions < 2 ORDER BY due_at LIMIT 1) "
        "SELECT min(at) FROM (SELECT due_at AS at FROM free UNION ALL "
        "SELECT max(due_at, coalesce(claimed_until, due_at), iif(interruptions >= 2, :healthy_at, 0)) "
        "FROM jobs WHERE kind = :kind AND due_at < coalesce((SELECT due_at FROM free), 9e18))",
        {"kind": kind, "healthy_at": healthy_at},
    )
    return at
