"""Wakes those who wait for news of the archive: one look at its end every half second, for all of them."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable

_EVERY_S = 0.5


class Pulse:
    """Who waits here is woken when the archive has news, or when the server stops."""

    def __init__(self) -> None:
        self.is_stopped = False
        self.waiting = 0
        self.beat = 0  # rises with all news; taken before a look, it says later whether that look is still the newest
        self._bell = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None

    async def wait(self, beat: int, seconds: float, look: Callable[[], Awaitable[Hashable]]) -> None:
        """Wait until there is news since `beat`, or so long. `look` gives something that differs when there is news."""
        if self.beat != beat or self.is_stopped:
            return
        bell = self._bell
        self.waiting += 1
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_again_and_again(look))
        try:
            async with asyncio.timeout(seconds):
                await bell.wait()
        except TimeoutError:
            pass
        finally:
            self.waiting -= 1

    def stop(self) -> None:
        """Wake everybody for the last time."""
        self.is_stopped = True
        self._ring()

    def _ring(self) -> None:
        self.beat += 1
        rung, self._bell = self._bell, asyncio.Event()
        rung.set()

    async def _look_again_and_again(self, look: Callable[[], Awaitable[Hashable]]) -> None:
        known: Hashable = None
        while not self.is_stopped:
            found = await look()
            if found != known:
                known = found
                self._ring()
            await asyncio.sleep(_EVERY_S)
            if not self.waiting:
                return
