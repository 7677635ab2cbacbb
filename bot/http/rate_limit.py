"""Politeness: at most two requests at a time to a host, fifty in all, and a pause between two to the same host."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.clock import SECOND, Clock

_BUILT_IN = {"t.me": 2_500_000}  # microseconds; t.me answers faster polling with pages that look like an end
_PER_HOST = 2
_IN_ALL = 50
_SLOWEST = 32.0
_RECOVERY = 0.9
_JITTER = 0.25
_REMEMBERED = 1_000


@dataclass(slots=True)
class _HostQueue:
    """One host's queue. `free_at` is in monotonic seconds; `slowness` multiplies the interval."""

    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_PER_HOST))
    users: int = 0
    free_at: float = float("-inf")
    slowness: float = 1.0


class RateLimits:
    """Who may send when. `intervals` maps hosts to microseconds and beats what is built in."""

    def __init__(self, intervals: Mapping[str, int], clock: Clock) -> None:
        self._intervals = {**_BUILT_IN, **intervals}
        self._clock = clock
        self._queues: dict[str, _HostQueue] = {}
        self._all = asyncio.Semaphore(_IN_ALL)

    @asynccontextmanager
    async def wait_turn(self, host: str) -> AsyncIterator[None]:
        """Wait until it is polite to send one request to the host; hold the place until it is answered."""
        queue = self._queue_of(host)
        queue.users += 1
        try:
            async with queue.slots:
                await asyncio.sleep(self.reserve(host))
                async with self._all:
                    yield
        finally:
            queue.users -= 1

    def reserve(self, host: str) -> float:
        """Seconds to wait before the next request to the host, which is counted as sent after them."""
        queue = self._queue_of(host)
        now = self._clock.monotonic()
        start = max(now, queue.free_at)
        interval = self._intervals.get(host, 0) / SECOND * queue.slowness
        queue.free_at = start + interval * (1 + _JITTER * random.random())  # noqa: S311  (jitter, not a secret)
        return start - now

    def slow_down(self, host: str) -> None:
        """Double the host's interval, up to 32 times what was set; a host without an interval keeps none."""
        queue = self._queue_of(host)
        queue.slowness = min(queue.slowness * 2, _SLOWEST)

    def recover(self, host: str) -> None:
        """Take back a tenth of a slow-down after a good reply."""
        queue = self._queue_of(host)
        queue.slowness = max(queue.slowness * _RECOVERY, 1.0)

    def _queue_of(self, host: str) -> _HostQueue:
        if host not in self._queues:
            if len(self._queues) >= _REMEMBERED:
                self._forget()
            self._queues[host] = _HostQueue()
        return self._queues[host]

    def _forget(self) -> None:
        """Drop hosts with nothing left to remember: links in posts lead to any number of them."""
        now = self._clock.monotonic()
        kept = {
            h: queue for h, queue in self._queues.items() if queue.users or queue.slowness > 1 or queue.free_at > now
        }
        self._queues = kept
