"""Proxies on loopback, as small as they can be: SOCKS5 (RFC 1928, 1929) and HTTP CONNECT, with a password or without."""

import asyncio
import base64
import ipaddress
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

from tests.talks import Talks

Kind = Literal["socks5", "http"]
Mood = Literal["willing", "silent", "closing", "strange", "refusing"]


@dataclass
class Proxy:
    """`asked` are the places that somebody wanted to reach; `names` says where a host stands that only we know.

    `mood`: "silent" answers nothing, "closing" hangs up, "strange" speaks something else, "refusing" lets nobody
    through.
    """

    kind: Kind
    user: str = ""
    password: str = ""
    mood: Mood = "willing"
    port: int = 0
    asked: list[str] = field(default_factory=list)
    names: dict[str, tuple[str, int]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        who = f"{self.user}:{self.password}@" if self.user else ""
        return f"{self.kind}://{who}127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from its beginning to its end."""
        with suppress(OSError, EOFError, asyncio.CancelledError):
            if self.mood == "silent":
                await reader.read()
            elif self.mood == "strange":
                writer.write(b"220 mail.example.org ESMTP\r\n\r\n")
                await writer.drain()
                await reader.read()
            elif self.mood != "closing":
                shake = self._socks if self.kind == "socks5" else self._http
                place = await shake(reader, writer)
                if place is not None:
                    await self._join(reader, writer, *place)
        writer.close()

    async def _socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, int] | None:
        _, count = await reader.readexactly(2)
        offered = await reader.readexactly(count)
        method = 2 if self.user else 0
        if method not in offered:
            writer.write(b"\x05\xff")
            return None
        writer.write(bytes((5, method)))
        if method:
            _, length = await reader.readexactly(2)
            user = await reader.readexactly(length)
            password = await reader.readexactly((await reader.readexactly(1))[0])
            right = (user.decode(), password.decode()) == (self.user, self.password)
            writer.write(bytes((1, not right)))
            if not right:
                return None
        kind = (await reader.readexactly(4))[3]
        if kind == 3:
            host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
        else:
            host = str(ipaddress.ip_address(await reader.readexactly(4 if kind == 1 else 16)))
        port = int.from_bytes(await reader.readexactly(2), "big")
        refused = self.mood == "refusing"
        self.asked.append(f"{host}:{port}")
        writer.write(bytes((5, 2 if refused else 0, 0, 1)) + bytes(6))
        return None if refused else (host, port)

    async def _http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, int] | None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        host, _, port = head.split(" ")[1].rpartition(":")
        right = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        if self.user and f"Basic {right}" not in head:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            return None
        self.asked.append(f"{host}:{port}")
        if self.mood == "refusing":
            writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            return None
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return host.strip("[]"), int(port)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
        there, to_there = await asyncio.open_connection(*self.names.get(host, (host, port)))
        ways = [asyncio.ensure_future(_pour(reader, to_there)), asyncio.ensure_future(_pour(there, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            to_there.close()


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()


@contextmanager
def standing(proxy: Proxy, port: int = 0) -> Iterator[Proxy]:
    """Serve it from a thread; `port` brings one back where it was."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="proxy", daemon=True)
    thread.start()
    talks = Talks()
    server = asyncio.run_coroutine_threadsafe(_start(proxy, talks, port), loop).result()
    try:
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(talks.end(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _start(proxy: Proxy, talks: Talks, port: int) -> asyncio.Server:
    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.begin(proxy.serve(reader, writer), writer)

    server = await asyncio.start_server(accept, "127.0.0.1", port)
    proxy.port = server.sockets[0].getsockname()[1]
    return server
