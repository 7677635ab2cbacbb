"""Events as people see them: the first statement, its copies, who spoke, which rules found it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from storage.archive.best_reading import AS_RECEIVED
from storage.archive.database import as_list, in_list
from storage.events.spread import Spread, read_spreads
from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Reader, Row

_SLICE = 200
_TOP = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event. `posts` counts the first statement too; `sources`, `families`, `sides` and `rules` are names.

    A source without a family is one by itself. `spread` counts the copies alone.
    """

    id: int
    opened_at: int
    newest_at: int
    source: str
    side: str | None
    url: str | None
    text: str
    posts: int
    sources: tuple[str, ...]
    families: tuple[str, ...]
    sides: tuple[str, ...]
    rules: tuple[str, ...]
    origin: int | None
    quotes: int | None
    spread: Spread


@dataclass(frozen=True, slots=True)
class EventMember:
    """One post of an event, and why it belongs to it."""

    post_id: int
    source: str
    side: str | None
    native_id: str
    url: str | None
    collected_at: int
    deleted_at: int | None
    reason: str
    measure: float | None


@dataclass(frozen=True, slots=True)
class Split:
    """When a person took a post out of its event, and who; `event` is None if that was not kept then."""

    at: int
    event: int | None
    who: str | None


def find_split(reader: Reader, post_id: int) -> Split | None:
    """The last time that somebody split this post; None if nobody did."""
    row = reader.one(
        "SELECT at, other, who FROM event_corrections WHERE kind = 'split' AND post_id = :post"
        " ORDER BY id DESC LIMIT 1",
        {"post": post_id},
    )
    return None if row is None else Split(*row)


_MATCHES = "SELECT 1 FROM event_posts b JOIN matches m ON m.post_id = b.post_id WHERE b.event_id = e.id"
_SHOWN = (
    "e.leads_to IS NULL AND (:since IS NULL OR e.newest_at >= :since)"
    f" AND (CASE WHEN :rule IS NULL THEN EXISTS ({_MATCHES}) OR EXISTS"
    " (SELECT 1 FROM event_posts b WHERE b.event_id = e.id AND b.post_id <> e.id)"
    f" ELSE EXISTS ({_MATCHES} AND m.rule = :rule) END)"
)

_WALK = f"""
SELECT * FROM (
    SELECT e.id, e.newest_at AS then_at FROM events e
    WHERE {_SHOWN} AND e.newest_at <= :as_of AND (e.newest_at, e.id) < (:at, :below)
    AND (:until IS NULL OR e.opened_at < :until) ORDER BY e.newest_at DESC, e.id DESC LIMIT :size + 0
)
UNION ALL
SELECT e.id, (SELECT max(b.at) FROM event_posts b WHERE b.event_id = e.id AND b.at <= :as_of) AS then_at FROM events e
WHERE {_SHOWN} AND e.newest_at > :as_of AND e.opened_at <= :as_of AND (then_at, e.id) < (:at, :below)
AND (:until IS NULL OR e.opened_at < :until)
ORDER BY then_at DESC, id DESC LIMIT :size + 0
"""


def list_events(
    reader: Reader,
    *,
    since: int | None = None,
    until: int | None = None,
    rule: str | None = None,
    limit: int | None = None,
) -> Iterator[EventRow]:
    """Events that a rule found or that have a copy, those with the newest member first; read in slices.

    `since` asks for the newest member, `until` for the first.
    """
    return (event for event, _ in walk_events(reader, since=since, until=until, rule=rule, limit=limit))


def walk_events(
    reader: Reader,
    *,
    since: int | None = None,
    until: int | None = None,
    rule: str | None = None,
    limit: int | None = None,
    below: tuple[int, int] = (_TOP, _TOP),
    as_of: int = _TOP,
) -> Iterator[tuple[EventRow, int]]:
    """The same in the order of some moment, which copies that come later do not change; each with its time then.

    `below`: after the event with this time then and this id.
    """
    (at, last), left = below, limit
    while left is None or left > 0:
        size = _SLICE if left is None else min(left, _SLICE)
        rows = reader.rows(
            _WALK,
            {"since": since, "until": until, "rule": rule, "at": at, "below": last, "size": size, "as_of": as_of},
        )
        then = {int(row["id"]): int(row["then_at"]) for row in rows}
        yield from ((event, then[event.id]) for event in read_events(reader, then))
        if len(rows) < size:
            return
        last, at = rows[-1]["id"], rows[-1]["then_at"]
        left = None if left is None else left - size


def count_events(reader: Reader, *, since: int | None = None, rule: str | None = None) -> int:
    """How many events `list_events` gives without a limit."""
    return int(reader.value(f"SELECT count(*) FROM events e WHERE {_SHOWN}", {"since": since, "rule": rule}))


