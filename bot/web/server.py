"""Listens, answers until it is stopped, and stops in order."""

import asyncio
import signal
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from bot.errors import UserError
from bot.web.connections import Crowd, RoomConnection, allow_files

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_GREETING_S = 5  # how long the beginning and the end of TLS may take
_ENDING_S = 5  # how long answers that are under way may take after a stop
_TURN_S = 0.001  # of a thread while others wait: a page needs some turns, and with Python's 5 ms each would wait long
_LAST_S = 2  # how long what is cut off then may take to end


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


def read_certificate(certificate: Path, key: Path) -> ssl.SSLContext:
    """What TLS needs. Raises UserError for files that cannot be used."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key, password="")  # a key with a password is not asked for it
    except (OSError, ValueError) as problem:
        words = getattr(problem, "strerror", None) or problem
        raise UserError(f"[web] certificate {certificate} or key_file {key} cannot be used: {words}") from None
    return context


class Server(uvicorn.Server):
    """Uvicorn's server with connections of ours, and without its own way to treat signals.

    It is silent: what goes wrong in the application says the application, and what strangers do wrong is no news.
    """

    def __init__(self, app: "ASGIApp", crowd: Crowd, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                loop="asyncio",
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="critical",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_ENDING_S + _LAST_S,
                proxy_headers=False,
            )
        )
        self.crowd = crowd
        self._tls = tls

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        loop, wait = asyncio.get_running_loop(), _GREETING_S if self._tls else None
        self.servers = [
            await loop.create_server(
                self._connect, sock=one, ssl=self._tls, ssl_handshake_timeout=wait, ssl_shutdown_timeout=wait
            )
            for one in sockets or ()
        ]
        self.started = True

    def _connect(self) -> RoomConnection:
        return RoomConnection(self.config, self.server_state, {}, crowd=self.crowd)

    def stop(self) -> None:
        """Answer what is under way, for a while; the second time: at once."""
        if self.should_exit:
            self.force_exit = True
            self.crowd.cut_off()
        else:
            self.should_exit = True
            asyncio.get_running_loop().call_later(_ENDING_S, self.crowd.cut_off)


async def answer_requests(
    app: "ASGIApp",
    listening: socket.socket,
    let_go: Callable[[], None],
    name_of: Callable[[str], str | None],
    tls: ssl.SSLContext | None = None,
) -> int:
    """Answer until SIGTERM, SIGHUP or Ctrl-C; `let_go` ends what waits then. `name_of` is that of `Crowd`.

    The exit code: 0, or 130 after Ctrl-C.
    """
    server, stopped_by = Server(app, Crowd(name_of, allow_files()), tls), list[int]()

    def stop(number: int) -> None:
        stopped_by.append(number)
        server.stop()
        let_go()

    sys.setswitchinterval(_TURN_S)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop, number)
    await server.serve(sockets=[listening])
    return 130 if signal.SIGINT in stopped_by else 0
