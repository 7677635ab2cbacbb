"""The lanes of files beside the line of posts: bytes are fetched, then heard and read; text never waits for either."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from bot.archive import AsyncArchive
from bot.bells import SWEEP_S, Bell
from bot.clock import MINUTE, Clock
from bot.config import Config
from bot.contracts.source import Source
from bot.enrich.choice import Choice
from bot.enrich.hotwords import hotwords
from bot.enrich.sandbox.run import Sandbox
from bot.enrich.worker import FILES, KINDS, Enricher
from bot.http import Http
from bot.incidents import Incidents
from bot.intake.media import MediaLane
from storage import jobs
from storage.media.shelf import Shelf

PATIENCE = 2 * MINUTE
Keep = Callable[[str, Callable[[], Awaitable[None]]], Awaitable[None]]


@dataclass(slots=True)
class MediaStage:
    """What one config makes of files. Its HTTP client is its own, so that no file is in the way of a page."""

    lane: MediaLane
    enriching: Enricher
    http: Http
    _bell: Bell
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        config: Config,
        sources: Mapping[str, Source],
        store: AsyncArchive,
        clock: Clock,
        decide: Callable[[], None],
        speak: Callable[[str], None],
    ) -> "MediaStage":
        """Wire it; `decide` rings for decisions, `speak` says one sentence."""
        bell = Bell()

        def stored() -> None:
            decide()
            bell.ring()

        rules = config.http_rules()
        http = Http(rules, clock)
        troubles = Incidents(store, clock, speak, [target.name for target in config.targets if target.health])
        enriching = Enricher(
            store=store,
            clock=clock,
            sandbox=Sandbox(config.data_dir, rules),
            choice=Choice.of(config),
            hotwords=hotwords((rule.query for rule in config.rules), config.phrases()),
            stored=decide,
            speak=speak,
            incidents=troubles,
        )
        lane = MediaLane(
            store=store,
            clock=clock,
            files=Shelf(config.data_dir),
            http=http,
            limits=config.media,
            sources=sources,
            jobs_of=enriching.jobs_of,
            stored=stored,
            speak=speak,
            troubles=troubles,
        )
        return cls(lane, enriching, http, bell)

    def ring(self) -> None:
        """A post may have brought a file."""
        self.lane.ring()

    async def begin(self) -> None:
        """Clear what a dead process left; what waited for an engine is due, for it may work now."""
        await asyncio.to_thread(self.enriching.sandbox.clear)
        await self.enriching.store.run(jobs.hasten, KINDS, self.enriching.clock.now())

    def start(self, keep: Keep) -> None:
        """Work until `aclose`; `keep` is what keeps a stage alive."""
        self._tasks = [
            asyncio.create_task(_keep(keep, "fetching media", self.lane.run)),
            asyncio.create_task(_keep(keep, "reading media", self._read)),
            asyncio.create_task(_keep(keep, "reading old media", self._read_history)),
            asyncio.create_task(_keep(keep, "translation", self._translate)),
        ]

    async def _read(self) -> None:
        while True:
            if not await self.enriching.work(self.enriching.clock.now(), FILES, background=False):
                await self._bell.wait()

    async def _read_history(self) -> None:
        """Read history and what takes long in a lane of its own, so that it keeps no voice note waiting.

        It begins nothing while something fresh is due that is as urgent.
        """
        await self.enriching.catch_up()
        while True:
            if not await self._read_patiently(self.enriching.clock.now()):
                await asyncio.sleep(SWEEP_S)

    async def _read_patiently(self, until: int) -> bool:
        for place, kind in enumerate(FILES, 1):
            if await self.enriching.is_due(FILES[:place], background=False):
                return False
            if await self.enriching.work(until, (kind,), background=True):
                return True
        return False

    async def _translate(self) -> None:
        """In a lane of its own, for a slow server must not keep a voice note waiting."""
        while True:
            if not await self.enriching.work(self.enriching.clock.now(), ("translation",)):
                await asyncio.sleep(SWEEP_S)

    async def fetch(self, until: int) -> None:
        """Fetch all that is due, or becomes due before `until` (microseconds UTC)."""
        await self.lane.drain(until)

    async def read(self, until: int) -> None:
        """Hear and read all that is due at `until`; of history only as much as fits into two minutes."""
        work, clock = self.enriching.work, self.enriching.clock
        while await work(until, FILES, background=False) or await work(until, ("translation",)):
            pass
        await self.enriching.catch_up()
        ends = clock.now() + PATIENCE
        while clock.now() < ends and await work(until, FILES, background=True):
            pass

    async def aclose(self) -> None:
        """End what is under way, which is due again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self.lane.aclose()
        await self.http.aclose()


async def _keep(keep: Keep, name: str, work: Callable[[], Awaitable[None]]) -> None:
    await keep(name, work)
