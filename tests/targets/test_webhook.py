import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from bot.alerts.targets.webhook.settings import Settings
from bot.alerts.targets.webhook.target import Webhook
from bot.clock import Clock
from bot.errors import Later, Never
from bot.http import Http, HttpRules
from bot.http.spool import Spool


class Kept:
    def __init__(self) -> None:
        self.url = ""
        self.status = 200
        self.waits = False
        self.headers: dict[str, str] = {}
        self.body = b""


@pytest.fixture
def receiver() -> Iterator[Kept]:
    """A receiver that keeps the request as it stood on the wire."""
    kept = Kept()

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            kept.headers = {name.lower(): value for name, value in self.headers.items()}
            kept.body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(kept.status)
            if kept.waits:
                self.send_header("retry-after", "120")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own name
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    kept.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    "secret", ["whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode(), "a plain secret"]
)
def test_a_receiver_can_verify_the_signature_by_itself(secret: str, receiver: Kept, around: Any) -> None:
    asyncio.run(around.send({"kind": "webhook", "url": receiver.url, "secret_file": around.secret("s", secret + "\n")}))
    # As https://www.standardwebhooks.com has it: HMAC-SHA256 over id.timestamp.body.
    key = base64.b64decode(secret[6:]) if secret.startswith("whsec_") else secret.encode()
    content = f"{receiver.headers['webhook-id']}.{receiver.headers['webhook-timestamp']}.".encode() + receiver.body
    expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    assert receiver.headers["webhook-signature"] == f"v1,{expected}"
    assert receiver.headers["webhook-timestamp"] == str(around.now // 1_000_000)
    assert receiver.headers["webhook-id"] == json.loads(receiver.body)["id"] == "msg_1"


def test_a_body_too_large_for_memory_is_whole_and_signed(receiver: Kept, around: Any) -> None:
    pieces = [f'"{number}", '.encode() * 3_000 for number in range(20)]
    spool = Spool(around.directory)
    for piece in pieces:
        spool.write(piece)
    keys = {"kind": "webhook", "url": receiver.url, "secret_file": around.secret("s", "a plain secret")}
    for _ in range(2):  # also if it is sent again
        asyncio.run(around.send(keys, body=spool))
        assert receiver.body == b"".join(pieces)
        assert receiver.headers["content-length"] == str(len(receiver.body))
        content = f"{receiver.headers['webhook-id']}.{receiver.headers['webhook-timestamp']}.".encode() + receiver.body
        expected = base64.b64encode(hmac.new(b"a plain secret", content, hashlib.sha256).digest()).decode()
        assert receiver.headers["webhook-signature"] == f"v1,{expected}"
    spool.close()


def test_without_a_secret_nothing_is_signed(receiver: Kept, around: Any) -> None:
    asyncio.run(around.send({"kind": "webhook", "url": receiver.url}))
    assert "webhook-signature" not in receiver.headers
    assert receiver.headers["content-type"] == "application/json"


def test_bad_input_20_the_body_is_json_whatever_a_post_holds(receiver: Kept, around: Any) -> None:
    text = 'a\u2028b\x00c\u2029"\\ \x1b[2J ထ'
    asyncio.run(around.send({"kind": "webhook", "url": receiver.url}, document={"text": text}))
    assert json.loads(receiver.body.decode("utf-8"))["text"] == text
    assert not set(receiver.body) & set(b"\x00\x1b\r")


@pytest.mark.parametrize("status", [400, 404, 413, 422, 500, 503])
def test_a_receiver_that_is_deployed_wrongly_gets_it_later(status: int, receiver: Kept, around: Any) -> None:
    receiver.status = status
    with pytest.raises(Later, match=str(status)):
        asyncio.run(around.send({"kind": "webhook", "url": receiver.url}))


def test_a_receiver_that_is_gone_parks_the_target(receiver: Kept, around: Any) -> None:
    receiver.status = 410
    with pytest.raises(Never, match="410"):
        asyncio.run(around.send({"kind": "webhook", "url": receiver.url}))


@pytest.mark.parametrize("status", [401, 403])
def test_a_receiver_that_lets_nobody_in_suspends_the_target_and_says_the_way_back(
    status: int, receiver: Kept, around: Any
) -> None:
    receiver.status = status
    with pytest.raises(Never, match=rf"{status}.*check url and secret_file, then run `communique alerts test desk`"):
        asyncio.run(around.send({"kind": "webhook", "url": receiver.url}))


@pytest.mark.parametrize("status", [401, 403, 429])
def test_a_wait_that_the_receiver_names_is_obeyed(status: int, receiver: Kept, around: Any) -> None:
    receiver.status = status
    receiver.waits = True
    with pytest.raises(Later) as problem:
        asyncio.run(around.send({"kind": "webhook", "url": receiver.url}))
    assert problem.value.obey
    assert problem.value.retry_at == around.now + 120_000_000


def test_an_address_that_is_a_secret_stands_in_a_file(receiver: Kept, around: Any) -> None:
    asyncio.run(around.send({"kind": "webhook", "url_file": around.secret("url", receiver.url + "\n")}))
    assert receiver.body


def test_exactly_one_address_is_asked_for(around: Any) -> None:
    for keys in ({}, {"url": "http://a.example/", "url_file": around.secret("url", "http://a.example/")}):
        with pytest.raises(ValueError, match="exactly one"):
            asyncio.run(around.send({"kind": "webhook", **keys}))


@pytest.mark.parametrize("given", ["url", "url_file", "token_file"])
def test_bad_input_69_a_server_that_repeats_the_request_does_not_reveal_the_secret_in_it(
    given: str, around: Any
) -> None:
    async def repeat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readuntil(b"\r\n\r\n"))
        writer.close()

    async def send() -> None:
        async with await asyncio.start_server(repeat, "127.0.0.1", 0) as server:
            address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            token = {"token_file": around.secret("token", "48395:A-SECRET-PIECE"), "chat": 7, "api_base": address}
            hook = f"{address}/hook/A-SECRET-PIECE"
            keys: dict[str, dict[str, Any]] = {
                "url": {"kind": "webhook", "url": hook},
                "url_file": {"kind": "webhook", "url_file": around.secret("url", f"{hook}\n")},
                "token_file": {"kind": "telegram", **token},
            }
            await around.send(keys[given])

    with pytest.raises(Later, match=r"POST .*\*\*\*.* HTTP") as problem:
        asyncio.run(send())
    assert "SECRET" not in str(problem.value)


def test_bad_input_69_a_receiver_that_redirects_to_its_own_secret_does_not_reveal_it(around: Any) -> None:
    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://a-secret-piece.example/\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def send() -> None:
        async with await asyncio.start_server(redirect, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            await around.send({"kind": "webhook", "url": f"http://127.0.0.1:{port}/hook/a-secret-piece"})

    with pytest.raises(Never, match=r"redirects messages to .*\*\*\*") as problem:
        asyncio.run(send())
    assert "secret" not in str(problem.value)


@pytest.mark.parametrize(("pause", "at_once"), [(0, 16), (1_000_000, 1)])
def test_one_alert_at_a_time_is_under_way_where_requests_are_kept_apart(pause: int, at_once: int) -> None:
    http = Http(HttpRules("communique-test", intervals={"hooks.example": pause}), Clock())
    settings = Settings(name="desk", kind="webhook", url="https://hooks.example/1")
    assert Webhook(settings, http, Clock()).at_once == at_once
