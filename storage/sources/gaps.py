"""The ledger's gaps: what is known to be missing, what history was asked for, how each ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from storage.frozen import dataclass
from storage.records import Gap, LedgerChange, NewGap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from storage.archive.database import Reader, Writer


def list_open_gaps(reader: Reader, source_id: int | None = None) -> list[Gap]:
    """What is still missing, of one source or of all, oldest gap first."""
    return _gaps(reader, "closed_at IS NULL AND (:source IS NULL OR source_id = :source)", {"source": source_id})


def list_all_gaps(reader: Reader, source_id: int) -> list[Gap]:
    """Every gap that a source ever had, oldest first."""
    return _gaps(reader, "source_id = :source", {"source": source_id})


@dataclass(frozen=True, slots=True)
class GapNews:
    """A gap that people have not heard of: that it is open, or how it ended (`how`); `heard`: they know it as open."""

    id: int
    source: str
    heard: bool
    low: int | None
    high: int | None
    from_at: int | None
    to_at: int | None
    opened_at: int
    how: str | None


def list_news(reader: Reader) -> list[GapNews]:
    """Gaps that opened or closed since people last heard of them, oldest first; wanted history is none."""
    rows = reader.rows(
        "SELECT g.id, s.name AS source, g.said AS heard, g.low, g.high, g.from_at, g.to_at, g.opened_at,"
        " iif(g.closed_at IS NULL, NULL, coalesce(g.closed_how, 'closed')) AS how FROM gaps g"
        " JOIN sources s ON s.id = g.source_id WHERE g.said < 2 AND (g.said = 0 OR g.closed_at IS NOT NULL)"
        " AND g.reason NOT IN ('backfill', 'first contact') ORDER BY g.id"
    )
    return [GapNews(**{**dict(row), "heard": bool(row["heard"])}) for row in rows]


def mark_heard(writer: Writer, news: Iterable[GapNews]) -> None:
    """Note that people hear of these."""
    writer.execute_many(
        "UPDATE gaps SET said = :said WHERE id = :id",
        [{"id": gap.id, "said": 1 if gap.how is None else 2} for gap in news],
    )


def count_filled(reader: Reader, gap: Gap) -> int:
    """How many posts were collected since a gap was opened that are numbered above what is left of it."""
    return int(
        reader.value(
            "SELECT count(*) FROM posts WHERE source_id = :source AND collected_at >= :opened AND number > :high",
            {"source": gap.source_id, "opened": gap.opened_at, "high": gap.high or 0},
        )
    )


def request_backfill(
    writer: Writer,
    source_id: int,
    *,
    below: int | None,
    now: int,
    count: int | None = None,
    since: int | None = None,
    alerts: bool = False,
) -> int | None:
    """Open a gap of wanted history: posts numbered under `below`, at most `count`, none published before `since`.

    `below` None starts under the oldest archived number. An earlier wish that is still open is replaced, not doubled.
    Returns the gap's id, or None where nothing of the source is known by number, so that there is nowhere to start.
    """
    if below is None:
        below = writer.value("SELECT min(number) FROM posts WHERE source_id = :id", {"id": source_id})
    if below is None:
        return None
    wish = NewGap("backfill", high=below - 1, until_count=count, until_time=since, alerts=alerts)
    waiting = writer.value(
        "UPDATE gaps SET until_count = :until_count, until_time = :until_time, alerts = :alerts, "
        "high = max(high, :high) WHERE source_id = :source AND reason = 'backfill' AND closed_at IS NULL "
        "RETURNING id",
        {
            "source": source_id,
            "high": wish.high,
            "until_count": count,
            "until_time": since,
            "alerts": int(alerts),
        },
    )
    return int(waiting) if waiting is not None else _open(writer, source_id, wish, now)


def apply_change(writer: Writer, source_id: int, change: LedgerChange, now: int) -> None:
    """Open, narrow and close gaps as a reply decided; part of the transaction that stores its posts."""
    for gap in change.opened:
        _open(writer, source_id, gap, now)
    for left in change.narrowed:
        writer.execute(
            "UPDATE gaps SET low = :low, high = :high, until_count = :until_count "
            "WHERE id = :id AND source_id = :source",
            {
                "id": left.id,
                "source": source_id,
                "low": left.low,
                "high": left.high,
                "until_count": left.until_count,
            },
        )
    for gone in change.closed:
        writer.execute(
            "UPDATE gaps SET closed_at = :now, closed_how = :how "
            "WHERE id = :id AND source_id = :source AND closed_at IS NULL",
            {"id": gone.id, "source": source_id, "now": now, "how": gone.how},
        )


def _open(writer: Writer, source_id: int, gap: NewGap, now: int) -> int:
    gap_id = writer.value(
        "INSERT INTO gaps (source_id, low, high, from_at, to_at, reason, opened_at, until_count, until_time, "
        "alerts) "
        "VALUES (:source, :low, :high, :from_at, :to_at, :reason, :now, :until_count, :until_time, :alerts) "
        "RETURNING id",
        {
            "source": source_id,
            "low": gap.low,
            "high": gap.high,
            "from_at": gap.from_at,
            "to_at": gap.to_at,
            "reason": gap.reason,
            "now": now,
            "until_count": gap.until_count,
            "until_time": gap.until_time,
            "alerts": int(gap.alerts),
        },
    )
    return int(gap_id)


def _gaps(reader: Reader, where: str, parameters: dict[str, Any]) -> list[Gap]:
    rows = reader.rows(
        "SELECT id, source_id, low, high, from_at, to_at, reason, opened_at, closed_at, closed_how, until_count, "
        f"until_time, alerts FROM gaps WHERE {where} ORDER BY id",
        parameters,
    )
    return [Gap(**{**row, "alerts": bool(row["alerts"])}) for row in rows]
