"""How often each method may be called, and until when not at all: remembered across restarts, never broken early."""

import asyncio
from typing import Any, Protocol

from bot.clock import Clock
from bot.telegram.refusals import wait_error
from storage.sources.telegram import AccountRow, PeerRow, WatchMode

BY_THE_HOUR = {"contacts.resolveUsername": 20, "messages.getDialogs": 20, "messages.checkChatInvite": 20}


class Memory(Protocol):
    """What outlives the process. Each call is one transaction."""

    async def read_waits(self) -> dict[str, int]: ...
    async def keep_wait(self, method: str, until: int) -> None: ...
    async def spend(self, method: str, most: int) -> int | None: ...
    async def read_peers(self, account: str) -> dict[str, PeerRow]: ...
    async def keep_peer(self, account: str, peer: PeerRow) -> None: ...
    async def find_peer(self, asked: str) -> PeerRow | None: ...
    async def read_account(self) -> AccountRow | None: ...
    async def add_notice(self, about: str, sentence: str, *, once: bool) -> None: ...
    async def save_status(self, state: str, reason: str | None, remedy: str | None, user: str | None) -> None: ...
    async def save_watch(self, source: str, mode: WatchMode, *, joined: bool) -> None: ...


class Budget:
    """Limits calls by method. Methods have their TL names ("messages.getHistory")."""

    def __init__(self, memory: Memory, clock: Clock, by_the_hour: dict[str, int] | None = None) -> None:
        self._memory = memory
        self._clock = clock
        self._by_the_hour = BY_THE_HOUR if by_the_hour is None else by_the_hour

    async def allow(self, method: str) -> None:
        """Return if the call may be made now, and count it. Raises Later with the time from which it may."""
        until = (await self._memory.read_waits()).get(method, 0)
        if until > self._clock.now():
            raise wait_error(method, until)
        most = self._by_the_hour.get(method)
        if most is not None:
            free_at = await self._memory.spend(method, most)
            if free_at is not None:
                raise wait_error(method, free_at)

    async def wait(self, method: str, until: int) -> None:
        """Save a wait that Telegram asked for, before anything else happens."""
        await self._memory.keep_wait(method, until)


class HistoryPace:
    """Spaces pages of history: walking fast brings a wait, which stops the newest posts of every other channel too.

    `at_once` pages come without a pause, then one every `seconds`; each such pause gives one place back.
    """

    def __init__(self, clock: Clock, at_once: int, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._room = at_once * seconds
        self._paid_until = float("-inf")  # monotonic seconds
        self._turn = asyncio.Lock()

    async def wait(self) -> None:
        """Return when the next page may be asked for."""
        async with self._turn:
            pause = self._paid_until - self._room + self._seconds - self._clock.monotonic()
            if pause > 0:
                await asyncio.sleep(pause)
            self._paid_until = max(self._paid_until, self._clock.monotonic()) + self._seconds


def method_name(request: Any) -> str:
    """The TL name of a request: GetHistoryRequest of telethon.tl.functions.messages is "messages.getHistory"."""
    space = type(request).__module__.rpartition(".")[2]
    name = type(request).__name__.removesuffix("Request")
    name = name[:1].lower() + name[1:]
    return name if space == "functions" else f"{space}.{name}"
