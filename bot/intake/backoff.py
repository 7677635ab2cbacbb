"""PURE: when a source is polled again after a success, a failure or a refusal."""

from bot.clock import HOUR, MINUTE, SECOND
from bot.errors import Later, Never
from storage.frozen import dataclass
from storage.records import FailureKind
from storage.state_names import CONNECTING, FAILING, NO_ANSWER, OK, PROXY_DOWN, STOPPED, UNREACHABLE

NEVER = 1 << 62
LONGEST_UNREACHED = 5 * MINUTE
LONGEST_AFTER_ERROR = HOUR
SECOND_LOOKS = (5 * MINUTE, 30 * MINUTE, 3 * HOUR)  # after a refusal: one odd reply decides nothing that lasts
_SHORTEST = 10 * SECOND
_AWAY = frozenset((UNREACHABLE, NO_ANSWER, PROXY_DOWN, CONNECTING))


@dataclass(frozen=True, slots=True)
class Streak:
    """How a source fails, and how often in a row it has failed so; `failures` counts those of every kind."""

    failure: FailureKind | None = None
    alike: int = 0
    failures: int = 0

    def add(self, failure: FailureKind) -> "Streak":
        return Streak(failure, self.alike + 1 if failure == self.failure else 1, self.failures + 1)


@dataclass(frozen=True, slots=True)
class Outlook:
    """The state of a source after a round; times are microseconds UTC. `hold_until` was set by the other side."""

    outcome: str
    detail: str | None
    next_poll_at: int
    hold_until: int | None = None
    streak: Streak = Streak()


def after_success(*, every: int, now: int, jitter: float, detail: str | None = None) -> Outlook:
    """The next regular round. `jitter` in 0..1 spreads sources that share an interval over a tenth of it."""
    return Outlook(OK, detail, now + every - int(every * 0.1 * jitter))


def after_failure(error: Later | Never, *, every: int, before: Streak, now: int, jitter: float) -> Outlook:
    """Back off, and obey a time that the other side set.

    Who cannot be reached is tried every few minutes; who answers with an error less and less often; who refuses gets
    a few more looks before it is left alone.
    """
    streak = before.add(_failure_of(error))
    if isinstance(error, Never):
        if streak.alike > len(SECOND_LOOKS):
            return Outlook(error.state, str(error), NEVER, streak=streak)
        state = FAILING if error.state == STOPPED else error.state
        return Outlook(state, str(error), now + _shorten(SECOND_LOOKS[streak.alike - 1], jitter), streak=streak)
    if error.retry_at is not None and error.obey:
        return Outlook(error.state, error.reason, error.retry_at, error.retry_at, streak)
    longest = LONGEST_UNREACHED if streak.failure == "unreached" else max(LONGEST_AFTER_ERROR, every)
    wait = min(longest, max(every, _SHORTEST) << min(streak.alike - 1, 12))
    if error.retry_at is not None:  # our own guess: that long only once it has proved right
        wait = min(max(error.retry_at - now, _SHORTEST), SECOND_LOOKS[0] * 6 ** min(streak.alike - 1, 9))
    return Outlook(error.state, error.reason, now + _shorten(wait, jitter), streak=streak)


def _failure_of(error: Later | Never) -> FailureKind:
    if isinstance(error, Never):
        return "refused"
    if error.unreached or error.state in _AWAY:
        return "unreached"
    return "error" if error.retry_at is None or error.obey else "closed"


def _shorten(wait: int, jitter: float) -> int:
    return wait - int(wait * 0.2 * jitter)
