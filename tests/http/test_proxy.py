from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bot.errors import Later, Never

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.certificates import Authority
    from tests.http.conftest import Origin, SocksProxy, Visiting, WebProxy


def unresolvable(names: list[str]) -> object:
    """A resolver that notes what it is asked: behind a proxy that must be nothing."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        names.append(host)
        raise OSError(-2, "Name or service not known")

    return resolve


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_a_socks_proxy_gets_the_name_and_resolves_it(
    origin: Origin, socks: SocksProxy, visiting: Visiting, scheme: str
) -> None:
    names: list[str] = []

    async def visit() -> None:
        async with origin, socks:
            socks.routes["news.example", 80] = origin.port
            proxy = f"{scheme}://127.0.0.1:{socks.port}"
            async with visiting(socks, proxy=proxy, resolve=unresolvable(names)) as http:
                for _ in range(3):
                    assert (await http.get("http://news.example/a", cap=100, deadline=60)).body == b"good"

    asyncio.run(visit())
    assert (socks.asked, names) == ([("news.example", 80)], [])
    assert origin.requests[0].headers["host"] == "news.example"


def test_a_socks_proxy_gets_the_user_name_that_is_set(origin: Origin, socks: SocksProxy, visiting: Visiting) -> None:
    socks.user = "desk:p@ss"

    async def visit() -> None:
        async with origin, socks:
            socks.routes["news.example", 80] = origin.port
            async with visiting(socks, proxy=f"socks5://desk:p%40ss@127.0.0.1:{socks.port}") as http:
                assert (await http.get("http://news.example/", cap=100, deadline=60)).ok
            async with visiting(socks, proxy=f"socks5://desk:wrong@127.0.0.1:{socks.port}") as http:
                with pytest.raises(Later, match="does not accept the user name and password") as raised:
                    await http.get("http://news.example/", cap=100, deadline=60)
                assert "wrong" not in str(raised.value)
            async with visiting(socks, proxy=f"socks5://127.0.0.1:{socks.port}") as http:
                with pytest.raises(Later, match="requires a user name and password"):
                    await http.get("http://news.example/", cap=100, deadline=60)

    asyncio.run(visit())


def test_a_socks_proxy_that_asks_for_no_password_is_given_none(
    origin: Origin, socks: SocksProxy, visiting: Visiting
) -> None:
    async def visit() -> None:
        async with origin, socks:
            socks.routes["news.example", 80] = origin.port
            async with visiting(socks, proxy=f"socks5://desk:secret@127.0.0.1:{socks.port}") as http:
                assert (await http.get("http://news.example/", cap=100, deadline=60)).ok

    asyncio.run(visit())


def test_a_web_proxy_forwards_plain_addresses(web_proxy: WebProxy, visiting: Visiting) -> None:
    names: list[str] = []

    async def visit() -> None:
        async with web_proxy:
            web_proxy.routes["news.example", 80] = 1
            proxy = f"http://127.0.0.1:{web_proxy.port}"
            async with visiting(web_proxy, proxy=proxy, resolve=unresolvable(names)) as http:
                reply = await http.get("http://news.example/a?b", cap=100, deadline=60)
                assert reply.headers["x-line"] == "GET http://news.example/a?b HTTP/1.1"
                assert (await http.get("http://gone.example/", cap=100, deadline=60)).status == 502

    asyncio.run(visit())
    assert names == []


@pytest.mark.parametrize("kind", ["socks5", "http"])
def test_through_a_tunnel_the_certificate_is_still_checked(
    authority: Authority,
    socks: SocksProxy,
    web_proxy: WebProxy,
    secure_origin: type[Origin],
    visiting: Visiting,
    kind: str,
) -> None:
    proxy = socks if kind == "socks5" else web_proxy
    origin = secure_origin(authority.server("good.example"))

    async def visit() -> None:
        async with origin, proxy:
            proxy.routes |= {("good.example", 443): origin.port, ("other.example", 443): origin.port}
            address = f"{kind}://127.0.0.1:{proxy.port}"
            async with visiting(proxy, proxy=address, ca_file=authority.ca_file) as http:
                for _ in range(2):
                    assert (await http.get("https://good.example/", cap=100, deadline=60)).body == b"good"
                with pytest.raises(Later, match=r"other\.example has no valid certificate: Hostname mismatch"):
                    await http.get("https://other.example/", cap=100, deadline=60)
                with pytest.raises(Later, match=r"gone\.example cannot be reached through the proxy 127\.0\.0\.1"):
                    await http.get("https://gone.example/", cap=100, deadline=60)

    asyncio.run(visit())
    assert proxy.asked == [("good.example", 443), ("other.example", 443), ("gone.example", 443)]


@pytest.mark.parametrize("url", ["https://news.example/", "http://news.example/"])
def test_a_web_proxy_that_wants_a_password_is_named(web_proxy: WebProxy, visiting: Visiting, url: str) -> None:
    web_proxy.user = "desk"

    async def visit() -> None:
        async with web_proxy, visiting(web_proxy, proxy=f"http://127.0.0.1:{web_proxy.port}") as http:
            with pytest.raises(Later, match="requires a user name and password") as raised:
                await http.get(url, cap=100, deadline=60)
            assert raised.value.state == "proxy down"

    asyncio.run(visit())


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "2130706433", "[::1]", "localhost", "router", "nas.local", "metadata.google.internal"],
)
def test_behind_a_proxy_addresses_of_the_house_are_still_refused(
    socks: SocksProxy, visiting: Visiting, host: str
) -> None:
    async def visit() -> None:
        async with socks, visiting(socks, proxy=f"socks5://127.0.0.1:{socks.port}") as http:
            with pytest.raises(Never, match="private"):
                await http.get(f"http://{host}/", cap=100, deadline=60)

    asyncio.run(visit())
    assert socks.connections == 0


def test_a_proxy_that_was_deaf_is_used_again_once_it_hears(
    origin: Origin, socks: SocksProxy, visiting: Visiting
) -> None:
    socks.deaf = True

    async def visit() -> None:
        async with origin, socks:
            socks.routes["news.example", 80] = origin.port
            async with visiting(socks, proxy=f"socks5://127.0.0.1:{socks.port}") as http:
                hanging = [http.get(f"http://h{n}.example/", cap=100, deadline=0.1) for n in range(60)]
                ends = await asyncio.gather(*hanging, return_exceptions=True)
                assert all(isinstance(end, Later) for end in ends)
                socks.deaf = False
                assert (await http.get("http://news.example/", cap=100, deadline=60)).body == b"good"

    asyncio.run(visit())


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://news.example/", "the proxy {} did not connect to news.example within 0.3 s, so nothing was sent"),
        ("http://news.example/", "news.example gave no answer within 0.3 s through the proxy {}"),
    ],
)
def test_a_web_proxy_that_hangs_is_named(web_proxy: WebProxy, visiting: Visiting, url: str, said: str) -> None:
    web_proxy.deaf = True

    async def visit() -> None:
        async with web_proxy, visiting(web_proxy, proxy=f"http://127.0.0.1:{web_proxy.port}") as http:
            with pytest.raises(Later) as raised:
                await http.get(url, cap=100, deadline=0.3)
            assert str(raised.value) == said.format(f"127.0.0.1:{web_proxy.port}")

    asyncio.run(visit())


def test_a_socks_proxy_that_hangs_is_named_and_not_the_host(socks: SocksProxy, visiting: Visiting) -> None:
    socks.deaf = True

    async def visit() -> None:
        async with socks, visiting(socks, proxy=f"socks5://127.0.0.1:{socks.port}") as http:
            with pytest.raises(Later, match=r"the proxy 127\.0\.0\.1:\d+ did not connect to news\.example"):
                await http.get("http://news.example/", cap=100, deadline=0.3)
            with pytest.raises(Later, match="through the proxy"):
                await http.open("http://news.example/", deadline=0.3)

    asyncio.run(visit())


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:9050", "http://localhost:3128", "socks5h://10.0.0.1:1080"])
def test_bad_input_33_a_private_proxy_needs_the_permission_too(visiting: Visiting, proxy: str) -> None:
    async def visit() -> None:
        async with visiting(proxy=proxy) as http:
            with pytest.raises(Never, match=r"the proxy cannot be used, because .* private"):
                await http.get("https://news.example/", cap=100, deadline=60)

    asyncio.run(visit())


def test_bad_input_33_a_proxy_whose_name_leads_into_the_house_is_refused(
    origin: Origin, socks: SocksProxy, visiting: Visiting
) -> None:
    async def visit() -> None:
        async with socks, visiting(proxy=f"socks5://proxy.example:{socks.port}") as http:
            with pytest.raises(Later, match="private address"):
                await http.get("https://news.example/", cap=100, deadline=60)

    asyncio.run(visit())
    assert socks.connections == 0


@pytest.mark.parametrize("kind", ["socks5", "socks5h", "http"])
def test_bad_input_35_with_a_dead_proxy_nothing_is_sent(origin: Origin, visiting: Visiting, kind: str) -> None:
    async def visit() -> None:
        async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as dead:
            port = dead.sockets[0].getsockname()[1]
        private = type("Dead", (), {"port": port})
        async with origin, visiting(origin, private, proxy=f"{kind}://127.0.0.1:{port}") as http:
            for url in (origin.url(), "http://news.example/", "https://news.example/"):
                with pytest.raises(Later, match=r"the proxy 127\.0\.0\.1:\d+ cannot be reached, so nothing") as raised:
                    await http.get(url, cap=100, deadline=60)
                assert raised.value.state == "proxy down"
            with pytest.raises(Later) as raised:
                await http.post(origin.url(), content=b"alert")
            assert not raised.value.unsure

    asyncio.run(visit())
    assert origin.connections == 0


@pytest.mark.parametrize(
    "proxy",
    ["ftp://proxy.example:21", "proxy.example:8080", "socks4://proxy.example:1080", "http://proxy.example", "x"],
)
def test_bad_input_35_with_a_proxy_that_cannot_be_used_nothing_is_sent(
    origin: Origin, visiting: Visiting, proxy: str
) -> None:
    async def visit() -> None:
        async with origin, visiting(origin, proxy=proxy) as http:
            with pytest.raises(Never, match=r"the proxy cannot be used.* http://host:port"):
                await http.get(origin.url(), cap=100, deadline=60)

    asyncio.run(visit())
    assert origin.connections == 0


@pytest.mark.parametrize("kind", ["socks5", "http"])
def test_bad_input_35_a_proxy_that_speaks_something_else_is_named(
    origin: Origin, visiting: Visiting, kind: str
) -> None:
    """The origin plays the proxy: it answers a CONNECT with a page, and a SOCKS greeting not at all."""
    origin.answers["news.example:443"] = b"220 mail.example ESMTP\r\n\r\n"

    async def visit() -> None:
        async with origin, visiting(origin, proxy=f"{kind}://127.0.0.1:{origin.port}") as http:
            with pytest.raises(Later, match=r"the proxy|did not finish"):
                await http.get("https://news.example/", cap=100, deadline=0.5)

    asyncio.run(visit())


def test_another_protocol_than_http_goes_through_the_proxy_too(
    origin: Origin, socks: SocksProxy, visiting: Visiting
) -> None:
    names: list[str] = []

    async def visit() -> None:
        async with origin, socks:
            socks.routes["mail.example", 587] = origin.port
            proxy = f"socks5://127.0.0.1:{socks.port}"
            async with visiting(socks, proxy=proxy, resolve=unresolvable(names)) as http:
                wire = await http.connect("mail.example", 587)
                await wire.write(b"GET / HTTP/1.1\r\nhost: mail.example\r\n\r\n")
                assert (await wire.read_line(100)).startswith(b"HTTP/1.1 200")
                await wire.aclose()
                with pytest.raises(Never, match="private name"):
                    await http.connect("mail.internal", 587)

    asyncio.run(visit())
    assert (socks.asked, names) == ([("mail.example", 587)], [])
