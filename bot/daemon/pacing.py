"""Plans how often each source is polled, where a host cannot be asked as often as the config says."""

import asyncio
from dataclasses import dataclass, field

from bot.archive import AsyncArchive
from bot.clock import HOUR, Clock
from bot.config import Config
from bot.config.reach import find_crowded, paces
from bot.contracts.pace import Wish, share_out
from bot.daemon.rounds import Rounds
from storage.archive.database import Reader
from storage.sources import pace

_AGAIN_S = 120.0
_URGENT = ("high", "max")


@dataclass(slots=True)
class Pacing:
    """The plan of one config, made again from what sources have posted meanwhile."""

    archive: AsyncArchive
    clock: Clock
    rounds: Rounds
    config: Config = field(init=False)

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self.plan()
            await asyncio.sleep(_AGAIN_S)

    async def plan(self) -> None:
        """Make the plan, let rounds follow it, and keep it where people see it."""
        planned = await self.archive.read(self._share_out)
        config = {source.name: self.config.every(source) for source in self.config.sources if source.enabled}
        self.rounds.every = config | planned
        await self.archive.run(pace.write, planned, paces(self.config))

    def _share_out(self, reader: Reader) -> dict[str, int]:
        crowded = find_crowded(self.config)
        if not crowded:
            return {}
        now = self.clock.now()
        posted, due = pace.read_last_posts(reader), pace.find_due_for_recheck(reader, now + HOUR)
        urgent = _find_urgent(self.config)
        planned: dict[str, int] = {}
        for pause, sources in crowded.values():
            wishes = [
                Wish(
                    source.name,
                    self.config.every(source),
                    None if source.name not in posted else now - posted[source.name],
                    source.name in urgent,
                    source.name in due,
                )
                for source in sources
            ]
            planned |= share_out(wishes, pause)
        return planned


def _find_urgent(config: Config) -> set[str]:
    """Sources that a rule of high priority names, by themselves or by a tag."""
    return {
        source.name
        for rule in config.rules
        if rule.priority in _URGENT and (rule.sources or rule.tags)
        for source in config.rule_sources(rule)
    }
