"""Learns what received bytes have in common, so that those that come later take less room; old rows stay."""

import asyncio
from dataclasses import dataclass, field

from bot.archive import AsyncArchive
from bot.clock import HOUR, Clock
from storage.archive import dictionaries


@dataclass(slots=True)
class Learning:
    """A chore of bot.daemon.upkeep: looks once an hour whether there is enough to learn from."""

    archive: AsyncArchive
    clock: Clock
    _looked_at: int = 0
    _without: set[str] = field(default_factory=set)  # kinds that have little in common; the next start tries again

    async def do_some(self) -> bool:
        """Learn what can be learnt; there is never more than one step."""
        now = self.clock.now()
        if abs(now - self._looked_at) < HOUR:
            return False
        self._looked_at = now
        samples = await self.archive.read(dictionaries.find_samples, self._without)
        if samples:
            learnt = await asyncio.to_thread(dictionaries.learn, samples)
            self._without |= samples.keys() - learnt.keys()
            await self.archive.run(dictionaries.save, learnt, now)
        return False
