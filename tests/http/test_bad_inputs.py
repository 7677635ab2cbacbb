from __future__ import annotations

import asyncio
import base64
import gzip
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import pytest

from bot.errors import Later, Never

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.http.conftest import Origin, Visiting


def ok(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]).encode() + b"\r\n\r\n" + body


def to(target: str) -> bytes:
    return ok(b"", f"Location: {target}", status="302 Found")


def refused_address(origin: Origin, visiting: Visiting, host: str) -> None:
    """Neither the config nor somebody's content gets a client without permission to this host; nothing is sent."""

    async def visit() -> None:
        async with origin, visiting() as http:
            for foreign in (False, True):
                for url in (f"http://{host}:{origin.port}/", f"http://{host}/"):
                    with pytest.raises(Never):
                        await http.get(url, cap=100, deadline=60, foreign=foreign)
            with pytest.raises(Never, match="private"):
                await http.post(f"http://{host}:{origin.port}/", content=b"alert")

    asyncio.run(visit())
    assert origin.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "localhost.", "LOCALHOST", "[::1]", "0.0.0.0", "[::]"])
def test_bad_input_26_loopback_is_not_visited(origin: Origin, visiting: Visiting, host: str) -> None:
    refused_address(origin, visiting, host)


@pytest.mark.parametrize("host", ["0x7f000001", "2130706433", "127.1", "017700000001", "0x7f.1", "127.0.0.1."])
def test_bad_input_27_loopback_in_disguise_is_not_visited(origin: Origin, visiting: Visiting, host: str) -> None:
    refused_address(origin, visiting, host)


@pytest.mark.parametrize("host", ["[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::ffff:7f00:1]"])
def test_bad_input_28_loopback_inside_ipv6_is_not_visited(origin: Origin, visiting: Visiting, host: str) -> None:
    refused_address(origin, visiting, host)


@pytest.mark.parametrize("host", ["169.254.169.254", "metadata.google.internal", "[fd00:ec2::254]"])
def test_bad_input_29_cloud_metadata_is_not_visited(origin: Origin, visiting: Visiting, host: str) -> None:
    refused_address(origin, visiting, host)


@pytest.mark.parametrize(
    "target",
    [
        *("http://127.0.0.1:{port}/", "http://[::1]/", "http://router/", "http://10.0.0.1/", "//localhost:{port}/"),
        *("file:///etc/passwd", "gopher://127.0.0.1:70/", "ftp://files.example/", "javascript:alert(1)", "data:,x"),
        *("http://files.example:22/", "http://[::/", "https://a\x00b/", "http://ex\x7fample/"),
        *("https://xn--/", "http://xn--a.example/", ":https://::1]:", "////", "http://a..b.example/"),
    ],
)
def test_bad_input_30_a_redirect_is_checked_at_each_hop(origin: Origin, visiting: Visiting, target: str) -> None:
    async def visit() -> None:
        async with origin, visiting(origin, names=("news.example",)) as http:
            origin.answers["/first"] = to("/second")
            origin.answers["/second"] = to(target.format(port=origin.port))
            with pytest.raises(Later):
                await http.get(origin.url("/first", host="news.example"), cap=100, deadline=60)

    asyncio.run(visit())
    assert [request.path for request in origin.requests] == ["/first", "/second"]


def test_bad_input_30_a_redirect_to_another_host_keeps_to_the_ports_of_the_web(
    origin: Origin, visiting: Visiting
) -> None:
    async def visit() -> None:
        async with origin, visiting(origin, names=("news.example",)) as http:
            origin.answers["/"] = to("http://files.example:22/")
            with pytest.raises(Later, match=r"port 22 of files\.example is not visited"):
                await http.get(origin.url(host="news.example"), cap=100, deadline=60)

    asyncio.run(visit())


@pytest.mark.parametrize(
    "answer", [("1.1.1.1", "127.0.0.1"), ("10.0.0.1", "1.1.1.1"), ("2606:4700::1111", "fe80::1%1")]
)
def test_bad_input_31_one_private_address_among_public_ones_is_one_too_many(
    origin: Origin, visiting: Visiting, answer: tuple[str, str]
) -> None:
    async def mixed(host: str, port: int) -> Sequence[str]:
        return answer

    async def visit() -> None:
        async with origin, visiting(resolve=mixed) as http:
            with pytest.raises(Later, match="private address"):
                await http.get(f"http://mixed.example:{origin.port}/", cap=100, deadline=60)

    asyncio.run(visit())
    assert origin.connections == 0


