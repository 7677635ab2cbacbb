"""An archive of an earlier release is upgraded and polled: what only this release reads is found, and nothing happened."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from telethon.tl import types

from bot.clock import Clock
from bot.sources.telegram_web.page import read_page
from bot.telegram.messages import ChannelAddress, read_messages
from bot.world import World
from bot.world.answers import Request, answer
from storage.archive.database import Archive
from storage.records import FetchedPost, Preview, Raw
from tests.desk import Desk, Sink
from tests.older_archive import OlderRule, OlderSource, write_archive

NOW = int(time.time()) * 1_000_000
DAY = 86_400_000_000
DATE = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(NOW // 1_000_000 - 86_400))
RSS = "application/rss+xml"
FRAME = (
    '<?xml version="1.0" encoding="UTF-8"?><rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/"><channel>'
    "<title>Notices</title>\n{}\n</channel></rss>"
)


def item(guid: str, inside: str) -> str:
    name = f'<guid isPermaLink="false">{guid}</guid>' if guid else ""
    return f"<item>{name}<pubDate>{DATE}</pubDate>{inside}</item>"


REPORT = item(
    "report",
    "<title>Ferry</title><description>The ferry has left. The garrison holds.</description>"
    "<media:description>A picture of the river.</media:description>",
)
NAMELESS = item(
    "", "<description>A note.</description><media:description>The garrison of the note.</media:description>"
)
NAMELESS_ID = "sha256:" + sha256(b"\nThe garrison of the note.").hexdigest()[:40]
BROKEN = item(
    "broken", "<description><![CDATA[The ferry is late<iframe src='a'/> with the garrison aboard.]]></description>"
)
GONE = item("gone", "<description>Old news.</description><media:description>The garrison of old.</media:description>")


def read_before(native_id: str, raw: str, text: str, title: str | None = None) -> FetchedPost:
    at = NOW - DAY
    return FetchedPost(native_id, Raw(raw.encode(), RSS), text, posted_at=at, posted_raw=DATE, title=title)


@dataclass
class Site:
    """A site with a feed and the pages of channels."""

    address: str = ""
    items: list[str] = field(default_factory=lambda: [REPORT, NAMELESS, BROKEN])
    world: World = field(default_factory=lambda: World(Clock(), gzip=False))

    def document(self) -> bytes:
        return FRAME.format("\n".join(self.items)).encode()

    def page(self, target: str) -> tuple[int, bytes]:
        reply = answer(self.world, Request(target, {"host": self.address.partition("//")[2]}))
        return reply.status, reply.body


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, tag = 200, RSS, f'"{sha256(made.document()).hexdigest()}"'
            if self.path != "/feed":
                (status, body), kind = made.page(self.path), "text/html; charset=utf-8"
            elif self.headers.get("if-none-match") == tag:
                status, body = 304, b""
            else:
                body = made.document()
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("etag", tag)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server calls it by
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    made.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def feed_before(site: Site) -> OlderSource:
    tag = f'"{sha256(site.document()).hexdigest()}"'
    note = {
        "asked": f"{site.address}/feed",
        "etag": tag,
        "full_at": NOW,
        "body": sha256(site.document()).hexdigest()[:32],
    }
    posts = (
        read_before("report", REPORT, "A picture of the river.", "Ferry"),
        read_before(NAMELESS_ID, NAMELESS, "The garrison of the note."),
        read_before("broken", BROKEN, "The ferry is late"),
        read_before("gone", GONE, "Old news."),
    )
    return OlderSource("notices", "feed", posts, json.dumps(note))


def pages_before(site: Site) -> OlderSource:
    """Pages whose cards and buttons nothing read; the bytes of then differ from those of now in a counter."""
    site.world.open_channel("old_ferry_town", "Old Ferry Town")
    for number in range(3):
        card = Preview("https://example.org/a", "Example", "A card", f"The garrison behind link {number}.")
        site.world.publish("old_ferry_town", f"Read this, {number}.", preview=card, at=NOW - DAY)
    page = read_page(site.page("/s/old_ferry_town")[1], site.address)
    posts = [
        replace(
            post, attached=None, cards=(), raw=replace(post.raw, data=post.raw.data.replace(b"</time>", b"</time> "))
        )
        for post in page.posts
    ]
    assert [post.text for post in posts if not post.service] == [f"Read this, {number}." for number in range(3)]
    note = {"channel": page.channel_id, "newest": max(post.number or 0 for post in posts)}
    return OlderSource("town", "telegram_web", posts, json.dumps(note))


def account_before() -> OlderSource:
    """A message whose buttons nothing read; no account is signed in any more."""
    button = types.KeyboardInlineButton("The garrison", types.InlineButtonTypeUrl("https://example.org/garrison"))
    markup = types.ReplyInlineMarkup([types.KeyboardInlineButtonRow([button])])
    when = datetime.fromtimestamp(NOW // 1_000_000 - 86_400, UTC)
    message = types.Message(7, types.PeerChannel(1), when, "Press the button.", reply_markup=markup)
    reply = types.messages.ChannelMessages(0, 1, [message], [], [], [])
    [post] = read_messages(reply, ChannelAddress(1, "river_press")).posts
    return OlderSource("press", "telegram", (replace(post, attached=None),), json.dumps({"channel": "1", "newest": 7}))


CONFIG = """
[[sources]]
name = "notices"
kind = "feed"
url = "{site}/feed"
[[sources]]
name = "town"
kind = "telegram_web"
channel = "old_ferry_town"
base_url = "{site}"
recheck = []
[[sources]]
name = "press"
kind = "telegram"
channel = "river_press"
fallback = "none"
[[rules]]
name = "garrison"
query = "garrison"
targets = ["hook"]
[[rules]]
name = "ferry"
query = "ferry"
targets = ["hook"]
[[targets]]
name = "hook"
kind = "webhook"
url = "{hook}"
[http]
allow_private_addresses = true
"""


def counts(desk: Desk) -> dict[str, int]:
    with Archive(desk.database).reading() as reader:
        return {
            table: int(reader.value(f"SELECT count(*) FROM {table}"))
            for table in ("posts", "revisions", "gaps", "deliveries", "jobs")
        }


def found(desk: Desk, query: str) -> list[str]:
    listed = json.loads(desk.run("search", query, "--json", code=None).stdout)
    return sorted(one["native_id"] for one in listed)


@pytest.mark.parametrize("schema", ["0004", pytest.param("0005", marks=pytest.mark.long)])
def test_what_only_this_release_reads_is_found_and_is_no_event(desk: Desk, sink: Sink, site: Site, schema: str) -> None:
    desk.write(CONFIG.format(site=site.address, hook=sink.url))
    sources = [feed_before(site), pages_before(site), account_before()]
    posts = [post for source in sources for post in source.posts]
    rules = [
        OlderRule("garrison", "garrison", {NAMELESS_ID: "garrison"}),
        OlderRule("ferry", "ferry", {"broken": "ferry"}),
    ]
    write_archive(desk.database, schema, NOW, sources, rules)

    done = desk.run("run", "--once", within_s=300)
    assert "notices: 0 new, 0 edited" in done.stderr
    assert "town: 0 new, 0 edited" in done.stderr
    assert counts(desk) == {"posts": len(posts), "revisions": len(posts), "gaps": 0, "deliveries": 0, "jobs": 0}
    assert found(desk, "garrison") == sorted(post.native_id for post in posts if not post.service)
    assert sink.received == []
    shown = json.loads(desk.run("show", "notices/broken", "--json").stdout)
    assert shown["text"] == "The ferry is late with the garrison aboard."
    assert shown["reread_at"] is not None
    assert json.loads(desk.run("status", "--json").stdout)["rereading"] is None

    site.items[2] = BROKEN.replace("is late", "has sunk")
    desk.run("run", "--once", within_s=300)
    assert counts(desk)["revisions"] == len(posts) + 1
    [(_, message)] = sink.received
    assert message["type"] == "edited"
    assert "The ferry is late with the garrison aboard." in json.dumps(message)
    assert "garrison" not in json.loads(desk.run("show", "notices/broken", "--json").stdout)["matches"][0]["rule"]
