"""How a request leaves, and what is read where it cannot."""

import asyncio
import ssl
from collections.abc import AsyncIterator

import h11
import httpx
import pytest
from anyio import BrokenResourceError
from anyio.abc import ByteStream

from bot.http.connections import Connection
from bot.http.pool import Dialogue, Pool, Way
from bot.http.wire import Wire

HEAD = b"POST /hook HTTP/1.1\r\ncontent-length: 2\r\n\r\n"


class Recorder(ByteStream):
    """The other side: what has left, piece by piece. One that is `gone` takes nothing, and has answered before."""

    def __init__(self, *, gone: bool = False, answer: bytes = b"HTTP/1.1 413 Too Large\r\n\r\n") -> None:
        self.pieces: list[bytes] = []
        self.answer = answer
        self.closed = False
        self.gone = gone

    async def send(self, item: bytes) -> None:
        if self.gone:
            raise BrokenResourceError
        self.pieces.append(item)

    async def receive(self, max_bytes: int = 65_536) -> bytes:
        return self.answer[:max_bytes]

    async def send_eof(self) -> None:
        """Nothing is open."""

    async def aclose(self) -> None:
        self.closed = True


async def ask(other: Recorder, *pieces: bytes) -> int:
    """Send a message of these pieces; the status of the reply."""

    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    length = str(sum(map(len, pieces)))
    head = h11.Request(method="POST", target="/hook", headers=[("host", "x.example"), ("content-length", length)])
    request = httpx.Request("POST", "http://x.example/hook", content=body())
    assert isinstance(request.stream, httpx.AsyncByteStream)
    dialogue = Dialogue(Connection(other, "x.example"), ("http", "x.example", 80))
    return (await dialogue.ask(head, request.stream, Way(once=True))).status_code


@pytest.mark.parametrize("pieces", [(), (b"",), (b"{}",), (b"{", b"}")])
def test_a_head_leaves_with_the_first_piece_of_its_body(pieces: tuple[bytes, ...]) -> None:
    other = Recorder()
    asyncio.run(ask(other, *pieces))
    first, *others = other.pieces
    head, _, body = first.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /hook HTTP/1.1\r\n")
    assert (body, *others) == (pieces or (b"",))


def test_what_a_server_said_before_it_hung_up_is_read() -> None:
    assert asyncio.run(ask(Recorder(gone=True), b"{}")) == 413


@pytest.mark.parametrize(("at_most", "stay"), [(3, 3), (50, 20)])
def test_connections_stay_open_but_never_too_many(at_most: int, stay: int) -> None:
    sides: list[Recorder] = []

    async def connect(place: tuple[str, str, int]) -> Connection:
        assert sum(not other.closed for other in sides) < at_most
        sides.append(Recorder(answer=b"HTTP/1.1 204 No Content\r\n\r\n"))
        return Connection(sides[-1], place[1])

    async def talk() -> None:
        pool = Pool(connect, at_most)
        for number in range(30):
            head = h11.Request(method="GET", target="/", headers=[("host", "x.example")])
            place = ("http", f"{number}.example", 80)
            _, body = await pool.ask(place, head, httpx.ByteStream(b""), Way(once=False))
            assert [piece async for piece in body] == []
            await body.aclose()
        assert [other.closed for other in sides] == [True] * (30 - stay) + [False] * stay
        await pool.aclose()

    asyncio.run(talk())
    assert all(other.closed for other in sides)


@pytest.mark.parametrize("words", [HEAD, b"GET / HTTP/1.1\r\n\r\n"])
def test_on_a_connection_for_another_protocol_everything_leaves_at_once(words: bytes) -> None:
    other = Recorder()
    asyncio.run(Wire(Connection(other, "x.example"), lambda _: ssl.create_default_context()).write(words))
    assert other.pieces == [words]
