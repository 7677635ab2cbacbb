"""PURE: when a source is polled again after a success, a failure or a refusal."""

from dataclasses import dataclass

from bot.clock import HOUR, MINUTE
from bot.errors import Later, Never
from storage.state_names import OK

NEVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Outlook:
    """The state of a source after a round; times are microseconds UTC. `hold_until` was set by the other side."""

    outcome: str
    detail: str | None
    next_poll_at: int
    hold_until: int | None
    failures: int


def after_success(*, every: int, now: int, jitter: float) -> Outlook:
    """The next regular round. `jitter` in 0..1 spreads sources that share an interval over a tenth of it."""
    return Outlook(OK, None, now + every - int(every * 0.1 * jitter), None, 0)


def after_failure(error: Later | Never, *, every: int, failures: int, now: int, jitter: float) -> Outlook:
    """Back off from one interval towards an hour; obey a time that the other side set; stop at a refusal for good."""
    if isinstance(error, Never):
        return Outlook(error.state, str(error), NEVER, None, failures + 1)
    if error.retry_at is not None:
        return Outlook(error.state, error.reason, error.retry_at, error.retry_at if error.obey else None, failures + 1)
    ceiling = max(HOUR, every)
    wait = min(ceiling, max(every, MINUTE // 6) * 2 ** min(failures, 12))
    return Outlook(error.state, error.reason, now + wait - int(wait * 0.2 * jitter), None, failures + 1)
