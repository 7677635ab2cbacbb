"""Messages that have not arrived: what each waits for, and until when, as far as the archive knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Reader

_WAITING = "d.state IN ('pending', 'sending', 'dead')"
_ALERT = "coalesce(d.match_id, d.escalates, json_extract(d.payload, '$.alert'))"
_EARLIER = (
    "(SELECT min(n.id) FROM matches n JOIN deliveries e ON e.match_id = n.id AND e.target = d.target"
    " AND e.state IN ('pending', 'sending') WHERE n.post_id = m.post_id AND n.id < m.id"
    " AND (n.rule = m.rule OR n.rule LIKE 'media:%'))"
)


@dataclass(frozen=True, slots=True)
class UndeliveredRow:
    """One message. Times are microseconds UTC; `held_until` is only what was last expected.

    `earlier` is the alert about the same post that goes first.
    """

    id: int
    alert: int | None
    digest: int | None
    kind: str
    target: str
    state: str
    rule: str | None
    source: str | None
    created_at: int
    not_before: int
    attempts: int
    reason: str | None
    held: str | None
    held_until: int | None
    earlier: int | None
    target_state: str
    target_reason: str | None
    target_hold_until: int | None


def list_undelivered(reader: Reader, limit: int | None = None) -> list[UndeliveredRow]:
    """What is pending, being sent or given up, the oldest first."""
    rows = reader.rows(
        f"SELECT d.id, {_ALERT}, json_extract(d.payload, '$.digest'), d.kind, d.target,"
        f" d.state, m.rule, s.name, d.created_at, d.not_before, d.attempts, d.reason, d.held, d.held_until, {_EARLIER},"
        " coalesce(t.state, 'ok'), t.reason, t.hold_until"
        f" FROM deliveries d LEFT JOIN matches m ON m.id = {_ALERT}"
        " LEFT JOIN posts p ON p.id = m.post_id LEFT JOIN sources s ON s.id = p.source_id"
        f" LEFT JOIN targets t ON t.name = d.target WHERE {_WAITING} ORDER BY d.id LIMIT :limit + 0",
        {"limit": -1 if limit is None else limit},
    )
    return [UndeliveredRow(*row) for row in rows]


def count_undelivered(reader: Reader) -> int:
    """How many there are."""
    return int(reader.value(f"SELECT count(*) FROM deliveries d WHERE {_WAITING}"))
