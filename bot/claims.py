"""Who may hold claimed work at the same time: any number of ordinary pieces, or one suspect and nothing beside it.

A suspect is work during which the process has died twice (see storage.alerts.deaths). It waits until the process has
been healthy for a minute, so that it cannot keep everything else from being done, and until nothing else is claimed, so
that the next death says whose it was.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.clock import SECOND, Clock

HEALTHY_S = 60.0


class Claims:
    """The claims of this process, by whatever stage, and since when it has been healthy."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since = clock.monotonic()
        self._held = 0
        self._suspects = 0  # that wait for their turn, or have it
        self._alone = asyncio.Lock()
        self._changed = asyncio.Event()

    def note_trouble(self) -> None:
        """A stage broke or the archive could not be written: the minute begins again."""
        self._since = self._clock.monotonic()

    @property
    def healthy(self) -> bool:
        """Whether the process has been up and without trouble for a minute."""
        return self._left() <= 0

    @property
    def healthy_at(self) -> int:
        """When it is healthy if nothing happens, in microseconds UTC; now if it is."""
        return self._clock.now() + round(max(self._left(), 0) * SECOND)

    @property
    def suspect_waits(self) -> bool:
        """Whether whoever holds much should let go of it soon."""
        return self._suspects > 0

    def _left(self) -> float:
        return HEALTHY_S - (self._clock.monotonic() - self._since)

    @asynccontextmanager
    async def together(self) -> AsyncIterator[None]:
        """Hold claims beside others, from before they are made until they are settled."""
        while self._suspects:
            await self._changed.wait()
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
            self._wake()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Hold one claim while nobody else holds any."""
        self._suspects += 1
        try:
            async with self._alone:
                while self._held:
                    await self._changed.wait()
                yield
        finally:
            self._suspects -= 1
            self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
