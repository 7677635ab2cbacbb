"""Listens, answers until it is stopped, and stops in order."""

import asyncio
import signal
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from bot.errors import UserError

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_MOST_AT_ONCE = 1000  # connections; more get 503 at once
_REQUEST_S = 15  # how long a request may take to come
_STUCK_S = 60  # how long nothing of an answer may be taken
_ENDING_S = 5  # how long answers that are under way may take after a stop


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes a free one. Raises UserError."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as problem:
        raise UserError(f"--listen: {host} is no address of this machine ({problem.strerror or problem})") from None
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError as problem:
        listening.close()
        raise UserError(
            f"cannot listen on {host}:{port} ({problem.strerror or problem}): is it served already?"
            " `communique serve --listen HOST:PORT` takes another address"
        ) from None
    return listening


class _Patient(H11Protocol):
    """One connection: who does not send a whole request within a while, or takes nothing of the answer, is let go."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._waits_since = self._taken_at = self.loop.time()
        self._left = 0  # bytes of answers that are not sent
        self._next_look = self.loop.call_later(1, self._watch)

    def connection_lost(self, exc: Exception | None) -> None:
        self._next_look.cancel()
        super().connection_lost(exc)

    def _watch(self) -> None:
        now, left = self.loop.time(), self.transport.get_write_buffer_size()
        if left == 0 or left < self._left:
            self._taken_at = now
        self._left = left
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request
        if cycle is not None and not cycle.response_complete:
            self._waits_since = now  # a request has come whole; how long its form takes is limited elsewhere
        if now - self._taken_at >= _STUCK_S:
            self._cut_off()
        elif now - self._waits_since >= _REQUEST_S:
            self.transport.close()  # which waits until what is left has been taken
        self._next_look = self.loop.call_later(1, self._watch)

    def _cut_off(self) -> None:
        """End it with what is left, also with what the system would keep for the other side."""
        connection = self.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class _Server(uvicorn.Server):
    """Uvicorn's server, without its own way to treat signals: it ends the process by them, after it has stopped."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _load(config: uvicorn.Config, tls: tuple[Path, ...]) -> None:
    try:
        config.load()
    except OSError as problem:
        raise UserError(f"[web] certificate {tls[0]} or key_file {tls[1]} cannot be used: {problem}") from None


async def answer_requests(
    app: "ASGIApp", listening: socket.socket, let_go: Callable[[], None], tls: tuple[Path, ...] = ()
) -> int:
    """Answer until SIGTERM, SIGHUP or Ctrl-C; `let_go` ends what waits then. `tls`: a certificate and its key.

    The exit code: 0, or 130 after Ctrl-C. Raises UserError.
    """
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http=_Patient,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_ENDING_S,
        proxy_headers=False,
        limit_concurrency=_MOST_AT_ONCE,
        ssl_certfile=tls[0] if tls else None,
        ssl_keyfile=tls[1] if tls else None,
    )
    _load(config, tls)
    server, stopped_by = _Server(config), list[int]()

    def stop(number: int) -> None:
        server.force_exit = bool(stopped_by)  # the second time: at once
        server.should_exit = True
        stopped_by.append(number)
        let_go()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop, number)
    await server.serve(sockets=[listening])
    return 130 if signal.SIGINT in stopped_by else 0
