"""Raw sockets: requests that no client library sends, and clients that are slow, idle or very many."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
import uvicorn
from uvicorn.server import ServerState

from bot.web.connections import Crowd, RoomConnection
from tests.desk import wait_until
from tests.web.archive import Seeded
from tests.web.serving import opened, served

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

DEADLINE_S = 60
_HOST = b"Host: 127.0.0.1\r\n"


@contextmanager
def connected(address: str, sent: bytes = b"") -> Iterator[socket.socket]:
    host, _, port = address.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=DEADLINE_S) as connection:
        connection.sendall(sent)
        yield connection


def ask(address: str, sent: bytes) -> tuple[int, bytes]:
    """The status of the answer, 0 where there is none, and what has come of it with its headers."""
    got = b""
    with connected(address, sent) as connection:
        while b"\r\n\r\n" not in got:
            try:
                piece = connection.recv(65_536)
            except ConnectionResetError:
                break
            if not piece:
                break
            got += piece
    return int(got.split(b" ", 2)[1]) if got else 0, got


def line(target: bytes, headers: bytes = _HOST, method: bytes = b"GET") -> bytes:
    return method + b" " + target + b" HTTP/1.1\r\n" + headers + b"\r\n"


ODD = {
    "dots": (line(b"/static/%2e%2e/%2e%2e/config.toml"), 404),
    "dots as they are": (line(b"/static/../../app.py"), 404),
    "a hidden slash": (line(b"/static/..%2f..%2fapp.py"), 404),
    "the root": (line(b"/static//etc/passwd"), 404),
    "zero": (line(b"/source/%00"), 404),
    "half a letter": (line(b"/rules/%ed%a0%80"), 404),
    "a zone that is a path": (line(b"/help?tz=../../../etc/passwd"), 200),
    "no UTF-8 in headers": (line(b"/help", _HOST + b"Cookie: \xff=\x80\r\nAuthorization: \xff\r\n"), 200),
    "a letter in the target": (line(b"/\xe1\x80\x80"), 400),
    "a whole address": (line(b"http://127.0.0.1/help"), 200),
    "a whole address without a path": (line(b"HTTP://127.0.0.1"), 200),
    "a whole address of another": (line(b"http://evil.example/help"), 421),
    "a whole address and another host": (line(b"http://127.0.0.1/help", b"Host: evil.example\r\n"), 200),
    "whole and foreign by its user": (line(b"http://127.0.0.1@evil.example/help"), 421),
    "two slashes": (line(b"//evil.example/help"), 404),
    "a star": (line(b"*", method=b"OPTIONS"), 404),
    "a tunnel": (line(b"evil.example:443", b"Host: evil.example:443\r\n", b"CONNECT"), 421),
    "an odd method": (line(b"/help", method=b"M" * 100), 403),
    "half an address": (line(b"/help", b"Host: [::1\r\n"), 421),
    "a port that is none": (line(b"/help", b"Host: 127.0.0.1:99999999\r\n"), 421),
    "a user in Host": (line(b"/help", b"Host: evil@127.0.0.1\r\n"), 421),
    "two hosts": (line(b"/help", _HOST + b"Host: evil.example\r\n"), 400),
    "the same host twice": (line(b"/help", _HOST + _HOST), 400),
    "no host": (line(b"/help", b""), 400),
    "no host in HTTP/1.0": (b"GET /help HTTP/1.0\r\n\r\n", 421),
    "HTTP/0.9": (b"GET /help\r\n\r\n", 400),
    "a greeting of TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 300, 400),
    "a length below zero": (line(b"/act", _HOST + b"Content-Length: -1\r\n", b"POST"), 400),
    "a length with a sign": (line(b"/act", _HOST + b"Content-Length: +1\r\n", b"POST") + b"a", 400),
    "a length in another script": (line(b"/act", _HOST + b"Content-Length: \xb2\r\n", b"POST"), 400),
    "two lengths": (line(b"/act", _HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n", b"POST") + b"ab", 400),
    "an endless length": (line(b"/act", _HOST + b"Content-Length: 99999999999\r\n", b"POST"), 413),
    "a length that nobody writes": (line(b"/act", _HOST + b"Content-Length: 9999999999999999999999\r\n", b"POST"), 400),
    "a piece that is none": (line(b"/act", _HOST + b"Transfer-Encoding: chunked\r\n", b"POST") + b"zz\r\n", 400),
    "pieces of a coding": (line(b"/act", _HOST + b"Transfer-Encoding: gzip\r\n", b"POST") + b"zz\r\n", 400),
    "a piece that is none, late": (
        line(b"/act", _HOST + b"Transfer-Encoding: chunked\r\n", b"POST") + (b"ffff\r\n" + b"x" * 65_535 + b"\r\n") * 2
        + b"zz\r\n", 413,
    ),
    "endless headers": (line(b"/help", _HOST + b"X: " + b"a" * 500_000 + b"\r\n"), 400),
    "very many headers": (line(b"/help", _HOST + b"".join(b"X%d: a\r\n" % n for n in range(50_000))), 400),
    "an endless target": (line(b"/help?q=" + b"a" * 500_000), 400),
    "another protocol": (line(b"/help", _HOST + b"Upgrade: websocket\r\nConnection: Upgrade\r\n"), 200),
}  # fmt: skip


def test_whatever_comes_over_a_socket_is_answered_and_said_to_nobody(
    seeded: Seeded, capfd: pytest.CaptureFixture[str]
) -> None:
    with opened(seeded) as room, served(room) as address:
        found = {what: ask(address, sent) for what, (sent, _) in ODD.items()}
        assert ask(address, line(b"/help"))[0] == 200
    # who still sends when the answer is there may lose it (RFC 9112, 9.6)
    wrong = {what: status for what, (status, _) in found.items() if status not in (ODD[what][1], 0)}
    assert wrong == {}
    assert sum(not status for status, _ in found.values()) <= 4
    assert not [what for what, (_, got) in found.items() if b"evil" in got]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /help HTTP/1.1\r\nHost: 127",
        line(b"/act", _HOST + b"Content-Length: 100\r\n", b"POST") + b"a",
        line(b"/help"),
    ],
    ids=["nothing", "half a request", "half a form", "what is answered"],
)
def test_idle_connections_lock_nobody_out(seeded: Seeded, sent: bytes) -> None:
    with opened(seeded) as room, served(room, most=20) as address, ExitStack() as many:
        held = [many.enter_context(connected(address, sent)) for _ in range(60)]
        assert ask(address, line(b"/help"))[0] == 200
        wait_until(lambda: count_open(held) < 20, "the end of a connection for one that has come since")
        assert count_open(held) == 19


def count_open(connections: list[socket.socket]) -> int:
    found = 0
    for one in connections:
        one.setblocking(False)
        try:
            while piece := one.recv(1 << 20):
                del piece
        except BlockingIOError:
            found += 1
        except ConnectionResetError:
            pass
    return found


@pytest.mark.long
def test_who_takes_nothing_of_an_answer_goes_before_anybody_else(seeded: Seeded) -> None:
    asked = line(b"/static/fonts/room-chinese.woff2") * 30
    with opened(seeded) as room, served(room, most=10) as address, ExitStack() as many:
        for _ in range(10):
            assert many.enter_context(connected(address, asked)).recv(1)
        assert ask(address, line(b"/help"))[0] == 503
        wait_until(lambda: ask(address, line(b"/help"))[0] == 200, "a place")


async def greet(_: "Scope", __: "Receive", send: "Send") -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"hi"})


def test_a_connection_that_asks_again_and_again_is_never_closed() -> None:
    async def ask() -> None:
        loop, ahead = asyncio.get_running_loop(), 0.0
        now = loop.time
        loop.time = lambda: now() + ahead  # type: ignore[method-assign]
        config, state, crowd = (
            uvicorn.Config(greet, lifespan="off", log_config=None),
            ServerState(),
            Crowd(lambda _: None),
        )
        config.load()
        server = await loop.create_server(lambda: RoomConnection(config, state, {}, crowd=crowd), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for _ in range(10):
            writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(2)
            assert answer.startswith(b"HTTP/1.1 200"), answer
            ahead += 3  # less than a connection may rest
            await asyncio.sleep(0.01)
        ahead += 30
        assert await reader.read() == b""
        writer.close()
        server.close()

    asyncio.run(ask())
