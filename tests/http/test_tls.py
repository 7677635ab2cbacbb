from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl
from typing import TYPE_CHECKING

import pytest

from bot.errors import Later, Never
from tests.http.conftest import HANG

if TYPE_CHECKING:
    from pathlib import Path

    from storage.records import Fetch
    from tests.certificates import Authority
    from tests.http.conftest import Origin, Visiting


def test_an_authority_of_the_users_own_can_be_trusted(
    authority: Authority, secure_origin: type[Origin], visiting: Visiting
) -> None:
    origin = secure_origin(authority.server("good.example"))

    async def visit() -> None:
        async with origin, visiting(origin, names=("good.example",), ca_file=authority.ca_file) as http:
            for _ in range(2):
                assert (await http.get(origin.url(host="good.example"), cap=100, deadline=60)).body == b"good"

    asyncio.run(visit())
    assert origin.connections == 1


def test_a_reply_carries_what_proves_where_it_came_from(
    authority: Authority, secure_origin: type[Origin], visiting: Visiting
) -> None:
    origin = secure_origin(authority.server("good.example"))
    origin.answers["/old"] = b"HTTP/1.1 302 Found\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n"
    origin.answers["/new"] = (
        b"HTTP/1.1 200 Fine Indeed\r\nX-Node: a\r\nSet-Cookie: secret\r\nX-Node: b\r\nContent-Length: 2\r\n\r\nhi"
    )

    async def visit() -> Fetch:
        async with origin, visiting(origin, names=("good.example",), ca_file=authority.ca_file) as http:
            reply = await http.get(origin.url("/old", host="good.example"), cap=100, deadline=60)
            return reply.recorded("feed")

    kept = asyncio.run(visit())
    der = ssl.PEM_cert_to_DER_cert((authority.folder / "pem").read_text())
    assert kept.certificate == hashlib.sha256(der).hexdigest()
    assert (kept.method, kept.status) == ("feed", "HTTP/1.1 200 Fine Indeed")
    assert kept.url == origin.url("/new", host="good.example")
    assert dict(kept.headers) == {"x-node": "a, b", "content-length": "2"}


@pytest.mark.parametrize(
    ("name", "days", "signed", "trusted", "said"),
    [
        ("good.example", -1, True, True, "certificate has expired"),
        ("other.example", 2, True, True, "Hostname mismatch"),
        ("good.example", 2, False, True, "self.signed certificate"),
        ("good.example", 2, True, False, "unable to get local issuer certificate"),
    ],
)
def test_bad_input_36_a_certificate_that_does_not_hold_is_refused(
    authority: Authority,
    secure_origin: type[Origin],
    visiting: Visiting,
    name: str,
    days: int,
    signed: bool,
    trusted: bool,
    said: str,
) -> None:
    origin = secure_origin(authority.server(name, days=days, signed=signed))
    ca_file = authority.ca_file if trusted else None

    async def visit() -> None:
        async with origin, visiting(origin, names=("good.example",), ca_file=ca_file) as http:
            with pytest.raises(Later, match=f"good.example has no valid certificate: .*{said}"):
                await http.get(origin.url(host="good.example"), cap=100, deadline=60)
            with pytest.raises(Later) as raised:
                await http.post(origin.url(host="good.example"), content=b"alert")
            assert not raised.value.unsure

    asyncio.run(visit())
    assert origin.requests == []


def test_authorities_that_the_environment_names_are_not_trusted(
    authority: Authority, secure_origin: type[Origin], visiting: Visiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca_file))
    origin = secure_origin(authority.server("good.example"))

    async def visit() -> None:
        async with origin, visiting(origin, names=("good.example",)) as http:
            with pytest.raises(Later, match="no valid certificate"):
                await http.get(origin.url(host="good.example"), cap=100, deadline=60)

    asyncio.run(visit())


