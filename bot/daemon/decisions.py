"""Decides about stored posts: claims what is due, lets the rules run, and wakes the outbox."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from bot.alerts import decide
from bot.alerts.loaded_rules import LoadedRules
from bot.archive import AsyncArchive
from bot.bells import Bell
from bot.claims import Claims
from bot.clock import SECOND, Clock
from bot.events.placing import place_many, place_waiting
from storage import jobs
from storage.archive.errors import ArchiveError
from storage.events import steps

if TYPE_CHECKING:
    from storage.archive.database import Writer

APART_AFTER = 30 * SECOND

T = TypeVar("T")


@dataclass(slots=True)
class Decisions:
    """The stage of decisions. `rules` come from the config; `alerts_due` wakes whoever sends."""

    archive: AsyncArchive
    clock: Clock
    claims: Claims
    rules: LoadedRules = field(init=False)
    alerts_due: Callable[[], None] = field(init=False)
    bell: Bell = field(default_factory=Bell)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _claimed: list[jobs.ClaimedJob] = field(default_factory=list)  # begun, and not yet written to the end

    async def run(self) -> None:
        """Decide until cancelled."""
        while True:
            await self.drain()
            await self.bell.wait()

    async def take_up(self, rules: LoadedRules, declare: "Callable[[Writer], T]") -> T:
        """Declare these rules, and decide by them all that is stored from then on: the former ones see none of it."""
        async with self._turn:
            said = await self.archive.run(declare)
            self.rules = rules
        return said

    async def drain(self) -> None:
        """Decide everything that is due; suspects (see bot.claims) only once the process is healthy."""
        while await shielded(self._decide_some()):
            pass

    async def _decide_some(self) -> bool:
        """Decide what is due, a hundred posts at most; False if nothing is.

        The claim is committed before rules run, so that it is known which post killed us. What could not be written
        to its end is taken up again: a full disk is not the fault of the posts.
        """
        async with self.claims.together(), self._turn:
            if not self._claimed:
                self._claimed = await self.archive.run(decide.claim, self.clock.now(), healthy=self.claims.healthy)
            if await self._decide_claimed() or await self._place_files():
                return True
        if not self.claims.healthy or not await self.archive.read(jobs.has_suspect, "decide", self.clock.now()):
            return False
        async with self.claims.alone(), self._turn:
            self._claimed = await self.archive.run(jobs.claim_suspect, "decide", self.clock.now())
            return await self._decide_claimed()

    async def _place_files(self) -> bool:
        """Find the events of files that came or were read after the decision about their post."""
        events = self.rules.events
        if events is None or not await self.archive.read(steps.is_waiting):
            return False
        await self.archive.run(place_waiting, events, self.clock.now())
        return True

    async def _decide_claimed(self) -> bool:
        if not self._claimed:
            return False
        events = self.rules.events
        try:
            while events is not None and await self.archive.run(place_many, events):
                pass  # after a long first contact, others can write in between
            decided = await self.archive.run(decide.decide, self.rules, self.clock.now(), claimed=self._claimed)
        except ArchiveError:
            raise
        except Exception as problem:
            await self._put_back(f"internal error: {type(problem).__name__}: {problem}"[:300])
            raise
        self._claimed = []
        if decided.owed:
            self.alerts_due()
        return True

    async def _put_back(self, reason: str) -> None:
        """After a bug each post is tried alone, later; one that was alone has failed once more."""
        claimed, self._claimed = self._claimed, []
        if len(claimed) == 1:
            await self.archive.run(jobs.record_failure, claimed[0].id, self.clock.now(), reason)
        else:
            ids = [job.id for job in claimed]
            await self.archive.run(jobs.set_apart, ids, self.clock.now() + APART_AFTER)


async def shielded(work: Coroutine[Any, Any, T]) -> T:
    """Finish the work even if the caller is cancelled, who then waits for its end."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise
