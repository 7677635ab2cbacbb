"""Speaks HTTP/1.1 over connections that stay open for the next request to the same place."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import h11

from bot.http.body import UnusableBody
from bot.http.connections import Broken, Connection, Unsent
from bot.http.library import httpx

_LONGEST_HEAD = 100 * 1024
_CHUNK = 1 << 16
_IDLE = 20
_IDLE_SECONDS = 5.0

Place = tuple[str, str, int]  # scheme, host and port


@dataclass(slots=True)
class Way:
    """How far a request has come; `once`: it may not arrive twice; `connected`: on a connection of its own."""

    once: bool
    connected: bool = False
    sent: bool = False
    answered: bool = False

    @property
    def unsure(self) -> bool:
        """Whether nobody can say if it arrived, and that matters."""
        return self.sent and self.once


class Pool:
    """Connections to any number of places, at most `most` of them; `connect` opens one, checked and encrypted.

    httpcore's own pool looks at all of them at every request, and guards against uses that we do not have. Both
    together cost more than all the rest of a request.
    """

    def __init__(self, connect: Callable[[Place], Awaitable[Connection]], most: int) -> None:
        self._connect = connect
        self._most = most
        self._idle: list[Dialogue] = []  # those used last at the end
        self._busy: set[Dialogue] = set()
        self._opening = 0

    async def ask(
        self, place: Place, head: h11.Request, body: httpx.AsyncByteStream, way: Way
    ) -> tuple[h11.Response, "ReplyBody"]:
        """Send a request; the head of the reply, and its body as it comes. Raises h11's errors, Broken and Later."""
        dialogue = await self._find_idle(place)
        if dialogue is None:
            way.connected = True
            self._opening += 1
            try:
                while self._idle and len(self._idle) + len(self._busy) + self._opening > self._most:
                    await self._idle.pop(0).connection.aclose()
                dialogue = Dialogue(await self._connect(place), place)
            finally:
                self._opening -= 1
        self._busy.add(dialogue)
        try:
            reply = await dialogue.ask(head, body, way)
        except BaseException:
            await self.release(dialogue)
            raise
        announced = any(name == b"content-length" for name, _ in reply.headers)
        return reply, ReplyBody(self, dialogue, announced=announced)

    async def release(self, dialogue: "Dialogue") -> None:
        """Keep a connection for the next request if that may follow on it; close it otherwise."""
        if dialogue not in self._busy:
            return
        self._busy.remove(dialogue)
        if not dialogue.turn():
            await dialogue.connection.aclose()
            return
        dialogue.idle_until = time.monotonic() + _IDLE_SECONDS
        self._idle.append(dialogue)
        if len(self._idle) > _IDLE:
            await self._idle.pop(0).connection.aclose()

    async def aclose(self) -> None:
        for dialogue in (*self._idle, *self._busy):
            await dialogue.connection.aclose()
        self._idle.clear()
        self._busy.clear()

    async def _find_idle(self, place: Place) -> "Dialogue | None":
        while self._idle and self._idle[0].idle_until < time.monotonic():
            await self._idle.pop(0).connection.aclose()
        while found := next((one for one in reversed(self._idle) if one.place == place), None):
            self._idle.remove(found)
            if not found.connection.readable:
                return found
            await found.connection.aclose()  # the other side hung up, or speaks unasked
        return None


class Dialogue:
    """A connection on which reply follows request; h11 knows what each side may say next."""

    def __init__(self, connection: Connection, place: Place) -> None:
        self.connection = connection
        self.place = place
        self.idle_until = 0.0
        self._rules = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST_HEAD)

    async def ask(self, head: h11.Request, body: httpx.AsyncByteStream, way: Way) -> h11.Response:
        """Send a request and read the head of its reply."""
        way.sent = True
        with suppress(Unsent):  # what the server said before it hung up is its answer
            await self._send(head, body)
        while not isinstance(event := await self.listen(), h11.Response):
            if not isinstance(event, h11.InformationalResponse):
                raise Broken("it sent no answer")
        way.answered = True
        return event

    async def listen(self) -> object:
        """What the server says next."""
        while (event := self._rules.next_event()) is h11.NEED_DATA:
            data = await self.connection.read(_CHUNK)
            if not data and self._rules.their_state is h11.SEND_RESPONSE:
                raise Broken("it was closed without an answer")
            self._rules.receive_data(data)
        return event

    @property
    def unasked(self) -> bool:
        """Whether more came than belongs to the reply: it would be taken for the next one."""
        return bool(self._rules.trailing_data[0])

    def turn(self) -> bool:
        """Whether another request may follow: both sides have said all, and neither wants to hang up."""
        if not (self._rules.our_state is self._rules.their_state is h11.DONE) or self.unasked:
            return False
        self._rules.start_next_cycle()
        return True

    async def _send(self, head: h11.Request, body: httpx.AsyncByteStream) -> None:
        """The head leaves with the first piece of the body: apart they cost twice as much."""
        waiting = self._rules.send(head) or b""
        async for piece in body:
            await self.connection.write(waiting + (self._rules.send(h11.Data(data=piece)) or b""))
            waiting = b""
        await self.connection.write(waiting + (self._rules.send(h11.EndOfMessage()) or b""))


class ReplyBody(httpx.AsyncByteStream):
    """The body of a reply as it comes. Raises UnusableBody where there is more of it than was announced."""

    def __init__(self, pool: Pool, dialogue: Dialogue, *, announced: bool) -> None:
        self._pool = pool
        self._dialogue = dialogue
        self._announced = announced

    async def __aiter__(self) -> AsyncIterator[bytes]:
        empty = True
        while isinstance(event := await self._dialogue.listen(), h11.Data):
            empty = False
            yield bytes(event.data)
        if self._announced and not empty and self._dialogue.unasked:
            raise UnusableBody("more bytes than it announced")

    @property
    def certificate(self) -> str | None:
        """SHA-256 of the server's, as hex; None without TLS."""
        return self._dialogue.connection.certificate

    async def aclose(self) -> None:
        await self._pool.release(self._dialogue)
