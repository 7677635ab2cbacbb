"""A reply that does not end, such as server-sent events: its head is there, its body comes piece by piece."""

from http import HTTPStatus
from typing import TYPE_CHECKING, Self

import h11

from bot.errors import Later, Never
from bot.http.values import Reply, join_headers
from bot.http.wire import Wire

if TYPE_CHECKING:
    from bot.http.exchange import Sending

_SWITCHED = HTTPStatus.SWITCHING_PROTOCOLS


class Stream:
    """One endless reply on a connection of its own. `head` is the reply so far, without a body.

    After an upgrade (101) it carries what the other protocol sends. The deadline of each call is the caller's; what
    breaks is raised as Later.
    """

    def __init__(self, wire: Wire, host: str) -> None:
        self.host = host
        self.head = Reply(0, "", {}, b"")
        self._wire = wire
        self._rules = h11.Connection(h11.CLIENT)
        self._early = b""  # what came with the head of an upgrade

    @classmethod
    async def open(cls, wire: Wire, sending: "Sending") -> Self:
        """Send the request and read the head of the reply, whatever its status. Raises Later and Never."""
        stream = cls(wire, sending.host)
        await stream._ask(sending)
        while True:
            event = await stream._next()
            if not isinstance(event, h11.Response | h11.InformationalResponse):
                raise Later(f"{sending.host} sent no reply", unreached=True)
            if isinstance(event, h11.Response) or event.status_code == _SWITCHED:
                stream.head = Reply(event.status_code, str(sending.url), join_headers(event.headers), b"")
                stream._early = stream._rules.trailing_data[0] if event.status_code == _SWITCHED else b""
                return stream

    async def read(self) -> bytes:
        """The next piece of the body. Raises Later at its end too."""
        if self.head.status == _SWITCHED:
            early, self._early = self._early, b""
            return early or await self._wire.read_some()
        event = await self._next()
        if isinstance(event, h11.Data):
            return bytes(event.data)
        raise Later(f"{self.host} ended the stream", unreached=True)

    async def write(self, data: bytes) -> None:
        await self._wire.write(data)

    async def aclose(self) -> None:
        await self._wire.aclose()

    async def _ask(self, sending: "Sending") -> None:
        headers = [("host", sending.url.netloc.decode("ascii")), *sending.headers.items()]
        try:
            data = self._rules.send(h11.Request(method="GET", target=sending.url.raw_path, headers=headers)) or b""
        except (h11.LocalProtocolError, UnicodeEncodeError) as error:
            raise Never(f"the request to {self.host} cannot be written: {error}") from error
        await self._wire.write(data + (self._rules.send(h11.EndOfMessage()) or b""))

    async def _next(self) -> object:
        try:
            while (event := self._rules.next_event()) is h11.NEED_DATA:
                self._rules.receive_data(await self._wire.read_some())
        except h11.RemoteProtocolError as error:
            raise Later(f"{self.host} violates HTTP: {str(error)[:100]}") from error
        return event