def test_bad_input_31_the_address_that_was_checked_is_the_one_that_is_visited(
    origin: Origin, visiting: Visiting
) -> None:
    answers = iter([["127.0.0.1"], ["127.0.0.66"]])

    async def flipping(host: str, port: int) -> Sequence[str]:
        return next(answers)

    async def visit() -> None:
        async with origin, visiting(origin, names=("flip.example",), resolve=flipping) as http:
            assert (await http.get(origin.url(host="flip.example"), cap=100, deadline=60)).body == b"good"

    asyncio.run(visit())
    assert origin.requests[0].headers["host"] == f"flip.example:{origin.port}"
    assert next(answers) == ["127.0.0.66"], "the name was looked up a second time"


def test_bad_input_32_credentials_in_a_foreign_address_are_dropped(origin: Origin, visiting: Visiting) -> None:
    async def visit() -> None:
        async with origin, visiting(origin) as http:
            reply = await http.get(origin.url(user="user:pass"), cap=100, deadline=60, foreign=True)
            assert reply.url == origin.url()

    asyncio.run(visit())
    assert "authorization" not in origin.requests[0].headers


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://files.example:22/", "port 22 of files.example"),
        ("http://files.example:8080/", "port 8080"),
        ("http://files.example/\r\nX-Evil: 1", "cannot be read"),
        ("http://files.example\r\n.evil.example/", "cannot be read"),
        ("http://files.example:99999/", "no readable host and port"),
        ("http://\u0430pple.example:8080/", "xn--pple-43d.example"),
        ("http://a\u202eb.example/", "cannot be read"),
        ("http://\ud800.example/", "cannot be read"),
        ("http://" + "a" * 70_000 + ".example/", "cannot be read"),
        ("http://" + "a." * 200 + "example/", "no readable host"),
        ("http://" + "a" * 64 + ".example/", "no readable host"),
        ("http://a..example/", "no readable host"),
        ("http://../", "no readable host"),
        ("http://xn--a.example/", "cannot be read"),
    ],
)
def test_bad_input_32_odd_addresses_are_refused_in_plain_letters(visiting: Visiting, url: str, said: str) -> None:
    async def visit() -> None:
        async with visiting() as http:
            with pytest.raises(Never) as raised:
                await http.get(url, cap=100, deadline=60, foreign=True)
            assert said in str(raised.value)
            assert str(raised.value).isascii()
            assert str(raised.value).isprintable()

    asyncio.run(visit())


def test_bad_input_32_a_look_alike_host_is_shown_as_punycode(origin: Origin, visiting: Visiting) -> None:
    async def visit() -> None:
        async with origin, visiting(origin, names=("xn--pple-43d.example",)) as http:
            reply = await http.get(origin.url(host="\u0430pple.example"), cap=100, deadline=60, foreign=True)
            assert reply.url == origin.url(host="xn--pple-43d.example")

    asyncio.run(visit())


@pytest.mark.parametrize("url", ["file:///etc/passwd", "/etc/passwd", "etc/passwd", "", "gopher://example.org/"])
def test_bad_input_34_a_file_is_no_web_address(visiting: Visiting, url: str) -> None:
    async def visit() -> None:
        async with visiting() as http:
            with pytest.raises(Never, match="use http:// or https://"):
                await http.get(url, cap=100, deadline=60)

    asyncio.run(visit())


