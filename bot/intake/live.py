"""Push is a hint: it rings the bell of a source, and the source's own round finds out what happened."""

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
from storage.sources.telegram import RequestRow
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
    """Hears the account for all its sources. `ring` starts rounds, `look` wakes re-checks, `speak` says a sentence."""

    store: AsyncArchive
    clock: Clock
    door: "TelegramGateway"
    ring: Callable[[Iterable[str]], None]
    look: Callable[[], None]
    speak: Callable[[str], None]
    sources: Mapping[str, "TelegramSource"] = field(default_factory=dict)
    again_s: float = 60.0  # longer than a page of history waits to be stored
    _everything: bool = False
    _channels: dict[int, "_Moved"] = field(default_factory=dict)
    _again: dict[str, "_Moved"] = field(default_factory=dict)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)
    _short: dict[str, tuple["TelegramSource", asyncio.Task[None]]] = field(default_factory=dict)
    _told: dict[str, tuple[str, bool]] = field(default_factory=dict)
    _no_short: set[str] = field(default_factory=set)  # sources whose server offers no short poll

    def hear(self, hint: "Hint") -> None:
        """Take a hint; costs nothing, and a thousand of one channel are as one."""
        if hint.channel_id is None:
            self._everything = True
        else:
            moved = self._channels.setdefault(hint.channel_id, _Moved())
            if len(moved.edited) + len(moved.gone) < _MOST_IDS:
                (moved.gone if hint.gone else moved.edited).update(hint.ids)
        self._bell.set()

    async def connected(self) -> None:
        """A connection stands anew: nothing that happened meanwhile was pushed, so every source is asked."""
        await self.store.run(telegram.wake, self.clock.now())
        self._told.clear()
        self._everything = True
        self._bell.set()

    async def run(self) -> None:
        """Ring for what was heard, keep the short polls going, do what people asked for; until cancelled."""
        looked = 0.0
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_S):
                        await self._bell.wait()
                if self._bell.is_set():
                    await asyncio.sleep(_BREATH_S)
                    self._bell.clear()
                    await self._carry()
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

    # What was heard ---------------------------------------------------------------------------------------------------

    async def _carry(self) -> None:
        everything, channels = self._everything, self._channels
        self._everything, self._channels = False, {}
        names = []
        for name, source in self.sources.items():
            moved = channels.get(self._number(source) or 0)
            if everything or moved is not None:
                source.knock()
            heard = moved is not None and source.settings.live and source.settings.mode != "history"
            if everything or heard:
                names.append(name)
            if moved is not None and source.settings.live:
                await self._look_at(name, source, moved)
        self.ring(names)

    async def _look_at(self, name: str, source: "TelegramSource", moved: "_Moved") -> None:
        """Posts that were removed, and edits of posts so old that the newest page does not show them.

        What is not stored may be on its way here as it was before, and what the page shows may have left it before it
        is asked: all these are looked for once more.
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
        found = await self.store.run(rechecks.look, name, [str(one) for one in sorted(numbers)], self.clock.now())
        if found:
            self.look()
        return frozenset(int(one) for one in found)

    def _number(self, source: "TelegramSource") -> int | None:
        peer = self.door.peers.remembered(source.settings.wanted)
        return None if peer is None else peer.channel_id

    # Modes ------------------------------------------------------------------------------------------------------------

    async def _modes(self) -> None:
        """Write down how each source is watched, and poll those that are to be polled shortly."""
        for name, source in self.sources.items():
            peer = self.door.peers.remembered(source.settings.wanted)
            joined = peer is not None and peer.joined
            mode = self._mode(source, joined=None if peer is None else joined)
            if mode is not None and self._told.get(name) != (mode, joined):
                if source.settings.mode == "push" and mode == "history poll" and source.settings.live:
                    self.speak(f"{name}: the account has not joined the channel, so nothing is pushed; "
                               f"`communique sources join {name}` joins it")  # fmt: skip
                self._told[name] = (mode, joined)
                await self.door.account.memory.watched(name, mode, joined=joined)
            if mode == "short poll" and name not in self._short:
                self._short[name] = source, asyncio.create_task(self._poll_shortly(name, source))
        for name, (source, task) in list(self._short.items()):
            if self.sources.get(name) is not source:
                task.cancel()
                del self._short[name]

    def _mode(self, source: "TelegramSource", *, joined: bool | None) -> str | None:
        """How a source is watched just now; None where that is not known yet."""
        if self.door.away or source.shut:
            return "public pages" if source.second_way else "nothing"
        asked = source.settings.mode if source.settings.live else "history"
        if asked in ("auto", "push"):
            return None if joined is None else "push" if joined else "history poll"
        return "short poll" if asked == "short" and source.settings.name not in self._no_short else "history poll"

    async def _poll_shortly(self, name: str, source: "TelegramSource") -> None:
        """Ask for the channel's difference as often as Telegram says; what it brings is only a hint."""
        reader = source.reader
        assert reader is not None
        pts = 0
        while True:
            if source.shut:
                await asyncio.sleep(_SHORT_REST_S)
                continue
            try:
                if not pts:
                    pts = await reader.pts()
                moved, pts, seconds = await reader.difference(pts)
                if moved:
                    self.ring([name])
                await asyncio.sleep(max(1, min(seconds, 60)))
            except Later as problem:
                if problem.state == NOT_SUPPORTED:
                    self._no_short.add(name)
                    self.speak(f"{name}: {problem}, so there is no short poll; the channel is asked every `every`")
                    return
                until = ((problem.retry_at or 0) - self.clock.now()) / SECOND
                await asyncio.sleep(max(_SHORT_REST_S, min(until, 20 * _SHORT_REST_S)))
            except Never:
                await asyncio.sleep(10 * _SHORT_REST_S)

    # What people ask --------------------------------------------------------------------------------------------------

    async def _requests(self) -> None:
        for request in await self.store.read(telegram.open_requests):
            outcome, detail = await self._do(request)
            await self.store.run(telegram.answer, request.id, outcome, detail, self.clock.now())

    async def _do(self, request: RequestRow) -> tuple[str, str]:
        source = self.sources.get(request.source)
        try:
            if request.kind == "logout":
                await self.door.account.sign_out()
                return "ok", "the session is ended"
            if source is None:
                return "never", (
                    f"the running daemon watches no source {request.source} with the account: "
                    "if the config was changed since it started, SIGHUP makes it read it again"
                )
            if request.kind == "join":
                peer = await self.door.peers.join(source.settings.wanted)
                self.ring([request.source])
                return "ok", f"the account is now a member of {peer.title or peer.channel_id}"
            if request.kind == "check":
                row = await self.store.read(rows.by_name, request.source)
                return "ok", await check_source(source, row.channel_id if row else None)
        except Later as problem:
            return "later", str(problem)
        except Never as problem:
            return "never", str(problem)
        return "never", f"nobody knows what {request.kind} means"


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
