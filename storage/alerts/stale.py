"""Stale news: what was published while its source was blind waits for one digest, until the stretch is filled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.archive.database import as_list, in_list
from storage.records import LATE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.archive.database import Reader, Writer

LONGEST = 3_600_000_000  # that anything waits for a stretch to be filled
_URGENT = 2  # priorities before this one come singly
# The words of a file count from its arrival, so what only they say is no stale news by the age of the post.
_OF_FILE = (
    "m.hits <> '[]' AND NOT EXISTS (SELECT 1 FROM json_each(m.hits) WHERE"
    " json_extract(value, '$.kind') NOT IN ('transcript', 'ocr'))"
)
_GOOD = "FROM runs r WHERE r.source_id = p.source_id AND r.outcome = 'ok'"
_WATCHED = f"EXISTS (SELECT 1 {_GOOD} AND r.started_at <= p.posted_at AND r.ended_at >= p.posted_at)"
# What lies between two times that the clock showed as it was set was not missed: see storage.sources.clock_repair.
_CLOCK_WAS_SET = (
    "EXISTS (SELECT 1 FROM meta c JOIN json_each(c.value) j WHERE c.key = 'clock_jumps'"
    f" AND json_extract(j.value, '$[1]') >= (SELECT max(r.ended_at) {_GOOD} AND r.started_at <= p.posted_at)"
    " AND json_extract(j.value, '$[0]') <="
    f" coalesce((SELECT min(r.started_at) {_GOOD} AND r.started_at > p.posted_at), p.collected_at))"
)
_KNOWN_BEFORE = f"EXISTS (SELECT 1 {_GOOD} AND r.ended_at < p.posted_at)"
_FIRST = (
    "d.priority >= :urgent AND m.kind = 'match'"
    " AND p.collected_at - p.posted_at > :late AND coalesce(p.edited_at, 0) <= p.collected_at"  # else it is an edit's
    f" AND NOT ({_OF_FILE}) AND {_KNOWN_BEFORE} AND NOT {_WATCHED}"
    f" AND NOT {_CLOCK_WAS_SET}"
)
_FOLLOWS = (
    "m.kind <> 'match' AND EXISTS (SELECT 1 FROM matches n"
    " JOIN deliveries e ON e.match_id = n.id WHERE n.post_id = m.post_id AND n.rule = m.rule AND n.id < m.id"
    " AND e.target = d.target AND e.held = 'late')"
)
_REASON = "missed while its source was blind: comes in a digest once all that was missed is here, within an hour"
_FREED = "UPDATE deliveries SET held = NULL, reason = NULL, held_until = NULL"
_FROM = "FROM deliveries d JOIN matches m ON m.id = d.match_id JOIN posts p ON p.id = m.post_id"


def hold_stale(writer: Writer, match: int) -> None:
    """Let what is owed for a new match wait for a digest if it is stale, or about a post that waits already."""
    values = {"match": match, "urgent": _URGENT, "late": LATE, "reason": _REASON, "longest": LONGEST}
    writer.execute(
        "UPDATE deliveries SET held = 'late', reason = :reason, held_until = created_at + :longest WHERE id IN"
        f" (SELECT d.id {_FROM} WHERE d.match_id = :match"
        f" AND d.state = 'pending' AND (({_FIRST}) OR ({_FOLLOWS})))",
        values,
    )
    writer.execute(  # what this one has to wait for is as urgent as this one
        f"{_FREED} WHERE held = 'late' AND priority < :urgent AND match_id IN (SELECT n.id"
        " FROM matches m JOIN matches n ON n.post_id = m.post_id WHERE m.id = :match)",
        {"match": match, "urgent": _URGENT},
    )


def let_go_watched(writer: Writer, now: int) -> int:
    """Let go what turned out to be published while its source was watched, and what is about it; how many did."""
    freed = f"{_FREED}, not_before = min(not_before, :now) WHERE id IN"
    waits = f"SELECT d.id {_FROM} WHERE d.held = 'late' AND d.state = 'pending'"
    found = writer.execute(f"{freed} ({waits} AND m.kind = 'match' AND {_WATCHED})", {"now": now}).rowcount
    if found:
        writer.execute(
            f"{freed} ({waits} AND m.kind <> 'match' AND NOT EXISTS (SELECT 1 FROM matches n JOIN deliveries e"
            " ON e.match_id = n.id WHERE n.post_id = m.post_id AND n.rule = m.rule AND n.id < m.id"
            " AND e.target = d.target AND e.held = 'late'))",
            {"now": now},
        )
    return found


def has_stale(reader: Reader) -> bool:
    """Whether anything waits for such a digest."""
    return bool(reader.value("SELECT EXISTS (SELECT 1 FROM deliveries WHERE held = 'late' AND state = 'pending')"))


def has_watched(reader: Reader) -> bool:
    """Whether some of that turned out to be published while its source was watched."""
    return bool(
        reader.value(
            f"SELECT EXISTS (SELECT 1 {_FROM} WHERE d.held = 'late' AND d.state = 'pending' AND m.kind = 'match'"
            f" AND {_WATCHED})"
        )
    )


def find_filled(reader: Reader, now: int) -> dict[str, list[int]]:
    """Deliveries that wait, by target, where all their stretches are filled, or one has waited an hour."""
    rows = reader.rows(
        "SELECT d.id, d.target, d.created_at, p.source_id, p.collected_at"
        f" {_FROM} WHERE d.held = 'late' AND d.state = 'pending' ORDER BY d.id"
    )
    newest: dict[int, int] = {}
    for row in rows:
        newest[row["source_id"]] = max(newest.get(row["source_id"], 0), row["collected_at"])
    open_sources = {source for source, at in newest.items() if not _is_filled(reader, source, at)}
    waiting: dict[str, list[int]] = {}
    held_back: set[str] = set()
    overdue: set[str] = set()
    for row in rows:
        waiting.setdefault(row["target"], []).append(row["id"])
        if row["source_id"] in open_sources:
            held_back.add(row["target"])
        if not 0 <= now - row["created_at"] < LONGEST:  # also by a clock that was set back
            overdue.add(row["target"])
    return {target: ids for target, ids in waiting.items() if target in overdue or target not in held_back}


def _is_filled(reader: Reader, source: int, collected_at: int) -> bool:
    """Whether a good round has ended since, nothing that was missed is still to be fetched, and rules have seen all."""
    return bool(
        reader.value(
            "SELECT EXISTS (SELECT 1 FROM runs WHERE source_id = :source AND outcome = 'ok' AND ended_at >= :at)"
            " AND NOT EXISTS (SELECT 1 FROM gaps WHERE source_id = :source AND closed_at IS NULL AND alerts = 1"
            " AND high IS NOT NULL AND reason NOT IN ('backfill', 'first contact'))"
            " AND NOT EXISTS (SELECT 1 FROM jobs j JOIN posts p ON p.id = j.post_id WHERE j.kind = 'decide'"
            " AND p.source_id = :source)",
            {"source": source, "at": collected_at},
        )
    )


def list_missed(reader: Reader, deliveries: Sequence[int]) -> list[tuple[int, int]]:
    """Source and publishing time of each post that these deliveries are about."""
    rows = reader.rows(
        f"SELECT DISTINCT p.source_id, p.posted_at {_FROM} WHERE d.id {in_list('ids')} AND p.posted_at IS NOT NULL"
        " ORDER BY p.posted_at",
        {"ids": as_list(deliveries)},
    )
    return [(row[0], row[1]) for row in rows]
