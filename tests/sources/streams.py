"""Servers that announce: a WebSocket (RFC 6455) and server-sent events, as products write them, with every fault."""

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha1
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.sources.loopback_server import Answer, Peer


async def until(there: Callable[[], object]) -> None:
    """Wait until the other side, which lives in this loop too, has come so far."""
    async with asyncio.timeout(60):
        while not there():  # noqa: ASYNC110 - it rings no bell
            await asyncio.sleep(0.01)


def frame(payload: bytes, kind: int = 0x1, *, last: bool = True, bits: int = 0, mask: bool = False) -> bytes:
    """One frame as a server sends it: unmasked, with the shortest length."""
    size = len(payload)
    long = b"" if size < 126 else size.to_bytes(2 if size < 1 << 16 else 8, "big")
    second = size if size < 126 else 126 if size < 1 << 16 else 127
    return bytes((0x80 * last | bits | kind, second | 0x80 * mask)) + long + payload


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Kind and payload of a frame of a client, which has to be masked."""
    first, second = await reader.readexactly(2)
    assert first & 0xF0 == 0x80, "whole and not packed"
    assert second & 0x80, "frames of a client are masked"
    size = second & 0x7F
    if size > 125:
        size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
    mask = await reader.readexactly(4)
    payload = await reader.readexactly(size)
    return first & 0x0F, bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


@dataclass
class JetstreamHost:
    """One host of Jetstream (github.com/bluesky-social/jetstream): filters by DID, replays from a cursor.

    `opened` holds what each connection asked for. `held_from`: what is older than this time is held no longer. `raw` is
    sent as it is, instead of announcements. With `status` it refuses.
    """

    peer: Peer
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    held_from: int = 0
    raw: list[bytes] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    opened: list[dict[str, list[str]]] = field(default_factory=list)
    heard: list[tuple[int, bytes]] = field(default_factory=list)  # frames of clients
    _ways: list[tuple[set[str], asyncio.StreamWriter]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return self.peer.url("").replace("http", "ws")

    def announce(self, did: str, at: int, collection: str = "app.bsky.feed.post") -> None:
        """Somebody has posted."""
        commit = {"operation": "create", "collection": collection, "rkey": "3k", "record": {"text": "words"}}
        event = {"did": did, "time_us": at, "kind": "commit", "commit": commit}
        self.events.append(event)
        for wanted, writer in self._ways:
            if did in wanted and not writer.is_closing():
                writer.write(frame(json.dumps(event).encode()))

    @property
    def open_ways(self) -> int:
        """How many connections are open."""
        return sum(not writer.is_closing() for _, writer in self._ways)

    @property
    def is_open(self) -> bool:
        return self.open_ways > 0

    def send(self, message: bytes) -> None:
        """Write any message to everybody."""
        for _, writer in self._ways:
            if not writer.is_closing():
                writer.write(frame(message))

    def ping(self) -> None:
        """Ask every client whether it is there."""
        for _, writer in self._ways:
            if not writer.is_closing():
                writer.write(frame(b"there?", 0x9))

    def cut(self) -> None:
        """Break every connection."""
        for _, writer in self._ways:
            writer.transport.abort()
        self._ways.clear()

    def reply(self, path: str) -> Answer:
        """The answer to a handshake."""
        asked, headers = parse_qs(urlsplit(path).query), self.peer.asked[-1][1]
        self.opened.append(asked)
        if self.status:
            return Answer(b"no", self.status, dict(self.headers))
        assert urlsplit(path).path == "/subscribe"
        assert headers["upgrade"].lower() == "websocket"
        assert "upgrade" in headers["connection"].lower()
        assert headers["sec-websocket-version"] == "13"
        assert len(b64decode(headers["sec-websocket-key"])) == 16
        assert "sec-websocket-extensions" not in headers
        digest = sha1((headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        accepted = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": b64encode(digest).decode()}
        return Answer(status=101, headers=accepted, then=lambda *talk: self._serve(asked, *talk))

    async def _serve(
        self, asked: dict[str, list[str]], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        wanted = set(asked.get("wantedDids", []))
        if "requireHello" in asked:
            kind, message = await read_frame(reader)
            self.heard.append((kind, message))
            wanted = set(json.loads(message)["payload"]["wantedDids"])
        since = max(int(asked.get("cursor", [str(1 << 60)])[0]), self.held_from)
        for event in self.events:
            if event["did"] in wanted and event["time_us"] >= since:
                writer.write(frame(json.dumps(event).encode()))
        for piece in self.raw:
            writer.write(piece)
            await writer.drain()
        self._ways.append((wanted, writer))
        while True:
            kind, payload = await read_frame(reader)
            self.heard.append((kind, payload))
            if kind == 0x8:
                writer.close()
                return


@dataclass
class EventStreams:
    """The streams of a Mastodon server: `refused` by name of the stream, `raw` instead of comments and events."""

    refused: dict[str, Answer] = field(default_factory=dict)
    raw: list[bytes] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    _ways: dict[str, list[asyncio.StreamWriter]] = field(default_factory=dict)

    def announce(self, stream: str, kind: str, data: object) -> None:
        """Write an event to everybody on this stream."""
        for writer in self._ways.get(stream, []):
            if not writer.is_closing():
                writer.write(_chunk(f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()))

    def open_ways(self, stream: str) -> int:
        """How many connections to this stream are open."""
        return sum(not writer.is_closing() for writer in self._ways.get(stream, []))

    def cut(self) -> None:
        """Break every connection."""
        for writer in [one for ways in self._ways.values() for one in ways]:
            writer.transport.abort()
        self._ways.clear()

    def reply(self, stream: str, headers: dict[str, str]) -> Answer:
        """The answer to somebody who wants this stream."""
        self.opened.append(stream)
        if stream in self.refused:
            return self.refused[stream]
        if headers.get("authorization", "") not in self.tokens:
            return Answer(b'{"error": "Missing access token"}', 401, {"Content-Type": "application/json"})
        head = {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"}

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(_chunk(b":)\n"))
            for piece in self.raw:
                writer.write(_chunk(piece))
                await writer.drain()
            self._ways.setdefault(stream, []).append(writer)
            await reader.read()

        return Answer(status=200, headers=head, then=serve)


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"
