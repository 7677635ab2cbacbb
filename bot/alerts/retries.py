"""PURE: what follows from a delivery that was not accepted: when it is tried again, or why not; the target's state."""

from dataclasses import dataclass
from typing import Literal

from bot.clock import HOUR, MINUTE, SECOND
from bot.contracts.target import MessageRefused
from bot.errors import Later, Never
from storage.alerts.settlement import Claimed, Settlement

SHORTEST, LONGEST = 5 * SECOND, HOUR
GIVE_UP_AFTER = 24 * HOUR
UNSURE_TRIES = 3
_PAUSE_AFTER_UNSURE = (5 * SECOND, 10 * MINUTE)


@dataclass(frozen=True, slots=True)
class Consequence:
    """`hold_until` is a wait that the target asked for; `refused` is a refusal for good (exit code 5)."""

    settlement: Settlement
    target: Literal["ok", "failing", "parked"] | None = None  # None: unchanged
    reason: str = ""
    hold_until: int | None = None
    refused: bool = False


def wait_after(attempts: int) -> int | None:
    """Microseconds to wait after so many failed attempts; None once the waits add up to 24 hours."""
    spent, last = 0, 0
    for attempt in range(attempts):
        last = min(SHORTEST << min(attempt, 20), LONGEST)
        spent += last
    return last if spent <= GIVE_UP_AFTER else None


def settle_failure(
    claimed: Claimed, problem: Later | Never, now: int, *, idempotent: bool, jitter: float
) -> Consequence:
    """Decide what follows from a failed attempt. `jitter` in 0..1 stretches the pauses by up to 20 percent."""
    row = claimed.row
    match problem:
        case MessageRefused():
            dead = Settlement("dead", row.attempts, claimed.unsure, reason=str(problem))
            return Consequence(dead, None, str(problem), refused=True)
        case Never():
            waits = Settlement("pending", row.attempts - 1, claimed.unsure, not_before=now, reason=str(problem))
            return Consequence(waits, "parked", str(problem), refused=True)
        case Later(obey=True, retry_at=int(until)):
            waits = Settlement("pending", row.attempts - 1, claimed.unsure, not_before=until, reason=problem.reason)
            # A short pause on request is no failure; a server that is down is one, and so is a wait of over a minute.
            failing = problem.state == "failing" or until - now > MINUTE
            return Consequence(waits, "failing" if failing else None, problem.reason, hold_until=until)
        case Later(unsure=True) if not idempotent:
            return Consequence(settle_unknown(claimed, problem.reason, now), "failing", problem.reason)
        case _:
            return Consequence(_again(claimed, problem, now, jitter), "failing", problem.reason)


def settle_unknown(claimed: Claimed, reason: str, now: int) -> Settlement:
    """Settle an attempt that may have arrived: sent again with a mark, at most three times in all."""
    unsure = claimed.unsure + 1
    if unsure >= UNSURE_TRIES:
        words = f"sent {unsure} times without a confirmation: {reason}"
        return Settlement("dead", claimed.row.attempts, unsure, reason=words)
    wait = _PAUSE_AFTER_UNSURE[unsure - 1]
    return Settlement("pending", claimed.row.attempts, unsure, not_before=now + wait, reason=reason)


def settle_interrupted(claimed: Claimed, now: int, *, idempotent: bool) -> Settlement:
    """Settle an attempt during which the program died: the next one follows at once."""
    reason = "the program stopped while the message was being sent"
    if idempotent:
        return Settlement("pending", claimed.row.attempts, claimed.unsure, not_before=now, reason=reason)
    settled = settle_unknown(claimed, reason, now)
    return (
        settled
        if settled.state == "dead"
        else Settlement("pending", settled.attempts, settled.unsure, not_before=now, reason=reason)
    )


def _again(claimed: Claimed, problem: Later, now: int, jitter: float) -> Settlement:
    attempts = claimed.row.attempts
    wait = wait_after(attempts)
    if wait is None:
        words = f"gave up after {attempts} attempts in 24 hours: {problem.reason}"
        return Settlement("dead", attempts, claimed.unsure, reason=words)
    at = now + round(wait * (1 + 0.2 * jitter))
    return Settlement("pending", attempts, claimed.unsure, max(at, problem.retry_at or 0), problem.reason)
