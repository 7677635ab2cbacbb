"""Listens on a WebSocket (RFC 6455): messages in, pings answered. It offers no compression and takes none."""

import asyncio
import os
from base64 import b64encode
from contextlib import suppress
from enum import IntEnum
from hashlib import sha1
from http import HTTPStatus
from typing import TYPE_CHECKING, Self

from bot.errors import Later
from bot.foreign.text import one_line
from bot.http.client import Http

if TYPE_CHECKING:
    from bot.http.stream import Stream

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # section 1.3
_LAST, _RESERVED = 0x80, 0x70  # bits of the first byte of a frame
_MASKED = 0x80
_CONTROL = 125  # bytes that a frame of control may carry
_PARTING_S = 2.0


class FrameKind(IntEnum):
    """Kinds of frames (section 5.2)."""

    MORE = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


class Refused(Later):
    """The server does not want to speak so; `status` is that of its reply."""

    def __init__(self, host: str, status: int) -> None:
        super().__init__(f"{host} opens no stream: it answered {status}")
        self.status = status


class WebSocket:
    """One open WebSocket. The deadline of each call is the caller's; all that breaks is raised as Later."""

    def __init__(self, stream: "Stream", cap: int) -> None:
        self._stream = stream
        self._cap = cap  # bytes of a message
        self._unread = bytearray()

    @classmethod
    async def open(cls, http: Http, url: str, *, cap: int) -> Self:
        """Connect and shake hands. Raises Later and Never; `Refused` where the server says no."""
        key = b64encode(os.urandom(16)).decode("ascii")
        headers = {"connection": "Upgrade", "upgrade": "websocket"}
        headers |= {"sec-websocket-key": key, "sec-websocket-version": "13"}
        stream = await http.open(url, headers=headers)
        try:
            _expect_handshake(stream, key)
        except BaseException:
            await stream.aclose()
            raise
        return cls(stream, cap)

    async def receive(self) -> bytes:
        """The next whole message; pings on the way are answered."""
        message = bytearray()
        begun = False
        while True:
            first, payload = await self._frame(self._cap - len(message))
            match first & 0x0F:
                case FrameKind.PING:
                    await self._send(FrameKind.PONG, payload)
                case FrameKind.PONG:
                    pass
                case FrameKind.CLOSE:
                    raise self._closed(payload)
                case kind if kind in ((FrameKind.MORE,) if begun else (FrameKind.TEXT, FrameKind.BINARY)):
                    begun = True
                    message += payload
                    if first & _LAST:
                        return bytes(message)
                case kind:
                    raise self._wrong(f"it sent a frame of kind {kind} where none may be")

    async def send(self, text: str) -> None:
        await self._send(FrameKind.TEXT, text.encode())

    async def aclose(self) -> None:
        """Say goodbye if that goes at once, and hang up."""
        with suppress(Later, TimeoutError):
            async with asyncio.timeout(_PARTING_S):
                await self._send(FrameKind.CLOSE, (1000).to_bytes(2, "big"))
        await self._stream.aclose()

    async def _frame(self, room: int) -> tuple[int, bytes]:
        """The first byte of the next frame, and what it carries."""
        first, second = await self._take(2)
        if first & _RESERVED:
            raise self._wrong("it sent a frame that is packed in a way that was not agreed")
        if second & _MASKED:
            raise self._wrong("it sent a masked frame")
        size = second
        control = first & FrameKind.CLOSE
        if control and (size > _CONTROL or not first & _LAST):
            raise self._wrong("it sent a frame of control that is too long")
        if size > _CONTROL:
            size = int.from_bytes(await self._take(2 if size == _CONTROL + 1 else 8), "big")
        if not control and size > room:
            raise Later(f"{self._stream.host} sent a message of more than {self._cap:,} bytes")
        return first, await self._take(size)

    async def _take(self, count: int) -> bytes:
        while len(self._unread) < count:
            self._unread += await self._stream.read()
        taken = bytes(self._unread[:count])
        del self._unread[:count]
        return taken

    async def _send(self, kind: int, payload: bytes) -> None:
        """One frame, masked as each of a client must be (section 5.3)."""
        mask = os.urandom(4)
        size = len(payload)
        if size <= _CONTROL:
            length = bytes((_MASKED | size,))
        elif size < 1 << 16:
            length = bytes((_MASKED | 126,)) + size.to_bytes(2, "big")
        else:
            length = bytes((_MASKED | 127,)) + size.to_bytes(8, "big")
        masked = bytes(byte ^ mask[place & 3] for place, byte in enumerate(payload))
        await self._stream.write(bytes((_LAST | kind,)) + length + mask + masked)

    def _wrong(self, why: str) -> Later:
        return _violates(self._stream.host, why)

    def _closed(self, payload: bytes) -> Later:
        code = int.from_bytes(payload[:2], "big") if len(payload) > 1 else 1005
        why = one_line(payload[2:].decode("utf-8", "replace"))[:100]
        return Later(f"{self._stream.host} closed the stream ({f'{code} {why}'.rstrip()})", unreached=True)


def _expect_handshake(stream: "Stream", key: str) -> None:
    head = stream.head
    if head.status != HTTPStatus.SWITCHING_PROTOCOLS:
        raise Refused(stream.host, head.status)
    expected = b64encode(sha1((key + _GUID).encode(), usedforsecurity=False).digest()).decode("ascii")
    if head.headers.get("sec-websocket-accept") != expected or "sec-websocket-extensions" in head.headers:
        raise _violates(stream.host, "its answer to the handshake is wrong")


def _violates(host: str, why: str) -> Later:
    return Later(f"{host} violates the WebSocket protocol: {why}")
