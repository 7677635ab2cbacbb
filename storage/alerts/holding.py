"""Messages that wait for a digest: pending, and `held` by the kind of digest that will list them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.archive.database import as_list, in_list
from storage.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from storage.archive.database import Reader, Writer

# Only what a rule found is ever held; a message that a death interrupted, or that a person wants, comes by itself.
_HOLD = "UPDATE deliveries INDEXED BY deliveries_in_order SET"
_FREE = (
    "target = :target AND state = 'pending' AND held IS NULL AND match_id IS NOT NULL AND not_before <= :now"
    " AND interruptions = 0 AND asked = 0"
)


@dataclass(frozen=True, slots=True)
class HeldRow:
    """One held delivery; `priority` 0 is the most urgent, `created_at` is in microseconds UTC."""

    id: int
    post_id: int
    rule: str
    priority: int
    created_at: int


def list_held(
    reader: Reader, target: str, kind: str, *, priority: int | None = None, before: int | None = None
) -> list[HeldRow]:
    """What waits for a digest of this kind, the most urgent first, then the oldest; of one priority, or an age."""
    rows = reader.rows(
        "SELECT d.id, m.post_id, m.rule, d.priority, d.created_at FROM deliveries d JOIN matches m ON m.id = d.match_id"
        " WHERE d.target = :target AND d.held = :kind AND (:priority IS NULL OR d.priority = :priority)"
        " AND (:before IS NULL OR d.created_at < :before) ORDER BY d.priority, d.id",
        {"target": target, "kind": kind, "priority": priority, "before": before},
    )
    return [HeldRow(*row) for row in rows]


def find_oldest(reader: Reader, target: str, kind: str) -> int | None:
    """When the oldest of what waits for a digest of this kind was owed; None if nothing does."""
    at: int | None = reader.value(
        "SELECT min(created_at) FROM deliveries WHERE target = :target AND held = :kind",
        {"target": target, "kind": kind},
    )
    return at


def has_other_rule(reader: Reader, target: str, kind: str, rules: Iterable[str]) -> bool:
    """Whether something of another rule than these waits for a digest of this kind."""
    return bool(
        reader.value(
            "SELECT EXISTS (SELECT 1 FROM deliveries d JOIN matches m ON m.id = d.match_id"
            f" WHERE d.target = :target AND d.held = :kind AND m.rule NOT {in_list('rules')})",
            {"target": target, "kind": kind, "rules": as_list(rules)},
        )
    )


def hold_quiet(writer: Writer, target: str, priority: int, until: int, now: int) -> None:
    """Hold what is due and has this priority until a quiet ends; also what a limit holds. Other messages just wait."""
    values = {
        "target": target,
        "priority": priority,
        "until": until,
        "now": now,
        "digest": "quiet hours: it comes in a digest when they end",
        "alone": "quiet hours: it is sent when they end",
    }
    waits = "target = :target AND state = 'pending' AND priority = :priority AND held IS NULL AND not_before <= :now"
    said = "reason = :digest, held_until = :until"
    held = "target = :target AND priority = :priority AND held"
    writer.execute(f"{_HOLD} held = 'quiet', {said} WHERE {_FREE} AND priority = :priority", values)
    writer.execute(f"UPDATE deliveries SET held = 'quiet', {said} WHERE {held} = 'limit'", values)
    last = writer.value(f"SELECT held_until FROM deliveries WHERE {held} = 'quiet' ORDER BY created_at LIMIT 1", values)
    if last is not None and last != until:  # the config or the clock has changed
        writer.execute(f"UPDATE deliveries SET held_until = :until WHERE {held} = 'quiet'", values)
    writer.execute(
        f"{_HOLD} reason = :alone, held_until = :until WHERE {waits} AND match_id IS NULL AND asked = 0"
        " AND held_until IS NOT :until",
        values,
    )


def hold_over_limit(
    writer: Writer, target: str, passing: int, reason: str, until: int, now: int, *, rule: str | None = None
) -> None:
    """Hold what is due, up to the priority `passing`, because a limit is used up: that of the target, or of a rule."""
    writer.execute(
        f"{_HOLD} held = 'limit', reason = :reason, held_until = :until WHERE {_FREE} AND priority <= :passing"
        " AND possible_repeat = 0 AND (:rule IS NULL OR (SELECT m.rule FROM matches m WHERE m.id = match_id) = :rule)",
        {"target": target, "passing": passing, "reason": reason, "until": until, "now": now, "rule": rule},
    )


def list_waiting(reader: Reader, target: str, passing: int, now: int) -> list[int]:
    """What is due and not held, up to the priority `passing`, in the order in which it is sent."""
    return reader.column(
        "SELECT id FROM deliveries INDEXED BY deliveries_in_order WHERE target = :target AND state = 'pending'"
        " AND held IS NULL AND not_before <= :now AND (priority <= :passing OR asked = 1) ORDER BY priority, id",
        {"target": target, "passing": passing, "now": now},
    )


def note_waits(writer: Writer, untils: Mapping[int, int], reason: str) -> None:
    """Say of messages why they wait and until when; a time that is right within two seconds stays."""
    writer.execute_many(
        "UPDATE deliveries SET reason = :reason, held_until = :until WHERE id = :id"
        " AND (reason IS NOT :reason OR held_until IS NULL OR abs(held_until - :until) > 2000000)",
        [{"id": one, "until": until, "reason": reason} for one, until in untils.items()],
    )


def find_expected(reader: Reader, target: str, kind: str) -> int | None:
    """When the digest of what is held is expected, as far as that is known."""
    at: int | None = reader.value(
        "SELECT min(held_until) FROM deliveries WHERE target = :target AND held = :kind AND state = 'pending'",
        {"target": target, "kind": kind},
    )
    return at


def release(writer: Writer, ids: Iterable[int]) -> None:
    """Let these be sent singly."""
    writer.execute(
        "UPDATE deliveries SET held = NULL, held_until = NULL, reason = NULL"
        f" WHERE id {in_list('ids')} AND held IS NOT NULL",
        {"ids": as_list(ids)},
    )


def has_undelivered_digest(reader: Reader, target: str, kind: str) -> bool:
    """Whether a digest of this kind is still on its way."""
    return bool(
        reader.value(
            "SELECT EXISTS (SELECT 1 FROM deliveries d WHERE d.target = :target AND d.kind = 'digest'"
            " AND d.state IN ('pending', 'sending')"
            " AND EXISTS (SELECT 1 FROM digests g WHERE g.delivery_id = d.id AND g.kind = :kind))",
            {"target": target, "kind": kind},
        )
    )


def waits(reader: Reader, target: str, beyond: int = -2) -> bool:
    """Whether anything is pending that is less urgent than the priority `beyond`; without it: anything at all."""
    return bool(
        reader.value(
            "SELECT EXISTS (SELECT 1 FROM deliveries WHERE target = :target AND state = 'pending' AND priority > :p)",
            {"target": target, "p": beyond},
        )
    )


def find_rule(reader: Reader, match_id: int) -> str:
    """The rule of a match."""
    return str(reader.value("SELECT rule FROM matches WHERE id = :id", {"id": match_id}))
