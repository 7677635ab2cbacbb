from __future__ import annotations

import asyncio
import base64
import gc
import gzip
from typing import TYPE_CHECKING

import httpx
import pytest

from bot.clock import Clock
from bot.errors import Later, Never
from bot.http import Http, HttpRules

if TYPE_CHECKING:
    from tests.http.conftest import Origin, Visiting


def ok(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]).encode() + b"\r\n\r\n" + body


def to(target: str, status: int = 302) -> bytes:
    return ok(b"moved", f"Location: {target}", status=f"{status} Moved")


def test_a_page_comes_back_unpacked_with_its_headers(origin: Origin, visiting: Visiting) -> None:
    packed = gzip.compress("သတင်း".encode())
    origin.answers["/s/desk?before=7"] = ok(packed, "Content-Encoding: gzip", 'ETag: "v1"', "Vary: a", "Vary: b")

    async def visit() -> None:
        async with origin, visiting(origin) as http:
            reply = await http.get(
                origin.url("/s/desk?before=7#top"), cap=100, deadline=60, headers={"If-None-Match": '"v0"'}
            )
            assert reply.ok
            assert reply.body.decode() == "သတင်း"
            assert (reply.headers["etag"], reply.headers["vary"]) == ('"v1"', "a, b")
            assert reply.url == origin.url("/s/desk?before=7")
            assert reply.moved_to is None

    asyncio.run(visit())
    sent = origin.requests[0].headers
    assert sent["user-agent"] == "communique-test/1"
    assert sent["accept-encoding"] == "gzip"
    assert sent["if-none-match"] == '"v0"'
    assert sent["host"] == f"127.0.0.1:{origin.port}"


def test_a_reply_is_gone_from_memory_as_soon_as_it_was_read(origin: Origin, visiting: Visiting) -> None:
    origin.answers |= {"/": ok(b"page"), "/old": to("/")}

    async def visit() -> int:
        async with origin, visiting(origin) as http:
            await http.get(origin.url("/old"), cap=100, deadline=60)
            return sum(type(one) in {httpx.Response, httpx.Request} for one in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        assert asyncio.run(visit()) == 0
    finally:
        gc.enable()


@pytest.mark.parametrize("status", [204, 304, 404, 410, 429, 500])
def test_every_status_comes_back_as_a_reply(origin: Origin, visiting: Visiting, status: int) -> None:
    origin.answers["/"] = ok(b"", status=f"{status} Status")

    async def visit() -> int:
        async with origin, visiting(origin) as http:
            reply = await http.get(origin.url(), cap=100, deadline=60)
            return reply.status

    assert asyncio.run(visit()) == status


def test_one_connection_serves_many_requests(origin: Origin, visiting: Visiting) -> None:
    async def visit() -> None:
        async with origin, visiting(origin) as http:
            for _ in range(5):
                await http.get(origin.url(), cap=100, deadline=60)

    asyncio.run(visit())
    assert (len(origin.requests), origin.connections) == (5, 1)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_server_that_closes_an_idle_connection_costs_no_poll_and_repeats_no_message(
    origin: Origin, visiting: Visiting, method: str
) -> None:
    async def answer_on_the_second_connection(writer: asyncio.StreamWriter) -> None:
        if origin.connections == 2:
            writer.write(ok(b"good"))
            await writer.drain()

    origin.answers["/later"] = answer_on_the_second_connection

    async def visit() -> None:
        async with origin, visiting(origin) as http:
            await http.get(origin.url(), cap=9, deadline=60)
            if method == "GET":
                assert (await http.get(origin.url("/later"), cap=9, deadline=60)).body == b"good"
            else:
                with pytest.raises(Later) as raised:
                    await http.post(origin.url("/later"), content=b"alert", deadline=60)
                assert raised.value.unsure

    asyncio.run(visit())
    assert [request.path for request in origin.requests] == ["/", "/later", "/later"][: 3 if method == "GET" else 2]


def test_a_server_that_never_answers_is_asked_once(origin: Origin, visiting: Visiting) -> None:
    async def cut(writer: asyncio.StreamWriter) -> None:
        writer.close()

    origin.answers["/cut"] = cut

    async def visit() -> None:
        async with origin, visiting(origin) as http:
            with pytest.raises(Later):
                await http.get(origin.url("/cut"), cap=9, deadline=60)

    asyncio.run(visit())
    assert len(origin.requests) == 1


def test_a_post_sends_its_content_and_reads_the_answer(origin: Origin, visiting: Visiting) -> None:
    origin.answers["/hook"] = ok(b"{}", status="202 Accepted")

    async def visit() -> None:
        async with origin, visiting(origin) as http:
            content = '{"text": "ထုတ်ပြန်"}'.encode()
            reply = await http.post(origin.url("/hook"), content=content, headers={"Content-Type": "application/json"})
            assert (reply.status, reply.body) == (202, b"{}")
            assert origin.requests[0].body == content
            assert origin.requests[0].headers["content-type"] == "application/json"

    asyncio.run(visit())


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [(301, 308, "/c"), (301, 302, "/b"), (302, 301, None), (307, 303, None)],
)
def test_only_an_unbroken_chain_of_permanent_redirects_counts_as_moved(
    origin: Origin, visiting: Visiting, first: int, second: int, kept: str | None
) -> None:
    origin.answers |= {"/a": to("b", first), "/b": to("/c", second)}

    async def visit() -> None:
        async with origin, visiting(origin) as http:
            reply = await http.get(origin.url("/a"), cap=100, deadline=60)
            assert (reply.body, reply.url) == (b"good", origin.url("/c"))
            assert reply.moved_to == (kept and origin.url(kept))

    asyncio.run(visit())


