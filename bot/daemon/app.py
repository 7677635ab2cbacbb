"""The whole life of the process on one page: config -> objects -> start -> ordered stop."""

import asyncio
import random
import signal
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from sqlalchemy import Connection

from bot import sources as source_kinds
from bot.alerts import decide
from bot.alerts import targets as target_kinds
from bot.alerts.outbox import Outbox
from bot.clock import SECOND, Clock
from bot.config import Config
from bot.config.environment import Environment
from bot.daemon.bells import Bell
from bot.daemon.collect import Collector
from bot.daemon.media import MediaStage
from bot.daemon.schedule import Schedule
from bot.daemon.systemd import Systemd
from bot.daemon.talk import Talk
from bot.enrich.worker import KINDS
from bot.errors import ConfigError, Later, Never
from bot.http import Http
from bot.intake.ledger import EVERYTHING, Wanted
from bot.intake.poll import Intake, Round
from bot.intake.recheck import Rechecks
from bot.store import Store
from storage import gaps, jobs
from storage import sources as source_rows
from storage.database import Archive
from storage.errors import ArchiveUnwritable

if TYPE_CHECKING:
    from bot.daemon.telegram import TelegramLine

SWEEP_S = 5.0  # a lost bell costs at most this
ONCE_WAITS = 5 * SECOND
DRAIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the process was started with. `load` reads the config anew for SIGHUP; raises ConfigError."""

    environment: Environment
    out: TextIO
    err: TextIO
    colour: bool
    load: Callable[[], Config]
    clock: Clock = field(default_factory=Clock)


@dataclass(frozen=True, slots=True)
class Wired:
    """Everything that one config makes; a reload builds another and swaps."""

    config: Config
    http: Http
    sources: Mapping[str, source_kinds.Source]
    deciding: decide.Deciding
    outbox: Outbox
    media: MediaStage
    telegram: "TelegramLine | None" = None  # None: no source is read with the account


class App:
    """The daemon, or one pass of it. The caller holds the lock and has migrated the archive."""

    def __init__(self, config: Config, archive: Archive, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._clock = surroundings.clock
        self._store = Store(archive)
        journal = surroundings.environment.journal_stream is not None
        self._speak = Talk(surroundings.err, self._clock, stamps=not journal)
        self._decide_bell, self._recheck_bell, self._poll_bell = Bell(), Bell(), Bell()
        self._intake = Intake(self._store, self._clock, self._stored, random.random, self._health)
        self._collector = Collector(self._store, self._intake, self._clock, self._speak)
        self._rechecks = Rechecks(self._store, self._clock, self._stored)
        self._schedule = Schedule(self._clock, self._clock_jumped, self._speak)
        self._systemd = Systemd(surroundings.environment.notify_socket)
        self._running_telegram: TelegramLine | None = None
        self._wired = self._wire(config)
        self._outbox_task: asyncio.Task[None] | None = None
        self._stopped = asyncio.Event()
        self._interrupts = 0

    # One config -> objects ----------------------------------------------------------------------------------------

    def _wire(self, config: Config) -> Wired:
        http = Http(config.http_rules(), self._clock)
        telegram = self._telegram_line(config)
        around = source_kinds.Surroundings(
            http,
            self._clock,
            config.directory,
            telegram=telegram.door if telegram else None,
            pages_allowed=config.telegram.proxy is None or config.http.proxy is not None,
        )
        beside = target_kinds.Surroundings(
            http,
            self._clock,
            config.zone,
            self._surroundings.out,
            self._surroundings.colour,
            proxied=config.http.proxy is not None,
        )
        deciding = decide.Deciding.of(config)
        targets = {settings.name: target_kinds.build(settings, beside) for settings in config.targets}
        sources = {
            settings.name: source_kinds.build(settings, around) for settings in config.sources if settings.enabled
        }
        rendering = deciding.rendering(config.zone, config.data_dir)
        return Wired(
            config=config,
            http=http,
            sources=sources,
            deciding=deciding,
            outbox=Outbox(self._store, targets, rendering, self._clock, self._speak),
            media=MediaStage.of(config, sources, self._store, self._clock, self._decide_bell.ring, self._speak),
            telegram=telegram,
        )

    def _telegram_line(self, config: Config) -> "TelegramLine | None":
        """The account, if a source needs it; the one that runs where nothing about it has changed."""
        wanted = any(source.enabled and source.kind == "telegram" for source in config.sources)
        if not wanted or config.telegram.api_id is None or config.telegram.api_hash_file is None:
            return None
        running = self._running_telegram
        if running is not None and running.config == config.telegram:
            return running
        from bot.daemon.telegram import Bells, TelegramLine

        bells = Bells(self._collector.ring, self._recheck_bell.ring, self._health, self._speak)
        return TelegramLine.of(config, self._store, self._clock, bells)

    def _stored(self) -> None:
        """A post came or changed: rules look at it, and its files are fetched."""
        self._decide_bell.ring()
        self._wired.media.ring()

    async def _take_up(self, wired: Wired) -> None:
        """Make the archive and the collector know this config."""
        await self._store.run(_declare, wired, self._clock.now())
        self._wired = wired
        self._collector.sources = wired.sources
        if self._running_telegram is not None and self._running_telegram is not wired.telegram:
            await self._running_telegram.aclose()
        self._running_telegram = wired.telegram
        if wired.telegram is not None:
            wired.telegram.take_up(wired.sources)
            wired.telegram.start(self._keep)
        self._collector.every = {
            settings.name: wired.config.every(settings) for settings in wired.config.sources if settings.enabled
        }
        for kind in source_kinds.kinds():
            intervals = [
                wired.config.every(source.settings) for source in wired.sources.values() if source.settings.kind == kind
            ]
            if intervals:
                self._schedule.every(f"poll {kind}", max(1.0, min(intervals) / SECOND / 4), self._poll_bell.ring)
            else:
                self._schedule.forget(f"poll {kind}")

    # The daemon ---------------------------------------------------------------------------------------------------

    async def run(self) -> int:
        """Watch until a signal ends it; return the exit code."""
        self._hear_signals()
        await self._begin()
        self._schedule.every("recheck", SWEEP_S, self._recheck_bell.ring)
        self._schedule.every("sweep", SWEEP_S, self._decide_bell.ring)
        self._outbox_task = asyncio.create_task(self._keep("outbox", self._wired.outbox.run))
        self._wired.media.start(self._keep)
        loops = [
            asyncio.create_task(self._schedule.run()),
            asyncio.create_task(self._keep("polls", self._poll)),
            asyncio.create_task(self._keep("decisions", self._decide)),
            asyncio.create_task(self._keep("re-checks", self._recheck)),
            asyncio.create_task(self._heartbeat()),
        ]
        self._systemd.ready(self._status())
        self._speak(f"watching {self._status()}; Ctrl-C stops")
        self._poll_bell.ring()
        await self._stopped.wait()
        await self._stop(loops)
        return 130 if self._interrupts else 0

    async def _begin(self) -> None:
        await self._store.run(jobs.release, blameless=KINDS)
        await self._wired.media.begin()
        await self._take_up(self._wired)
        self._decide_bell.ring()

    async def _stop(self, loops: list[asyncio.Task[None]]) -> None:
        """Take nothing new, let what is under way end, close. Dying anywhere here loses nothing."""
        self._systemd.stopping()
        self._speak("stopping")
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        await self._collector.aclose()
        await self._wired.media.aclose()
        try:
            async with asyncio.timeout(DRAIN_S):
                await self._decide_all()
        except (TimeoutError, ArchiveUnwritable) as error:
            self._speak(f"what was stored last is matched at the next start: {str(error) or 'no time left'}")
        await self.close()
        self._speak("stopped")

    async def close(self) -> None:
        await self._collector.aclose()
        if self._running_telegram is not None:
            await self._running_telegram.aclose()
            self._running_telegram = None
        await self._close_outbox()
        await self._wired.media.aclose()
        await self._wired.http.aclose()
        await self._store.aclose()

    async def _close_outbox(self) -> None:
        if self._outbox_task is not None:
            self._outbox_task.cancel()
            await asyncio.gather(self._outbox_task, return_exceptions=True)
        await self._wired.outbox.aclose()

    async def _poll(self) -> None:
        while True:
            await self._collector.start_due()
            await self._poll_bell.wait(SWEEP_S)

    async def _decide(self) -> None:
        while True:
            await self._decide_all()
            await self._decide_bell.wait(SWEEP_S)

    async def _decide_all(self) -> None:
        while True:
            decided = await self._store.run(decide.decide, self._wired.deciding, self._clock.now())
            if decided.owed:
                self._wired.outbox.ring()
            for sentence in decided.notices:
                self._speak(sentence)
            if not decided.more:
                return

    async def _recheck(self) -> None:
        while True:
            due = await self._store.read(jobs.next_due, "recheck")
            if due is not None and due <= self._clock.now():
                await self._rechecks.work(self._wired.sources, self._clock.now())
            else:
                wait = SWEEP_S if due is None else (due - self._clock.now()) / SECOND
                await self._recheck_bell.wait(min(max(wait, 0.1), SWEEP_S))

    async def _keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run a stage for ever: a full disk or a mistake of ours pauses it, is spoken of once, and ends by itself."""
        said = ""
        while True:
            try:
                await work()
            except ArchiveUnwritable as error:
                sentence = f"{name} wait: {error}"
            except Exception as error:  # noqa: BLE001 - a stage that died silently would be a monitor that is deaf
                sentence = f"{name} broke and start again: {''.join(traceback.format_exception(error))}"
            if sentence != said:
                self._speak(sentence)
                said = sentence
            await asyncio.sleep(SWEEP_S)

    async def _heartbeat(self) -> None:
        """Feed systemd's watchdog only if this loop runs and the database answers."""
        watchdog = self._surroundings.environment.watchdog_us
        pause = min(watchdog / SECOND / 2, 30.0) if watchdog else 30.0
        while True:
            await self._store.read(lambda reader: reader.execute("SELECT 1 FROM meta LIMIT 1").fetchone())
            self._systemd.alive()
            self._systemd.status(self._status())
            await asyncio.sleep(pause)

    def _health(self) -> list[str]:
        """Names of the targets that hear when something breaks or recovers."""
        return [settings.name for settings in self._wired.config.targets if settings.health]

    def _status(self) -> str:
        return self._wired.config.counts()

    async def _clock_jumped(self) -> None:
        await self._store.run(source_rows.poll_all_now, self._clock.now())
        self._poll_bell.ring()

    # Signals ------------------------------------------------------------------------------------------------------

    def _hear_signals(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stopped.set)
        loop.add_signal_handler(signal.SIGINT, self._interrupted)
        loop.add_signal_handler(signal.SIGHUP, lambda: loop.create_task(self._reload()))

    def _interrupted(self) -> None:
        self._interrupts += 1
        self._stopped.set()
        if self._interrupts > 1:
            # The second Ctrl-C means now; kill -9 is safe by design, so this is too.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.raise_signal(signal.SIGINT)

    async def _reload(self) -> None:
        self._systemd.reloading(int(self._clock.monotonic() * SECOND))
        try:
            config = await asyncio.to_thread(self._surroundings.load)
            wired = await asyncio.to_thread(self._wire, config)
        except ConfigError as error:
            self._speak("the new config is not taken, the old one goes on:")
            for problem in error.problems:
                self._speak(f"  {problem}")
        else:
            await self._collector.aclose()
            await self._close_outbox()
            old = self._wired
            await self._take_up(wired)
            await old.media.aclose()
            await old.http.aclose()
            await wired.media.begin()
            wired.media.start(self._keep)
            self._outbox_task = asyncio.create_task(self._keep("outbox", self._wired.outbox.run))
            self._poll_bell.ring()
            self._speak(f"the new config is taken: {self._status()}")
        self._systemd.ready(self._status())

    # History, now ---------------------------------------------------------------------------------------------------

    def pages(self, name: str) -> bool:
        """Whether this source can be asked for history at all."""
        source = self._wired.sources.get(name)
        return source is not None and source.pages

    async def backfill(self, name: str, wanted: Wanted, *, alerts: bool, turned: Callable[[Round], bool]) -> None:
        """Fetch the history of one source page by page; `turned` hears of each page and returns False to end.

        Raises Later and Never; what was stored stays, the rest is an open gap.
        """
        await self._begin()
        source, result = self._wired.sources[name], Round()
        try:
            row = await self._store.read(source_rows.by_name, name)
            assert row is not None
            if row.first_contact_at is None:
                first = await self._intake.round(source, row, self._collector.every[name], pages=0)
                if first.error is not None:
                    raise first.error
            gap_id = await self._store.run(
                gaps.ask_backfill,
                row.id,
                below=None,
                now=self._clock.now(),
                count=wanted.count if wanted.count < EVERYTHING else None,
                since=wanted.since,
                alerts=alerts,
            )
            while gap_id is not None:
                left = [gap for gap in await self._store.read(gaps.open_gaps, row.id) if gap.id == gap_id]
                if not left:
                    break
                await self._intake.page(source, left[0], result)
                if not turned(result):
                    break
            await self._decide_all()
            await self._wired.outbox.drain(self._clock.now())
        finally:
            await self.close()

    async def look(self, name: str) -> str:
        """Ask one source once, store nothing, and say what it shows. Raises Later and Never."""
        from bot.intake.live import looked

        await self._begin()
        try:
            return await looked(self._wired.sources[name])
        finally:
            await self.close()

    # One pass -----------------------------------------------------------------------------------------------------

    async def once(self) -> int:
        """One round of every source and all that follows from it; 5 if a source or target refused for good."""
        await self._begin()
        try:
            rounds = await self._collector.once()
            await self._wired.media.fetch(self._clock.now() + ONCE_WAITS)
            await self._decide_all()
            await self._wired.media.read(self._clock.now() + ONCE_WAITS)
            await self._decide_all()
            while await self._rechecks.work(self._wired.sources, self._clock.now() + ONCE_WAITS):
                await self._decide_all()
            drained = await self._wired.outbox.drain(self._clock.now() + ONCE_WAITS)
        finally:
            await self.close()
        for name, result in rounds.items():
            self._speak(_summary(name, result))
        errors = [result.error for result in rounds.values() if result.error is not None]
        if drained.refused or any(isinstance(error, Never) for error in errors):
            return 5
        # A proxy that cannot be used blinds every source at once: such a pass did not run.
        return int(any(isinstance(error, Later) and error.state == "proxy down" for error in errors))


def _summary(name: str, result: Round) -> str:
    parts = [f"{result.new} new", f"{result.revised} edited", f"{result.unchanged} known"]
    if result.quarantined:
        parts.append(f"{result.quarantined} unreadable (kept: see `communique status`)")
    if result.gaps_left:
        parts.append(f"{result.gaps_left} gaps still open: the next pass goes on with them")
    if result.error is not None:
        parts.append(f"{result.error}")
    return f"{name}: {', '.join(parts)}"


def _declare(writer: Connection, wired: Wired, now: int) -> None:
    declared = [
        source_rows.Declared(settings.name, settings.kind, settings.tags, settings.side)
        for settings in wired.config.sources
        if settings.enabled
    ]
    source_rows.declare(writer, declared, now)
    wired.deciding.declare(writer, now)
