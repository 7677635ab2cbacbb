"""Politeness: few requests at a time to a server, fifty in all, and a pause between two to the same host."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.clock import SECOND, Clock
from bot.http.values import BUILT_IN_INTERVALS

IN_ALL = 50
PER_SERVER = 2
_SLOWEST = 32.0
_RECOVERY = 0.9
_JITTER = 0.25
_REMEMBERED = 1_000


@dataclass(slots=True)
class _HostQueue:
    """The pause of one host. `free_at` is in monotonic seconds; `slowness` multiplies the interval."""

    users: int = 0
    free_at: float = float("-inf")
    slowness: float = 1.0


class _Places:
    """Places for requests. All to addresses that gave no answer last time share one half of them."""

    def __init__(self, number: int) -> None:
        self._all = asyncio.Semaphore(number)
        self._unanswered = asyncio.Semaphore(number // 2)
        self.users = 0

    @asynccontextmanager
    async def take(self, *, unanswered: bool) -> AsyncIterator[None]:
        self.users += 1
        try:
            if unanswered:
                async with self._unanswered, self._all:
                    yield
            else:
                async with self._all:
                    yield
        finally:
            self.users -= 1


class RateLimits:
    """Who may send when. `intervals` maps hosts to microseconds and beats what is built in.

    At most `per_server` requests are under way to one host and port, and `in_all` to all of them.
    """

    def __init__(
        self, intervals: Mapping[str, int], clock: Clock, per_server: int = PER_SERVER, in_all: int = IN_ALL
    ) -> None:
        self._intervals = {**BUILT_IN_INTERVALS, **intervals}
        self._clock = clock
        self._per_server = per_server
        self._queues: dict[str, _HostQueue] = {}
        self._servers: dict[tuple[str, int], _Places] = {}
        self._all = _Places(in_all)
        self._unanswered: dict[str, None] = {}

    @asynccontextmanager
    async def wait_turn(self, host: str, port: int, url: str = "") -> AsyncIterator[None]:
        """Wait until it is polite to send one request to the server; hold the place until it is answered."""
        queue, server = self._queue_of(host), self._server_at(host, port)
        unanswered = url in self._unanswered
        queue.users += 1
        try:
            async with server.take(unanswered=unanswered):
                if pause := self.reserve(host):
                    await asyncio.sleep(pause)
                async with self._all.take(unanswered=unanswered):
                    yield
        finally:
            queue.users -= 1

    def note_answer(self, url: str, *, answered: bool) -> None:
        """Remember an address that gave no whole answer, until it gives one: it may keep a place for long again."""
        self._unanswered.pop(url, None)
        if not answered:
            self._unanswered[url] = None
            if len(self._unanswered) > _REMEMBERED:
                del self._unanswered[next(iter(self._unanswered))]

    def reserve(self, host: str) -> float:
        """Seconds to wait before the next request to the host, which is counted as sent after them."""
        queue = self._queue_of(host)
        now = self._clock.monotonic()
        start = max(now, queue.free_at)
        interval = self._intervals.get(host, 0) / SECOND * queue.slowness
        queue.free_at = start + interval * (1 + _JITTER * random.random())  # noqa: S311  (jitter, not a secret)
        return start - now

    def has_pause(self, host: str) -> bool:
        """Whether two requests to the host are kept apart."""
        return bool(self._intervals.get(host))

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

    def _server_at(self, host: str, port: int) -> _Places:
        if (host, port) not in self._servers:
            if len(self._servers) >= _REMEMBERED:
                self._servers = {where: places for where, places in self._servers.items() if places.users}
            self._servers[host, port] = _Places(self._per_server)
        return self._servers[host, port]

    def _forget(self) -> None:
        """Drop hosts with nothing left to remember: links in posts lead to any number of them."""
        now = self._clock.monotonic()
        kept = {
            h: queue for h, queue in self._queues.items() if queue.users or queue.slowness > 1 or queue.free_at > now
        }
        self._queues = kept
