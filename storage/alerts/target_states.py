"""Targets as the archive knows them: whether they accept alerts, the waits that they asked for, where a chat is now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from storage.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    from storage.archive.database import Reader, Writer

_OUTAGE = 300_000_000  # microseconds


@dataclass(frozen=True, slots=True)
class TargetRow:
    """A target as the archive knows it: state "ok", "failing" or "parked"; times are microseconds UTC.

    `asked_at` is when a person last wanted it tried again. Its chat `moved_from` is now `moved_to`, and `move_answer`
    is what a person said to that: "yes", "no", or None.
    """

    name: str
    state: str = "ok"
    reason: str | None = None
    state_since: int = 0
    hold_until: int | None = None
    asked_at: int = 0
    moved_from: str | None = None
    moved_to: str | None = None
    move_answer: str | None = None


def read_targets(reader: Reader) -> dict[str, TargetRow]:
    """Targets that ever failed, recovered or asked for a wait, by name."""
    rows = reader.rows(
        "SELECT name, state, reason, state_since, hold_until, coalesce(asked_at, 0), moved_from, moved_to,"
        " move_answer FROM targets"
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
        " ON CONFLICT (name) DO UPDATE SET moved_from = excluded.moved_from, moved_to = excluded.moved_to,"
        " move_answer = NULL",
        {"name": name, "now": now, "old": old, "new": new},
    )
    return True


def answer_move(writer: Writer, name: str, answer: Literal["yes", "no"]) -> None:
    """Keep what a person says to where a chat is now."""
    writer.execute("UPDATE targets SET move_answer = :answer WHERE name = :name", {"name": name, "answer": answer})


def forget_move(writer: Writer, name: str) -> None:
    """The config names another chat now."""
    writer.execute(
        "UPDATE targets SET moved_from = NULL, moved_to = NULL, move_answer = NULL WHERE name = :name", {"name": name}
    )


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


def make_due(writer: Writer, target: str, now: int, *, unanswered: bool = True) -> None:
    """Make everything that waits for `target` due; also what may have arrived already, if `unanswered`."""
    writer.execute(
        "UPDATE deliveries SET not_before = :now WHERE target = :target AND state = 'pending' AND not_before > :now"
        " AND (kind NOT IN ('escalation', 'files') OR attempts > 0) AND (unanswered = 0 OR :unanswered)",
        {"target": target, "now": now, "unanswered": int(unanswered)},
    )
    writer.execute("UPDATE targets SET asked_at = :now WHERE name = :target", {"target": target, "now": now})


def note_success(writer: Writer, target: str, now: int) -> bool:
    """`target` accepted a message: True if it did not before; then everything that waits for it is due, in order.

    What may have arrived keeps its time unless the outage was long: a message that alone is never answered would
    otherwise be repeated after every other.
    """
    before = find_target(writer, target)
    if before.move_answer == "no":  # a message was under way when a person said so
        return False
    if not mark_target(writer, target, "ok", None, now):
        return False
    make_due(writer, target, now, unanswered=now - before.state_since >= _OUTAGE)
    return True
