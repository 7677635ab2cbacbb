"""PURE: why a message has not arrived, and until when it waits; and its JSON fields."""

from bot.documents.as_json import iso
from storage.alerts.waiting import UndeliveredRow


def explain_wait(row: UndeliveredRow, now: int) -> tuple[str, int | None]:
    """Why it has not arrived, and until when; None where that depends on a person or on the next run."""
    if row.state == "dead":
        return f"{row.reason or 'given up'}; `communique alerts retry` sends it again", None
    if row.state == "sending":
        return "it is being sent now", None
    if row.target_state == "parked":
        return f"the target is suspended: {row.target_reason or 'it refused'}", None
    if row.held is not None:
        return row.reason or f"it waits for a {row.held} digest", row.held_until
    if row.target_hold_until is not None and row.target_hold_until > now:
        return "the target asked for a pause", row.target_hold_until
    if row.held_until is not None and row.held_until > now:
        return row.reason or "quiet hours", row.held_until
    if row.not_before > now:
        return row.reason or "it is not due yet", row.not_before
    if row.earlier is not None:
        return f"alert {row.earlier} about the same post goes first", None
    if row.target_state == "failing":
        return f"the target does not accept alerts: {row.target_reason or row.reason or 'no reason is known'}", None
    over = row.held_until is not None  # what it says of quiet hours or a limit is over
    reason = None if over else row.reason
    return reason or "it is due: a running `communique run` sends it, or else the next one", None


def undelivered_json(row: UndeliveredRow, now: int) -> dict[str, object]:
    """One message that has not arrived."""
    reason, until = explain_wait(row, now)
    return {
        "id": str(row.id),
        "alert": None if row.alert is None else str(row.alert),
        "digest": None if row.digest is None else str(row.digest),
        "kind": row.kind,
        "target": row.target,
        "state": row.state,
        "rule": row.rule,
        "source": row.source,
        "created_at": iso(row.created_at),
        "attempts": row.attempts,
        "held": row.held,
        "reason": reason,
        "until": iso(until),
    }
