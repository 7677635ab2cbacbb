"""What is due: rules to run on a post, a post to look at again, a file to be read; claimed until when, given up why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from storage.alerts import notices
from storage.archive.database import as_list, in_list

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

ATTEMPTS = 3
LEASE = 300_000_000  # microseconds
_BACK_OFF = 30_000_000  # microseconds after the first failure, ten times that after the second


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job that is ours until its lease runs out. `attempts` counts this one."""

    id: int
    kind: str
    post_id: int
    slot: str
    attempts: int


@dataclass(frozen=True, slots=True)
class NewJob:
    """Work to be done at `due_at` (microseconds UTC) or soon after.

    A `background` job gives way to fresh ones; None for kinds without that difference.
    """

    kind: str
    post_id: int
    due_at: int
    slot: str = ""
    background: bool | None = None


def enqueue(writer: Writer, jobs: Sequence[NewJob]) -> None:
    """Add jobs; one that waits already is taken over with the new time, free and with no failures."""
    writer.execute_many(
        f"{_INSERT} DO UPDATE SET due_at = excluded.due_at, claimed_until = NULL, attempts = 0", _rows(jobs)
    )


def enqueue_missing(writer: Writer, jobs: Sequence[NewJob], *, again: bool) -> None:
    """Add jobs, but leave alone what is under way, and unless `again` whatever waits already."""
    more = "DO UPDATE SET due_at = excluded.due_at, attempts = 0 WHERE claimed_until IS NULL" if again else "DO NOTHING"
    writer.execute_many(f"{_INSERT} {more}", _rows(jobs))


_INSERT = (
    "INSERT INTO jobs (kind, post_id, slot, due_at, attempts, patient) "
    "VALUES (:kind, :post_id, :slot, :due_at, 0, :patient) ON CONFLICT (kind, post_id, slot)"
)


def _rows(jobs: Sequence[NewJob]) -> list[dict[str, object]]:
    return [
        {
            "kind": job.kind,
            "post_id": job.post_id,
            "slot": job.slot,
            "due_at": job.due_at,
            "patient": None if job.background is None else int(job.background),
        }
        for job in jobs
    ]


def claim(
    writer: Writer, kind: str, now: int, *, lease: int = LEASE, limit: int, alone: bool = False
) -> list[ClaimedJob]:
    """Take at most `limit` jobs that are due and free, the longest due first, until `now` + `lease` (microseconds).

    `alone` takes a job that was begun before by itself, after all others, so that it takes none with it if it kills
    us. A job whose third lease ran out without a word is given up here: it took its worker down with it.
    """
    lost = writer.column(
        "SELECT id FROM jobs WHERE kind = :kind AND due_at <= :now AND attempts >= :attempts AND claimed_until <= :now",
        {"kind": kind, "attempts": ATTEMPTS, "now": now},
    )
    for job in lost:
        _give_up(writer, job, now, "the work on it ended three times without an answer")
    begun = ("attempts = 0", limit), ("attempts > 0", 1)
    for which, most in begun if alone else (("1", limit),):
        rows = writer.rows(
            "UPDATE jobs SET claimed_until = :until, attempts = attempts + 1 WHERE id IN "
            f"(SELECT id FROM jobs WHERE kind = :kind AND due_at <= :now AND {which} "
            "AND (claimed_until IS NULL OR claimed_until <= :now) ORDER BY due_at, post_id LIMIT :limit) "
            "RETURNING id, kind, post_id, slot, attempts, due_at",
            {"until": now + lease, "kind": kind, "now": now, "limit": most},
        )
        if rows:
            break
    return [ClaimedJob(*row[:5]) for row in sorted(rows, key=lambda row: (row["due_at"], row["post_id"]))]