def test_credentials_of_the_config_reach_its_host_and_no_other(origin: Origin, visiting: Visiting) -> None:
    async def visit() -> None:
        async with origin, visiting(origin, names=("feeds.example", "other.example")) as http:
            origin.answers["/private"] = to("/same")
            origin.answers["/same"] = to(origin.url("/away", host="other.example", user="x:y"))
            reply = await http.get(
                origin.url("/private", host="feeds.example", user="reader:p%40ss"),
                cap=100,
                deadline=60,
                headers={"Cookie": "a=b", "X-Mine": "1"},
            )
            assert reply.url == origin.url("/away", host="other.example")

    asyncio.run(visit())
    own = "Basic " + base64.b64encode(b"reader:p@ss").decode()
    assert [request.headers.get("authorization") for request in origin.requests] == [own, own, None]
    assert [request.headers.get("cookie") for request in origin.requests] == ["a=b", "a=b", None]
    assert [request.headers.get("x-mine") for request in origin.requests] == ["1", "1", "1"]


def test_no_library_writes_an_address_or_a_header_to_the_log(
    origin: Origin, visiting: Visiting, caplog: pytest.LogCaptureFixture
) -> None:
    origin.answers["/bot12:secret/send"] = to("/moved?token=secret")
    caplog.set_level("DEBUG")

    async def visit() -> None:
        async with origin, visiting(origin) as http:
            await http.get(origin.url("/bot12:secret/send"), cap=100, deadline=60, headers={"X-Key": "secret"})

    asyncio.run(visit())
    assert not [record for record in caplog.records if record.name != "asyncio"]


def test_headers_that_no_alphabet_fits_come_back_byte_for_byte(origin: Origin, visiting: Visiting) -> None:
    origin.answers["/"] = b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: "' + "သ".encode() + b'"\r\n\r\n'

    async def visit() -> None:
        async with origin, visiting(origin) as http:
            etag = (await http.get(origin.url(), cap=100, deadline=60)).headers["etag"]
            await http.get(origin.url(), cap=100, deadline=60, headers={"If-None-Match": etag})

    asyncio.run(visit())
    assert origin.requests[1].headers["if-none-match"].encode("latin-1") == '"သ'.encode() + b'"'


def test_a_location_in_utf_8_is_followed(origin: Origin, visiting: Visiting) -> None:
    origin.answers["/"] = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: /" + "သတင်း".encode() + b"\r\n\r\n"

    async def visit() -> None:
        async with origin, visiting(origin) as http:
            await http.get(origin.url(), cap=100, deadline=60)

    asyncio.run(visit())
    assert origin.requests[1].path == "/%E1%80%9E%E1%80%90%E1%80%84%E1%80%BA%E1%80%B8"


