"""The whole life of the process on one page: begin, start, reload, stop, close."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from bot import sources as source_kinds
from bot.alerts.moving import ask_again
from bot.bells import SWEEP_S
from bot.clock import SECOND, SteadyClock
from bot.config import Config
from bot.daemon.supervision import heartbeat
from bot.daemon.systemd import Systemd
from bot.daemon.terminal import Terminal
from bot.daemon.wiring import Stages, Startup, changed_at
from bot.errors import CommuniqueError, ConfigError
from storage.alerts import deaths
from storage.archive.database import Archive, Writer
from storage.archive.errors import ArchiveError, ArchiveUnwritable
from storage.media import crashes
from storage.sources import clock_repair

_TERMINAL_S = 3.0  # after SIGHUP, within which a closing terminal is gone
DRAIN_S = 20.0  # of a stop, to match what was stored last


class App:
    """The process. The caller holds the lock and has migrated the archive.

    `run` is the daemon; `bot.daemon.once` and `bot.daemon.backfill` do their work between `begin` and `close`.
    """

    def __init__(self, config: Config, archive: Archive, startup: Startup) -> None:
        self._steady = SteadyClock(startup.clock)
        self.clock = self._steady.as_clock
        self.stages = Stages(config, archive, replace(startup, clock=self.clock))
        self._startup = startup
        self._say = self.stages.say
        self._supervision = self.stages.supervision
        self._systemd = Systemd(startup.environment.notify_socket)
        self._tasks: list[asyncio.Task[None]] = []  # of the stages that work with the current config
        self._beating: asyncio.Task[None] | None = None
        self._reload_requested = asyncio.Event()
        self._interrupts = 0

    async def run(self) -> int:
        """Watch until a signal ends it; return the exit code. Raises ArchiveMissing if the archive is taken away."""
        from bot.daemon.schedule import Schedule

        self._schedule = Schedule(self.clock, self._steady, self._repair_clock, self._say)
        self._handle_signals()
        asyncio.get_running_loop().set_exception_handler(self._supervision.report_lost)
        self.stages.live = True
        self._systemd.ready("starting")  # whatever keeps us from beginning, the watchdog hears of it
        lasting = [self._keep("the alarm", self.stages.alarm.run)]
        if not await self._begin_at_last():
            return await self._leave(lasting)
        self._schedule.every("recheck", SWEEP_S, self.stages.rechecks.bell.ring)
        self._schedule.every("backup", SWEEP_S, self.stages.backups.bell.ring)
        self._schedule.every("sweep", SWEEP_S, self.stages.decisions.bell.ring)
        lasting += [
            self._keep("the scheduler", self._schedule.run),
            self._keep("reloading", self._reload_on_request),
            self._keep("the mark", self.stages.marking.run),
            self._keep("announcing what was given up", self.stages.given_up.run),
            self._keep("digests", self.stages.digesting.run),
            self._keep("backups", self.stages.backups.run),
            self._keep("requests", self.stages.requests.run),
            self._keep("upkeep", self.stages.upkeep.run),
            self._keep("news of the program", self.stages.own_health.run),
            self._keep("the rhythm of sources", self.stages.rhythm.run),
        ]
        for sentence in await self.stages.archive.run(ask_again, self.stages.wired.config, self.clock.now()):
            self._say(sentence)
        await self._start()
        self._systemd.ready(self._status())
        self._say(f"watching {self._status()}; Ctrl-C stops")
        await self._supervision.stopped.wait()
        return await self._leave(lasting)

    async def _begin_at_last(self) -> bool:
        """Begin, and wait for an archive that cannot be written; False if the process was stopped before."""
        while not self._supervision.stopped.is_set():
            try:
                await self.begin()
            except ArchiveUnwritable:  # the alarm has reported it, and may make room
                with suppress(TimeoutError):
                    async with asyncio.timeout(SWEEP_S):
                        await self._supervision.stopped.wait()
            else:
                return True
        return False

    async def _leave(self, lasting: list[asyncio.Task[None]]) -> int:
        await self._stop(lasting)
        if self._supervision.lost is not None:
            raise self._supervision.lost
        return 130 if self._interrupts else 0

    async def begin(self) -> None:
        """Make the archive and the stages ready for work."""
        if self._beating is None:
            self._beating = self._keep("the heartbeat", self._beat)
        now, archive, wired = self.clock.now(), self.stages.archive, self.stages.wired
        await self.stages.given_up.settle_death()
        await archive.run(crashes.count, now)
        if await archive.run(clock_repair.has_future_rounds, now):
            self._say("the archive contains future timestamps (was the clock wrong?); everything scheduled is due now")
            await archive.run(clock_repair.repair_times, now)
        for sentence in await archive.run(wired.declare, now, changed_at(wired.config)):
            self._say(f"warning: {sentence}")
        await wired.media.begin()
        await self.stages.take_up(wired)
        self.stages.decisions.bell.ring()

    async def _start(self) -> None:
        """Start everything that works with the current config."""
        stages = self.stages
        if stages.wired.bot is not None:
            with suppress(ArchiveError):  # the alarm has reported it
                await stages.wired.bot.begin()
        self._schedule_polls()
        self._tasks = [
            self._keep("polling", stages.rounds.run),
            self._keep("the record of rounds", stages.rounds.write_down),
            self._keep("the plan of polls", stages.pacing.run),
            self._keep("matching", stages.decisions.run),
            self._keep("re-checking", stages.rechecks.run),
            self._keep("the outbox", stages.wired.outbox.run),
            self._keep("the heartbeat outside", stages.wired.pings.run),
            self._keep("listening", stages.wired.listening.run),
            self._keep("topics", stages.wired.outbox.topics.run),
        ]
        if stages.wired.bot is not None:
            self._tasks.append(self._keep("the bot", stages.wired.bot.run))
            self._tasks.append(self._keep("the buttons", stages.wired.removal.run))
        stages.wired.media.start(self._supervision.keep)
        stages.rounds.bell.ring()

    async def _halt(self) -> None:
        """End it; what is being sent may end within seconds, anything else is due again."""
        await _cancel(self._tasks)
        await self.stages.rounds.aclose()
        await self.stages.wired.media.aclose()
        await self.stages.wired.outbox.aclose()
        with suppress(ArchiveError):  # then the last rounds count as not watched; the next start frees what was claimed
            await self.stages.rounds.intake.write_down(deaths.let_go)

    async def _stop(self, lasting: list[asyncio.Task[None]]) -> None:
        """Take nothing new, let what is under way end, close. Dying anywhere here loses nothing."""
        self._systemd.stopping()
        self._say("stopping")
        await _cancel(lasting)
        if self._supervision.lost is not None:
            await self.stages.alarm.say_last(f"{self._supervision.lost}: Communiqué stops")
        await self._halt()
        try:
            async with asyncio.timeout(DRAIN_S):
                if self._tasks:  # otherwise it never began
                    await self.stages.decisions.drain()
        except (TimeoutError, ArchiveError) as error:
            if self._supervision.lost is None:
                why = str(error) or "stopping took too long"
                self._say(f"the newest posts will be matched at the next start ({why})")
        await self.close()
        self._say("stopped")

    async def close(self) -> None:
        """End what works, disconnect, and let the archive go."""
        if self._beating is not None:
            await _cancel([self._beating])
        await self._halt()
        await self.stages.close_telegram()
        await self.stages.wired.close_clients()
        await self.stages.archive.aclose()
        self._say.drain()

    def _keep(self, name: str, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        return asyncio.create_task(self._supervision.keep(name, work))

    # What the outside does: clock, systemd, signals -------------------------------------------------------------------

    def _schedule_polls(self) -> None:
        """Look for due sources of each kind four times in the shortest interval of that kind, at most once a second."""
        rounds, sources = self.stages.rounds, self.stages.wired.sources
        for kind in source_kinds.REGISTRY.met():
            intervals = [rounds.every[name] for name, source in sources.items() if source.settings.kind == kind]
            if intervals:
                self._schedule.every(f"poll {kind}", max(1.0, min(intervals) / SECOND / 4), rounds.bell.ring)
            else:
                self._schedule.forget(f"poll {kind}")

    async def _repair_clock(self, drift: int) -> None:
        """Plan by the new time; until that is written, everything lives by the old one."""
        await self.stages.rounds.intake.write_down(partial(follow_clock, steady=self._steady, drift=drift))
        if drift:  # what was queued behind that was planned by the old time; how much of its waits is left is not known
            await self.stages.rounds.intake.write_down(partial(clock_repair.repair_times, now=self.clock.now()))
        self.stages.rounds.bell.ring()
        self.stages.decisions.bell.ring()
        self.stages.wired.outbox.ring()

    async def _beat(self) -> None:
        watchdog_us = self._startup.environment.watchdog_us
        await heartbeat(self.stages.archive, self.clock, self._systemd, watchdog_us, self._status)

    def _status(self) -> str:
        return self.stages.wired.config.counts()

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._supervision.stopped.set)
        loop.add_signal_handler(signal.SIGINT, self._interrupt)
        terminal = Terminal()
        loop.add_signal_handler(signal.SIGHUP, self._hang_up, terminal)
        if self._startup.stop_with_stdin:
            loop.add_reader(sys.stdin.fileno(), self._supervision.stopped.set)

    def _hang_up(self, terminal: Terminal) -> None:
        """SIGHUP: stop if our terminal was closed, otherwise reload. A shell may send it before it closes."""
        if self._is_left_alone(terminal):
            return
        self._reload_requested.set()
        asyncio.get_running_loop().call_later(_TERMINAL_S, self._is_left_alone, terminal)

    def _is_left_alone(self, terminal: Terminal) -> bool:
        gone = terminal.is_gone()
        if gone and not self._supervision.stopped.is_set():
            self._say("the terminal was closed")
            self._supervision.stopped.set()
        return gone

    def _interrupt(self) -> None:
        self._interrupts += 1
        self._supervision.stopped.set()
        if self._interrupts > 1:
            # The second Ctrl-C means now; kill -9 is safe by design, so this is too.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.raise_signal(signal.SIGINT)

    async def _reload_on_request(self) -> None:
        """One reload at a time; any number of signals during one request one more."""
        while True:
            await self._reload_requested.wait()
            self._reload_requested.clear()
            self._systemd.reloading(int(self.clock.monotonic() * SECOND))
            try:
                await self._reload()
            finally:
                self._systemd.ready(self._status())

    async def _reload(self) -> None:
        """Replace what the old config made; a config with a mistake changes nothing."""
        try:
            config = await asyncio.to_thread(self._startup.load)
            wired = await asyncio.to_thread(self.stages.build, config)
            now = self.clock.now()
            declare = partial(wired.declare, now=now, changed_at=now)
            said = await self.stages.decisions.take_up(wired.rules, declare)
        except ConfigError as error:
            self._say("the new config was not loaded, the old one stays in use:")
            for problem in error.problems:
                self._say(f"  {problem}")
            return
        except (CommuniqueError, ArchiveError) as error:
            self._say(f"the new config was not loaded, the old one stays in use: {error}")
            return
        for sentence in said:
            self._say(f"warning: {sentence}")
        old = self.stages.wired
        await self._halt()
        with suppress(ArchiveError):  # then at the next start
            await self.stages.archive.run(wired.follow_names)  # what the old config wrote until now
        await self.stages.take_up(wired)
        await old.close_clients()
        await self._start()
        self._say(f"the new config is in use: {self._status()}")
        await wired.media.begin()


def follow_clock(writer: Writer, steady: SteadyClock, drift: int) -> None:
    """Plan by the wall clock, which was set by `drift`; if the transaction fails, the next try does the same."""
    clock_repair.repair_times(writer, steady.now() + steady.drift(), drift)
    steady.follow()


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
