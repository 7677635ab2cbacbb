"""Loopback peers for the HTTP client: an origin that answers byte by byte as told, two kinds of proxy, certificates."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import pytest

from bot.clock import Clock
from bot.http import Http, HttpRules
from tests.certificates import authority as authority  # noqa: PLC0414 - a fixture is found by its name here
from tests.talks import Talks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from bot.http.connections import Resolve

    Visiting = Callable[..., AbstractAsyncContextManager[Http]]

Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]
HANG = 3600.0


@dataclass
class Request:
    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.line.split()[1]


class Loopback:
    """A server on 127.0.0.1 that counts its connections and leaves nothing behind when it is closed."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.connections = 0
        self.port = 0
        self._tls = tls
        self._talks = Talks()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._talks.end(self._server)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._talks.begin(self._hold(reader, writer), writer)

    async def _hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self.talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.transport.abort()

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError


class Origin(Loopback):
    """Answers each path with the bytes, or the coroutine that writes them, in `answers`; notes every request."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls)
        self.answers: dict[str, Answer] = {}
        self.requests: list[Request] = []

    def url(self, path: str = "/", host: str = "127.0.0.1", user: str = "") -> str:
        return f"{'https' if self._tls else 'http'}://{user and user + '@'}{host}:{self.port}{path}"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await read_request(reader)
            self.requests.append(request)
            answer = self.answers.get(request.path, ok(b"good"))
            if isinstance(answer, bytes):
                writer.write(answer)
            else:
                await answer(writer)
                return
            await writer.drain()


async def read_request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *rest = head.strip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in rest)}
    return Request(line, headers, await reader.readexactly(int(headers.get("content-length", 0))))


def ok(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class Proxied(Loopback):
    """What both proxies share: names are never resolved, `routes` says where they lead; `asked` notes every name."""

    user: str = ""
    deaf: bool = False
    routes: dict[tuple[str, int], int] = field(default_factory=dict)
    asked: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    async def pipe(self, host: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner, outer = await asyncio.open_connection("127.0.0.1", self.routes[host, port])

        async def carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65_536):
                sink.write(data)
                await sink.drain()
            sink.write_eof()

        try:
            await asyncio.gather(carry(reader, outer), carry(inner, writer))
        finally:
            outer.transport.abort()


class SocksProxy(Proxied):
    """SOCKS5 that takes names only, which it answers in two pieces, and a user name if it has one."""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.deaf:
            await asyncio.sleep(HANG)
        methods = await reader.readexactly((await reader.readexactly(2))[1])
        chosen = b"\x02" if self.user else b"\x00"
        writer.write(b"\x05" + (chosen if chosen in methods else b"\xff"))
        if chosen not in methods:
            return
        if self.user:
            await reader.readexactly(1)
            given = [await reader.readexactly((await reader.readexactly(1))[0]) for _ in range(2)]
            writer.write(b"\x01" + (b"\x00" if b":".join(given).decode() == self.user else b"\x01"))
        version, command, _, kind = await reader.readexactly(4)
        assert (version, command, kind) == (5, 1, 3)
        host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        port = int.from_bytes(await reader.readexactly(2), "big")
        self.asked.append((host, port))
        writer.write(b"\x05" + (b"\x00" if (host, port) in self.routes else b"\x04"))
        await writer.drain()
        await asyncio.sleep(0)
        writer.write(b"\x00\x01\x00\x00\x00\x00\x00\x00")
        if (host, port) in self.routes:
            await self.pipe(host, port, reader, writer)


class WebProxy(Proxied):
    """An HTTP proxy: CONNECT for tunnels, and http:// addresses forwarded."""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.deaf:
            await asyncio.sleep(HANG)
        request = await read_request(reader)
        if self.user and "proxy-authorization" not in request.headers:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return
        method, target, _ = request.line.split()
        host, _, port = target.removeprefix("http://").partition("/")[0].partition(":")
        place = (host, int(port or 80))
        self.asked.append(place)
        if place not in self.routes:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
        elif method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            await self.pipe(*place, reader, writer)
        else:
            writer.write(ok(b"forwarded", f"X-Line: {request.line}"))
            await writer.drain()


@asynccontextmanager
async def open_client(
    *servers: Loopback,
    names: Sequence[str] = ("127.0.0.1",),
    proxy: str | None = None,
    ca_file: Path | None = None,
    resolve: Resolve | None = None,
) -> AsyncIterator[Http]:
    """A client that may visit the given loopback servers, under the given names."""
    private = frozenset((name, server.port) for server in servers for name in names)
    rules = HttpRules("communique-test/1", proxy=proxy, private=private, ca_file=ca_file)
    http = Http(rules, Clock(), resolve=resolve or loopback)
    try:
        yield http
    finally:
        await http.aclose()


async def loopback(host: str, port: int) -> Sequence[str]:
    """A resolver that knows one address."""
    return ["127.0.0.1"]


@pytest.fixture
def visiting() -> Visiting:
    return open_client


@pytest.fixture
def origin() -> Origin:
    return Origin()


@pytest.fixture
def secure_origin() -> Callable[[ssl.SSLContext], Origin]:
    return Origin


@pytest.fixture
def socks() -> SocksProxy:
    return SocksProxy()


@pytest.fixture
def web_proxy() -> WebProxy:
    return WebProxy()