def test_what_came_encrypted_with_a_reply_is_not_the_reply_to_the_next_request(
    authority: Authority, secure_origin: type[Origin], visiting: Visiting
) -> None:
    async def lie(writer: asyncio.StreamWriter) -> None:
        for words in (b"four", b"forged"):  # a record each, and both are there when the first is read
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(words), words))
        await asyncio.sleep(HANG)

    origin = secure_origin(authority.server("127.0.0.1"))
    origin.answers["/lie"] = lie

    async def visit() -> None:
        async with origin, visiting(origin, ca_file=authority.ca_file) as http:
            assert (await http.get(origin.url("/lie"), cap=100, deadline=60)).body == b"four"
            assert (await http.get(origin.url(), cap=100, deadline=60)).body == b"good"

    asyncio.run(visit())
    assert origin.connections == 2


def test_a_server_without_tls_is_not_spoken_to_in_the_clear(origin: Origin, visiting: Visiting) -> None:
    async def visit() -> None:
        async with origin, visiting(origin, names=("good.example",)) as http:
            with pytest.raises(Later, match=r"good\.example"):
                await http.get(f"https://good.example:{origin.port}/", cap=100, deadline=0.5)

    asyncio.run(visit())
    assert origin.requests == []


def test_a_redirect_from_https_to_http_is_not_followed(
    authority: Authority, origin: Origin, secure_origin: type[Origin], visiting: Visiting
) -> None:
    secure = secure_origin(authority.server("good.example"))

    async def visit() -> None:
        async with (
            origin,
            secure,
            visiting(origin, secure, names=("good.example",), ca_file=authority.ca_file) as http,
        ):
            plain = origin.url(host="good.example").encode()
            secure.answers["/"] = b"HTTP/1.1 301 Moved\r\nContent-Length: 0\r\nLocation: " + plain + b"\r\n\r\n"
            with pytest.raises(Later, match="redirects from https to http"):
                await http.get(secure.url(host="good.example"), cap=100, deadline=60)

    asyncio.run(visit())
    assert origin.connections == 0


def test_a_message_that_waits_for_a_handshake_has_surely_not_arrived(visiting: Visiting) -> None:
    async def visit() -> None:
        with socket.create_server(("127.0.0.1", 0)) as mute:
            port = mute.getsockname()[1]
            async with visiting(type("Mute", (), {"port": port})) as http:
                with pytest.raises(Later, match="did not finish") as raised:
                    await http.post(f"https://127.0.0.1:{port}/", content=b"alert", deadline=0.2)
                assert not raised.value.unsure

    asyncio.run(visit())


def test_handshakes_that_fail_or_hang_leave_no_place_taken(
    authority: Authority, secure_origin: type[Origin], visiting: Visiting
) -> None:
    good = secure_origin(authority.server("good.example"))

    async def visit() -> None:
        mute = socket.create_server(("127.0.0.1", 0), backlog=100)  # takes connections and never says a word
        port = mute.getsockname()[1]
        names = ["good.example", *(f"h{number}.example" for number in range(60))]
        silent = type("Mute", (), {"port": port})
        with mute:
            async with good, visiting(good, silent, names=names, ca_file=authority.ca_file) as http:
                hanging = [http.get(f"https://{name}:{port}/", cap=9, deadline=0.2) for name in names[1:]]
                failing = [http.get(good.url(host=name), cap=9, deadline=60) for name in names[1:]]
                ends = await asyncio.gather(*hanging, *failing, return_exceptions=True)
                assert all(isinstance(end, Later) for end in ends)
                assert (await http.get(good.url(host="good.example"), cap=9, deadline=60)).body == b"good"

    asyncio.run(visit())


def test_a_file_of_authorities_that_cannot_be_read_stops_everything(
    origin: Origin, visiting: Visiting, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")

    async def visit(ca_file: Path) -> None:
        async with origin, visiting(origin, ca_file=ca_file) as http:
            with pytest.raises(Never, match=r"ca_file .* cannot be read: it must be a PEM file"):
                await http.get(origin.url(), cap=9, deadline=60)

    for name in ("ca.pem", "missing.pem"):
        asyncio.run(visit(tmp_path / name))
    assert origin.connections == 0
