"""Waits at the start for a disk that is too full even to read the archive, and says so to people meanwhile."""

import asyncio
import signal
from contextlib import suppress
from dataclasses import dataclass, field

from bot.config import Config
from bot.daemon.direct_news import DirectNews, Trouble
from bot.daemon.reserve import Reserve
from bot.daemon.systemd import Systemd
from bot.daemon.terminal import Terminal
from bot.daemon.wiring import Startup, build_targets, open_news
from bot.http import Http
from storage.archive.errors import ArchiveUnwritable

_LOOK_S = 5.0


@dataclass(slots=True)
class Room:
    """`wait` is called each time that the archive could not be opened, `begin` once it could.

    The reserve is given back first: then the process starts, and its alarm continues with this trouble.
    """

    config: Config
    startup: Startup
    _news: DirectNews = field(init=False)
    _terminal: Terminal = field(default_factory=Terminal)
    _trouble: Trouble | None = None
    _ended_by: int | None = None

    def __post_init__(self) -> None:
        self._news = open_news(self.config, self.startup)

    def wait(self, problem: ArchiveUnwritable) -> None:
        """Say what is wrong, once, and wait for some seconds. Raises SystemExit where a signal ended that."""
        if self._trouble is None:
            self._trouble = self._news.remember() or Trouble(str(problem), self.startup.clock.now())
            Systemd(self.startup.environment.notify_socket).ready("waiting for room on the disk")
        self._news.say_once(str(problem))
        freed = Reserve(self.config.data_dir).release()
        self._trouble.reserve_used |= freed
        asyncio.run(self._report(self._trouble, 0.0 if freed else _LOOK_S))
        if self._ended_by is not None:
            self.startup.say("stopped")
            raise SystemExit(130 if self._ended_by == signal.SIGINT else 0)

    def begin(self) -> None:
        """Leave the trouble, if there was one, to the alarm of the process: it says when that is over."""
        if self._trouble is not None:
            self._news.memorize(self._trouble)

    async def _report(self, trouble: Trouble, pause: float) -> None:
        """Send the news and let the pause pass, unless a signal comes."""
        work = asyncio.gather(self._send(trouble), asyncio.sleep(pause))

        def stop(number: int) -> None:
            self._ended_by = number
            work.cancel()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop, number)
        loop.add_signal_handler(signal.SIGHUP, lambda: stop(signal.SIGHUP) if self._terminal.is_gone() else None)
        with suppress(asyncio.CancelledError):
            await work

    async def _send(self, trouble: Trouble) -> None:
        http = Http(self.config.http_rules(), self.startup.clock)
        try:
            targets = build_targets(self.config, http, self.startup).values()
            await self._news.send([target for target in targets if target.settings.health], trouble)
        finally:
            await http.aclose()
