"""PURE: what follows from a delivery that was not accepted: when it is tried again, or why not; the target's state."""

from dataclasses import replace
from typing import Literal

from bot.clock import HOUR, MINUTE, SECOND
from bot.contracts.target import MessageRefused, PartlySent
from bot.errors import Later, Never
from storage.alerts.settlement import Claimed, Settlement
from storage.frozen import dataclass

SHORTEST, LONGEST = 5 * SECOND, HOUR
GIVE_UP_AFTER = 24 * HOUR
_AFTER_UNANSWERED = (MINUTE, 10 * MINUTE, *[HOUR] * 24)  # waits where it is unknown whether the message arrived


@dataclass(frozen=True, slots=True)
class Consequence:
    """`hold_until` is a wait that the target asked for; `refused` is a refusal for good (exit code 5).

    `note` is a sentence on those who did not get a message that others have.
    """

    settlement: Settlement
    target: Literal["ok", "failing", "parked"] | None = None  # None: unchanged
    reason: str = ""
    hold_until: int | None = None
    refused: bool = False
    note: str = ""


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
            dead = _settlement("dead", claimed, row.attempts, str(problem))
            return Consequence(dead, None, str(problem), refused=True)
        case PartlySent():
            return _settle_partly(claimed, problem, now, jitter)
        case Never():
            waits = _settlement("pending", claimed, row.attempts - 1, str(problem), now)
            return Consequence(waits, "parked", str(problem), refused=True)
        case Later(obey=True, retry_at=int(until)):
            waits = _settlement("pending", claimed, row.attempts - 1, problem.reason, until)
            # A short pause on request is no failure; a server that is down is one, and so is a wait of over a minute.
            failing = problem.state == "failing" or until - now > MINUTE
            return Consequence(waits, "failing" if failing else None, problem.reason, hold_until=until)
        case Later(unsure=True) if not idempotent:
            return Consequence(settle_unknown(claimed, problem.reason, now), "failing", problem.reason)
        case _:
            return Consequence(_again(claimed, problem, now, jitter), "failing", problem.reason)


def _settle_partly(claimed: Claimed, problem: PartlySent, now: int, jitter: float) -> Consequence:
    """Those who have it keep it; the message counts as sent once nobody is left to whom it may still go."""
    settled = _again(claimed, problem, now, jitter)
    if not problem.over and settled.state == "pending":
        return Consequence(replace(settled, receipt=problem.receipt), "ok", problem.reason)
    note = problem.reason if problem.over else settled.reason or ""
    sent = replace(settled, state="sent", attempts=claimed.row.attempts, reason=note, receipt=problem.receipt)
    return Consequence(sent, "ok", note=note)


def settle_unknown(claimed: Claimed, reason: str, now: int) -> Settlement:
    """Settle an attempt that may have arrived: sent again with a mark, less and less often, for a day."""
    unanswered = claimed.unanswered + 1
    if unanswered > len(_AFTER_UNANSWERED):
        words = f"sent {unanswered} times in a day without a confirmation: {reason}"
        return Settlement("dead", claimed.row.attempts, unanswered, possible_repeat=True, reason=words)
    at = now + _AFTER_UNANSWERED[unanswered - 1]
    return Settlement("pending", claimed.row.attempts, unanswered, possible_repeat=True, not_before=at, reason=reason)


def settle_unsettled(claimed: Claimed, now: int) -> Settlement:
    """Settle an attempt whose outcome could not be written down: it is sent again at once, marked."""
    reason = "the outcome of the last attempt could not be stored"
    waits = _settlement("pending", claimed, claimed.row.attempts - 1, reason, now)
    return replace(waits, possible_repeat=True)


def _again(claimed: Claimed, problem: Later, now: int, jitter: float) -> Settlement:
    attempts = claimed.row.attempts
    wait = wait_after(max(attempts - claimed.unanswered, 1))
    if wait is None and now - claimed.row.created_at < GIVE_UP_AFTER:
        wait = LONGEST  # it was tried more often, because the target took others in between
    if wait is None:
        words = f"gave up after {attempts} attempts in 24 hours: {problem.reason}"
        settled = _settlement("dead", claimed, attempts, words)
    else:
        at = max(now + round(wait * (1 + 0.2 * jitter)), problem.retry_at or 0)
        settled = _settlement("pending", claimed, attempts, problem.reason, at)
    return replace(settled, possible_repeat=settled.possible_repeat or problem.unsure)


def _settlement(
    state: Literal["pending", "dead"], claimed: Claimed, attempts: int, reason: str, not_before: int = 0
) -> Settlement:
    return Settlement(
        state,
        attempts,
        claimed.unanswered,
        possible_repeat=claimed.row.possible_repeat,
        not_before=not_before,
        reason=reason,
    )
