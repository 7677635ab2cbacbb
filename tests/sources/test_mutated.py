"""Spoilt documents of every kind: no crash, what was not spoilt is read as before, and never silently nothing."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pytest

from bot.clock import Clock
from bot.foreign.feed.parsed import Unreadable
from bot.sources.bluesky.posts import Reading, read_records
from bot.sources.bluesky.posts import read_feed as read_bluesky_feed
from bot.sources.feed.posts import FeedCursor, make_batch
from bot.sources.feed.reading import ParseRequest, read_document
from bot.sources.mail.reading import BrokenLetter, read_file, read_letter
from bot.sources.mastodon.posts import read_page as read_statuses
from bot.sources.telegram_web.page import read_page as read_preview
from bot.sources.website.reading import PageRequest, read_page
from bot.sources.youtube.videos import find_videos, read_watch_page
from bot.sources.youtube.videos import read_feed as read_videos
from bot.world import World
from bot.world.answers import Request, answer
from storage.records import FetchedPost, Raw
from tests.sources.bluesky_server import DID, BlueskyServer
from tests.sources.loopback_server import NOW
from tests.sources.mastodon_server import MastodonServer
from tests.sources.mutations import spoil
from tests.sources.town_site import TownSite
from tests.sources.youtube_server import YouTubeServer

Facts = dict[str, tuple[object, ...]]  # by id: what a reader makes of an entry
SOME, MANY = 45, 1_000
WORDS = "The ferry “Nadezhda” sails at eight — паром, 渡船, ကူးတို့ {}."


class Refused(Exception):
    """The reader says that it cannot read the document."""


@dataclass(frozen=True)
class Document:
    """Pieces between a head and a tail, each an entry; `read` gives what is found, or raises Refused."""

    head: bytes
    pieces: Sequence[bytes]
    tail: bytes
    read: Callable[[bytes], Facts]
    joint: bytes = b""

    def whole(self, pieces: Sequence[bytes]) -> bytes:
        return self.head + self.joint.join(pieces) + self.tail


def facts(posts: Sequence[FetchedPost]) -> Facts:
    return {post.native_id: (post.text, post.title, post.posted_at, post.url) for post in posts}


def feed(kind: str) -> Callable[[bytes], Facts]:
    def read(data: bytes) -> Facts:
        order = ParseRequest(url="http://ferry.example/feed", type=kind, cap=2000, zone="")
        try:
            reading = read_document(data, order, lambda: None)
        except Unreadable as reason:
            raise Refused from reason
        batch = make_batch(reading, data, FeedCursor(), NOW)
        if not batch.posts and not batch.quarantined:
            raise Refused
        return facts(batch.posts) | {"": (len(batch.quarantined), reading["broken"])}

    return read


def json_of(read: Callable[[bytes], Sequence[FetchedPost]]) -> Callable[[bytes], Facts]:
    def checked(data: bytes) -> Facts:
        try:
            return facts(read(data))
        except ValueError as reason:
            raise Refused from reason

    return checked


def rss() -> Document:
    items = [
        f"<item><guid>urn:{n}</guid><title>Notice {n}</title><link>http://ferry.example/{n}</link><description>"
        f"&lt;p&gt;{WORDS.format(n)}&lt;/p&gt;</description><pubDate>Sun, 22 Nov 2026 0{n}:00:00 GMT</pubDate>"
        f'<enclosure url="http://ferry.example/{n}.mp3" length="10{n}" type="audio/mpeg"/></item>'.encode()
        for n in range(1, 7)
    ]
    head = b'<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>Ferry</title>'
    return Document(head, items, b"</channel></rss>", feed("application/rss+xml"))


def atom() -> Document:
    items = [
        f'<entry><id>urn:{n}</id><title type="html">Notice &lt;b&gt;{n}&lt;/b&gt;</title><updated>2026-11-22T0{n}:00:00Z'
        f'</updated><link href="/{n}"/><content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>'
        f"{WORDS.format(n)}</p></div></content></entry>".encode()
        for n in range(1, 7)
    ]
    return Document(b'<feed xmlns="http://www.w3.org/2005/Atom">', items, b"</feed>", feed("application/atom+xml"))


def json_feed() -> Document:
    items = [
        json.dumps({"id": f"urn:{n}", "content_html": WORDS.format(n), "date_published": f"2026-11-22T0{n}:00:00Z"})
        for n in range(1, 7)
    ]
    head = b'{"version": "https://jsonfeed.org/version/1.1", "title": "Ferry", "items": ['
    return Document(head, [one.encode() for one in items], b"]}", feed("application/feed+json"), b",")


def statuses() -> Document:
    server = MastodonServer()
    for n in range(6):
        server.post(f"<p>{WORDS.format(n)}</p>", poll={"options": [{"title": "yes"}]}, media_attachments=[{"id": "1"}])
    pieces = [json.dumps(one, ensure_ascii=False).encode() for one in server.statuses]

    def read(data: bytes) -> Sequence[FetchedPost]:
        page = read_statuses(data, NOW)
        assert page.statuses or page.quarantined or data.strip() == b"[]"
        return [one.post for one in page.statuses]

    return Document(b"[", pieces, b"]", json_of(read), b",")


def skeets(*, records: bool) -> Document:
    server = BlueskyServer()
    for n in range(6):
        server.post(WORDS.format(n), facets=[{"index": {"byteStart": 0, "byteEnd": 3}, "features": []}])
    reading = Reading(DID, "http://pds.example", NOW)
    records_of = [{"uri": f"at://{DID}/{name}", "cid": "c", "value": value} for name, value in server.records.items()]
    items: Sequence[object] = records_of if records else server.entries
    page_of = read_records if records else read_bluesky_feed

    def pages(data: bytes) -> Sequence[FetchedPost]:
        return [one.post for one in page_of(data, reading).entries]

    pieces = [json.dumps(one, ensure_ascii=False).encode() for one in items]
    return Document(b'{"records": [' if records else b'{"feed": [', pieces, b"]}", json_of(pages), b",")


def videos() -> Document:
    server = YouTubeServer()
    for n in range(6):
        server.publish(f"Notice {n}", WORDS.format(n))
    head, *entries = server.feed().encode().split(b"<entry>")
    entries[-1] = entries[-1].removesuffix(b"</feed>")
    pieces = [b"<entry>" + one for one in entries]
    return Document(head, pieces, b"</feed>", json_of(lambda data: read_videos(data, "http://y.example", NOW).posts))


def watch_page() -> Document:
    server = YouTubeServer()
    video = server.publish("Notice", WORDS)

    def read(data: bytes) -> Sequence[FetchedPost]:
        page = read_watch_page(data, "http://y.example", NOW)
        return [page.post] if page.post else []

    return Document(b"", [server.reply(f"/watch?v={video}").body], b"", json_of(read))


def channel_page() -> Document:
    server = YouTubeServer()
    for n in range(6):
        server.publish(f"Notice {n}", WORDS)
    body = server.reply("/channel/UCferry_office-of_the-to/videos").body

    def read(data: bytes) -> Sequence[FetchedPost]:
        find_videos(data)
        return []

    return Document(b"", [body], b"", json_of(read))


def preview() -> Document:
    world = World(Clock(now=lambda: NOW), gzip=False)
    world.open_channel("ferry_office", "Ferry Office", first_id=2)
    for n in range(6):
        world.publish("ferry_office", WORDS.format(n), at=NOW - 1_000_000)
    page = answer(world, Request("/s/ferry_office", {})).body
    mark = b'<div class="tgme_widget_message_wrap'
    head, *blocks = page.split(mark)
    blocks[-1], _, tail = blocks[-1].partition(b"</section>")

    def read(data: bytes) -> Sequence[FetchedPost]:
        page = read_preview(data)
        if not page.is_preview:
            raise ValueError("no preview")
        aside = FetchedPost("", Raw(b"", ""))
        return [*page.posts, *([aside] if page.quarantined else [])]

    return Document(head, [mark + one for one in blocks], b"</section>" + tail, json_of(read))


def site(want: str) -> Document:
    town = TownSite()
    for n in range(1, 7):
        town.publish(f"Notice number {n} of the ferry office", f"<p>{WORDS.format(n) * 9}</p>")
    path = {"list": "/statements", "item": "/statements/3", "page": "/sailings"}[want]
    order = PageRequest(
        want=want, url=f"http://t.example{path}", type="text/html", item="", link="", title="", time="",
        body=".body" if want == "item" else "", keep="",
    )  # fmt: skip
    body = town.reply(path).body

    def read(data: bytes) -> Facts:
        found = read_page(data, order)
        json.dumps(found, ensure_ascii=False).encode("utf-8", "replace")
        if want == "list":
            return {one["url"]: (one["title"], one["time"]) for one in found.get("items", [])}
        return {}

    rows = body.split(b'<li class="row">') if want == "list" else [b"", body]
    pieces = [b'<li class="row">' + one for one in rows[1:]] if want == "list" else rows[1:]
    return Document(rows[0], pieces, b"", read)


def letter() -> Document:
    part = "--x\r\nContent-Type: {}; charset=utf-8\r\nContent-Transfer-Encoding: {}\r\n\r\n{}\r\n"
    parts = [
        part.format("text/plain", "8bit", WORDS.format(1)),
        part.format("text/html", "quoted-printable", "<p>=C3=A9 ferry</p><blockquote type=3D'cite'>old</blockquote>"),
        part.format("application/pdf; name=a.pdf", "base64", "JVBERi0xLjQKJcOkw7zDtsOf"),
        part.format("message/rfc822", "7bit", "Subject: inner\r\nDate: Sun, 22 Nov 2026 01:00:00 +0000\r\n\r\nwords"),
    ]
    head = (
        "From: =?utf-8?Q?Press_=C3=A9?= <press@ferry.example>\r\nSubject: =?koi8-r?B?8NLJ18XU?=\r\nMessage-ID: <1@f.example>"
        "\r\nDate: Sun, 22 Nov 2026 01:00:00 +0000\r\nReceived: by mx\r\nAuthentication-Results: mx; dkim=pass\r\n"
        "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
    )

    def read(data: bytes) -> Facts:
        try:
            found = read_letter(data)
            for number in range(len(found["files"])):
                read_file(data, number)
        except BrokenLetter as reason:
            raise Refused from reason
        json.dumps(found, ensure_ascii=False).encode("utf-8", "replace")
        return {}

    return Document(b"", [(head + "".join(parts) + "--x--\r\n").encode()], b"", read)


DOCUMENTS: dict[str, Callable[[], Document]] = {
    "feed, RSS": rss,
    "feed, Atom": atom,
    "feed, JSON": json_feed,
    "mail": letter,
    "mastodon": statuses,
    "bluesky, feed": lambda: skeets(records=False),
    "bluesky, records": lambda: skeets(records=True),
    "youtube, feed": videos,
    "youtube, video": watch_page,
    "youtube, channel": channel_page,
    "telegram_web": preview,
    "website, list": lambda: site("list"),
    "website, item": lambda: site("item"),
    "website, page": lambda: site("page"),
}


def spoilt(document: Document, number: int) -> Iterator[tuple[bytes, int, str]]:
    for seed in range(number):
        pieces, which, way = spoil(document.pieces, seed)
        yield document.whole(pieces), which, f"{way}, seed {seed}"


def nothing_lost(kind: str, number: int) -> None:
    document = DOCUMENTS[kind]()
    right = document.read(document.whole(document.pieces))
    ids = [one for one in right if one]
    order = ids if len(ids) == len(document.pieces) and kind != "website, list" else []
    if order and document.read(document.whole(document.pieces[:1])).keys() & {order[-1]}:
        order = order[::-1]  # read from the bottom up
    for data, which, how in spoilt(document, number):
        try:
            found = document.read(data)
        except Refused:
            continue
        wrong = {one for at, one in enumerate(order) if at != which and found.get(one) != right[one]}
        if "" in found and found[""] != right.get(""):  # it says that something could not be read
            wrong = {one for one in wrong if one in found}
        assert not wrong, f"{how}: {wrong} were not spoilt, and read otherwise"


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_what_is_spoilt_costs_at_most_itself(kind: str) -> None:
    nothing_lost(kind, SOME)


@pytest.mark.long
@pytest.mark.parametrize("kind", DOCUMENTS)
def test_of_a_thousand_spoilt_documents_each_costs_at_most_itself(kind: str) -> None:
    nothing_lost(kind, MANY)


def test_the_most_expensive_spoilt_documents_that_were_found_cost_little() -> None:
    """Each took minutes or all of the processor time that a child has, before its cause was mended."""
    began = time.process_time()
    document = rss()
    found = document.read(document.whole(spoil(document.pieces, 430)[0]))
    assert len(found) == 7
    letter().read(letter().whole(spoil(letter().pieces, 16)[0]))
    assert time.process_time() - began < 10
