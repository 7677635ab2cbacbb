"""The whole life of the process on one page: config -> objects -> start -> ordered stop."""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

from sqlalchemy import Connection

from bot import sources as source_kinds
from bot.alerts import decide
from bot.alerts import targets as target_kinds
from bot.alerts.outbox import Outbox
from bot.archive import AsyncArchive
from bot.bells import SWEEP_S, Bell
from bot.clock import SECOND, Clock
from bot.config import Config
from bot.config.environment import Environment
from bot.contracts.source import Source, SourceTools
from bot.contracts.target import TargetTools
from bot.daemon.files import MediaStage
from bot.daemon.journal import CALM_S, Incident, Journal, mistake
from bot.daemon.rounds import Rounds
from bot.daemon.schedule import Schedule
from bot.daemon.systemd import Systemd
from bot.enrich.worker import KINDS
from bot.errors import CommuniqueError, ConfigError, Never
from bot.http import Http
from bot.intake.ledger import EVERYTHING, BackfillLimit
from bot.intake.poll import Intake, Round
from bot.intake.recheck import Rechecks
from storage import jobs
from storage.archive import integrity
from storage.archive.database import Archive
from storage.archive.errors import ArchiveError, ArchiveMissing
from storage.sources import clock_repair, gaps
from storage.sources import states as source_rows
from storage.state_names import ARCHIVE_ERROR, PROXY_DOWN

if TYPE_CHECKING:
    from bot.daemon.telegram import TelegramLine

T = TypeVar("T")
ONCE_WAITS = 5 * SECOND
DRAIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Startup:
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
    sources: Mapping[str, Source]
    deciding: decide.Deciding
    outbox: Outbox
    media: MediaStage
    telegram: "TelegramLine | None" = None  # None: no source is read with the account


