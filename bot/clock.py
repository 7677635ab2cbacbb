"""The only place that reads the time."""

import time
from collections.abc import Callable
from dataclasses import dataclass

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def _wall() -> int:
    return time.time_ns() // 1_000


@dataclass(frozen=True, slots=True)
class Clock:
    """Wall time in integer microseconds UTC, and monotonic seconds for deadlines and intervals.

    Both are fields, so that a test of a long schedule brings its own instead of waiting.
    """

    now: Callable[[], int] = _wall
    monotonic: Callable[[], float] = time.monotonic
