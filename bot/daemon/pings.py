"""Asks an address while all is well, and once with /fail when it is not: whoever watches it hears of our death, too."""

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from bot.archive import AsyncArchive
from bot.clock import MINUTE, SECOND, Clock
from bot.config.heartbeat import HeartbeatConfig
from bot.contracts.secrets import mask_secrets, read_secret
from bot.daemon.journal import Incident
from bot.daemon.judging import DaemonState, judge
from bot.errors import Later, Never
from bot.http import Http
from bot.http.masking import secret_parts
from storage.archive import heartbeat
from storage.archive.errors import ArchiveError, ArchiveMissing
from storage.status import read_vitals

_LOOK_S = 30.0  # at least so often it is judged whether all is well
_START = MINUTE  # what waited while nothing ran is done in this time
_BREAK = 2 * MINUTE  # between two looks: nothing ran in this time
_DEADLINE_S = 10.0
_AGAIN_S = 60.0  # after a ping that did not get through, if the next is not due before
_CAP = 64 << 10  # bytes of an answer, which nobody reads


@dataclass(slots=True)
class Pings:
    """The heartbeat of one config. `http` is its own, so that a server that hangs delays nothing else.

    That /fail was asked is kept in the archive: a process that takes over does not ask it again.
    """

    archive: AsyncArchive
    clock: Clock
    say: Callable[[str], None]
    settings: HeartbeatConfig
    http: Http
    database: Path
    since: int  # since when this process works without a break, in microseconds UTC
    _failed: bool | None = None  # None: not read yet
    _looked: int = 0
    _next: float = 0.0  # monotonic seconds, when the next ping is due
    _trouble: Incident = field(init=False)

    def __post_init__(self) -> None:
        self._trouble = Incident(self.say, self.clock, "the heartbeat is sent again")

    async def run(self) -> None:
        """Work until cancelled."""
        if self.settings.url_file is None:
            await asyncio.Event().wait()
        while True:
            await self.look()
            await asyncio.sleep(min(max(self._next - self.clock.monotonic(), 1.0), _LOOK_S))

    async def look(self) -> None:
        """Ask what is due now: the address, or /fail if something has become wrong."""
        now = self.clock.now()
        if self._looked and abs(now - self._looked) > _BREAK:  # the machine slept, or the clock was set
            self.since = now
        self._looked = now
        try:
            if self._failed is None:
                self._failed = await self.archive.read(heartbeat.has_failed)
            found = await self.archive.read(read_vitals, now)
        except ArchiveMissing:
            raise
        except ArchiveError:
            well, self._failed = False, bool(self._failed)
        else:
            state = DaemonState(running=True, pid=None, since=self.since)
            problems = await asyncio.to_thread(judge, found, state, self.database, now)
            well = not problems
        if well and (self._failed or self.clock.monotonic() >= self._next):
            await self._ping_well()
        elif not well and not self._failed and now - self.since >= _START:
            await self._ping_fail()

    async def _ping_well(self) -> None:
        taken = await self._ask("")
        self._next = self.clock.monotonic() + min(self.settings.every / SECOND, math.inf if taken else _AGAIN_S)
        if taken and self._failed:
            await self._note(failed=False)

    async def _ping_fail(self) -> None:
        if await self._ask("/fail"):
            await self._note(failed=True)

    async def _note(self, *, failed: bool) -> None:
        self._failed = failed
        with suppress(ArchiveError):  # the alarm has reported it; this process remembers it
            await self.archive.run(heartbeat.note_failed, failed)

    async def _ask(self, suffix: str) -> bool:
        """Ask the address; whether it took that. What is said about a failure never holds the address."""
        address = ""
        try:
            address = read_secret(self.settings.url_file) if self.settings.url_file else ""
            reply = await self.http.get(with_suffix(address, suffix), cap=_CAP, deadline=_DEADLINE_S)
        except (Later, Never) as problem:
            self._trouble.begin(f"the heartbeat cannot be sent: {mask_secrets(problem, *secret_parts(address))}")
            return False
        if not reply.ok:
            self._trouble.begin(f"the heartbeat cannot be sent: its server answered {reply.status}")
            return False
        self._trouble.end()
        return True


def with_suffix(address: str, suffix: str) -> str:
    """The address with more at the end of its path; the query stays."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + suffix)) if suffix else address
