"""What is owed to each target: claimed by compare-and-set, sent outside, settled once; the only queue of messages."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from storage.alerts.pace import Pace, find_free_time, note_sending
from storage.alerts.settlement import Claimed
from storage.answers.escalations import silence_acked
from storage.archive.database import as_list, in_list
from storage.records import DeliveryRow

if TYPE_CHECKING:
    from storage.alerts.settlement import Settlement
    from storage.archive.database import Reader, Row, Writer

_ANY_PACE = Pace("")
_MUTED_AT_ONCE = 2  # in one transaction, each with those behind it
_ALL = 9  # above every priority
_OUTAGE = 300_000_000  # microseconds
_COLUMNS = (
    "id, coalesce(match_id, escalates) AS match_id, target, kind, state, not_before, attempts, created_at, settled_at,"
    " reason, receipt, possible_repeat, payload, held, held_until, digest_id, mute_id,"
    " asked, priority"
)
NO_LONGER_CONFIGURED = "the target is no longer configured"
_PENDING = "FROM deliveries d LEFT JOIN matches m ON m.id = d.match_id WHERE d.target = :target AND d.state = 'pending'"
_FREE = f"{_PENDING} AND d.held IS NULL AND (d.priority <= :passing OR d.asked = 1)"
_DIGESTS = "SELECT g.delivery_id FROM digests g JOIN deliveries x ON x.digest_id = g.id WHERE x.match_id = :match_id"
# Nothing goes to a target that is parked or asked us to wait. A message about a match waits for every earlier one
# about the same rule and post, so that the first comes before its replies; what is found in a file that has alerted
# as it came is a reply to that.
_OPEN = "NOT EXISTS (SELECT 1 FROM targets t WHERE t.name = :target AND (t.state = 'parked' OR t.hold_until > :now))"
_SAME_ALERT = "(n.rule = m.rule OR n.rule LIKE 'media:%')"
_IN_TURN = (
    "NOT EXISTS (SELECT 1 FROM matches n CROSS JOIN deliveries e WHERE n.post_id = m.post_id"
    f" AND {_SAME_ALERT}"
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


@dataclass(frozen=True, slots=True)
class TargetRow:
    """A target as the archive knows it: state "ok", "failing" or "parked"; times are microseconds UTC.

    `asked_at` is when a person last wanted it tried again. Its chat `moved_from` is now `moved_to`.
    """

    name: str
    state: str = "ok"
    reason: str | None = None
    state_since: int = 0
    hold_until: int | None = None
    asked_at: int = 0
    moved_from: str | None = None
    moved_to: str | None = None


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
        f" WHERE state = 'pending' AND id = ({which}) RETURNING {_COLUMNS}, unanswered",
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
        f"SELECT {_COLUMNS}, unanswered FROM deliveries WHERE target = :target AND state = 'sending'",
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


def read_targets(reader: Reader) -> dict[str, TargetRow]:
    """Targets that ever failed, recovered or asked for a wait, by name."""
    rows = reader.rows(
        "SELECT name, state, reason, state_since, hold_until, coalesce(asked_at, 0), moved_from, moved_to FROM targets"
    )
    return {row["name"]: TargetRow(*row) for row in rows}


def find_target(reader: Reader, name: str) -> TargetRow:
    """One target; as it begins if nothing is known of it."""
    return read_targets(reader).get(name, TargetRow(name))


def note_move(writer: Writer, name: str, old: str, new: str, now: int) -> bool:
    """Keep that the chat of a target has another name now; False if that is known."""
    if find_target(writer, name).moved_to == new:
        return False
    writer.execute(
        "INSERT INTO targets (name, state, state_since, moved_from, moved_to) VALUES (:name, 'ok', :now, :old, :new)"
        " ON CONFLICT (name) DO UPDATE SET moved_from = excluded.moved_from, moved_to = excluded.moved_to",
        {"name": name, "now": now, "old": old, "new": new},
    )
    return True


def mark_target(
    writer: Writer, target: str, state: Literal["ok", "failing", "parked"], reason: str | None, now: int
) -> bool:
    """Keep the state of a target; True if it changed, which is when people want to hear of it."""
    before = writer.value("SELECT state FROM targets WHERE name = :name", {"name": target})
    writer.execute(
        "INSERT INTO targets (name, state, reason, state_since) VALUES (:name, :state, :reason, :now)"
        " ON CONFLICT (name) DO UPDATE SET reason = excluded.reason, state = excluded.state, state_since ="
        " CASE WHEN state = excluded.state THEN state_since ELSE excluded.state_since END",
        {"name": target, "state": state, "reason": reason, "now": now},
    )
    return (before or "ok") != state


def hold_targets(writer: Writer, names: Iterable[str], until: int, now: int) -> None:
    """Keep the wait that a target asked for, for every target that it covers; never shortens one."""
    for name in names:
        writer.execute(
            "INSERT INTO targets (name, state, state_since, hold_until) VALUES (:name, 'ok', :now, :until)"
            " ON CONFLICT (name) DO UPDATE SET hold_until = max(coalesce(hold_until, 0), excluded.hold_until)",
            {"name": name, "until": until, "now": now},
        )


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


def make_due(writer: Writer, target: str, now: int, *, unanswered: bool = True) -> None:
    """Make everything that waits for `target` due; also what may have arrived already, if `unanswered`."""
    writer.execute(
        "UPDATE deliveries SET not_before = :now WHERE target = :target AND state = 'pending' AND not_before > :now"
        " AND (kind <> 'escalation' OR attempts > 0) AND (unanswered = 0 OR :unanswered)",
        {"target": target, "now": now, "unanswered": int(unanswered)},
    )
    writer.execute("UPDATE targets SET asked_at = :now WHERE name = :target", {"target": target, "now": now})


@dataclass(frozen=True, slots=True)
class Retried:
    """What a retry found: how many messages are due now, which targets were resumed, which asked for a wait until when.

    `settled` are the states of the messages that were left alone, with their targets and times.
    """

    due: int
    opened: tuple[str, ...] = ()
    held: tuple[tuple[str, int], ...] = ()
    settled: tuple[tuple[str, str, int | None], ...] = ()


def retry(
    writer: Writer,
    now: int,
    *,
    match_id: int | None = None,
    target: str | None = None,
    mute_id: int | None = None,
    dead_only: bool = False,
) -> Retried:
    """Make messages due at once, of one match, one target or all: dead ones, pending ones too unless `dead_only`.

    A digest is due if it lists the match. What waits for a digest is sent singly if its match is named. Those that a
    mute holds are sent if their match is named or, with nothing else, if the mute is. What was joined is sent if its
    match is named. Mutes hold nothing of this any more: a person wants it sent.

    Targets that are parked and owe something are opened. Attempts are counted from zero again; that a message may have
    arrived before is kept, and will be said.
    """
    which = (
        f"(:match_id IS NULL OR :match_id IN (match_id, escalates) OR id IN ({_DIGESTS}))"
        " AND (:target IS NULL OR target = :target) AND (:mute_id IS NULL OR mute_id = :mute_id)"
    )
    values = {"match_id": match_id, "target": target, "mute_id": mute_id, "now": now}
    parked = "target IN (SELECT name FROM targets WHERE state = 'parked')"
    waits = "kind = 'escalation' AND attempts = 0 AND not_before > :now"  # whoever has the alert may still answer
    free = "(held IS NULL OR :match_id IS NOT NULL)"  # what waits for a digest is sent singly only if it is named
    open_ = f"(state = 'dead' OR (state = 'pending' AND {free} AND NOT ({waits}) AND ({parked} OR :pending)))"
    muted = "state = 'silenced' AND mute_id IS NOT NULL"
    named = ":match_id IS NOT NULL AND :pending"
    states = (
        f"((:mute_id IS NULL AND {open_}) OR (state = 'joined' AND {named})"
        f" OR ({muted} AND (:mute_id IS NOT NULL OR ({named}))))"
    )
    found = writer.rows(
        "UPDATE deliveries SET state = 'pending', not_before = min(not_before, :now), settled_at = NULL,"
        " attempts = 0, unanswered = 0, interruptions = 0, deaths = 0, asked = 1, held = NULL,"
        " held_until = NULL"
        f" WHERE {which} AND {states} RETURNING target",
        values | {"pending": int(not dead_only)},
    )
    names = {"names": as_list({row["target"] for row in found})}
    opened = writer.column(
        "UPDATE targets SET state = 'ok', reason = NULL, state_since = :now"
        f" WHERE state = 'parked' AND name {in_list('names')} RETURNING name",
        names | {"now": now},
    )
    writer.execute(f"UPDATE targets SET asked_at = :now WHERE name {in_list('names')}", names | {"now": now})
    held = writer.rows(
        f"SELECT name, hold_until FROM targets WHERE hold_until > :now AND name {in_list('names')} ORDER BY name",
        names | {"now": now},
    )
    left = writer.rows(
        f"SELECT target, state, settled_at FROM deliveries WHERE {which} AND NOT state IN ('pending', 'dead')"
        " ORDER BY id LIMIT 20",
        values,
    )
    return Retried(
        len(found),
        tuple(sorted(opened)),
        tuple((row["name"], row["hold_until"]) for row in held),
        tuple((row["target"], row["state"], row["settled_at"]) for row in left),
    )


def note_success(writer: Writer, target: str, now: int) -> bool:
    """`target` accepted a message: True if it did not before; then everything that waits for it is due, in order.

    What may have arrived keeps its time unless the outage was long: a message that alone is never answered would
    otherwise be repeated after every other.
    """
    before = find_target(writer, target)
    if not mark_target(writer, target, "ok", None, now):
        return False
    make_due(writer, target, now, unanswered=now - before.state_since >= _OUTAGE)
    return True


def list_deliveries(reader: Reader, match_id: int) -> list[DeliveryRow]:
    """What is or was owed for one match, oldest first."""
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM deliveries WHERE match_id = :id OR escalates = :id ORDER BY id", {"id": match_id}
    )
    return [to_delivery(row) for row in rows]


def find_first_alert(reader: Reader, match_id: int, target: str) -> tuple[int, str | None] | None:
    """The first match of the post, by the same rule or a file, that `target` got, alone or in a digest; its receipt."""
    rows = reader.rows(
        "SELECT n.id, coalesce(d.receipt, x.receipt) AS got FROM matches m"
        f" JOIN matches n ON n.post_id = m.post_id AND n.id < m.id AND {_SAME_ALERT}"
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