class App:
    """The daemon, or one pass of it. The caller holds the lock and has migrated the archive."""

    def __init__(self, config: Config, archive: Archive, surroundings: Startup) -> None:
        self._surroundings = surroundings
        self._clock = surroundings.clock
        journal = surroundings.environment.journal_stream is not None
        self._speak = Journal(surroundings.err, self._clock, stamps=not journal)
        self._archive_trouble = Incident(self._speak, self._clock, "the archive can be written again")
        self._store = AsyncArchive(archive, self._told)
        self._decide_bell, self._recheck_bell, self._poll_bell = Bell(), Bell(), Bell()
        self._intake = Intake(self._store, self._clock, self._stored, random.random, self._health)
        self._collector = Rounds(self._store, self._intake, self._clock, self._speak)
        self._rechecks = Rechecks(self._store, self._clock, self._looked_again)
        self._schedule = Schedule(self._clock, self._clock_jumped, self._speak)
        self._systemd = Systemd(surroundings.environment.notify_socket)
        self._running_telegram: TelegramLine | None = None
        self._watching = False
        self._wired = self._wire(config)
        self._claimed: list[jobs.ClaimedJob] = []  # posts whose decision has begun and could not be written yet
        self._stages: list[asyncio.Task[None]] = []  # what works with the config of the moment
        self._stopped, self._asked_to_reload = asyncio.Event(), asyncio.Event()
        self._lost: ArchiveMissing | None = None
        self._interrupts = 0

    # One config -> objects ----------------------------------------------------------------------------------------

    def _wire(self, config: Config) -> Wired:
        http = Http(config.http_rules(), self._clock)
        telegram = self._telegram_line(config)
        around = SourceTools(
            http,
            self._clock,
            config.directory,
            telegram=telegram.door if telegram else None,
            pages_allowed=config.telegram.proxy is None or config.http.proxy is not None,
        )
        beside = TargetTools(
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
        wanted = any(source.enabled and source.reads_with_account for source in config.sources)
        if not wanted or config.telegram.api_id is None or config.telegram.api_hash_file is None:
            return None
        running = self._running_telegram
        if running is not None and running.config == config.telegram:
            return running
        from bot.daemon.telegram import Bells, TelegramLine

        bells = Bells(self._collector.ring, self._recheck_bell.ring, self._health, self._speak)
        return TelegramLine.of(config, self._store, self._clock, bells)

    def _looked_again(self) -> None:
        """A re-check has been stored: a deletion or reappearance that pages alone do not tell."""
        self._intake.forget()
        self._stored()

    def _stored(self) -> None:
        """A post came or changed: rules look at it, and its files are fetched."""
        self._decide_bell.ring()
        self._wired.media.ring()

    async def _take_up(self, wired: Wired) -> None:
        """Make every stage know this config, which the archive knows already."""
        self._wired = wired
        self._collector.sources = wired.sources
        if self._running_telegram is not None and self._running_telegram is not wired.telegram:
            await self._running_telegram.aclose()
        self._running_telegram = wired.telegram
        if wired.telegram is not None:
            wired.telegram.take_up(wired.sources)
            wired.telegram.start(self._keep, live=self._watching)
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
        """Watch until a signal ends it; return the exit code. Raises ArchiveMissing where the archive is taken away."""
        self._hear_signals()
        self._watching = True
        await self._begin()
        self._schedule.every("recheck", SWEEP_S, self._recheck_bell.ring)
        self._schedule.every("sweep", SWEEP_S, self._decide_bell.ring)
        lasting = [
            asyncio.create_task(self._keep("the schedule", self._schedule.run)),
            asyncio.create_task(self._keep("the heartbeat", self._heartbeat)),
            asyncio.create_task(self._keep("reloading", self._reloads)),
        ]
        self._start()
        self._systemd.ready(self._status())
        self._speak(f"watching {self._status()}; Ctrl-C stops")
        await self._stopped.wait()
        await self._stop(lasting)
        if self._lost is not None:
            raise self._lost
        return 130 if self._interrupts else 0

    async def _begin(self) -> None:
        now = self._clock.now()
        await self._store.run(jobs.release, blameless=KINDS)
        if await self._store.run(clock_repair.in_the_future, now):
            self._speak("the archive was written by a clock ahead of this one: nothing waits for that time")
            await self._store.run(clock_repair.clock_was_set, now)
        await self._store.run(_declare, self._wired, now, _written_at(self._wired.config))
        await self._wired.media.begin()
        await self._take_up(self._wired)
        self._decide_bell.ring()

    def _start(self) -> None:
        """Begin everything that works with the config of the moment."""
        self._stages = [
            asyncio.create_task(self._keep("polls", self._poll)),
            asyncio.create_task(self._keep("decisions", self._decide)),
            asyncio.create_task(self._keep("re-checks", self._recheck)),
            asyncio.create_task(self._keep("outbox", self._wired.outbox.run)),
        ]
        self._wired.media.start(self._keep)
        self._poll_bell.ring()

    async def _halt(self) -> None:
        """End it; what is being sent may end within seconds, anything else is due again."""
        await _ended(self._stages)
        await self._collector.aclose()
        await self._wired.media.aclose()
        await self._wired.outbox.aclose()
        with suppress(ArchiveError):  # then what was claimed is freed at the next start
            await self._store.run(jobs.release, blameless=(*KINDS, "recheck"))

    async def _stop(self, lasting: list[asyncio.Task[None]]) -> None:
        """Take nothing new, let what is under way end, close. Dying anywhere here loses nothing."""
        self._systemd.stopping()
        self._speak("stopping")
        await _ended(lasting)
        await self._halt()
        try:
            async with asyncio.timeout(DRAIN_S):
                await self._decide_all()
        except (TimeoutError, ArchiveError) as error:
            if self._lost is None:
                self._speak(f"what was stored last is matched at the next start: {str(error) or 'no time left'}")
        await self.close()
        self._speak("stopped")

    async def close(self) -> None:
        await self._halt()
        if self._running_telegram is not None:
            await self._running_telegram.aclose()
            self._running_telegram = None
        await self._wired.http.aclose()
        await self._store.aclose()

    async def _poll(self) -> None:
        while True:
            await self._collector.start_due()
            await self._poll_bell.wait()

    async def _decide(self) -> None:
        while True:
            await self._decide_all()
            await self._decide_bell.wait()

    async def _decide_all(self) -> None:
        while await shielded(self._decide_some()):
            pass

    async def _decide_some(self) -> bool:
        """Decide what is due, a hundred posts at most; False if nothing is.

        The claim is committed before rules run, so that a post that kills us is given up in time. What could not be
        written to its end is taken up again: a full disk is not the fault of the posts.
        """
        if not self._claimed:
            self._claimed = await self._store.run(decide.claim, self._clock.now())
        if not self._claimed:
            return False
        try:
            now, deciding = self._clock.now(), self._wired.deciding
            decided = await self._store.run(decide.decide, deciding, now, claimed=self._claimed)
        except ArchiveError:
            raise
        except Exception:
            self._claimed = []  # a mistake of ours: each is tried alone when its lease has run out
            raise
        self._claimed = []
        if decided.owed:
            self._wired.outbox.ring()
        for sentence in decided.notices:
            self._speak(sentence)
        return True

    async def _recheck(self) -> None:
        while True:
            due = await self._store.read(jobs.next_due, "recheck")
            if due is not None and due <= self._clock.now():
                await self._rechecks.work(self._wired.sources, self._clock.now())
            else:
                wait = SWEEP_S if due is None else (due - self._clock.now()) / SECOND
                await self._recheck_bell.wait(min(max(wait, 0.1), SWEEP_S))

    async def _keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run a stage for ever: a full disk or a mistake of ours pauses it, told when it begins and when it is over."""
        trouble = Incident(self._speak, self._clock, f"{name} work again")
        while True:
            try:
                await work()
            except ArchiveMissing as error:
                self._lose(error)
            except ArchiveError:
                pass  # the store has told it
            except Exception as error:  # noqa: BLE001 - a stage that died silently would be a monitor that is deaf
                trouble.broke(f"{name} broke and start again: {mistake(error)}")
                asyncio.get_running_loop().call_later(CALM_S + 1, trouble.works)
            await asyncio.sleep(SWEEP_S)

    def _told(self, error: ArchiveError | None) -> None:
        """Hear how each transaction went."""
        if error is None:
            self._archive_trouble.works()
        elif not isinstance(error, ArchiveMissing):  # that one is told as the last word
            self._archive_trouble.broke(str(error))

    def _lose(self, error: ArchiveMissing) -> None:
        """Stop: whatever were stored now would be stored nowhere."""
        self._lost = ArchiveMissing(f"the archive {error.path} was removed or replaced while it was in use", error.path)
        self._stopped.set()

    async def _heartbeat(self) -> None:
        """Feed systemd's watchdog only if this loop runs and the database answers."""
        watchdog = self._surroundings.environment.watchdog_us
        pause = min(watchdog / SECOND / 2, 30.0) if watchdog else 30.0
        while True:
            try:
                await self._store.read(integrity.probe)
            except ArchiveMissing:
                raise
            except ArchiveError:
                pass  # not fed: if it lasts, systemd starts us anew
            else:
                self._systemd.alive()
                self._systemd.status(self._status())
            await asyncio.sleep(pause)

    def _health(self) -> list[str]:
        """Names of the targets that hear when something breaks or recovers."""
        return [settings.name for settings in self._wired.config.targets if settings.health]

    def _status(self) -> str:
        return self._wired.config.counts()

    async def _clock_jumped(self) -> None:
        await self._store.run(clock_repair.clock_was_set, self._clock.now())
        self._poll_bell.ring()
        self._decide_bell.ring()
        self._wired.outbox.ring()

    # Signals ------------------------------------------------------------------------------------------------------

    def _hear_signals(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stopped.set)
        loop.add_signal_handler(signal.SIGINT, self._interrupted)
        loop.add_signal_handler(signal.SIGHUP, self._asked_to_reload.set)

    def _interrupted(self) -> None:
        self._interrupts += 1
        self._stopped.set()
        if self._interrupts > 1:
            # The second Ctrl-C means now; kill -9 is safe by design, so this is too.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.raise_signal(signal.SIGINT)

    async def _reloads(self) -> None:
        """One reload at a time; any number of signals during one ask for one more."""
        while True:
            await self._asked_to_reload.wait()
            self._asked_to_reload.clear()
            self._systemd.reloading(int(self._clock.monotonic() * SECOND))
            try:
                await self._reload()
            finally:
                self._systemd.ready(self._status())

    async def _reload(self) -> None:
        try:
            config = await asyncio.to_thread(self._surroundings.load)
            wired = await asyncio.to_thread(self._wire, config)
            now = self._clock.now()
            await self._store.run(_declare, wired, now, now)
        except ConfigError as error:
            self._speak("the new config is not taken, the old one goes on:")
            for problem in error.problems:
                self._speak(f"  {problem}")
            return
        except (CommuniqueError, ArchiveError) as error:
            self._speak(f"the new config is not taken, the old one goes on: {error}")
            return
        old = self._wired
        await self._halt()
        await self._take_up(wired)
        await old.http.aclose()
        self._start()
        self._speak(f"the new config is taken: {self._status()}")
        await wired.media.begin()

    # History, now ---------------------------------------------------------------------------------------------------

    def pages(self, name: str) -> bool:
        """Whether this source can be asked for history at all."""
        source = self._wired.sources.get(name)
        return source is not None and source.pages

    async def backfill(
        self, name: str, wanted: BackfillLimit, *, alerts: bool, turned: Callable[[Round], bool]
    ) -> None:
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
            contacted = await self._store.read(source_rows.by_name, name)
            assert contacted is not None
            left = await self._store.read(gaps.open_gaps, row.id)
            while gap := next((gap for gap in left if gap.id == gap_id), None):
                left = await self._intake.page(source, gap, contacted.cursor, result)
                if not turned(result):
                    break
            await self._decide_all()
            await self._wired.outbox.drain(self._clock.now())
        finally:
            await self.close()

    async def look(self, name: str) -> str:
        """Ask one source once, store nothing, and say what it shows. Raises Later and Never."""
        from bot.intake.live import Looked, looked

        await self._begin()
        source = self._wired.sources[name]
        assert isinstance(source, Looked)
        try:
            row = await self._store.read(source_rows.by_name, name)
            return await looked(source, row.channel_id if row else None)
        finally:
            await self.close()

    # One pass -----------------------------------------------------------------------------------------------------

    async def once(self) -> int:
        """One round of every source and all that follows from it; 5 if a source or target refused for good."""
        await self._begin()
        try:
            rounds = await self._collector.once()
            refused = await self._tell(0)  # what is said is told before a file is fetched, and that before it is read
            await self._wired.media.fetch(self._clock.now() + ONCE_WAITS)
            refused += await self._tell(0)
            await self._wired.media.read(self._clock.now() + ONCE_WAITS)
            while await self._rechecks.work(self._wired.sources, self._clock.now() + ONCE_WAITS):
                await self._decide_all()
            refused += await self._tell(ONCE_WAITS)
        finally:
            await self.close()
        for name, result in rounds.items():
            self._speak(_summary(name, result))
        errors = [result.error for result in rounds.values() if result.error is not None]
        if refused or any(isinstance(error, Never) for error in errors):
            return 5
        # A proxy that cannot be used, or a full disk, blinds every source at once: such a pass did not run.
        return int(any(error.state in (PROXY_DOWN, ARCHIVE_ERROR) for error in errors))

    async def _tell(self, patience: int) -> int:
        """Decide and deliver what is due within so many microseconds; how much was refused for good."""
        await self._decide_all()
        return (await self._wired.outbox.drain(self._clock.now() + patience)).refused


async def _ended(tasks: Collection[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def shielded(work: Coroutine[Any, Any, T]) -> T:
    """Do it to its end, for which a caller that is cancelled waits."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise


def _summary(name: str, result: Round) -> str:
    parts = [f"{result.new} new", f"{result.revised} edited", f"{result.unchanged} known"]
    if result.quarantined:
        parts.append(f"{result.quarantined} unreadable (kept: see `communique status`)")
    if result.gaps_left:
        parts.append(f"{result.gaps_left} gaps still open: the next pass goes on with them")
    if result.error is not None:
        parts.append(f"{result.error}")
    return f"{name}: {', '.join(parts)}"


def _written_at(config: Config) -> int:
    """When the config file was last written, in microseconds UTC; 0 where nobody can tell."""
    try:
        return config.path.stat().st_mtime_ns // 1_000 if config.path else 0
    except OSError:
        return 0


def _declare(writer: Connection, wired: Wired, now: int, changed_at: int) -> None:
    declared = [
        source_rows.Declared(settings.name, settings.kind, settings.tags, settings.side)
        for settings in wired.config.sources
        if settings.enabled
    ]
    source_rows.declare(writer, declared, now)
    source_rows.ask_stopped_again(writer, changed_at, now)
    wired.deciding.declare(writer, now)
