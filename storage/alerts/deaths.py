"""What a death of the process means for the work that it held: who is to blame, and what is tried again.

A death counts against a piece of work only if that was the only one claimed and the process had been healthy for a
minute; two such deaths in a row give it up. Any other death counts nothing: an innocent post must never be lost because
somebody killed us.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from storage import jobs
from storage.archive.database import as_list, in_list
from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Reader, Row, Writer

DEATHS = 2
REASON = "the program died twice while it worked on this and on nothing else"
_HELD = "claimed_until IS NOT NULL"


@dataclass(frozen=True, slots=True)
class LostDelivery:
    """A message that is given up because sending it kills the program."""

    match_id: int | None
    target: str
    kind: str
    id: int


def settle_death(writer: Writer, now: int, *, blameless: Sequence[str] = ()) -> list[LostDelivery]:
    """Free every claim: whoever held one is dead, since only one daemon runs. Call it once at the start.

    Work of `blameless` kinds is done in a process of its own, which cannot take the daemon with it.
    """
    free = {"blameless": as_list(blameless)}
    writer.execute(f"UPDATE jobs SET claimed_until = NULL WHERE {_HELD} AND kind {in_list('blameless')}", free)
    held = writer.rows(f"SELECT id, deaths, healthy FROM jobs WHERE {_HELD}")
    sending = writer.rows(
        "SELECT id, deaths, healthy, coalesce(match_id, escalates) AS match_id, target, kind FROM deliveries"
        " WHERE state = 'sending'"
    )
    counts = len(held) + len(sending) == 1
    for row in held:
        _interrupt(writer, "jobs", row, counts=counts)
        if _is_guilty(row, counts=counts):
            jobs.give_up(writer, row["id"], now, REASON)
    lost = [row for row in sending if _is_guilty(row, counts=counts)]
    for row in sending:
        _interrupt(writer, "deliveries", row, counts=counts)
    let_go(writer)
    for row in lost:
        writer.execute(
            "UPDATE deliveries SET state = 'dead', settled_at = :now, reason = :reason WHERE id = :id",
            {"id": row["id"], "now": now, "reason": REASON},
        )
    return [LostDelivery(row["match_id"], row["target"], row["kind"], row["id"]) for row in lost]


def has_suspects(reader: Reader, now: int) -> bool:
    """Whether work is due during which the process has died twice, so that it waits for a healthy minute."""
    return any(jobs.has_suspect(reader, kind, now) for kind in ("decide", "recheck")) or bool(
        reader.value(
            "SELECT EXISTS (SELECT 1 FROM deliveries WHERE interruptions > 0 AND interruptions >= 2"
            " AND state = 'pending' AND not_before <= :now)",
            {"now": now},
        )
    )


def let_go(writer: Writer) -> None:
    """Free every claim at an orderly stop, which is nobody's fault. What was being sent may have arrived."""
    writer.execute(f"UPDATE jobs SET claimed_until = NULL WHERE {_HELD}")
    writer.execute(
        "UPDATE deliveries SET state = 'pending', possible_repeat = 1, attempts = max(attempts - 1, 0),"
        " reason = 'the program stopped while the message was being sent' WHERE state = 'sending'"
    )


def _is_guilty(row: Row, *, counts: bool) -> bool:
    return counts and bool(row["healthy"]) and row["deaths"] + 1 >= DEATHS


def _interrupt(writer: Writer, table: str, row: Row, *, counts: bool) -> None:
    writer.execute(
        f"UPDATE {table} SET interruptions = interruptions + 1, deaths = deaths + :counts WHERE id = :id",
        {"id": row["id"], "counts": int(counts and bool(row["healthy"]))},
    )
