"""What people silenced for a while: which alerts, until when, why and who; and how many messages each mute has held."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.alerts.holding import HeldRow
from storage.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storage.archive.database import Reader, Row, Writer

_TOLERANCE = 60_000_000  # microseconds that the clock of who mutes may be ahead of that of who sends
_COLUMNS = 'id, rule, source, tag, "query", target, even_max, from_at, until, why, who, ended_at, ended_by'
_ACTIVE = "ended_at IS NULL AND until > :now AND from_at <= :now + :tolerance"


@dataclass(frozen=True, slots=True)
class Mute:
    """Alerts that fit everything that is not None are held `from_at` to `until` (microseconds UTC).

    Those of priority max are only held if `even_max`. `ended_at` is when a person ended it before its time; `held`
    counts the messages that it held, also those that a person has sent since.
    """

    rule: str | None
    source: str | None
    tag: str | None
    query: str | None
    target: str | None
    from_at: int
    until: int
    why: str
    who: str
    even_max: bool = False
    id: int = 0
    ended_at: int | None = None
    ended_by: str | None = None
    held: int = 0

    def is_active(self, now: int) -> bool:
        """Whether it holds something now."""
        return self.ended_at is None and self.from_at <= now + _TOLERANCE and now < self.until


def add(writer: Writer, mute: Mute) -> int:
    """Begin a mute; its id. Whoever decides or sends after this commit obeys it."""
    return int(
        writer.value(
            'INSERT INTO mutes (rule, source, tag, "query", target, even_max, from_at, until, why, who) VALUES'
            " (:rule, :source, :tag, :query, :target, :even_max, :from_at, :until, :why, :who) RETURNING id",
            {
                "rule": mute.rule,
                "source": mute.source,
                "tag": mute.tag,
                "query": mute.query,
                "target": mute.target,
                "even_max": int(mute.even_max),
                "from_at": mute.from_at,
                "until": mute.until,
                "why": mute.why,
                "who": mute.who,
            },
        )
    )


def end(writer: Writer, mute_id: int, now: int, who: str) -> bool:
    """End a mute before its time; False if it is over. What it held stays silenced."""
    return bool(
        writer.execute(
            "UPDATE mutes SET ended_at = :now, ended_by = :who WHERE id = :id AND ended_at IS NULL AND until > :now",
            {"id": mute_id, "now": now, "who": who},
        ).rowcount
    )


def find_mute(reader: Reader, mute_id: int) -> Mute | None:
    """One mute with what it held; None if there is none with this id."""
    return next(iter(_read(reader, "id = :id", {"id": mute_id})), None)


def list_mutes(reader: Reader, now: int, *, ended: bool = False) -> list[Mute]:
    """The mutes that are active, or with `ended` all that there ever were, oldest first; with what each held."""
    return _read(reader, "(:ended OR id IN (SELECT id FROM mutes WHERE " + _ACTIVE + "))", _at(now, ended=int(ended)))


def list_between(reader: Reader, since: int, until: int) -> list[Mute]:
    """The mutes that were active at some time from `since` to `until`; each `held` counts what it held in that time."""
    return _read(
        reader,
        "from_at < :until AND min(until, coalesce(ended_at, until)) >= :since",
        {"since": since, "until": until},
        " AND d.settled_at >= :since AND d.settled_at < :until",
    )


def read_active(reader: Reader, now: int) -> list[Mute]:
    """The mutes that hold something now, oldest first; `held` is not counted."""
    return [
        _mute(row)
        for row in reader.rows(f"SELECT {_COLUMNS}, 0 AS held FROM mutes WHERE {_ACTIVE} ORDER BY id", _at(now))
    ]


def hold(writer: Writer, delivery_id: int, mute_id: int, now: int) -> None:
    """Silence a claimed message whose turn came while the mute lasts: no attempt was made."""
    writer.execute(
        "UPDATE deliveries SET state = 'silenced', mute_id = :mute, settled_at = :now, attempts = attempts - 1,"
        " reason = NULL"
        " WHERE id = :id AND state = 'sending'",
        {"id": delivery_id, "mute": mute_id, "now": now},
    )


def list_waiting(reader: Reader, target: str, now: int, *, limit: int) -> list[HeldRow]:
    """What is due next at a target and waits for no digest; not what a person wants sent."""
    rows = reader.rows(
        "SELECT d.id, m.post_id, m.rule, d.priority, d.created_at FROM deliveries d JOIN matches m ON m.id = d.match_id"
        " WHERE d.target = :target AND d.state = 'pending' AND d.held IS NULL AND d.asked = 0 AND d.not_before <= :now"
        " ORDER BY d.priority, d.id LIMIT :limit + 0",
        {"target": target, "now": now, "limit": limit},
    )
    return [HeldRow(*row) for row in rows]


def hold_waiting(writer: Writer, held: Mapping[int, int], now: int) -> None:
    """Silence messages that wait: the mute of each, by the id of its delivery."""
    writer.execute_many(
        "UPDATE deliveries SET state = 'silenced', mute_id = :mute, settled_at = :now, held = NULL,"
        " held_until = NULL, reason = NULL"
        " WHERE id = :id AND state = 'pending'",
        [{"id": delivery, "mute": mute, "now": now} for delivery, mute in held.items()],
    )


def _at(now: int, **more: int) -> dict[str, int]:
    return {"now": now, "tolerance": _TOLERANCE, **more}


def _read(reader: Reader, where: str, values: dict[str, int], held: str = "") -> list[Mute]:
    rows = reader.rows(
        f"SELECT {_COLUMNS}, (SELECT count(*) FROM deliveries d WHERE d.mute_id = mutes.id{held}) AS held"
        f" FROM mutes WHERE {where} ORDER BY id",
        values,
    )
    return [_mute(row) for row in rows]


def _mute(row: Row) -> Mute:
    return Mute(**{**dict(row), "even_max": bool(row["even_max"])})