@pytest.mark.parametrize(("status", "repeated"), [(307, True), (308, True), (301, False), (302, False), (303, False)])
def test_a_message_is_sent_again_only_where_the_redirect_says_so(
    origin: Origin, visiting: Visiting, status: int, repeated: bool
) -> None:
    origin.answers["/hook"] = to("/new", status)

    async def visit() -> None:
        async with origin, visiting(origin) as http:
            if repeated:
                assert (await http.post(origin.url("/hook"), content=b"alert")).body == b"good"
                assert [request.body for request in origin.requests] == [b"alert", b"alert"]
            else:
                with pytest.raises(Never, match="write the new address in the config"):
                    await http.post(origin.url("/hook"), content=b"alert")
                assert len(origin.requests) == 1

    asyncio.run(visit())


def test_a_message_is_never_sent_on_to_another_host(origin: Origin, visiting: Visiting) -> None:
    async def visit() -> None:
        async with origin, visiting(origin, names=("hooks.example", "evil.example")) as http:
            origin.answers["/hook"] = to(origin.url("/steal", host="evil.example"), 308)
            with pytest.raises(Never, match=r"evil\.example"):
                await http.post(origin.url("/hook", host="hooks.example"), content=b"alert")
            assert len(origin.requests) == 1

    asyncio.run(visit())


