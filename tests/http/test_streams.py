"""Endless replies: WebSockets and server-sent events, with everything that a server can do wrong in them."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from bot.errors import Later, Never
from bot.http import Http
from bot.http.event_stream import EventStream
from bot.http.stream import Stream
from bot.http.websocket import Refused, WebSocket
from tests.sources.loopback_server import Answer, Peer, surrounded
from tests.sources.streams import EventStreams, JetstreamHost, frame, until

T = TypeVar("T")
CAP = 100_000


def on_socket(work: Callable[[WebSocket, JetstreamHost], Awaitable[T]], *raw: bytes) -> T:
    """What `work` gives with a WebSocket on which the server sends these bytes."""

    async def go() -> T:
        async with Peer() as peer, surrounded(Path(), peer.port) as tools:
            host = JetstreamHost(peer, raw=list(raw))
            peer.reply = host.reply
            socket = await WebSocket.open(tools.http, peer.url("/subscribe"), cap=CAP)
            try:
                async with asyncio.timeout(60):
                    return await work(socket, host)
            finally:
                await socket.aclose()

    return asyncio.run(go())


async def first(socket: WebSocket, _: JetstreamHost) -> bytes:
    return await socket.receive()


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, CAP])
def test_a_message_of_each_length_arrives_whole(size: int) -> None:
    assert on_socket(first, frame(b"x" * size)) == b"x" * size


def test_a_message_in_pieces_is_one_message_and_pings_between_them_are_answered() -> None:
    async def work(socket: WebSocket, host: JetstreamHost) -> tuple[bytes, list[tuple[int, bytes]]]:
        message = await socket.receive()
        await until(lambda: host.heard)
        return message, host.heard[:1]

    pieces = (frame(b"a ship ", last=False), frame(b"are you there", 0x9), frame(b"has ", 0x0, last=False))
    message, heard = on_socket(work, *pieces, frame(b"", 0xA), frame(b"left", 0x0))
    assert message == b"a ship has left"
    assert heard == [(0xA, b"are you there")]


def test_what_comes_in_the_packet_of_the_handshake_is_not_lost() -> None:
    async def go() -> list[bytes]:
        async with Peer() as peer, surrounded(Path(), peer.port) as tools:
            host = JetstreamHost(peer)

            def reply(path: str) -> Answer:
                wire = host.reply(path).wire() + frame(b"one") + frame(b"two")

                async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                    writer.write(wire)
                    await asyncio.Event().wait()

                return Answer(status=102, then=talk)

            peer.reply = reply
            socket = await WebSocket.open(tools.http, peer.url("/subscribe"), cap=CAP)
            try:
                async with asyncio.timeout(60):
                    return [await socket.receive(), await socket.receive()]
            finally:
                await socket.aclose()

    assert asyncio.run(go()) == [b"one", b"two"]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (frame(b"packed", bits=0x40), "packed in a way that was not agreed"),
        (frame(b"abcdefgh", mask=True), "masked"),
        (frame(b"x" * (CAP + 1)), "more than 100,000 bytes"),
        (b"\x81\x7f" + b"\xff" * 8, "more than 100,000 bytes"),
        (frame(b"x" * CAP, last=False) + frame(b"x", 0x0), "more than 100,000 bytes"),
        (frame(b"x" * 126, 0x9), "control"),
        (frame(b"x", 0x9, last=False), "control"),
        (frame(b"x", 0x0), "kind 0"),
        (frame(b"x", last=False) + frame(b"y"), "kind 1"),
        (frame(b"x", 0x3), "kind 3"),
        (frame(b"", 0x8), "closed the stream (1005)"),
        (frame(b"\x03\xf3too slow\x1b[2J", 0x8), r"closed the stream (1011 too slow\u{001b}[2J)"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "packed"),
    ],
)
def test_what_no_server_may_send_ends_the_stream_with_its_reason(raw: bytes, said: str) -> None:
    with pytest.raises(Later) as raised:
        on_socket(first, raw)
    assert said in str(raised.value)
    assert "127.0.0.1" in str(raised.value)


def test_a_large_message_to_the_server_is_one_masked_frame() -> None:
    async def work(socket: WebSocket, host: JetstreamHost) -> int:
        await socket.send("ö" * 40_000)
        await until(lambda: host.heard)
        return len(host.heard[0][1])

    assert on_socket(work) == 80_000


def handshake(answer: Answer) -> Exception:
    """What a handshake with this answer raises."""

    async def go() -> Exception:
        async with Peer() as peer, surrounded(Path(), peer.port) as tools:
            peer.answer = answer
            with pytest.raises((Later, Never)) as raised:
                await WebSocket.open(tools.http, peer.url("/subscribe"), cap=CAP)
            return raised.value

    return asyncio.run(go())


def test_a_server_that_says_no_is_refused_with_its_status_or_with_the_wait_that_it_names() -> None:
    refused = handshake(Answer(b"no", 403))
    assert isinstance(refused, Refused)
    assert refused.status == 403
    limited = handshake(Answer(b"", 429, {"Retry-After": "90"}))
    assert isinstance(limited, Later)
    assert limited.retry_at is not None
    assert "asks to wait 90 s" in str(limited)


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


def test_an_answer_to_another_key_is_no_handshake() -> None:
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": "c2FsdA=="}
    assert "handshake is wrong" in str(handshake(Answer(status=101, headers=headers, then=_silent)))


@pytest.mark.parametrize("body", [b"\x00" * 5000, b"HTTP/1.1 200\r\n", b"SSH-2.0-x\r\n"])
def test_a_server_that_speaks_something_else_is_later(body: bytes) -> None:
    async def go() -> Exception:
        async with Peer() as peer, surrounded(Path(), peer.port) as tools:

            async def speaks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(body)

            peer.speaks = speaks
            with pytest.raises(Later) as raised:
                await WebSocket.open(tools.http, peer.url("/subscribe"), cap=CAP)
            return raised.value

    assert "127.0.0.1" in str(asyncio.run(go()))


def test_a_private_address_is_not_connected_to() -> None:
    async def go() -> int:
        async with Peer() as peer, surrounded(Path()) as tools:
            for foreign in (False, True):
                with pytest.raises(Never, match=r"private address|not visited"):
                    await tools.http.open(peer.url("/subscribe"), foreign=foreign)
            return len(peer.asked)

    assert asyncio.run(go()) == 0


# Server-sent events ---------------------------------------------------------------------------------------------------


def events(count: int, *raw: bytes, silence_s: float = 60) -> list[tuple[str, bytes]]:
    """The first events of a stream that carries these bytes, piece by piece."""

    async def go() -> list[tuple[str, bytes]]:
        async with Peer() as peer, surrounded(Path(), peer.port) as tools:
            streams = EventStreams(raw=list(raw), tokens={""})
            peer.reply = lambda _: streams.reply("user", {})
            stream = await _open(tools.http, peer)
            try:
                found = EventStream(stream, cap=CAP, silence_s=silence_s)
                return [await found.next() for _ in range(count)]
            finally:
                await stream.aclose()

    return asyncio.run(go())


async def _open(http: Http, peer: Peer) -> Stream:
    return await http.open(peer.url("/api/v1/streaming/user"))


def test_events_are_read_whatever_the_pieces_they_come_in() -> None:
    whole = b": thump\n\nevent: update\r\ndata: {\r\ndata:  1}\r\n\r\n:x\nid: 7\ndata:two\n\nevent: empty\n\ndata: three\n\n"
    expected = [("update", b"{\n 1}"), ("", b"two"), ("", b"three")]
    assert events(3, whole) == expected
    assert events(3, *(whole[at : at + 1] for at in range(len(whole)))) == expected


@pytest.mark.parametrize(
    "raw", [b"data: " + b"x" * CAP + b"\n\n", b"x" * (CAP + 1), b"data: xxxxxxxxx\n" * (CAP // 10 + 1)]
)
def test_an_event_without_end_is_given_up(raw: bytes) -> None:
    with pytest.raises(Later, match="more than 100,000 bytes"):
        events(1, *(raw[at : at + 5_000] for at in range(0, len(raw), 5_000)))


def test_a_silent_stream_is_broken() -> None:
    with pytest.raises(Later, match=r"silent for 0\.2 s"):
        events(1, silence_s=0.2)


def test_a_page_is_no_stream_of_events() -> None:
    async def go() -> None:
        async with Peer() as peer, surrounded(Path(), peer.port) as tools:
            peer.answer = Answer(b"<h1>Welcome</h1>", headers={"Content-Type": "text/html"})
            stream = await _open(tools.http, peer)
            try:
                EventStream(stream, cap=CAP, silence_s=60)
            finally:
                await stream.aclose()

    with pytest.raises(Later, match="no stream of events"):
        asyncio.run(go())
