"""Secrets in addresses, and servers that repeat a token: no message, no screen, no line and no file shows one."""

import asyncio
import json

from bot.world import run_in_thread
from tests.bot_api import TOKEN, serving
from tests.desk import Desk, Sink
from tests.integration.scene import LOOPBACK, world_of

CONFIG = """
[[sources]]
name = "spokesman_office"
kind = "telegram_web"
channel = "spokesman_office"
base_url = "{world}"
[[rules]]
name = "command"
query = '"regional command"'
targets = ["bot"]
[[targets]]
name = "bot"
kind = "telegram"
token_file = "token"
chat = 7
api_base = "{api}"
[[targets]]
name = "hook"
kind = "webhook"
url = "{hook}"
health = true
"""
HALF = TOKEN.partition(":")[2]


def test_a_token_that_the_other_side_repeats_is_shown_and_written_nowhere(desk: Desk, sink: Sink) -> None:
    world = world_of("spokesman_office")
    token = desk.directory / "token"
    token.write_text(TOKEN)
    token.chmod(0o600)
    with run_in_thread(world) as address, serving() as api:
        desk.write(LOOPBACK + CONFIG.format(world=address, api=api.base, hook=sink.url))
        desk.run("run", "--once")
        api.fail_with = [(400, f"Bad Request: bot{TOKEN} may not say that"), (403, f"Forbidden: {HALF} was blocked")]
        for number in (1, 2):
            world.publish("spokesman_office", f"The regional command is quiet on day {number}.")
        journal = desk.run("run", "--once", code=None).stderr
    assert api.fail_with == []
    dead = desk.run("alerts", "list", "--state", "dead", "--json").stdout + desk.run("alerts", "why", "1").stdout
    messages = str(sink.received)
    status = desk.run("status", code=None).stdout + desk.run("status", "--json", code=None).stdout
    for shown in (journal, dead, messages, status):
        assert "***" in shown
        assert HALF not in shown
    written = {path.name for path in (desk.directory / "data").rglob("*") if path.is_file()}
    assert "communique.db" in written
    for path in (desk.directory / "data").rglob("*"):
        assert not path.is_file() or HALF.encode() not in path.read_bytes(), path


FEEDS = """
[http]
allow_private_addresses = true
[[sources]]
name = "moved"
kind = "feed"
url = "http://reader:S3CRET@{peer}/old?api_key=S3CRET"
[[sources]]
name = "echo"
kind = "feed"
url = "http://{peer}/echo?token=S3CRET"
[[sources]]
name = "closed"
kind = "feed"
url = "http://reader:S3CRET@{peer}/closed"
"""


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    request = (await reader.readuntil(b"\r\n\r\n")).decode()
    path = request.split()[1]
    if path.startswith("/echo"):
        writer.write(request.encode())
    elif path.startswith("/old"):
        writer.write(b"HTTP/1.1 301 Moved\r\nLocation: /new?api_key=S3CRET\r\nContent-Length: 0\r\n\r\n")
    elif path.startswith("/new"):
        item = "<item><guid>a</guid><title>Nothing new.</title></item>"
        body = f"<rss version='2.0'><channel><title>Desk</title>{item}</channel></rss>".encode()
        link = b"Link: <http://127.0.0.1/new?api_key=S3CRET>; rel=self"
        writer.write(b"HTTP/1.1 200 OK\r\n%b\r\nContent-Length: %d\r\n\r\n%b" % (link, len(body), body))
    else:
        writer.write(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()
    writer.close()


def test_a_secret_in_the_address_of_a_feed_is_shown_and_written_nowhere(desk: Desk) -> None:
    async def watch() -> list[str]:
        async with await asyncio.start_server(_answer, "127.0.0.1", 0) as server:
            desk.write(FEEDS.format(peer=f"127.0.0.1:{server.sockets[0].getsockname()[1]}"))
            journal = await asyncio.to_thread(desk.run, "run", "--once", code=None)
            return [journal.stdout + journal.stderr]

    shown = asyncio.run(watch())
    post = desk.run("search", "nothing", "--jsonl").stdout
    identity = str(json.loads(post)["id"])
    shown += [post, desk.run("show", identity, "--history").stdout, desk.run("status", code=None).stdout]
    shown += [desk.run("sources", "list", "--json").stdout, desk.run("config", "show").stdout]
    assert "violates HTTP" in shown[0]
    assert "api_key=***" in shown[2]
    assert "has moved to" in shown[3]
    assert "S3CRET" not in "".join(shown)
    for path in (desk.directory / "data").rglob("*"):
        assert not path.is_file() or b"S3CRET" not in path.read_bytes(), path
