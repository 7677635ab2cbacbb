"""The only place that reads the time."""

import time
from collections.abc import Callable

from storage.frozen import dataclass

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def _wall() -> int:
    return time.time_ns() // 1_000


def _asleep() -> float:
    boottime = getattr(time, "CLOCK_BOOTTIME", None)  # Linux; elsewhere the time of a suspend is seen as a jump
    return 0.0 if boottime is None else time.clock_gettime(boottime) - time.clock_gettime(time.CLOCK_MONOTONIC)


@dataclass(frozen=True, slots=True)
class Clock:
    """Wall time in integer microseconds UTC, and monotonic seconds for deadlines and intervals.

    `asleep` is how many seconds the machine was suspended since it was started, which `monotonic` leaves out. All are
    fields, so that a test of a long schedule brings its own instead of waiting.
    """

    now: Callable[[], int] = _wall
    monotonic: Callable[[], float] = time.monotonic
    asleep: Callable[[], float] = _asleep


class SteadyClock:
    """Wall time that does not jump: it moves on with the monotonic clock until somebody lets it follow the wall clock.

    The daemon lives by it: what it has planned and the time of now can never be of two clocks.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.as_clock = Clock(self.now, clock.monotonic, clock.asleep)
        self._from = self._read()

    def now(self) -> int:
        """The time in microseconds UTC, as the wall clock would show it if nobody had set it since `follow`."""
        wall, monotonic, asleep = self._from
        slept = max(self._clock.asleep() - asleep, 0.0)
        return wall + round((self._clock.monotonic() - monotonic + slept) * SECOND)

    def drift(self) -> int:
        """How far the wall clock was set, in microseconds."""
        return self._clock.now() - self.now()

    def follow(self) -> None:
        """Take over the time of the wall clock."""
        self._from = self._read()

    def _read(self) -> tuple[int, float, float]:
        return self._clock.now(), self._clock.monotonic(), self._clock.asleep()
