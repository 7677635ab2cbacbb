"""What is owed to each target: settled once, and read again; the only queue of messages (claims: `claiming`)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from storage.alerts.settlement import Claimed
from storage.archive.database import as_list, in_list
from storage.records import DeliveryRow

if TYPE_CHECKING:
    from storage.alerts.settlement import Settlement
    from storage.archive.database import Reader, Row, Writer

COLUMNS = (
    "id, coalesce(match_id, escalates) AS match_id, target, kind, state, not_before, attempts, created_at, settled_at,"
    " reason, receipt, possible_repeat, payload, held, held_until, digest_id, mute_id,"
    " asked, priority"
)
SAME_ALERT = "(n.rule = m.rule OR n.rule LIKE 'media:%')"
NO_LONGER_CONFIGURED = "the target is no longer configured"


def settle(writer: Writer, delivery_id: int, settlement: Settlement, now: int) -> None:
    """Write down what became of a claimed delivery."""
    writer.execute(
        "UPDATE deliveries SET state = :state, held_until = NULL, attempts = :attempts, unanswered = :unanswered,"
        " reason = :reason, possible_repeat = :possible_repeat, interruptions = 0, deaths = 0,"
        " receipt = coalesce(:receipt, receipt),"
        " settled_at = CASE WHEN :state = 'pending' THEN NULL ELSE :now END,"
        " not_before = CASE WHEN :state = 'pending' THEN :not_before ELSE not_before END"
        " WHERE id = :id AND state = 'sending'",
        {
            "id": delivery_id,
            "state": settlement.state,
            "attempts": settlement.attempts,
            "unanswered": settlement.unanswered,
            "possible_repeat": int(settlement.possible_repeat),
            "reason": settlement.reason,
            "receipt": settlement.receipt,
            "not_before": settlement.not_before,
            "now": now,
        },
    )


def list_interrupted(reader: Reader, target: str) -> list[Claimed]:
    """Deliveries whose attempt could not be settled: they may have arrived or not."""
    rows = reader.rows(
        f"SELECT {COLUMNS}, unanswered FROM deliveries WHERE target = :target AND state = 'sending'",
        {"target": target},
    )
    return [Claimed(to_delivery(row), row["unanswered"]) for row in rows]


def abandon(writer: Writer, known: Iterable[str], now: int) -> int:
    """Let what is owed to targets that are no longer configured die, with that reason; how many did."""
    return writer.execute(
        "UPDATE deliveries SET state = 'dead', settled_at = :now, reason = :reason, held = NULL, held_until = NULL"
        f" WHERE state IN ('pending', 'sending') AND target NOT {in_list('known')}",
        {"known": as_list(known), "now": now, "reason": NO_LONGER_CONFIGURED},
    ).rowcount


def announce(writer: Writer, names: Iterable[str], about: str, words: str, now: int) -> None:
    """Owe each of these targets one health message."""
    payload = json.dumps({"about": about, "text": words}, ensure_ascii=False)
    for name in names:
        writer.execute(
            "INSERT INTO deliveries (match_id, target, kind, payload, state, not_before, attempts,"
            " possible_repeat, created_at, priority) VALUES"
            " (NULL, :target, 'health', :payload, 'pending', :now, 0, 0, :now, 1)",
            {"target": name, "payload": payload, "now": now},
        )


def list_deliveries(reader: Reader, match_id: int) -> list[DeliveryRow]:
    """What is or was owed for one match, oldest first."""
    rows = reader.rows(
        f"SELECT {COLUMNS} FROM deliveries WHERE match_id = :id OR escalates = :id ORDER BY id", {"id": match_id}
    )
    return [to_delivery(row) for row in rows]


def find_first_alert(reader: Reader, match_id: int, target: str) -> tuple[int, str | None] | None:
    """The first match of the post, by the same rule or a file, that `target` got, alone or in a digest; its receipt."""
    rows = reader.rows(
        "SELECT n.id, coalesce(d.receipt, x.receipt) AS got FROM matches m"
        f" JOIN matches n ON n.post_id = m.post_id AND n.id < m.id AND {SAME_ALERT}"
        " JOIN deliveries d ON d.match_id = n.id AND d.target = :target"
        " LEFT JOIN digests g ON g.id = d.digest_id LEFT JOIN deliveries x ON x.id = g.delivery_id"
        " WHERE m.id = :id AND (d.state = 'sent' OR d.state = 'digested' AND x.state = 'sent')"
        " ORDER BY got IS NULL, d.id LIMIT 1",
        {"id": match_id, "target": target},
    )
    return next(((row["id"], row["got"]) for row in rows), None)


def to_delivery(row: Row) -> DeliveryRow:
    """Read one row of `deliveries` from either door."""
    return DeliveryRow(
        id=row["id"],
        match_id=row["match_id"],
        target=row["target"],
        kind=row["kind"],
        state=row["state"],
        not_before=row["not_before"],
        attempts=row["attempts"],
        created_at=row["created_at"],
        settled_at=row["settled_at"],
        reason=row["reason"],
        receipt=row["receipt"],
        possible_repeat=bool(row["possible_repeat"]),
        payload=json.loads(row["payload"]),
        held=row["held"],
        held_until=row["held_until"],
        digest=row["digest_id"],
        mute_id=row["mute_id"],
        asked=bool(row["asked"]),
        priority=row["priority"],
    )
