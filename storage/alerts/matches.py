"""What rules found, kept once: matches with their reasons, and the deliveries that they owe."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from storage.archive.database import as_list, in_list
from storage.records import PRIORITIES, Acked, Hit, MatchRow, ObservationRow, PostFacts, Story

if TYPE_CHECKING:
    from storage.archive.database import Reader, Row, Writer

_ACKS = (  # of the event of the post of the match m
    "FROM matches n JOIN acks a ON a.match_id = n.id WHERE n.post_id IN (SELECT m.post_id UNION SELECT c.post_id"
    " FROM event_posts b JOIN event_posts c ON c.event_id = b.event_id WHERE b.post_id = m.post_id)"
)
_COLUMNS = (
    "m.id, m.rule, m.rule_version, m.post_id, m.document_hash, m.kind, m.at, m.hits, m.alerting, m.why, m.before,"
    " (SELECT b.event_id FROM event_posts b WHERE b.post_id = m.post_id) AS event_id,"
    f" (SELECT json_array(a.who, a.at) {_ACKS} ORDER BY a.id LIMIT 1) AS acked"
)

_TOP = (1 << 63) - 1
_SLICE = 500
_LISTED = (
    "(:since IS NULL OR m.at >= :since) AND (:until IS NULL OR m.at < :until) AND (:rule IS NULL OR m.rule = :rule)"
    " AND (:event IS NULL OR m.post_id IN (SELECT b.post_id FROM event_posts b WHERE b.event_id = :event) OR m.id IN"
    " (SELECT f.match_id FROM event_posts b JOIN matches n ON n.post_id = b.post_id JOIN facing f ON f.faces = n.id"
    " WHERE b.event_id = :event))"
    " AND (:state IS NULL OR (:state = 'silent' AND m.alerting = 0)"
    " OR EXISTS (SELECT 1 FROM deliveries d WHERE (d.match_id = m.id OR d.escalates = m.id) AND d.state = :state))"
    " AND (:digest IS NULL OR m.id IN (SELECT d.match_id FROM deliveries d WHERE d.digest_id = :digest UNION ALL"
    " SELECT d.match_id FROM digests g JOIN deliveries d ON d.target = g.target AND d.id > g.after_delivery"
    " AND d.id < g.delivery_id WHERE g.id = :digest))"
    f" AND (NOT :unacked OR m.alerting = 1 AND NOT EXISTS (SELECT 1 {_ACKS}))"
)


def read_facts(reader: Reader, post_ids: Iterable[int]) -> dict[int, PostFacts]:
    """What is known of these posts; ids that do not exist are left out."""
    rows = reader.rows(
        "SELECT p.id, p.alerts, p.collected_at, p.deleted_at, p.seq, s.first_contact_seq, p.revision,"
        " EXISTS (SELECT 1 FROM rereadings d WHERE d.post_id = p.id AND d.text IS NOT NULL) AS read_again,"
        " p.number IS NULL AND p.posted_at < s.first_contact_at AS backdated FROM posts p"
        f" JOIN sources s ON s.id = p.source_id WHERE p.id {in_list('ids')}",
        {"ids": as_list(post_ids)},
    )
    return {
        row["id"]: PostFacts(
            bool(row["alerts"]),
            row["collected_at"],
            row["deleted_at"],
            row["seq"],
            row["first_contact_seq"],
            row["revision"],
            bool(row["read_again"]),
            bool(row["backdated"]),
        )
        for row in rows
    }


def read_earlier(reader: Reader, post_ids: Iterable[int]) -> dict[int, list[MatchRow]]:
    """Every stored match of these posts, oldest first."""
    found: dict[int, list[MatchRow]] = {}
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM matches m WHERE m.post_id {in_list('ids')} ORDER BY m.id",
        {"ids": as_list(post_ids)},
    )
    for match in map(_match, rows):
        found.setdefault(match.post_id, []).append(match)
    return found


def read_texts(reader: Reader, hits: Iterable[Hit]) -> dict[int, str]:
    """Raw texts that these hits point into, current or not."""
    ids = as_list(sorted({hit.text_id for hit in hits}))
    rows = reader.rows(f"SELECT id, text FROM texts WHERE id {in_list('ids')}", {"ids": ids})
    return {row["id"]: row["text"] for row in rows}


def save(
    writer: Writer,
    match: MatchRow,
    targets: Sequence[str],
    now: int,
    *,
    priority: str = "default",
    joined: Sequence[str] = (),
    silenced: Mapping[str, int] | None = None,
    due: int | None = None,
) -> int | None:
    """Store a match, and for each target one delivery due at `due` or `now`; its id, or None if it is stored already.

    Targets in `joined` have heard of the event, those in `silenced` are muted by that mute: nothing is sent to them.
    What is stored already stays as it is, so doing it again changes nothing. Earlier messages that this one has to
    wait for get its priority if that is higher.
    """
    row = writer.one(
        "INSERT INTO matches"
        " (rule, rule_version, post_id, document_hash, kind, at, hits, alerting, why, before) VALUES"
        " (:rule, :rule_version, :post_id, :document_hash, :kind, :at, :hits, :alerting, :why, :before)"
        " ON CONFLICT (rule, rule_version, post_id, document_hash, kind) DO NOTHING RETURNING id",
        {
            "rule": match.rule,
            "rule_version": match.rule_version,
            "post_id": match.post_id,
            "document_hash": match.document_hash,
            "kind": match.kind,
            "at": match.at,
            "hits": json.dumps([asdict(hit) for hit in match.hits], ensure_ascii=False),
            "alerting": int(match.alerting),
            "why": match.why,
            "before": match.before,
        },
    )
    if row is None:
        return None
    settled = dict.fromkeys(joined, "joined") | dict.fromkeys(silenced or {}, "silenced")
    for target in (*targets, *settled):
        writer.execute(
            "INSERT INTO deliveries (match_id, target, kind, payload, state, not_before, attempts,"
            " possible_repeat, created_at, settled_at, priority, mute_id)"
            " VALUES (:match_id, :target, :kind, '{}', :state, :due, 0, 0, :now, :settled, :priority, :mute)"
            " ON CONFLICT (match_id, target) DO NOTHING",
            {
                "match_id": row["id"],
                "target": target,
                "kind": match.kind,
                "state": settled.get(target, "pending"),
                "due": now if due is None else due,
                "now": now,
                "settled": now if target in settled else None,
                "priority": PRIORITIES.index(priority),
                "mute": (silenced or {}).get(target),
            },
        )
    writer.execute(
        "UPDATE deliveries SET priority = :priority WHERE +state = 'pending' AND priority > :priority"
        " AND match_id IN (SELECT n.id FROM matches n WHERE n.post_id = :post_id"
        f" AND (n.rule = :rule OR n.rule LIKE 'media:%')) AND target {in_list('targets')}",
        {
            "priority": PRIORITIES.index(priority),
            "post_id": match.post_id,
            "rule": match.rule,
            "targets": as_list(targets),
        },
    )
    return int(row["id"])


def read_story(reader: Reader, match_id: int) -> Story | None:
    """One match with what its message needs; None if there is no such match."""
    row = next(
        iter(
            reader.rows(
                f"SELECT {_COLUMNS}, s.side, r.query, p.deleted_at FROM matches m JOIN posts p ON p.id = m.post_id"
                " JOIN sources s ON s.id = p.source_id"
                " LEFT JOIN rules r ON r.name = m.rule AND r.version = m.rule_version WHERE m.id = :id",
                {"id": match_id},
            )
        ),
        None,
    )
    if row is None:
        return None
    match = _match(row)
    return Story(match, row["side"], row["query"], read_texts(reader, match.hits), _first_miss(reader, match.post_id))


def find_rule_and_post(reader: Reader, match_id: int) -> tuple[str, int]:
    """The rule of a match, and the post that it found."""
    row = reader.one("SELECT rule, post_id FROM matches WHERE id = :id", {"id": match_id})
    assert row is not None
    return row["rule"], row["post_id"]


def list_posts(reader: Reader, match_ids: Iterable[int]) -> list[int]:
    """The posts that these matches found, each once."""
    return reader.column(f"SELECT DISTINCT post_id FROM matches WHERE id {in_list('ids')}", {"ids": as_list(match_ids)})


def list_matches(
    reader: Reader,
    *,
    since: int | None = None,
    until: int | None = None,
    rule: str | None = None,
    state: str | None = None,
    event: int | None = None,
    digest: int | None = None,
    unacked: bool = False,
    limit: int | None = None,
    below: int | None = None,
) -> Iterator[tuple[MatchRow, str, str | None]]:
    """Matches, newest first, each with the name of its source and the address of its post; read in slices.

    `state` is a state of one of its deliveries, or "silent" for matches that alerted nobody. `unacked`: those that
    alerted and that nobody has acknowledged. `below`: those with lower ids, for the next page.
    """
    below, left = _TOP if below is None else below, limit
    while left is None or left > 0:
        size = _SLICE if left is None else min(left, _SLICE)
        rows = reader.rows(
            f"SELECT {_COLUMNS}, s.name AS source, p.url FROM matches m JOIN posts p ON p.id = m.post_id"
            f" JOIN sources s ON s.id = p.source_id WHERE m.id < :below AND {_LISTED}"
            " ORDER BY m.id DESC LIMIT :size + 0",
            {
                "since": since,
                "until": until,
                "rule": rule,
                "state": state,
                "event": event,
                "digest": digest,
                "unacked": unacked,
                "below": below,
                "size": size,
            },
        )
        for row in rows:
            yield _match(row), row["source"], row["url"]
        if len(rows) < size:
            return
        below = rows[-1]["id"]
        left = None if left is None else left - size


def count_listed(
    reader: Reader,
    *,
    since: int | None = None,
    rule: str | None = None,
    state: str | None = None,
    event: int | None = None,
    digest: int | None = None,
    unacked: bool = False,
) -> int:
    """How many matches `list_matches` gives without a limit."""
    values = {"since": since, "rule": rule, "state": state, "event": event, "digest": digest, "unacked": unacked}
    return int(reader.value(f"SELECT count(*) FROM matches m WHERE {_LISTED}", values | {"until": None}))


def find_last_id(reader: Reader) -> int:
    """Id of the newest match; 0 if there is none."""
    return int(reader.value("SELECT coalesce(max(id), 0) FROM matches"))


def list_after(reader: Reader, after: int, post_ids: Iterable[int]) -> list[tuple[MatchRow, str, str | None]]:
    """Matches of these posts that are newer than the match `after`, oldest first, as `list_matches` gives them."""
    rows = reader.rows(
        f"SELECT {_COLUMNS}, s.name AS source, p.url FROM matches m JOIN posts p ON p.id = m.post_id"
        f" JOIN sources s ON s.id = p.source_id WHERE m.id > :after AND m.post_id {in_list('posts')} ORDER BY m.id",
        {"after": after, "posts": as_list(post_ids)},
    )
    return [(_match(row), row["source"], row["url"]) for row in rows]


def _first_miss(reader: Reader, post_id: int) -> ObservationRow | None:
    rows = reader.rows(
        "SELECT at, presence, method, detail FROM observations WHERE post_id = :id AND presence = 'absent' AND at >"
        " coalesce((SELECT max(at) FROM observations WHERE post_id = :id AND presence = 'present'), 0)"
        " ORDER BY at LIMIT 1",
        {"id": post_id},
    )
    return next((ObservationRow(row["at"], row["presence"], row["method"], row["detail"]) for row in rows), None)


def _match(row: Row) -> MatchRow:
    return MatchRow(
        id=row["id"],
        rule=row["rule"],
        rule_version=row["rule_version"],
        post_id=row["post_id"],
        document_hash=row["document_hash"],
        kind=row["kind"],
        at=row["at"],
        hits=tuple(Hit(**hit) for hit in json.loads(row["hits"])),
        alerting=bool(row["alerting"]),
        why=row["why"],
        before=row["before"],
        event=row["event_id"],
        acked=Acked(*json.loads(row["acked"])) if row["acked"] else None,
    )