def claim_newest(
    writer: Writer,
    kind: str,
    now: int,
    *,
    lease: int,
    background: bool | None = None,
    sources: Iterable[str] | None = None,
) -> ClaimedJob | None:
    """Take the job of the newest post, so that a backlog never holds up what has just come.

    Where that is said, only one in the `background` or not, of one of these `sources`.
    """
    where, values = _which(kind, now, background, sources)
    row = writer.one(
        "UPDATE jobs SET claimed_until = :until, attempts = attempts + 1 "
        f"WHERE id = (SELECT id FROM jobs WHERE {where} ORDER BY post_id DESC, id DESC LIMIT 1) "
        "RETURNING id, kind, post_id, slot, attempts",
        values | {"until": now + lease},
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
    """Remove jobs that are finished."""
    gone = [{"id": job} for job in ids]
    if gone:
        writer.execute_many("DELETE FROM jobs WHERE id = :id", gone)


def postpone(writer: Writer, ids: Iterable[int], due_at: int) -> None:
    """Put claimed jobs back until `due_at`: they could not be begun, so the attempt does not count."""
    later = [{"id": job, "due_at": due_at} for job in ids]
    if later:
        writer.execute_many(
            "UPDATE jobs SET due_at = :due_at, claimed_until = NULL, attempts = max(attempts - 1, 0) WHERE id = :id",
            later,
        )


def record_failure(writer: Writer, job_id: int, now: int, reason: str) -> bool:
    """Note that the work on a claimed job failed; True if it was the third time and the job is given up."""
    attempts = writer.value("SELECT attempts FROM jobs WHERE id = :id", {"id": job_id})
    if attempts is None:
        return False
    if attempts >= ATTEMPTS:
        _give_up(writer, job_id, now, reason)
        return True
    due_at = now + _BACK_OFF * 10 ** max(attempts - 1, 0)
    writer.execute(
        "UPDATE jobs SET due_at = :due_at, claimed_until = NULL WHERE id = :id", {"id": job_id, "due_at": due_at}
    )
    return False


def give_up(writer: Writer, job_id: int, now: int, reason: str) -> None:
    """Give up a claimed job that no retry would help; no notice is made, since it is no failure."""
    _aside(writer, job_id, now, reason)


def release(writer: Writer, *, blameless: Sequence[str] = ()) -> None:
    """Free every claim: whoever held one is dead, since only one daemon runs. Attempts stay counted.

    Not those of `blameless` kinds: their work is done in a process of its own, which cannot take the daemon with it.
    """
    for kind in blameless:
        writer.execute(
            "UPDATE jobs SET claimed_until = NULL, attempts = max(attempts - 1, 0) "
            "WHERE kind = :kind AND claimed_until IS NOT NULL",
            {"kind": kind},
        )
    held = "UPDATE jobs SET claimed_until = {} WHERE claimed_until IS NOT NULL AND attempts {} :most"
    writer.execute(held.format("NULL", "<"), {"most": ATTEMPTS})
    writer.execute(held.format("0", ">="), {"most": ATTEMPTS})  # `claim` gives these up


def make_due(writer: Writer, kinds: Sequence[str], now: int) -> None:
    """Make due what was only put off, for whatever it waited for may be there now."""
    for kind in kinds:
        writer.execute(
            "UPDATE jobs SET due_at = :now WHERE kind = :kind AND due_at > :now AND attempts = 0",
            {"kind": kind, "now": now},
        )


def next_due(reader: Reader, kind: str) -> int | None:
    """When the next job of this kind is due or its claim ends, in microseconds UTC; None if none waits."""
    at: int | None = reader.value(
        "SELECT min(max(due_at, coalesce(claimed_until, due_at))) FROM jobs WHERE kind = :kind", {"kind": kind}
    )
    return at


def _give_up(writer: Writer, job_id: int, now: int, reason: str) -> None:
    kind, post_id = _aside(writer, job_id, now, reason)
    notices.add(writer, now, f"post {post_id}", f"{kind} of post {post_id} is given up: {reason}")


def _aside(writer: Writer, job_id: int, now: int, reason: str) -> tuple[str, int]:
    [row] = writer.rows(
        "INSERT INTO given_up (kind, post_id, slot, at, reason) "
        "SELECT kind, post_id, slot, :now, :reason FROM jobs WHERE id = :id RETURNING kind, post_id",
        {"id": job_id, "now": now, "reason": reason},
    )
    finish(writer, [job_id])
    return row["kind"], row["post_id"]
