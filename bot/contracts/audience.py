"""One stream of news that several sources listen to: who listens, and for what each of them is rung."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

_GATHER_S = 5.0  # after somebody has joined, before the stream begins again with all of them
_ECHO_S = 5.0  # a post can be announced before its server shows it


@dataclass(eq=False, slots=True)
class _Listener:
    subject: str
    ring: Callable[[], None]
    heard: bool = False  # rung since it joined


@dataclass(slots=True)
class Audience:
    """Sources that listen to one stream, which `follow` reads until it breaks (Later, Never).

    `follow` calls `note_connection` once the connection is there, and `ring` for each announcement. With `by_name` the
    stream says nothing about subjects that it was not opened with, so it begins again for each new one.
    """

    follow: Callable[["Audience"], Awaitable[None]]
    by_name: bool = False
    _listeners: list[_Listener] = field(default_factory=list)
    _echoes: dict[str, asyncio.TimerHandle] = field(default_factory=dict)
    _task: asyncio.Task[None] | None = None
    _until: asyncio.Timeout | None = None
    _connected: bool = False

    @property
    def subjects(self) -> frozenset[str]:
        """What somebody wants to hear of."""
        return frozenset(one.subject for one in self._listeners)

    async def listen(self, subject: str, ring: Callable[[], None]) -> None:
        """Call `ring` for each announcement about `subject`. Ends as the stream does: by Later and Never."""
        listener = _Listener(subject, ring)
        new = subject not in self.subjects
        self._listeners.append(listener)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        else:
            self._welcome(listener, new=new)
        task = self._task
        try:
            await asyncio.shield(task)
        finally:
            self._listeners.remove(listener)
            if not self._listeners:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    def note_connection(self, *, resumed: bool = False) -> None:
        """The stream is there. `resumed`: it continues where it was, so only those who are new have to look."""
        self._connected = True
        for one in self._listeners:
            if not (resumed and one.heard):
                one.heard = True
                one.ring()

    def ring(self, subject: str) -> None:
        """There is news: ring now, and once more when it can be seen; what comes until then waits for that."""
        if subject in self.subjects and subject not in self._echoes:
            loop = asyncio.get_running_loop()
            self._echoes[subject] = loop.call_later(_ECHO_S, self._echo, subject)
            self._ring(subject)

    def _echo(self, subject: str) -> None:
        del self._echoes[subject]
        self._ring(subject)

    def _ring(self, subject: str) -> None:
        for one in self._listeners:
            if one.subject == subject:
                one.ring()

    def _welcome(self, listener: _Listener, *, new: bool) -> None:
        if self._connected:
            listener.heard = True
            listener.ring()
        if new and self.by_name and self._until is not None:
            self._until.reschedule(asyncio.get_running_loop().time() + _GATHER_S)

    async def _run(self) -> None:
        try:
            while True:
                try:
                    async with asyncio.timeout(None) as self._until:
                        await self.follow(self)
                except TimeoutError:
                    continue
        finally:
            self._connected, self._until = False, None
            for echo in self._echoes.values():
                echo.cancel()
            self._echoes.clear()