def bomb(megabytes: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(1 << 20)
    return b"".join(packer.compress(zeros) for _ in range(megabytes)) + packer.flush()


def test_bad_input_37_a_bomb_is_cut_at_the_cap(origin: Origin, visiting: Visiting) -> None:
    small = bomb(100)
    origin.answers["/bomb"] = ok(small, "Content-Encoding: gzip")
    origin.answers["/twice"] = ok(gzip.compress(small), "Content-Encoding: gzip, gzip")
    origin.answers["/lines"] = ok(gzip.compress(small), "Content-Encoding: gzip", "Content-Encoding: gzip")

    async def visit() -> int:
        async with origin, visiting(origin) as http:
            await http.get(origin.url(), cap=100, deadline=60)
            tracemalloc.start()
            try:
                with pytest.raises(Later, match="more than 1,048,576 bytes"):
                    await http.get(origin.url("/bomb"), cap=1 << 20, deadline=60)
                for path in ("/twice", "/lines"):
                    with pytest.raises(Later, match="was not requested"):
                        await http.get(origin.url(path), cap=1 << 20, deadline=60)
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    assert asyncio.run(visit()) < 10 << 20


async def drip(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


async def drip_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
        await writer.drain()


async def too_short(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort")
    await writer.drain()


async def without_end(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x" * 1024)
        await writer.drain()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (drip, "127.0.0.1 did not finish within 0.3 s"),
        (drip_headers, "127.0.0.1 did not finish within 0.3 s"),
        (endless, "more than 5,000 bytes"),
        (without_end, "more than 5,000 bytes"),
        (too_short, "violates HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\ngood", "more bytes than it announced"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", "more than 5,000 bytes"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "violates HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxy", "violates HTTP"),
    ],
)
def test_bad_input_38_slow_endless_and_lying_replies_are_errors(
    origin: Origin, visiting: Visiting, answer: bytes | Callable[[asyncio.StreamWriter], object], said: str
) -> None:
    origin.answers["/bad"] = answer  # type: ignore[assignment]  # the table's functions are coroutine functions

    async def visit() -> None:
        async with origin, visiting(origin) as http:
            quick = 0.3 if "0.3" in said else 30
            with pytest.raises(Later, match=said):
                await http.get(origin.url("/bad"), cap=5_000, deadline=quick)
            assert (await http.get(origin.url(), cap=100, deadline=60)).body == b"good"

    asyncio.run(visit())


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nX-Big: " + b"x" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 10_000 + b"Content-Length: 0\r\n\r\n",
        b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80\x00\x04\x00\x01\x00\x00",  # HTTP/2 settings
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nBad Header\r\n\r\n",
        b"HTTP/1.1 999999 \x1b[2J\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"\r\n" * 100_000,
    ],
)
def test_bad_input_39_replies_off_the_standard_are_errors(origin: Origin, visiting: Visiting, raw: bytes) -> None:
    async def once(writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()

    origin.answers["/bad"] = once

    async def visit() -> None:
        async with origin, visiting(origin) as http:
            with pytest.raises(Later) as raised:
                await http.get(origin.url("/bad"), cap=5_000, deadline=60)
            assert str(raised.value).isprintable()
            assert len(str(raised.value)) < 250
            assert (await http.get(origin.url(), cap=100, deadline=60)).body == b"good"

    asyncio.run(visit())


@pytest.mark.parametrize("path", ["/feed?t=SECRET-TOKEN", "/SECRET-TOKEN/feed.xml", "/x" * 40 + "?key=SECRET-TOKEN"])
def test_bad_input_69_a_server_that_repeats_a_request_shows_no_secret_of_it(
    origin: Origin, visiting: Visiting, path: str
) -> None:
    async def repeat(writer: asyncio.StreamWriter) -> None:
        request = origin.requests[-1]
        writer.write(f"{request.headers['authorization']} {request.line}\r\n\r\n".encode())
        await writer.drain()

    origin.answers[path] = repeat

    async def visit() -> None:
        async with origin, visiting(origin) as http:
            with pytest.raises(Later, match=r"violates HTTP: .*\*\*\*.*GET") as raised:
                await http.get(origin.url(path, user="reader:SECRET"), cap=100, deadline=60)
            assert "SECRET" not in str(raised.value)
            assert base64.b64encode(b"reader:SECRET").decode() not in str(raised.value)

    asyncio.run(visit())


def test_bad_input_40_a_redirect_loop_ends_after_five_hops(origin: Origin, visiting: Visiting) -> None:
    origin.answers["/loop"] = to("/loop")

    async def visit() -> None:
        async with origin, visiting(origin) as http:
            with pytest.raises(Later, match="redirects more than 5 times"):
                await http.get(origin.url("/loop"), cap=100, deadline=60)

    asyncio.run(visit())
    assert len(origin.requests) == 6


def test_bad_input_40_cookies_are_neither_kept_nor_sent(origin: Origin, visiting: Visiting) -> None:
    origin.answers["/jar"] = ok(b"take these", *(f"Set-Cookie: c{n}={n}" for n in range(1000)))
    origin.answers["/hop"] = ok(b"", "Set-Cookie: a=b", "Location: /end", status="302 Found")

    async def visit() -> None:
        async with origin, visiting(origin) as http:
            reply = await http.get(origin.url("/jar"), cap=100, deadline=60)
            assert reply.body == b"take these"
            assert "set-cookie" not in reply.headers
            await http.get(origin.url("/hop"), cap=100, deadline=60)

    asyncio.run(visit())
    assert [request.path for request in origin.requests] == ["/jar", "/hop", "/end"]
    assert not any("cookie" in request.headers for request in origin.requests)
