"""Takes pushes of the account as hints: each starts a round of its source, which finds out what happened."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from bot.archive import AsyncArchive
from bot.clock import SECOND, Clock
from bot.errors import Later, Never
from storage.posts import rechecks
from storage.records import Batch
from storage.sources import states as rows
from storage.sources import telegram
from storage.sources.telegram import RequestOutcome, RequestRow, WatchMode
from storage.state_names import NOT_SUPPORTED

if TYPE_CHECKING:
    from bot.sources.telegram import TelegramSource
    from bot.telegram.client import Hint
    from bot.telegram.gateway import TelegramGateway

_LOOK_S = 1.0
_BREATH_S = 0.05  # hints of one moment become one round
_SHORT_REST_S = 30.0
_MOST_IDS = 1_000


@dataclass(slots=True)
class Live:
    """Listens to the account for all its sources and does what people requested of it."""

    archive: AsyncArchive
    clock: Clock
    gateway: "TelegramGateway"
    start_rounds: Callable[[Iterable[str]], None]
    wake_rechecks: Callable[[], None]
    say: Callable[[str], None]
    sources: Mapping[str, "TelegramSource"] = field(default_factory=dict)
    first: bool = True  # of several accounts
    again_s: float = 60.0  # longer than a page of history waits to be stored
    _everything: bool = False
    _channels: dict[int, "_Moved"] = field(default_factory=dict)
    _again: dict[str, "_Moved"] = field(default_factory=dict)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)
    _short: dict[str, tuple["TelegramSource", asyncio.Task[None]]] = field(default_factory=dict)
    _modes_saved: dict[str, tuple[WatchMode, bool]] = field(default_factory=dict)
    _no_short: set[str] = field(default_factory=set)  # sources whose server offers no short poll

    @property
    def mine(self) -> "dict[str, TelegramSource]":
        """The sources that this account reads now."""
        return {name: source for name, source in self.sources.items() if source.gateway is self.gateway}

    def hear(self, hint: "Hint") -> None:
        """Take a hint; it costs nothing, and a thousand of one channel count as one."""
        if hint.channel_id is None:
            self._everything = True
        else:
            moved = self._channels.setdefault(hint.channel_id, _Moved())
            if len(moved.edited) + len(moved.gone) < _MOST_IDS:
                (moved.gone if hint.gone else moved.edited).update(hint.ids)
        self._bell.set()

    async def connected(self) -> None:
        """Poll every source after a new connection: what happened in between was not pushed."""
        await self.archive.run(telegram.poll_ended_now, self.clock.now())
        self._modes_saved.clear()
        self._everything = True
        self._bell.set()

    async def run(self) -> None:
        """Start rounds for hints, keep short polls running, answer requests; until cancelled."""
        looked = 0.0
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_S):
                        await self._bell.wait()
                if self._bell.is_set():
                    await asyncio.sleep(_BREATH_S)
                    self._bell.clear()
                    await self._pass_on()
                if self.clock.monotonic() - looked >= _LOOK_S:
                    looked = self.clock.monotonic()
                    await self._requests()
                    await self._modes()
                    await self._look_again()
        finally:
            tasks = [task for _, task in self._short.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._short.clear()

    # Hints ------------------------------------------------------------------------------------------------------------

    async def _pass_on(self) -> None:
        everything, channels = self._everything, self._channels
        self._everything, self._channels = False, {}
        names = []
        for name, source in self.mine.items():
            moved = channels.get(self._number(source) or 0)
            if everything or moved is not None:
                source.ask_account_again()
            heard = moved is not None and source.settings.live and source.settings.mode != "history"
            if everything or heard:
                names.append(name)
            if moved is not None and source.settings.live:
                await self._look_at(name, source, moved)
        self.start_rounds(names)

    async def _look_at(self, name: str, source: "TelegramSource", moved: "_Moved") -> None:
        """Re-check posts that were removed, and edited posts so old that the newest page does not show them.

        A post that is not stored yet may arrive as it was before the edit, and a post may leave the newest page before
        the page is fetched: all these are looked for once more.
        """
        found = await self._look(name, source, moved)
        again = self._again.setdefault(name, _Moved(due=self.clock.monotonic() + self.again_s))
        for kept, numbers in ((again.edited, moved.edited), (again.gone, moved.gone)):
            kept.update(islice(numbers - found, max(0, _MOST_IDS - len(kept))))

    async def _look_again(self) -> None:
        now = self.clock.monotonic()
        for name in [name for name, moved in self._again.items() if moved.due <= now]:
            moved = self._again.pop(name)
            if name in self.sources:
                await self._look(name, self.sources[name], moved)

    async def _look(self, name: str, source: "TelegramSource", moved: "_Moved") -> frozenset[int]:
        low = source.reader.shown_from if source.reader is not None else 0
        numbers = moved.gone | {number for number in moved.edited if number < low}
        if not numbers:
            return frozenset()
        found = await self.archive.run(
            rechecks.recheck_reported, name, [str(one) for one in sorted(numbers)], self.clock.now()
        )
        if found:
            self.wake_rechecks()
        return frozenset(int(one) for one in found)

    def _number(self, source: "TelegramSource") -> int | None:
        peer = self.gateway.peers.remembered(source.settings.wanted)
        return None if peer is None else peer.channel_id

    # Modes ------------------------------------------------------------------------------------------------------------

    async def _modes(self) -> None:
        """Save how each source is watched, and start and stop short polls."""
        for name in self._modes_saved.keys() - self.mine.keys():  # another account reads it now
            del self._modes_saved[name]
        for name, source in self.mine.items():
            peer = self.gateway.peers.remembered(source.settings.wanted)
            joined = peer is not None and peer.joined
            mode = self._mode(source, joined=None if peer is None else joined)
            if mode is not None and self._modes_saved.get(name) != (mode, joined):
                if source.settings.mode == "push" and mode == "history poll" and source.settings.live:
                    self.say(f"{name}: the account has not joined the channel, so nothing is pushed; "
                               f"`communique sources join {name}` joins it")  # fmt: skip
                self._modes_saved[name] = (mode, joined)
                await self.gateway.account.memory.save_watch(name, mode, joined=joined)
            if mode == "short poll" and name not in self._short:
                self._short[name] = source, asyncio.create_task(self._poll_shortly(name, source))
        for name, (source, task) in list(self._short.items()):
            if self.mine.get(name) is not source:
                task.cancel()
                del self._short[name]

    def _mode(self, source: "TelegramSource", *, joined: bool | None) -> WatchMode | None:
        """How a source is watched now; None while that is unknown."""
        if self.gateway.away or source.is_withheld:
            return "public pages" if source.has_fallback else "nothing"
        asked = source.settings.mode if source.settings.live else "history"
        if asked in ("auto", "push"):
            return None if joined is None else "push" if joined else "history poll"
        return "short poll" if asked == "short" and source.settings.name not in self._no_short else "history poll"

    async def _poll_shortly(self, name: str, source: "TelegramSource") -> None:
        """Fetch the channel's difference as often as Telegram says; a change is only a hint."""
        reader = source.reader
        assert reader is not None
        pts = 0
        while True:
            if source.is_withheld:
                await asyncio.sleep(_SHORT_REST_S)
                continue
            try:
                if not pts:
                    pts = await reader.pts()
                moved, pts, seconds = await reader.difference(pts)
                if moved:
                    self.start_rounds([name])
                await asyncio.sleep(max(1, min(seconds, 60)))
            except Later as problem:
                if problem.state == NOT_SUPPORTED:
                    self._no_short.add(name)
                    self.say(f"{name}: {problem}, so there is no short poll; the channel is polled every `every`")
                    return
                until = ((problem.retry_at or 0) - self.clock.now()) / SECOND
                await asyncio.sleep(max(_SHORT_REST_S, min(until, 20 * _SHORT_REST_S)))
            except Never:
                await asyncio.sleep(10 * _SHORT_REST_S)

    # Requests of people -----------------------------------------------------------------------------------------------

    async def _requests(self) -> None:
        for request in await self.archive.read(telegram.list_open_requests):
            if not self._concerns(request):
                continue
            outcome, detail = await self._do(request)
            await self.archive.run(telegram.answer_request, request.id, outcome, detail, self.clock.now())

    def _concerns(self, request: RequestRow) -> bool:
        """Whether it is for this account to answer; what nobody can do is answered by the first one."""
        if request.kind in ("logout", "status"):
            return request.account == self.gateway.account.name
        source = self.sources.get(request.source)
        return self.first if source is None else source.gateway is self.gateway

    async def _do(self, request: RequestRow) -> tuple[RequestOutcome, str]:
        source = self.sources.get(request.source)
        try:
            if request.kind == "logout":
                await self.gateway.account.sign_out()
                return "ok", "signed out"
            if request.kind == "status":
                return "ok", await self.gateway.account.ask()
            if source is None:
                return "never", (
                    f"the running daemon watches no source {request.source} with the account: "
                    "if you changed the config after the start, send the daemon SIGHUP"
                )
            if request.kind == "join":
                peer = await self.gateway.peers.join(source.settings.wanted)
                self.start_rounds([request.source])
                return "ok", f"the account is now a member of {peer.title or peer.channel_id}"
            if request.kind == "check":
                row = await self.archive.read(rows.find_source, request.source)
                return "ok", await check_source(source, row.channel_id if row else None)
        except Later as problem:
            return "later", str(problem)
        except Never as problem:
            return "never", str(problem)
        return "never", f"unknown request: {request.kind}"


@dataclass(slots=True)
class _Moved:
    """Numbers of posts of one channel."""

    edited: set[int] = field(default_factory=set)
    gone: set[int] = field(default_factory=set)
    due: float = 0.0  # monotonic seconds


@runtime_checkable
class Checkable(Protocol):
    """A source that can be looked at whatever is stored of it; `channel` is the number that the archive knows."""

    async def look(self, channel: str | None) -> Batch: ...


async def check_source(source: Checkable, channel: str | None) -> str:
    """What `sources check` says. Raises Later and Never."""
    batch = await source.look(channel)
    how = f", {batch.detail}" if batch.detail else ""
    title = f" “{batch.title}”" if batch.title else ""
    posts = f"{len(batch.posts)} post{'' if len(batch.posts) == 1 else 's'}"
    return f"ok{title} (channel id {batch.channel_id}): {posts} shown{how}"
