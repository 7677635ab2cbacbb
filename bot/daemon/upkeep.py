"""Brings old rows up to date after an upgrade: a little at a time, and only while nothing fresh waits."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bot.archive import AsyncArchive
from bot.clock import Clock
from storage import jobs

_REST = 2.0  # times as long as the step before it, so that a machine of one core stays free for what comes
_YIELD_S = 1.0  # to a post that its rules have not seen
_PAUSE_S = 60.0  # then what had to wait for a source or for rules may be possible
Chore = Callable[[], Awaitable[bool]]
"""Does a small part of some work in a transaction of its own; False if nothing is left of it."""


@dataclass(slots=True)
class Upkeep:
    """The chores of one process, each done before the next begins. A kill at any moment costs one step."""

    archive: AsyncArchive
    clock: Clock
    chores: Sequence[Chore] = ()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            for chore in self.chores:
                while await self._step(chore):
                    pass
            await asyncio.sleep(_PAUSE_S)

    async def work(self, within_s: float) -> None:
        """Work without rests, and begin no step after so many seconds."""
        end = self.clock.monotonic() + within_s
        for chore in self.chores:
            while self.clock.monotonic() < end and await chore():
                pass

    async def _step(self, chore: Chore) -> bool:
        if await self.archive.read(jobs.is_due, "decide", self.clock.now()):
            await asyncio.sleep(_YIELD_S)
            return True
        began = self.clock.monotonic()
        more = await chore()
        await asyncio.sleep((self.clock.monotonic() - began) * _REST)
        return more
