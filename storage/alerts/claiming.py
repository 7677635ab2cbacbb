"""Whose turn it is at a target: deliveries are claimed by compare-and-set, the most urgent first, then the oldest."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from typing import TYPE_CHECKING

from storage.alerts.outbox import COLUMNS, SAME_ALERT, to_delivery
from storage.alerts.pace import Pace, find_free_time, note_sending
from storage.alerts.settlement import Claimed
from storage.answers.escalations import silence_acked
from storage.archive.database import as_list, in_list
from storage.frozen import dataclass

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
_ORDER = "ORDER BY d.priority, d.id LIMIT :most + 0"
# What a death interrupted once is very probably innocent, and comes first; a suspect only if it is claimed as such.
_APART = _READY.replace("FROM deliveries d", "FROM deliveries d INDEXED BY deliveries_apart")
_INTERRUPTED = f"{_APART} AND d.interruptions > 0 AND d.interruptions < 2 {_ORDER}"
_FRESH = f"{_READY} AND d.interruptions = 0 {_ORDER}".replace(
    "FROM deliveries d", "FROM deliveries d INDEXED BY deliveries_in_order"
)
_SUSPECT = f"{_APART} AND d.interruptions > 0 AND d.interruptions >= 2 {_ORDER}"
_FIRST = f"SELECT d.not_before {_FREE} AND {_IN_TURN} AND d.interruptions < 2 ORDER BY d.not_before LIMIT 1"
_FIRST_SUSPECT = _FIRST.replace("d.interruptions < 2", "d.interruptions > 0 AND d.interruptions >= 2").replace(
    "FROM deliveries d", "FROM deliveries d INDEXED BY deliveries_apart"
)
# The number of an event is that of its first post. Once the target has a message about an event, each further one can
# refer to it, and they need not wait for each other. Cross join: from the few posts of the event to their deliveries,
# never over all that was ever sent.
_THREADS = (
    "SELECT d.id, d.kind, m.rule, m.post_id, b.event_id, f.quotes, n.post_id, e.event_id, EXISTS (SELECT 1"
    " FROM event_posts c CROSS JOIN matches k ON k.post_id = c.post_id CROSS JOIN deliveries x ON x.match_id = k.id"
    " WHERE c.event_id = b.event_id AND x.target = d.target AND x.state = 'sent')"
    " FROM deliveries d LEFT JOIN matches m ON m.id = d.match_id"
    " LEFT JOIN event_posts b ON b.post_id = m.post_id LEFT JOIN events f ON f.id = b.event_id"
    " LEFT JOIN facing g ON g.match_id = m.id LEFT JOIN matches n ON n.id = g.faces"
    f" LEFT JOIN event_posts e ON e.post_id = n.post_id WHERE d.id {in_list('ids')}"
)
_ABOUT_POSTS = {"match", "edited", "deleted"}
_LOOK_AT = 4  # candidates for each place: those that wait for another one give way to those behind them


IsMuted = Callable[["Writer", Sequence[Claimed]], set[int]]
"""Settles those of claimed deliveries that shall not be sent, and says which."""


def _no_mute(_: Writer, __: Sequence[Claimed]) -> set[int]:
    return set()


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
    """Take the delivery whose turn it is at `target`, as `claim_several` does. None if nothing is due."""
    found = claim_several(writer, target, now, 1, healthy=healthy, pace=pace, is_muted=is_muted, passing=passing)
    return found[0] if found else None


def claim_several(
    writer: Writer,
    target: str,
    now: int,
    most: int,
    *,
    beside: Sequence[Claimed] = (),
    healthy: bool = False,
    pace: Pace = _ANY_PACE,
    is_muted: IsMuted = _no_mute,
    passing: int = _ALL,
    one_by_one: Container[str] = (),
) -> list[Claimed]:
    """Take those whose turn it is at `target`, `most` at the same time: one attempt more of each, begun at `now`.

    By priority, then the oldest. Commit before a message goes out: a row that is "sending" when the program starts may
    have arrived. `healthy`: the process has been so for a minute (see storage.alerts.deaths). What is less urgent than
    the priority `passing` is left, and so is what is held. `is_muted` settles what shall not go out after all, and the
    next has its turn; after some of those, none.

    `beside` are under way already. Two messages of which one could refer to the other are never under way together,
    nor two about rules that go `one_by_one`. What is not about a post goes alone, and so does what was interrupted.
    """
    if find_free_time(writer, pace, now) > now:
        return []
    silence_acked(writer, now)
    values = {"target": target, "now": now, "passing": passing}
    for _ in range(_MUTED_AT_ONCE):
        chosen = _choose(writer, values, most, beside, one_by_one)
        claimed = _take(writer, chosen, now, healthy=healthy)
        muted = is_muted(writer, claimed)
        left = [one for one in claimed if one.row.id not in muted]
        if left or not claimed:
            return _counted(writer, left, pace, now)
    return []


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
    ids = writer.column(_SUSPECT, {"target": target, "now": now, "passing": passing, "most": 1})
    claimed = _take(writer, dict.fromkeys(ids, frozenset()), now, healthy=True)
    left = [] if is_muted(writer, claimed) else claimed
    return next(iter(_counted(writer, left, pace, now)), None)


def _choose(
    writer: Writer, values: dict[str, object], most: int, beside: Sequence[Claimed], one_by_one: Container[str]
) -> dict[int, frozenset[int]]:
    """The deliveries that may go out now, each with what it could refer to."""
    interrupted = writer.column(_INTERRUPTED, values | {"most": 1})
    if interrupted or not all(one.about for one in beside):
        return {} if beside else dict.fromkeys(interrupted, frozenset())
    alone = most == 1 and not beside
    ids = writer.column(_FRESH, values | {"most": 1 if alone else most * _LOOK_AT})
    if alone:
        return dict.fromkeys(ids, frozenset())
    taken = {about for one in beside for about in one.about}
    rules: set[str] = set()
    chosen: dict[int, frozenset[int]] = {}
    for one in _find_threads(writer, ids):
        if one.rule is None:
            return chosen if chosen or beside else {one.id: frozenset()}
        if taken & one.about or one.rule in rules:
            continue
        taken |= one.about
        rules |= {one.rule} if one.rule in one_by_one else set()
        chosen[one.id] = one.about
        if len(chosen) == most:
            break
    return chosen


@dataclass(frozen=True, slots=True)
class _Threads:
    """A delivery, and the posts and events that its message could refer to; `rule` is None if it is about none."""

    id: int
    rule: str | None
    about: frozenset[int]


def _find_threads(writer: Writer, ids: Sequence[int]) -> list[_Threads]:
    """Of each of these deliveries, in their order."""
    found: dict[int, _Threads] = {}
    for delivery, kind, rule, post, event, quotes, faced, faced_event, known in writer.rows(
        _THREADS, {"ids": as_list(ids)}
    ):
        about = (post, None if known else event, quotes, faced, faced_event)
        rule_of = rule if kind in _ABOUT_POSTS else None
        found[delivery] = _Threads(delivery, rule_of, frozenset(one for one in about if one is not None))
    return [found[one] for one in ids]


def _take(writer: Writer, chosen: Mapping[int, frozenset[int]], now: int, *, healthy: bool) -> list[Claimed]:
    if not chosen:
        return []
    rows = writer.rows(
        "UPDATE deliveries SET state = 'sending', attempts = attempts + 1, started_at = :now, healthy = :healthy"
        f" WHERE state = 'pending' AND id {in_list('ids')} RETURNING {COLUMNS}, unanswered",
        {"ids": as_list(chosen), "now": now, "healthy": int(healthy)},
    )
    found = {row["id"]: Claimed(to_delivery(row), row["unanswered"], chosen[row["id"]]) for row in rows}
    return [found[one] for one in chosen if one in found]


def _counted(writer: Writer, claimed: list[Claimed], pace: Pace, now: int) -> list[Claimed]:
    for _ in claimed:
        note_sending(writer, pace, now)
    return claimed


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
    which = {"target": target, "passing": passing}
    fresh, suspect = reader.value(_FIRST, which), reader.value(_FIRST_SUSPECT, which)
    times = [max(at, hold, least) for at, least in ((fresh, 0), (suspect, healthy_at)) if at is not None]
    return min(times, default=None)
