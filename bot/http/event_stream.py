"""Server-sent events: an endless reply -> events (html.spec.whatwg.org/multipage/server-sent-events.html)."""

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

from bot.errors import Later

if TYPE_CHECKING:
    from bot.http.stream import Stream


class EventStream:
    """The events of one reply. Raises Later for a reply of another kind.

    An event may have `cap` bytes. Comments keep a stream alive: without a byte for `silence_s` seconds it is broken.
    """

    def __init__(self, stream: "Stream", *, cap: int, silence_s: float) -> None:
        self._stream = stream
        self._cap = cap
        self._silence_s = silence_s
        self._unread = bytearray()
        kind = stream.head.headers.get("content-type", "")
        if stream.head.status != HTTPStatus.OK:
            raise Later(f"{stream.host} opens no stream: it answered {stream.head.status}")
        if not kind.startswith("text/event-stream") or "content-encoding" in stream.head.headers:
            raise Later(f"{stream.host} answered with something that is no stream of events")

    async def next(self) -> tuple[str, bytes]:
        """The kind and the data of the next event. Raises Later where the stream breaks."""
        kind, data = "", bytearray()
        while (line := await self._line(self._cap - len(data))) or not data:
            name, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if not line:
                kind = ""  # an event without data is none
            elif name == b"event":
                kind = value.decode("utf-8", "replace")
            elif name == b"data":
                data += value + b"\n"
        return kind, bytes(data[:-1])

    async def _line(self, room: int) -> bytes:
        searched = 0
        while (end := self._unread.find(b"\n", searched)) < 0 and len(self._unread) <= room:
            searched = len(self._unread)
            self._unread += await self._arrive()
        if not 0 <= end <= room:
            raise Later(f"{self._stream.host} sent an event of more than {self._cap:,} bytes")
        line = bytes(self._unread[:end]).removesuffix(b"\r")
        del self._unread[: end + 1]
        return line

    async def _arrive(self) -> bytes:
        try:
            async with asyncio.timeout(self._silence_s):
                return await self._stream.read()
        except TimeoutError:
            raise Later(f"{self._stream.host} was silent for {self._silence_s:g} s", unreached=True) from None