def test_a_message_without_an_answer_may_have_arrived(origin: Origin, visiting: Visiting) -> None:
    async def cut(writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def hang(writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async def half(writer: asyncio.StreamWriter) -> None:
        writer.write(ok(b"whole")[:-1])
        await writer.drain()

    origin.answers |= {"/cut": cut, "/hang": hang, "/half": half}

    async def visit() -> None:
        async with origin, visiting(origin) as http:
            for path in ("/cut", "/hang", "/half"):
                with pytest.raises(Later) as raised:
                    await http.post(origin.url(path), content=b"alert", deadline=1)
                assert raised.value.unsure, path

    asyncio.run(visit())


def test_a_message_to_a_closed_port_has_surely_not_arrived(origin: Origin, visiting: Visiting) -> None:
    async def visit() -> None:
        async with origin:
            pass
        async with visiting(origin) as http:
            with pytest.raises(Later, match=r"127\.0\.0\.1 cannot be reached: .*refused") as raised:
                await http.post(origin.url(), content=b"alert")
            assert not raised.value.unsure

    asyncio.run(visit())


def test_a_name_that_leads_nowhere_is_named(origin: Origin, visiting: Visiting) -> None:
    async def nowhere(host: str, port: int) -> list[str]:
        raise OSError(-2, "Name or service not known")

    async def visit() -> None:
        async with visiting(resolve=nowhere) as http:
            with pytest.raises(
                Later, match=r"gone\.example cannot be reached: its name cannot be resolved .*not known"
            ):
                await http.get("https://gone.example/x?token=secret", cap=1, deadline=60)

    asyncio.run(visit())


def test_the_systems_resolver_is_asked_where_no_other_is_given(origin: Origin, visiting: Visiting) -> None:
    from bot.http.connections import Resolver

    resolver = Resolver()
    try:
        assert set(asyncio.run(resolver("localhost", 80))) <= {"127.0.0.1", "::1"}
    finally:
        resolver.close()


def test_a_host_that_hangs_holds_up_no_other(origin: Origin, visiting: Visiting) -> None:
    reached = asyncio.Event()

    async def hang(writer: asyncio.StreamWriter) -> None:
        reached.set()
        await asyncio.Event().wait()

    origin.answers["/hang"] = hang

    async def visit() -> None:
        async with origin, visiting(origin, names=("slow.example", "quick.example")) as http:
            slow = origin.url("/hang", host="slow.example")
            stuck = [asyncio.ensure_future(http.get(slow, cap=9, deadline=60)) for _ in range(5)]
            await reached.wait()
            assert (await http.get(origin.url(host="quick.example"), cap=9, deadline=60)).body == b"good"
            for one in stuck:
                one.cancel()
            await asyncio.gather(*stuck, return_exceptions=True)

    asyncio.run(visit())


def test_requests_that_time_out_or_are_cancelled_leave_no_place_taken(origin: Origin, visiting: Visiting) -> None:
    async def hang(writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    origin.answers["/hang"] = hang
    names = [f"h{number}.example" for number in range(60)]

    async def visit() -> None:
        async with origin, visiting(origin, names=names) as http:
            hanging = [http.get(origin.url("/hang", host=name), cap=9, deadline=0.1) for name in names]
            ends = await asyncio.gather(*hanging, return_exceptions=True)
            assert {type(end) for end in ends} == {Later}
            assert (await http.get(origin.url(host=names[0]), cap=9, deadline=60)).body == b"good"

    asyncio.run(visit())


def test_a_reply_longer_than_it_says_does_not_spoil_the_next_one(origin: Origin, visiting: Visiting) -> None:
    origin.answers["/lie"] = ok(b"four")[:-1] + b"\xff" + ok(b"forged")

    async def visit() -> None:
        async with origin, visiting(origin) as http:
            with pytest.raises(Later, match="more bytes than it announced"):
                await http.get(origin.url("/lie"), cap=100, deadline=60)
            assert (await http.get(origin.url(), cap=100, deadline=60)).body == b"good"

    asyncio.run(visit())


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n",
        b"HTTP/1.1 503 x\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nfour\r\n0\r\n\r\n",
        ok(b"a" * 65_494),  # 65,536 bytes, as many as are read at once
    ],
)
def test_what_follows_a_reply_unasked_is_not_the_reply_to_the_next_request(
    origin: Origin, visiting: Visiting, head: bytes
) -> None:
    origin.answers["/lie"] = head + ok(b"forged")

    async def visit() -> None:
        async with origin, visiting(origin) as http:
            await http.get(origin.url("/lie"), cap=65_536, deadline=60)
            assert (await http.get(origin.url(), cap=100, deadline=60)).body == b"good"

    asyncio.run(visit())
    assert origin.connections == 2


@pytest.mark.parametrize("headers", [{"X-A": "a\r\nX-B: b"}, {"X-A": "သ"}, {"X A": "a"}])
def test_a_header_that_cannot_be_sent_stops_the_request(
    origin: Origin, visiting: Visiting, headers: dict[str, str]
) -> None:
    async def visit() -> None:
        async with origin, visiting(origin) as http:
            with pytest.raises(Never, match="cannot be written"):
                await http.get(origin.url(), cap=100, deadline=60, headers=headers)

    asyncio.run(visit())
    assert not origin.requests


def test_the_deadline_is_one_for_all_hops(origin: Origin, visiting: Visiting) -> None:
    async def slow_hop(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.1)
        writer.write(to("/next"))
        await writer.drain()

    origin.answers |= {"/next": slow_hop}

    async def visit() -> None:
        async with origin, visiting(origin) as http:
            with pytest.raises(Later, match=r"did not finish within 0\.35 s"):
                await http.get(origin.url("/next"), cap=100, deadline=0.35)

    asyncio.run(visit())


def test_the_wait_for_politeness_is_not_part_of_the_deadline(origin: Origin) -> None:
    async def visit() -> None:
        async with origin:
            private = frozenset({("127.0.0.1", origin.port)})
            http = Http(HttpRules("t/1", private=private, intervals={"127.0.0.1": 1_200_000}), Clock())
            for _ in range(2):
                assert (await http.get(origin.url(), cap=100, deadline=1)).ok
            await http.aclose()

    asyncio.run(visit())


def test_a_host_that_answers_too_many_requests_is_asked_more_slowly(origin: Origin, visiting: Visiting) -> None:
    origin.answers["/busy"] = ok(b"", status="429 Too Many Requests")

    async def visit() -> None:
        async with origin, visiting(origin) as http:
            await http.get(origin.url("/busy"), cap=100, deadline=60)
            assert http._limits._queue_of("127.0.0.1").slowness == 2
            await http.get(origin.url(), cap=100, deadline=60)
            assert 1 < http._limits._queue_of("127.0.0.1").slowness < 2

    asyncio.run(visit())
