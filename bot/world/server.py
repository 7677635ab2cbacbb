"""Serves the world on 127.0.0.1 over HTTP/1.1, inside a running loop or in a thread of its own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from types import TracebackType
from typing import Self

from bot.world.answers import Request, WorldReply, answer
from bot.world.state import World

_PIECES = 10  # of a slow body
_TURNS = 4  # of the loop, until a connection that was accepted is known to its server


class WorldServer:
    """`async with WorldServer(world) as server:` serves the world at `server.base_url`."""

    def __init__(self, world: World, port: int = 0) -> None:
        self._world = world
        self._port = port
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    @property
    def base_url(self) -> str:
        """Address of the world, without a slash at the end."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        await stop_listening(self._server)
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        for _ in range(3):
            await asyncio.sleep(0)  # lets aborted transports close their sockets
        await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.ensure_future(self._serve(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)
        connection.add_done_callback(lambda _: writer.transport.abort())  # the task may be cancelled before it starts

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until either side ends it."""
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                while (request := await _read(reader)) is not None:
                    await _write(writer, answer(self._world, request))
                    if request.headers.get("connection", "").lower() == "close":
                        break
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


async def stop_listening(*servers: asyncio.Server) -> None:
    """Close the servers; every connection that was accepted is known to its server when this returns.

    A server of Python 3.11 that is closed between the accepting of a socket and the next turns of the loop drops that
    socket unclosed (`Server._attach` asserts). So the accepting ends first, the closing comes some turns later.
    """
    loop = asyncio.get_running_loop()
    for server in servers:
        for listening in server.sockets:
            loop.remove_reader(listening)
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    for server in servers:
        server.close()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    """The next GET of a connection; None for anything else."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or words[0] != "GET":
        return None
    pairs = (line.partition(":") for line in lines if line)
    return Request(words[1], {name.strip().lower(): value.strip() for name, _, value in pairs})


async def _write(writer: asyncio.StreamWriter, reply: WorldReply) -> None:
    if reply.never:
        await asyncio.Event().wait()
    headers = reply.headers | (
        {} if reply.status == HTTPStatus.NOT_MODIFIED else {"Content-Length": str(len(reply.body))}
    )
    lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}", *(f"{k}: {v}" for k, v in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    if not reply.seconds:
        writer.write(reply.body)
        await writer.drain()
        return
    size = len(reply.body) // _PIECES + 1
    for start in range(0, len(reply.body), size):
        await asyncio.sleep(reply.seconds / _PIECES)
        writer.write(reply.body[start : start + size])
        await writer.drain()


@contextmanager
def run_in_thread(world: World, port: int = 0) -> Iterator[str]:
    """Serve the world from a thread; yields its address. Raises OSError if the port is taken."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="world", daemon=True)
    thread.start()
    server = WorldServer(world, port)
    try:
        asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result()
        try:
            yield server.base_url
        finally:
            asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
