"""Up to where the scheduled digests of each target have come; written in the transaction that makes one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.alerts import digests
from storage.archive.database import as_list, in_list
from storage.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from storage.archive.database import Reader, Writer


@dataclass(frozen=True, slots=True)
class Covered:
    """The next digest of a target begins at `until` (microseconds UTC), after the delivery `last`."""

    target: str
    until: int
    last: int


def declare(writer: Writer, targets: Iterable[str], now: int) -> None:
    """Let these targets, and no others, have scheduled digests; one that is new begins now."""
    names = as_list(targets)
    writer.execute(f"DELETE FROM digest_schedules WHERE target NOT {in_list('names')}", {"names": names})
    writer.execute(
        "INSERT INTO digest_schedules (target, covered_until, last_delivery)"
        " SELECT value, :now, (SELECT coalesce(max(id), 0) FROM deliveries) FROM json_each(:names) WHERE true"
        " ON CONFLICT (target) DO NOTHING",
        {"names": names, "now": now},
    )


def read_covered(reader: Reader) -> list[Covered]:
    """Every target with scheduled digests."""
    rows = reader.rows("SELECT target, covered_until, last_delivery FROM digest_schedules ORDER BY target")
    return [Covered(*row) for row in rows]


def begin_again(writer: Writer, target: str, now: int) -> None:
    """The clock was set back behind the end of the last digest: the next one begins now, with the same alerts."""
    writer.execute(
        "UPDATE digest_schedules SET covered_until = :now WHERE target = :target", {"target": target, "now": now}
    )


def make_scheduled(writer: Writer, covered: Covered, now: int, priority: int = 2) -> int:
    """Owe a target the digest of what came since its last one, and begin the next; the digest's id."""
    digest = digests.make(writer, covered.target, "scheduled", (covered.until, now), (), now, priority=priority)
    own = writer.value("SELECT delivery_id FROM digests WHERE id = :id", {"id": digest})
    writer.execute("UPDATE digests SET after_delivery = :last WHERE id = :id", {"last": covered.last, "id": digest})
    writer.execute(
        "UPDATE digest_schedules SET covered_until = :now, last_delivery = :own WHERE target = :target",
        {"now": now, "own": own, "target": covered.target},
    )
    return digest