def find_copied(reader: Reader, target: str, since: int, until: int, *, limit: int) -> list[int]:
    """Events that got a post between two times, have copies, and of which `target` had heard; the most copied first."""
    rows = reader.rows(
        "SELECT e.id, (SELECT count(*) FROM event_posts b WHERE b.event_id = e.id) AS posts FROM events e"
        " WHERE e.newest_at >= :since AND e.leads_to IS NULL AND posts > 1 AND EXISTS (SELECT 1 FROM event_posts b"
        " WHERE b.event_id = e.id AND b.at >= :since AND b.at < :until) AND EXISTS (SELECT 1 FROM event_posts b"
        " JOIN matches m ON m.post_id = b.post_id JOIN deliveries d ON d.match_id = m.id"
        " WHERE b.event_id = e.id AND d.target = :target) ORDER BY posts DESC, e.id LIMIT :limit + 0",
        {"target": target, "since": since, "until": until, "limit": limit},
    )
    return [int(row["id"]) for row in rows]


def read_events(reader: Reader, ids: Iterable[int]) -> list[EventRow]:
    """These events, in this order; those that do not exist are left out."""
    wanted = list(ids)
    rows = reader.rows(
        "SELECT e.id, e.opened_at, e.newest_at, e.origin, e.quotes, s.name AS source, s.side, p.url,"
        f" r.title, {AS_RECEIVED} AS text, (SELECT count(*) FROM event_posts b WHERE b.event_id = e.id) AS posts,"
        f" ({_names('s.name')}) AS sources, ({_names('coalesce(s.family, s.name)')}) AS families,"
        f" ({_names('s.side')}) AS sides,"
        " (SELECT json_group_array(DISTINCT m.rule) FROM event_posts b JOIN matches m ON m.post_id = b.post_id"
        "   WHERE b.event_id = e.id) AS rules"
        " FROM events e JOIN posts p ON p.id = e.id JOIN sources s ON s.id = p.source_id"
        f" JOIN revisions r ON r.post_id = p.id AND r.number = 0 WHERE e.id {in_list('ids')}",
        {"ids": as_list(wanted)},
    )
    spreads = read_spreads(reader, wanted)
    found = {row["id"]: _event(row, spreads[row["id"]]) for row in rows}
    return [found[number] for number in wanted if number in found]


def _names(column: str) -> str:
    return (
        f"SELECT json_group_array(DISTINCT {column}) FROM event_posts b JOIN posts p ON p.id = b.post_id"
        f" JOIN sources s ON s.id = p.source_id WHERE b.event_id = e.id AND {column} IS NOT NULL"
    )


def _event(row: Row, spread: Spread) -> EventRow:
    title, text = row["title"], row["text"]
    return EventRow(
        row["id"],
        row["opened_at"],
        row["newest_at"],
        row["source"],
        row["side"],
        row["url"],
        f"{title}\n\n{text}" if title and text else title or text,
        row["posts"],
        tuple(sorted(json.loads(row["sources"]))),
        tuple(sorted(json.loads(row["families"]))),
        tuple(sorted(json.loads(row["sides"]))),
        tuple(sorted(json.loads(row["rules"]))),
        row["origin"],
        row["quotes"],
        spread,
    )


def read_members(reader: Reader, event_id: int) -> list[EventMember]:
    """The posts of an event, in the order in which they came."""
    rows = reader.rows(
        "SELECT b.post_id, s.name, s.side, p.native_id, p.url, p.collected_at, p.deleted_at, b.reason, b.measure"
        " FROM event_posts b JOIN posts p ON p.id = b.post_id JOIN sources s ON s.id = p.source_id"
        " WHERE b.event_id = :event ORDER BY b.post_id <> :event, p.seq, b.post_id",
        {"event": event_id},
    )
    return [EventMember(*row) for row in rows]


def count_posts(reader: Reader, event_ids: Iterable[int]) -> dict[int, int]:
    """How many posts each of these events has."""
    rows = reader.rows(
        f"SELECT event_id, count(*) AS posts FROM event_posts WHERE event_id {in_list('ids')} GROUP BY 1",
        {"ids": as_list(event_ids)},
    )
    return {row["event_id"]: row["posts"] for row in rows}


def find_event_id(reader: Reader, post_id: int) -> int | None:
    """The event of a post, or the one that the event with this id leads to; None if there is none."""
    found = reader.value(
        "SELECT coalesce((SELECT event_id FROM event_posts WHERE post_id = :id),"
        " (SELECT coalesce(leads_to, id) FROM events WHERE id = :id))",
        {"id": post_id},
    )
    return None if found is None else int(found)


def list_quoting(reader: Reader, event_id: int) -> list[tuple[int, str]]:
    """The events that repeat this one with words of their own: id and these words."""
    rows = reader.rows(
        "SELECT e.id, b.added FROM events e JOIN event_posts b ON b.post_id = e.id"
        " WHERE e.quotes = :event AND e.leads_to IS NULL ORDER BY e.opened_at, e.id",
        {"event": event_id},
    )
    return [(row["id"], row["added"] or "") for row in rows]
