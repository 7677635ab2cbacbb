"""Push is a hint: it rings the bell of a source, and the source's own round finds out what happened."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from bot.clock import SECOND, Clock
from bot.errors import Later, Never
from bot.sources._contract import Want
from bot.store import Store
from storage import rechecks, telegram
from storage.records import Batch
from storage.telegram import RequestRow

if TYPE_CHECKING:
    from bot.sources.telegram import Telegram
    from bot.telegram.client import Hint
    from bot.telegram.door import Door

_LOOK_S = 1.0
_BREATH_S = 0.05  # hints of one moment become one round
_SHORT_REST_S = 30.0
_MOST_IDS = 1_000
_MODES = {"push": "push", "short": "short poll", "history": "history poll"}


@dataclass(slots=True)
class Live:
    """Hears the account for all its sources. `ring` starts rounds, `look` wakes re-checks, `speak` says a sentence."""

    store: Store
    clock: Clock
    door: "Door"
    ring: Callable[[Iterable[str]], None]
    look: Callable[[], None]
    speak: Callable[[str], None]
    sources: Mapping[str, "Telegram"] = field(default_factory=dict)
    _everything: bool = False
    _channels: dict[int, "_Moved"] = field(default_factory=dict)
    _bell: asyncio.Event = field(default_factory=asyncio.Event)
    _short: dict[str, asyncio.Task[None]] = field(default_factory=dict)
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
        finally:
            for task in self._short.values():
                task.cancel()
            await asyncio.gather(*self._short.values(), return_exceptions=True)
            self._short.clear()

    # What was heard ---------------------------------------------------------------------------------------------------

    async def _carry(self) -> None:
        everything, channels = self._everything, self._channels
        self._everything, self._channels = False, {}
        names = []
        for name, source in self.sources.items():
            moved = channels.get(self._number(source) or 0)
            heard = moved is not None and source.settings.live and source.settings.mode != "history"
            if everything or heard:
                names.append(name)
            if moved is not None and source.settings.live:
                await self._look_at(name, source, moved)
        self.ring(names)

    async def _look_at(self, name: str, source: "Telegram", moved: "_Moved") -> None:
        """Posts that were removed, and edits of posts so old that the newest page does not show them."""
        low = source.reader.shown_from if source.reader is not None else 0
        old = {number for number in moved.edited if number < low}
        if moved.gone or old:
            numbers = [str(number) for number in sorted(moved.gone | old)]
            if await self.store.run(rechecks.look, name, numbers, self.clock.now()):
                self.look()

    def _number(self, source: "Telegram") -> int | None:
        peer = self.door.peers.remembered(source.settings.wanted)
        return None if peer is None else peer.channel_id

    # Modes ------------------------------------------------------------------------------------------------------------

    async def _modes(self) -> None:
        """Write down how each source is watched, and poll those that are to be polled shortly."""
        up = self.door.account.standing.state == "connected"
        for name, source in self.sources.items():
            peer = self.door.peers.remembered(source.settings.wanted)
            joined = peer is not None and peer.joined
            asked = source.settings.mode
            mode = _MODES.get(asked, "push" if joined else "history poll")
            if (asked == "push" and peer is not None and not joined) or name in self._no_short:
                mode = "history poll"
            if not up and self.door.account.standing.dead:
                mode = "public pages" if source.second_way else "nothing"
            if self._told.get(name) != (mode, joined) and (peer is not None or not up):
                if asked == "push" and mode == "history poll":
                    self.speak(f"{name}: the account has not joined the channel, so nothing is pushed; "
                               f"`communique sources join {name}` joins it")  # fmt: skip
                self._told[name] = (mode, joined)
                await self.door.account.memory.watched(name, mode, joined=joined)
            if mode == "short poll" and source.settings.live and name not in self._short:
                self._short[name] = asyncio.create_task(self._poll_shortly(name, source))
        for name in [name for name in self._short if name not in self.sources]:
            self._short.pop(name).cancel()

    async def _poll_shortly(self, name: str, source: "Telegram") -> None:
        """Ask for the channel's difference as often as Telegram says; what it brings is only a hint."""
        reader = source.reader
        assert reader is not None
        pts = 0
        while True:
            try:
                if not pts:
                    pts = await reader.pts()
                moved, pts, seconds = await reader.difference(pts)
                if moved:
                    self.ring([name])
                await asyncio.sleep(max(1, min(seconds, 60)))
            except Later as problem:
                if problem.state == "not offered":
                    self._no_short.add(name)
                    self.speak(f"{name}: {problem}, so there is no short poll; the channel is asked every `every`")
                    return
                until = (problem.retry_at or 0) - self.clock.now()
                await asyncio.sleep(max(_SHORT_REST_S, until / SECOND))
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
                return "never", f"the running daemon watches no source {request.source} with the account"
            if request.kind == "join":
                peer = await self.door.peers.join(source.settings.wanted)
                self.ring([request.source])
                return "ok", f"the account is now a member of {peer.title or peer.channel_id}"
            if request.kind == "check":
                return "ok", await looked(source)
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


class Asked(Protocol):
    """A source, whatever its settings."""

    async def fetch(self, want: Want, cursor: str | None) -> Batch: ...


async def looked(source: Asked) -> str:
    """What `sources check` says."""
    batch = await source.fetch(Want(), None)
    how = f", {batch.detail}" if batch.detail else ""
    title = f" “{batch.title}”" if batch.title else ""
    return f"ok{title} (channel id {batch.channel_id}): {len(batch.posts)} posts shown{how}"
