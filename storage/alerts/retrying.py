"""Alerts that a person wants sent again: what was given up, what waits, and what a mute or an event holds back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.archive.database import as_list, in_list
from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Writer

_DIGESTS = "SELECT g.delivery_id FROM digests g JOIN deliveries x ON x.digest_id = g.id WHERE x.match_id = :match_id"


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
    # whoever has the alert may still answer, and files may still come
    waits = "kind IN ('escalation', 'files') AND attempts = 0 AND not_before > :now"
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
        f" WHERE state = 'parked' AND move_answer IS NOT 'no' AND name {in_list('names')} RETURNING name",
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
