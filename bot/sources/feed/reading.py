"""The child process that parses feeds: no network, no files, little memory and little time.

It is started by path and loads nothing of this project but a few small modules. It is asked and answers as bot.forks
says: an order (`ParseRequest`) and a document, then one JSON document (`ParsedFeed`).
"""

import html
import json
import re
import resource
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypedDict
from zoneinfo import ZoneInfo

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).parents[3]))

import selectolax.lexbor  # noqa: F401 - loaded while files can be opened

from bot.foreign.charset import Decoded, decode
from bot.foreign.feed.json_feed import read_json_feed
from bot.foreign.feed.parsed import ParsedFeed, Unreadable
from bot.foreign.feed.rss_atom import find_entry_spans, read_xml_feed
from bot.foreign.times import read_time
from bot.forks import serve
from bot.landlock import confine
from bot.limits import limit_memory, limit_process

MEMORY = 768 << 20
_OWN = (
    b"""<rss version="2.0"><channel><title>Desk</title><item><title>Order</title><guid>1</guid>
    <link>https://example.org/1?a=1</link><pubDate>Mon, 02 Nov 2026 10:00:00 GMT</pubDate>
    <description>&lt;p&gt;The &lt;b&gt;gate&lt;/b&gt; is open.&lt;/p&gt;</description></item></channel></rss>""",
    b"""<feed xmlns="http://www.w3.org/2005/Atom"><title>Desk</title><entry><title>Order</title><id>urn:1</id>
    <link href="/1"/><updated>2026-11-02T10:00:00Z</updated><content type="html">&lt;p&gt;Open.&lt;/p&gt;</content>
    </entry></feed>""",
)


class ParseRequest(TypedDict):
    """What the parent asks: the reply's address and Content-Type, and how many entries it wants at most.

    `zone` is where the source is, "" for nowhere in particular: for times without a zone.
    """

    url: str
    type: str
    cap: int
    zone: str


def read_document(data: bytes, order: ParseRequest, ready: Callable[[], None]) -> ParsedFeed:
    """RSS, Atom or JSON Feed. `ready` is called once every codec is loaded and before foreign markup meets a parser.

    Raises Unreadable.
    """
    cap = order["cap"]
    read = partial(read_time, zone=ZoneInfo(order["zone"]) if order["zone"] else None)
    is_json = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{"
    places = [] if is_json else find_entry_spans(data)
    total = len(places)
    if total > 2 * cap:  # both ends stay: some feeds have the newest entry first, some last
        data = data[: places[cap][0]] + data[places[-cap][0] :]
        places = places[:cap] + places[-cap:]
    decoded = _decoded(data, order)
    ready()
    if is_json:
        found = read_json_feed(decoded.text, order["url"], cap, read)
    else:
        refuse_page(decoded.text)
        found = read_xml_feed(decoded.text, order["url"], cap, places, read)
    found["total"] = max(total, found["total"])
    found["note"] = decoded.note or ""
    return found


def _decoded(data: bytes, order: ParseRequest) -> Decoded:
    try:
        return decode(data, order["type"])
    except ValueError as error:
        raise Unreadable(f"the feed is {error}") from None


def refuse_page(text: str) -> None:
    """Raise Unreadable where a web page came instead of a feed: a block page, a login, an error."""
    start = text[:2000].lstrip("\ufeff \t\r\n").lower()
    if not start.startswith(("<!doctype html", "<html", "<head", "<body")):
        return
    title = re.search(r"<title[^>]*>([^<]{1,200})", text[:20_000], re.IGNORECASE)
    words = f' ("{" ".join(html.unescape(title[1]).split())[:80]}")' if title else ""
    raise Unreadable(f"the address answers with a web page{words}, not with a feed")


# The process ------------------------------------------------------------------------------------------------------


def forbid_opening() -> None:
    """Forbid files, programs and sockets from here on."""
    confine()  # also what needs no open file: to remove or rename one, to become another program
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


def answer_one(order: ParseRequest, data: bytes, cpu_s: int) -> bytes:
    """Answer one request, in a fork: a `ParsedFeed`, or `{"unreadable": "why"}`."""
    limit_process(cpu_s, MEMORY)
    answer: object
    try:
        answer = read_document(data, order, forbid_opening)
    except Unreadable as reason:
        answer = {"unreadable": str(reason)}
    except MemoryError:
        answer = {"unreadable": f"the feed needs more than {MEMORY >> 20} MB to be read"}
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def warm_up() -> None:
    """Read a feed of our own: what that compiles and loads, no fork has to do again."""
    for document in _OWN:
        read_document(document, ParseRequest(url="https://example.org/feed", type="", cap=1, zone=""), lambda: None)


if __name__ == "__main__":
    limit_memory(MEMORY)
    warm_up()
    serve(answer_one)
