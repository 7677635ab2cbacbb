"""Decides about stored posts: claims what is due, lets the rules run, and wakes the outbox."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bot.alerts import decide
from bot.alerts.loaded_rules import LoadedRules
from bot.archive import AsyncArchive
from bot.bells import Bell
from bot.clock import Clock
from storage import jobs
from storage.archive.errors import ArchiveError

T = TypeVar("T")


@dataclass(slots=True)
class Decisions:
    """The stage of decisions. `rules` come from the config; `alerts_due` wakes whoever sends."""

    archive: AsyncArchive
    clock: Clock
    say: Callable[[str], None]
    rules: LoadedRules = field(init=False)
    alerts_due: Callable[[], None] = field(init=False)
    bell: Bell = field(default_factory=Bell)
    _claimed: list[jobs.ClaimedJob] = field(default_factory=list)  # begun, and not yet written to the end

    async def run(self) -> None:
        """Decide until cancelled."""
        while True:
            await self.drain()
            await self.bell.wait()

    async def drain(self) -> None:
        """Decide everything that is due."""
        while await shielded(self._decide_some()):
            pass

    async def _decide_some(self) -> bool:
        """Decide what is due, a hundred posts at most; False if nothing is.

        The claim is committed before rules run, so that a post that kills us is given up in time. What could not be
        written to its end is taken up again: a full disk is not the fault of the posts.
        """
        if not self._claimed:
            self._claimed = await self.archive.run(decide.claim, self.clock.now())
        if not self._claimed:
            return False
        try:
            decided = await self.archive.run(decide.decide, self.rules, self.clock.now(), claimed=self._claimed)
        except ArchiveError:
            raise
        except Exception:
            self._claimed = []  # a bug: each post is tried alone when its lease has run out
            raise
        self._claimed = []
        if decided.owed:
            self.alerts_due()
        for sentence in decided.notices:
            self.say(sentence)
        return True


async def shielded(work: Coroutine[Any, Any, T]) -> T:
    """Finish the work even if the caller is cancelled, who then waits for its end."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise
