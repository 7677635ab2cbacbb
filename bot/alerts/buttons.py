"""PURE: the buttons under an alert, and what each of them names: at most 64 bytes, no secret, valid for years."""

from hashlib import sha256

from bot.contracts.message import ButtonRows

ROWS = (
    (("Ack", "ack"), ("Useful", "useful"), ("Noise", "noise")),
    (("Mute source 1 h", "mute-source"), ("Mute rule 1 d", "mute-rule"), ("Why", "why")),
)
ACTIONS = frozenset(action for row in ROWS for _, action in row)


def alert_buttons(alert: int, post_id: int, at: int) -> ButtonRows:
    """Rows of (label, data) under an alert; `at` is when the rule was tried."""
    mark = mark_of(alert, post_id, at)
    return tuple(tuple((label, f"{action}:{alert}:{mark}") for label, action in row) for row in ROWS)


def mark_of(alert: int, post_id: int, at: int) -> str:
    """What an alert of another archive with the same number does not have."""
    return sha256(f"{alert} {post_id} {at}".encode()).hexdigest()[:8]
