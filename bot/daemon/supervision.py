"""Keeps stages alive: what fails is restarted, reported once when it breaks and once when it works again."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from bot.archive import AsyncArchive
from bot.bells import SWEEP_S
from bot.claims import Claims
from bot.clock import SECOND, Clock
from bot.daemon.journal import CALM_S, Incident, describe_bug
from bot.daemon.systemd import Systemd
from storage.archive.errors import ArchiveError, ArchiveMissing
from storage.archive.heartbeat import beat

BEAT_S = 60.0

Keep = Callable[[str, Callable[[], Awaitable[None]]], Coroutine[Any, Any, None]]  # `Supervision.keep`


class Supervision:
    """Runs stages until the process ends. `stopped` is set when it has to end; `lost` says that the archive is gone."""

    def __init__(self, clock: Clock, say: Callable[[str], None], claims: Claims) -> None:
        self.stopped = asyncio.Event()
        self.lost: ArchiveMissing | None = None
        self._clock = clock
        self._say = say
        self._claims = claims

    async def keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run a stage for ever: a full disk or a bug only pauses it. `name` fits "NAME is working again"."""
        incident = Incident(self._say, self._clock, f"{name} is working again")
        while True:
            try:
                await work()
            except ArchiveMissing as error:
                self._stop_without_archive(error)
            except ArchiveError:
                pass  # the alarm has reported it
            except Exception as error:  # noqa: BLE001 - a stage that died silently would be a monitor that is deaf
                incident.begin(f"internal error in {name}, restarting: {describe_bug(error)}")
                asyncio.get_running_loop().call_later(CALM_S + 1, incident.end)
            self._claims.note_trouble()
            await asyncio.sleep(SWEEP_S)

    def report_lost(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Report an exception that nobody awaits; asyncio would write its traceback to stderr, and wait there."""
        error = context.get("exception")
        if not isinstance(error, ArchiveError):  # the alarm has reported that
            self._say(f"internal error: {describe_bug(error) if error is not None else context.get('message')}")

    def _stop_without_archive(self, error: ArchiveMissing) -> None:
        """Stop: whatever is stored from now on would be lost."""
        self.lost = ArchiveMissing(f"the archive {error.path} was removed or replaced while it was in use", error.path)
        self.stopped.set()


async def heartbeat(
    archive: AsyncArchive, clock: Clock, systemd: Systemd, watchdog_us: int | None, status: Callable[[], str]
) -> None:
    """Write a sign of life every minute, and feed systemd's watchdog only if that worked. Raises ArchiveMissing."""
    pause = min(watchdog_us / SECOND / 4, BEAT_S) if watchdog_us else BEAT_S
    while True:
        try:
            await archive.run(beat, clock.now())
        except ArchiveMissing:
            raise
        except ArchiveError:
            pass  # not fed: if it lasts, systemd restarts us
        else:
            systemd.alive()
            systemd.status(status())
        await asyncio.sleep(pause)
