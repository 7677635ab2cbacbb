"""The way out for a program that we start: an HTTP proxy on this machine that opens checked addresses alone.

A program that speaks HTTP by itself would resolve names, follow redirects and meet private addresses as it likes. It is
given this as its proxy instead (RFC 9110, section 9.3.6; RFC 9112, section 3.2.2), and nothing else.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from bot.errors import Later, Never
from bot.http.client import Http
from bot.http.wire import Wire

_HEAD = 64 << 10
_HEAD_S = 30.0
_CHUNK = 64 << 10
_AT_ONCE = 8
_REQUEST = re.compile(rb"([A-Z]{3,10}) (\S{1,16000}) HTTP/1\.[01]")
_BROKEN = (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, Later)
_DROPPED = (b"proxy-", b"connection:", b"keep-alive:")


class Gateway:
    """One program's way out. It lets `most` bytes through in both directions together.

    `problem` is why it did not open an address, the last one; `spent` says that it is closed because of `most`.
    """

    def __init__(self, http: Http, most: int) -> None:
        self.problem: Later | Never | None = None
        self.spent = False
        self.port = 0
        self._http = http
        self._left = most
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._under_way: set[asyncio.Task[None]] = set()

    @classmethod
    @asynccontextmanager
    async def opened(cls, http: Http, most: int) -> "AsyncIterator[Gateway]":
        """Open one on a free port of this machine; at the end nothing of it is left."""
        gateway = cls(http, most)
        server = await asyncio.start_server(gateway._accept, "127.0.0.1", 0, limit=_HEAD)
        gateway.port = server.sockets[0].getsockname()[1]
        try:
            yield gateway
        finally:
            server.close()
            for task in list(gateway._under_way):
                task.cancel()
            await asyncio.gather(*gateway._under_way, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._under_way.add(task)
        try:
            with suppress(*_BROKEN):  # whoever had the connection sees that
                peer = writer.get_extra_info("peername")
                if await asyncio.to_thread(_is_of_this_user, peer[1], self.port):
                    async with self._places:
                        await self._serve(reader, writer)
        finally:
            self._under_way.discard(task)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(_HEAD_S):
            head = await reader.readuntil(b"\r\n\r\n")
        request, *fields = head[:-4].split(b"\r\n")
        found = _read_request(request)
        if found is None:
            await _answer(writer, b"400 Bad Request")
            return
        method, host, port, target = found
        try:
            wire = await self._http.connect(host, port, foreign=True)
        except (Later, Never) as problem:
            self.problem = problem
            await _answer(writer, b"403 Forbidden" if isinstance(problem, Never) else b"502 Bad Gateway")
            return
        try:
            if method == b"CONNECT":
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                kept = [field for field in fields if not field.lower().startswith(_DROPPED)]
                await wire.write(
                    b"\r\n".join([b"%s %s HTTP/1.1" % (method, target), *kept, b"connection: close", b"", b""])
                )
            await self._relay(reader, writer, wire)
        finally:
            await wire.aclose()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wire: Wire) -> None:
        """Pass on bytes both ways until one side ends."""

        async def up() -> None:
            while piece := await reader.read(_CHUNK):
                self._count(piece)
                await wire.write(piece)

        async def down() -> None:
            while True:
                piece = await wire.read_some()  # raises Later at the end
                self._count(piece)
                writer.write(piece)
                await writer.drain()

        tasks = [asyncio.create_task(up()), asyncio.create_task(down())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _count(self, piece: bytes) -> None:
        self._left -= len(piece)
        if self._left < 0:
            self.spent = True
            raise Later("more bytes than it may load")


def _read_request(line: bytes) -> tuple[bytes, str, int, bytes] | None:
    """The method, the host and port that are wanted, and what to ask there; None for what is no such request."""
    found = _REQUEST.fullmatch(line)
    if found is None:
        return None
    method, target = found[1], found[2].decode("ascii", "replace")
    try:
        parts = urlsplit(f"//{target}" if method == b"CONNECT" else target)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return None
    if method == b"CONNECT":
        return (method, host, port, b"") if host and port else None
    if parts.scheme != "http" or not host or "@" in parts.netloc:
        return None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return method, host, port or 80, path.encode("ascii", "replace")


async def _answer(writer: asyncio.StreamWriter, status: bytes) -> None:
    writer.write(b"HTTP/1.1 %s\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status)
    with suppress(OSError):
        await writer.drain()


def _is_of_this_user(port: int, ours: int, table: Path = Path("/proc/net/tcp")) -> bool:
    """Whether the other end of a connection on this machine is of the user that we are (proc_net_tcp.rst)."""
    ends: Callable[[int], str] = "0100007F:{:04X}".format
    for line in table.read_text("ascii").splitlines()[1:]:
        fields = line.split()
        if fields[1:3] == [ends(port), ends(ours)]:
            return int(fields[7]) == os.geteuid()
    return False
