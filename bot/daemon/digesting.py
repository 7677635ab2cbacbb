"""Makes digests when they are due, and wakes whoever sends."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.alerts.digests.due import DigestPlan
from bot.archive import AsyncArchive
from bot.bells import SWEEP_S
from bot.clock import Clock


@dataclass(slots=True)
class Digesting:
    """`plan` comes from the config; `alerts_due` wakes whoever sends."""

    archive: AsyncArchive
    clock: Clock
    alerts_due: Callable[[], None]
    plan: DigestPlan = field(init=False)

    async def run(self) -> None:
        """Make them until cancelled."""
        while True:
            await self.make()
            await asyncio.sleep(SWEEP_S)

    async def make(self) -> None:
        """Make what is due now: each digest in the transaction that remembers up to where it came."""
        if not await self.archive.read(self.plan.is_due, self.clock.now()):
            return
        if await self.archive.run(self.plan.make_due, self.clock.now()):
            self.alerts_due()
