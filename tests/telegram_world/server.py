"""Serves the Telegram world over TCP on 127.0.0.1, one port for each data centre, in a running loop or in a thread."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from bot.world import stop_listening
from tests.telegram_world.connection import Connection, reset
from tests.telegram_world.handshake import PUBLIC_KEY_FILE
from tests.telegram_world.signals import Cut, Push, Signal, Tell
from tests.telegram_world.state import World
from tests.telegram_world.transport import Wire

HOST = "127.0.0.1"


class TelegramServer:
    """`async with TelegramServer(world) as server:` and clients may connect to 127.0.0.1, `server.ports[dc]`.

    `ports` of an earlier server bring one back where it was; `secret` makes every port an MTProxy (16 bytes); `host`
    is another address of this machine.
    """

    def __init__(
        self, world: World, ports: Mapping[int, int] | None = None, *, secret: bytes | None = None, host: str = HOST
    ) -> None:
        self.ports: dict[int, int] = {}
        self._world = world
        self._asked = dict(ports or {})
        self._secret = secret
        self._host = host
        self._servers: list[asyncio.Server] = []
        self._talks: dict[asyncio.Task[None], Connection] = {}

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        for dc in self._world.dcs:
            accept = partial(self._accept, dc)
            server = await asyncio.start_server(accept, self._host, self._asked.get(dc, 0), limit=1 << 20)
            self._servers.append(server)
            self.ports[dc] = server.sockets[0].getsockname()[1]
        self._world.ports = dict(self.ports)
        self._stop_listening = self._world.audience.listen(self._hear)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_listening()
        await stop_listening(*self._servers)
        for talk, connection in self._talks.items():
            connection.cut("reset")
            talk.cancel()
        await asyncio.gather(*self._talks, return_exceptions=True)
        for server in self._servers:
            await server.wait_closed()

    async def settle(self) -> None:
        """Wait until everything that was pushed has left for the clients."""
        while any(connection.pending() for connection in self._talks.values()):  # noqa: ASYNC110 - a buffer has no event
            await asyncio.sleep(0.005)

    def _accept(self, dc: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._world.faults.refusing:
            reset(writer)
            return
        connection = Connection(self._world, dc, Wire(reader, writer, self._secret))
        talk = asyncio.ensure_future(connection.run())
        self._talks[talk] = connection
        talk.add_done_callback(self._talks.pop)

    def _hear(self, signal: Signal) -> None:
        self._loop.call_soon_threadsafe(self._carry, signal)

    def _carry(self, signal: Signal) -> None:
        for connection in list(self._talks.values()):
            if isinstance(signal, Push):
                connection.push(signal)
            elif isinstance(signal, Tell):
                key_id = connection.key.id if connection.key else None
                if signal.key_id == key_id if signal.key_id is not None else signal.phone == connection.phone:
                    connection.tell(signal.updates)
            elif signal.phone in (None, connection.phone):
                if isinstance(signal, Cut):
                    connection.cut(signal.how)
                else:
                    connection.transport_error(signal.code)


@dataclass(frozen=True, slots=True)
class Served:
    """Where a world stands: what `[telegram] server`, `dc` and `public_key_file` of a config would say."""

    host: str
    port: int
    dc: int
    public_key_file: Path
    ports: Mapping[int, int]
    _server: TelegramServer
    _loop: asyncio.AbstractEventLoop

    def settle(self) -> None:
        """Wait until everything that was pushed has left for the clients."""
        asyncio.run_coroutine_threadsafe(self._server.settle(), self._loop).result()


@contextmanager
def run_in_thread(
    world: World, ports: Mapping[int, int] | None = None, *, secret: bytes | None = None, host: str = HOST
) -> Iterator[Served]:
    """Serve the world from a thread. Raises OSError if a port is taken, and at its end whatever the world did wrong."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="telegram-world", daemon=True)
    thread.start()
    server = TelegramServer(world, ports, secret=secret, host=host)
    try:
        asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result()
        dc = world.dcs[0]
        try:
            yield Served(host, server.ports[dc], dc, PUBLIC_KEY_FILE, server.ports, server, loop)
        finally:
            asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
    if world.journal.mistakes:
        raise BaseExceptionGroup("the Telegram world made mistakes", world.journal.mistakes)
