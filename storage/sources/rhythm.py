"""What the rhythm of sources is learnt from, and the silences that were reported or accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

_MOST = 200_000  # newest posts of one source that count
_ENDLESS = 1 << 62
# one that was ahead of our clock when it came is a sign of life as soon as its time has come
_LAST_POST = (
    "nullif(max(coalesce(s.last_post_at, 0), coalesce((SELECT max(posted_at) FROM (SELECT p.posted_at FROM posts p"
    " WHERE p.source_id = s.id ORDER BY p.id DESC LIMIT 20) WHERE posted_at <= :now), 0)), 0)"
)


@dataclass(frozen=True, slots=True)
class SourcePast:
    """When a source posted, its stretches of good rounds, and its open gaps: ascending microseconds UTC."""

    posts: tuple[int, ...]
    rounds: tuple[tuple[int, int], ...]
    missing: tuple[tuple[int, int], ...]
    first_contact_at: int | None


@dataclass(frozen=True, slots=True)
class Looked:
    """A source that is watched now: when it last posted, and the round before which everything is known."""

    id: int
    name: str
    first_contact_at: int
    last_post_at: int | None
    looked_at: int


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence (`slot` "") or an absence at a slot that has not ended. `said_at` None: it was accepted beforehand.

    `accepted_until` is when it may be reported again.
    """

    id: int
    source_id: int
    slot: str
    since: int
    said_at: int | None
    accepted_until: int | None


def read_past(reader: Reader, source_id: int, since: int, first_id: int, now: int) -> SourcePast:
    """What is known from `since` to `now`; no post from then on has an id below `first_id`.

    A post without a usable time, or with one ahead of now, is not in it.
    """
    posts = reader.column(
        "SELECT posted_at FROM posts WHERE source_id = :source AND id >= :low AND posted_at BETWEEN :since AND :now"
        " ORDER BY id DESC LIMIT :most + 0",
        {"source": source_id, "low": first_id, "since": since, "now": now, "most": _MOST},
    )
    oldest = min(posts, default=since) if len(posts) == _MOST else since
    rounds = reader.rows(
        "SELECT max(started_at, :since) AS began, ended_at FROM runs WHERE source_id = :source AND outcome = 'ok'"
        " AND ended_at >= :since ORDER BY id",
        {"source": source_id, "since": oldest},
    )
    first = reader.value("SELECT first_contact_at FROM sources WHERE id = :source", {"source": source_id})
    return SourcePast(
        tuple(sorted(posts)),
        tuple(sorted((row["began"], row["ended_at"]) for row in rounds if row["began"] <= row["ended_at"])),
        tuple(_read_missing(reader, source_id, first_id)),
        first,
    )


def _read_missing(reader: Reader, source_id: int, first_id: int) -> list[tuple[int, int]]:
    """The times of the open gaps, wanted history too; one with numbers ends at the post above it."""
    rows = reader.rows(
        "SELECT coalesce(g.from_at, 0) AS low, coalesce((SELECT posted_at FROM posts WHERE source_id = g.source_id"
        " AND id >= :low AND number > g.high AND posted_at IS NOT NULL ORDER BY number LIMIT 1), g.to_at, :endless)"
        " AS high FROM gaps g WHERE g.source_id = :source AND g.closed_at IS NULL",
        {"source": source_id, "low": first_id, "endless": _ENDLESS},
    )
    return sorted((row["low"], row["high"]) for row in rows if row["low"] < row["high"])


def list_looked(reader: Reader, now: int, within: int) -> list[Looked]:
    """Sources whose last round was good and not longer ago than `within`, beyond when it was due."""
    rows = reader.rows(
        f"SELECT s.id, s.name, s.first_contact_at, {_LAST_POST} AS last_post_at, r.ended_at AS looked_at"
        " FROM sources s JOIN runs r ON r.id = (SELECT max(id) FROM runs WHERE source_id = s.id)"
        " WHERE s.enabled = 1 AND s.paused = 0 AND s.state = 'ok' AND r.outcome = 'ok'"
        " AND s.first_contact_at IS NOT NULL AND s.next_poll_at + :within >= :now",
        {"now": now, "within": within},
    )
    return [Looked(**row) for row in rows]


def list_silences(reader: Reader) -> list[Silence]:
    """Those that have not ended, of every source."""
    rows = reader.rows(
        "SELECT id, source_id, slot, since, said_at, accepted_until FROM silences WHERE ended_at IS NULL ORDER BY id"
    )
    return [Silence(**row) for row in rows]


def begin(writer: Writer, source_id: int, slot: str, since: int, now: int) -> None:
    """Note that a silence was reported; one that was accepted until now is the same one."""
    again = writer.execute(
        "UPDATE silences SET said_at = :now, accepted_until = NULL"
        " WHERE source_id = :source AND slot = :slot AND ended_at IS NULL",
        {"source": source_id, "slot": slot, "now": now},
    )
    if not again.rowcount:
        writer.execute(
            "INSERT INTO silences (source_id, slot, since, said_at) VALUES (:source, :slot, :since, :now)",
            {"source": source_id, "slot": slot, "since": since, "now": now},
        )


def end(writer: Writer, source_id: int, now: int) -> None:
    """Note that the source posts again."""
    writer.execute(
        "UPDATE silences SET ended_at = :now WHERE source_id = :source AND ended_at IS NULL",
        {"source": source_id, "now": now},
    )


def accept(writer: Writer, source_id: int, now: int) -> int | None:
    """Accept that a source is silent, until it has been so twice as long; since when it is. None: not reached yet."""
    first = writer.value("SELECT first_contact_at FROM sources WHERE id = :id", {"id": source_id})
    if first is None:
        return None
    since = find_last_post(writer, source_id, now) or int(first)
    until = now + max(now - since, 0)
    known = writer.execute(
        "UPDATE silences SET accepted_until = :until WHERE source_id = :source AND ended_at IS NULL",
        {"source": source_id, "until": until},
    )
    if not known.rowcount:
        writer.execute(
            "INSERT INTO silences (source_id, slot, since, accepted_until) VALUES (:source, '', :since, :until)",
            {"source": source_id, "since": since, "until": until},
        )
    return since


def find_last_post(reader: Reader, source_id: int, now: int) -> int | None:
    """When the newest post of a source was published whose time is usable and not ahead of now."""
    statement = f"SELECT {_LAST_POST} FROM sources s WHERE s.id = :id"
    at: int | None = reader.value(statement, {"id": source_id, "now": now})
    return at


def count_posts(reader: Reader, source_id: int, since: int, first_id: int) -> int:
    """How many posts were published since then; none of them has an id below `first_id`."""
    return int(
        reader.value(
            "SELECT count(*) FROM posts WHERE source_id = :source AND id >= :low AND posted_at >= :since",
            {"source": source_id, "low": first_id, "since": since},
        )
    )
