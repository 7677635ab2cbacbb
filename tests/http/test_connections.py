"""How the head of a request leaves: with its body, or when the answer is read."""

import asyncio
import ssl
from typing import Any

import httpcore
import pytest

from bot.http.connections import Connection
from bot.http.wire import Wire

HEAD = b"POST /hook HTTP/1.1\r\ncontent-length: 2\r\n\r\n"


class Recorder(httpcore.AsyncNetworkStream):
    """The other side: what has left, piece by piece. One that is `gone` takes nothing, and has answered before."""

    def __init__(self, *, gone: bool = False) -> None:
        self.pieces: list[bytes] = []
        self.gone = gone

    async def write(self, buffer: bytes, _: float | None = None) -> None:
        if self.gone:
            raise httpcore.WriteError("broken pipe")
        self.pieces.append(buffer)

    async def read(self, _: int, __: float | None = None) -> bytes:
        return b"HTTP/1.1 413 Too Large\r\n\r\n"

    async def aclose(self) -> None:
        """Nothing is open."""

    async def start_tls(self, *_: Any) -> httpcore.AsyncNetworkStream:
        return self

    def get_extra_info(self, _: str) -> Any:
        return None


def test_a_head_leaves_with_its_body_and_without_one_when_the_answer_is_read() -> None:
    other = Recorder()

    async def talk() -> None:
        connection = Connection(other, "x.example")
        for piece in (HEAD, b"{}", b"", b"more"):
            await connection.write(piece)
        assert other.pieces == [HEAD + b"{}", b"more"]
        await connection.write(HEAD)
        await connection.read(100)
        assert other.pieces[2:] == [HEAD]
        await connection.write(HEAD)
        await connection.start_tls(ssl.create_default_context())
        assert other.pieces[3:] == [HEAD]

    asyncio.run(talk())


def test_what_a_server_said_before_it_hung_up_is_read() -> None:
    async def talk() -> bytes:
        connection = Connection(Recorder(gone=True), "x.example")
        await connection.write(HEAD)
        return await connection.read(100)

    assert asyncio.run(talk()).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("words", [HEAD, b"GET / HTTP/1.1\r\n\r\n"])
def test_on_a_connection_for_another_protocol_everything_leaves_at_once(words: bytes) -> None:
    other = Recorder()
    asyncio.run(Wire(Connection(other, "x.example"), lambda _: ssl.create_default_context()).write(words))
    assert other.pieces == [words]
