"""Whose turn it is at a target: deliveries are claimed by compare-and-set, the most urgent first, then the oldest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from storage.alerts.outbox import COLUMNS, SAME_ALERT, to_delivery
from storage.alerts.pace import Pace, find_free_time, note_sending
from storage.alerts.settlement import Claimed
from storage.answers.escalations import silence_acked

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

_ANY_PACE = Pace("")
_MUTED_AT_ONCE = 2  # in one transaction, each with those behind it
_ALL = 9  # above every priority
_PENDING = "FROM deliveries d LEFT JOIN matches m ON m.id = d.match_id WHERE d.target = :target AND d.state = 'pending'"
_FREE = f"{_PENDING} AND d.held IS NULL AND (d.priority <= :passing OR d.asked = 1)"
# Nothing goes to a target that is parked or asked us to wait. A message about a match waits for every earlier one
# about the same rule and post, so that the first comes before its replies; what is found in a file that has alerted
# as it came is a reply to that.
_OPEN = "NOT EXISTS (SELECT 1 FROM targets t WHERE t.name = :target AND (t.state = 'parked' OR t.hold_until > :now))"
_IN_TURN = (
    "NOT EXISTS (SELECT 1 FROM matches n CROSS JOIN deliveries e WHERE n.post_id = m.post_id"
    f" AND {SAME_ALERT}"
    " AND n.id < m.id AND e.match_id = n.id AND e.target = d.target AND e.state IN ('pending', 'sending'))"
)  # cross join: from the few matches of the post to their deliveries, never over all that is pending
_READY = f"SELECT d.id {_FREE} AND d.not_before <= :now AND {_OPEN} AND {_IN_TURN}"
_ORDER = "ORDER BY d.priority, d.id LIMIT 1"
# What a death interrupted once is very probably innocent, and comes first; a suspect only if it is claimed as such.
_INTERRUPTED = f"{_READY} AND d.interruptions > 0 AND d.interruptions < 2 {_ORDER}"
_FRESH = f"{_READY} AND d.interruptions = 0 {_ORDER}".replace(
    "FROM deliveries d", "FROM deliveries d INDEXED BY deliveries_in_order"
)
_SUSPECT = f"{_READY} AND d.interruptions > 0 AND d.interruptions >= 2 {_ORDER}"


IsMuted = Callable[["Writer", Claimed], bool]
"""Settles a claimed delivery that shall not be sent, and says whether it did."""


def _no_mute(_: Writer, __: Claimed) -> bool:
    return False


def claim(
    writer: Writer,
    target: str,
    now: int,
    *,
    healthy: bool = False,
    pace: Pace = _ANY_PACE,
    is_muted: IsMuted = _no_mute,
    passing: int = _ALL,
) -> Claimed | None:
    """Take the delivery whose turn it is at `target`: one attempt more, begun at `now`. None if nothing is due.

    `is_muted` settles what shall not go out after all, and the next has its turn; after some of those, None.

    By priority, then the oldest. Commit before the message goes out: a row that is "sending" when the program starts
    may have arrived. `healthy`: the process has been so for a minute (see storage.alerts.deaths). What is less urgent
    than the priority `passing` is left, and so is what is held.
    """
    if find_free_time(writer, pace, now) > now:
        return None
    silence_acked(writer, now)
    for _ in range(_MUTED_AT_ONCE):
        claimed = _claim(writer, (_INTERRUPTED, _FRESH), target, now, healthy=healthy, passing=passing)
        if claimed is None or not is_muted(writer, claimed):
            return _counted(writer, claimed, pace, now)
    return None


def claim_suspect(
    writer: Writer,
    target: str,
    now: int,
    *,
    pace: Pace = _ANY_PACE,
    is_muted: IsMuted = _no_mute,
    passing: int = _ALL,
) -> Claimed | None:
    """Take a message during whose last two attempts the process died; hold nothing else, and be healthy."""
    if find_free_time(writer, pace, now) > now:
        return None
    silence_acked(writer, now)
    claimed = _claim(writer, (_SUSPECT,), target, now, healthy=True, passing=passing)
    return None if claimed is not None and is_muted(writer, claimed) else _counted(writer, claimed, pace, now)


def _claim(
    writer: Writer, order: Iterable[str], target: str, now: int, *, healthy: bool, passing: int
) -> Claimed | None:
    found = (_take(writer, which, target, now, healthy=healthy, passing=passing) for which in order)
    return next((one for one in found if one is not None), None)


def _counted(writer: Writer, claimed: Claimed | None, pace: Pace, now: int) -> Claimed | None:
    if claimed is not None:
        note_sending(writer, pace, now)
    return claimed


def _take(writer: Writer, which: str, target: str, now: int, *, healthy: bool, passing: int) -> Claimed | None:
    row = writer.one(
        "UPDATE deliveries SET state = 'sending', attempts = attempts + 1, started_at = :now, healthy = :healthy"
        f" WHERE state = 'pending' AND id = ({which}) RETURNING {COLUMNS}, unanswered",
        {"target": target, "now": now, "healthy": int(healthy), "passing": passing},
    )
    return None if row is None else Claimed(to_delivery(row), row["unanswered"])


def find_due_time(
    reader: Reader,
    target: str,
    healthy_at: int = 0,
    *,
    pace: Pace = _ANY_PACE,
    passing: int = _ALL,
    now: int = 0,
) -> int | None:
    """When `target` has something to send, as far as is known now; None if nothing waits or it is parked.

    Suspects are not due before `healthy_at`.
    """
    known = reader.one("SELECT state, hold_until FROM targets WHERE name = :name", {"name": target})
    if known is not None and known["state"] == "parked":
        return None
    hold = max((known["hold_until"] or 0) if known is not None else 0, find_free_time(reader, pace, now))
    first = f"SELECT d.not_before {_FREE} AND {_IN_TURN} AND {{}} ORDER BY d.not_before LIMIT 1"
    which = {"target": target, "passing": passing}
    fresh = reader.value(first.format("d.interruptions < 2"), which)
    suspect = reader.value(first.format("d.interruptions > 0 AND d.interruptions >= 2"), which)
    times = [max(at, hold, least) for at, least in ((fresh, 0), (suspect, healthy_at)) if at is not None]
    return min(times, default=None)
