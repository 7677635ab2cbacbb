"""Files beside the posts: bytes are fetched, then transcribed and read; text never waits for either."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bot.archive import AsyncArchive
from bot.bells import SWEEP_S, Bell
from bot.claims import Claims
from bot.clock import MINUTE, Clock
from bot.config import Config
from bot.contracts.source import Source
from bot.daemon.supervision import Keep
from bot.enrich.choice import Choice
from bot.enrich.hotwords import hotwords
from bot.enrich.looking import Looker
from bot.enrich.sandbox.run import Sandbox
from bot.enrich.worker import FILES, KINDS, Enricher
from bot.http import Http
from bot.incidents import Incidents
from bot.intake.media import MediaLane
from storage import jobs
from storage.media.shelf import Kept, Shelf

PATIENCE = 2 * MINUTE


@dataclass(slots=True)
class MediaStage:
    """What one config does with files. It has its own HTTP client, so that no file delays a page."""

    lane: MediaLane
    enricher: Enricher
    http: Http
    _bell: Bell
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        config: Config,
        sources: Mapping[str, Source],
        archive: AsyncArchive,
        clock: Clock,
        claims: Claims,
        decide: Callable[[], None],
        say: Callable[[str], None],
    ) -> "MediaStage":
        """Wire it; `decide` wakes the decisions, `say` writes one sentence."""
        bell = Bell()

        def stored() -> None:
            decide()
            bell.ring()

        rules = config.http_rules()
        queries = [rule.query for rule in config.rules] if config.engines else []
        http = Http(rules, clock)
        incidents = Incidents(archive, clock, say, [target.name for target in config.targets if target.health])
        enricher = Enricher(
            store=archive,
            clock=clock,
            claims=claims,
            sandbox=Sandbox(config.data_dir, rules, config.hidden()),
            choice=Choice.of(config),
            hotwords=hotwords(queries, config.phrases()),
            stored=decide,
            incidents=incidents,
        )
        looker = Looker(enricher.sandbox)

        async def look(kept: Kept) -> str | None:
            if not config.events.enabled:
                return None
            return await looker.look(config.data_dir / kept.path, kept.sniffed, kept.size)

        lane = MediaLane(
            archive=archive,
            clock=clock,
            files=Shelf(config.data_dir),
            http=http,
            limits=config.media,
            sources=sources,
            jobs_of=enricher.jobs_of,
            look=look,
            stored=stored,
            say=say,
            incidents=incidents,
        )
        return cls(lane, enricher, http, bell)

    def ring(self) -> None:
        """A post may have brought a file."""
        self.lane.ring()

    async def begin(self) -> None:
        """Clear what a dead process left; files that waited for an engine are due, since it may work now."""
        await asyncio.to_thread(self.enricher.sandbox.clear)
        await self.enricher.store.run(jobs.make_due, KINDS, self.enricher.clock.now())
        await self.enricher.check_engines()

    def start(self, keep: Keep) -> None:
        """Work until `aclose`; `keep` runs a stage and restarts it."""
        self._tasks = [
            asyncio.create_task(keep("fetching media", self.lane.run)),
            asyncio.create_task(keep("reading media", self._read)),
            asyncio.create_task(keep("reading old media", self._read_history)),
            asyncio.create_task(keep("translation", self._translate)),
        ]

    async def _read(self) -> None:
        while True:
            if not await self.enricher.work(self.enricher.clock.now(), FILES, background=False):
                await self._bell.wait()

    async def _read_history(self) -> None:
        """Read old files and long ones separately, so that no voice note waits for them.

        Nothing is begun while something new of the same urgency is due.
        """
        await self.enricher.catch_up()
        while True:
            if not await self._read_patiently(self.enricher.clock.now()):
                await asyncio.sleep(SWEEP_S)

    async def _read_patiently(self, until: int) -> bool:
        for place, kind in enumerate(FILES, 1):
            if await self.enricher.is_due(FILES[:place], background=False):
                return False
            if await self.enricher.work(until, (kind,), background=True):
                return True
        return False

    async def _translate(self) -> None:
        """Separately, because a voice note must not wait for a slow server."""
        while True:
            if not await self.enricher.work(self.enricher.clock.now(), ("translation",)):
                await asyncio.sleep(SWEEP_S)

    async def fetch(self, until: int) -> None:
        """Fetch all that is due, or becomes due before `until` (microseconds UTC)."""
        await self.lane.drain(until)

    async def read(self, until: int) -> None:
        """Transcribe and read all that is due at `until`, and old files for at most two minutes."""
        work, clock = self.enricher.work, self.enricher.clock
        while await work(until, FILES, background=False) or await work(until, ("translation",)):
            pass
        await self.enricher.catch_up()
        ends = clock.now() + PATIENCE
        while clock.now() < ends and await work(until, FILES, background=True):
            pass

    async def aclose(self) -> None:
        """End what is under way; it is due again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self.lane.aclose()
        await self.http.aclose()
