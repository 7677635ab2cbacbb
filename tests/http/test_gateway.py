"""The way out for a program that we start: checked addresses alone, bounded, and nothing of it left."""

import asyncio
import os
from pathlib import Path

import pytest

from bot.clock import Clock
from bot.errors import Never
from bot.http import Http, HttpRules
from bot.http.gateway import Gateway, _is_of_this_user

PAGE = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nferry"


def ask(request: str, *, most: int = 1 << 20, answer: bytes = PAGE) -> tuple[bytes, list[bytes], Gateway]:
    """What a program gets, what the server was asked, and the gateway afterwards. `{port}` is where the server is."""

    async def go() -> tuple[bytes, list[bytes], Gateway]:
        heard: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(answer)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        http = Http(HttpRules("test", private=frozenset({("127.0.0.1", port)})), Clock())
        try:
            async with server, Gateway.opened(http, most) as gateway:
                reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
                writer.write(request.format(port=port).replace("\n", "\r\n").encode())
                async with asyncio.timeout(60):
                    got = await reader.read()
                writer.close()
        finally:
            await http.aclose()
        return got, heard, gateway

    return asyncio.run(go())


def test_a_plain_request_is_passed_on_as_one_to_its_server() -> None:
    got, [heard], _ = ask("GET http://127.0.0.1:{port}/a?b=1 HTTP/1.1\nHost: x\nProxy-Connection: keep-alive\n\n")
    assert got == PAGE
    assert heard == b"GET /a?b=1 HTTP/1.1\r\nHost: x\r\nconnection: close\r\n\r\n"


def test_a_tunnel_carries_whatever_the_program_says() -> None:
    got, [heard], _ = ask("CONNECT 127.0.0.1:{port} HTTP/1.1\n\nGET / HTTP/1.1\n\n")
    assert got == b"HTTP/1.1 200 OK\r\n\r\n" + PAGE
    assert heard == b"GET / HTTP/1.1\r\n\r\n"


@pytest.mark.parametrize(
    "where",
    [
        "127.0.0.2:80",
        "10.0.0.1:443",
        "[::1]:443",
        "0x7f000001:80",
        "localhost:443",
        "169.254.169.254:80",
        "ferry.example:22",
    ],
)
def test_other_addresses_are_refused_and_why_is_known(where: str) -> None:
    got, heard, gateway = ask(f"CONNECT {where} HTTP/1.1\n\n")
    assert got.startswith(b"HTTP/1.1 403 ")
    assert (heard, type(gateway.problem)) == ([], Never)


@pytest.mark.parametrize(
    "request_", ["GET / HTTP/1.1\n\n", "CONNECT nowhere HTTP/1.1\n\n", "GET ftp://127.0.0.1/ HTTP/1.1\n\n", "x\n\n"]
)
def test_what_is_no_such_request_is_refused(request_: str) -> None:
    got, heard, _ = ask(request_)
    assert got.startswith(b"HTTP/1.1 400 ")
    assert heard == []


def test_more_bytes_than_it_may_load_are_cut_off() -> None:
    body = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 500_000
    got, _, gateway = ask("GET http://127.0.0.1:{port}/ HTTP/1.1\n\n", most=1_000, answer=body)
    assert len(got) <= 1_000
    assert gateway.spent


def test_a_connection_of_another_user_of_the_machine_is_not_served(tmp_path: Path) -> None:
    line = "   0: 0100007F:{:04X} 0100007F:{:04X} 01 0:0 0:0 0 {:5} 0 1 1".format
    table = tmp_path / "tcp"
    for user, ours in ((12_345, False), (os.geteuid(), True)):
        table.write_text("head\n" + line(4000, 5000, user) + "\n")
        assert _is_of_this_user(4000, 5000, table) is ours
    assert not _is_of_this_user(4001, 5000, table)
