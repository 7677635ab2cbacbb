"""Reads stored entries again, each inside what the document around it begins and ends with."""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from bot.errors import Later
from bot.foreign.feed.parsed import ParsedEntry, ParsedFeed
from bot.sources.feed.posts import make_post
from bot.sources.feed.reading import ParseRequest
from storage.frozen import dataclass
from storage.records import FetchedPost, Raw, StoredRaw

Parsing: TypeAlias = Callable[[bytes, ParseRequest], Awaitable[ParsedFeed]]

_LONGEST = 64 << 10  # bytes of a frame; most are below two thousand
_PREFIXES = {  # as everybody writes them
    "atom": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dcterms": "http://purl.org/dc/terms/",
    "georss": "http://www.georss.org/georss",
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "media": "http://search.yahoo.com/mrss/",
    "podcast": "https://podcastindex.org/namespace/1.0",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "slash": "http://purl.org/rss/1.0/modules/slash/",
    "sy": "http://purl.org/rss/1.0/modules/syndication/",
    "thr": "http://purl.org/syndication/thread/1.0",
    "wfw": "http://wellformedweb.org/CommentAPI/",
}
_NAMES = " ".join(f'xmlns:{prefix}="{address}"' for prefix, address in _PREFIXES.items())


@dataclass(frozen=True, slots=True)
class Frame:
    """What is around the entries of a document: its bytes before the first and after the last, and its labels."""

    head: bytes
    tail: bytes
    type: str = ""  # Content-Type
    url: str = ""


def frame_of(body: bytes, reading: ParsedFeed, order: ParseRequest) -> Frame | None:
    """The frame of a document; None where its entries have no sure place, or too much is around them."""
    places = [entry["raw"] for entry in reading["entries"] if entry["raw"]]
    if not places:
        return None
    head, tail = body[: min(start for start, _ in places)], body[max(end for _, end in places) :]
    whole = len(places) == reading["total"]  # otherwise an entry that was left out is in the head or the tail
    return Frame(head, tail, order["type"], order["url"]) if whole and len(head) + len(tail) <= _LONGEST else None


async def read_again(
    stored: Sequence[StoredRaw], known: Frame | None, url: str, zone: str, now: int, parse: Parsing
) -> list[FetchedPost | None]:
    """What is in the bytes of each now; None for what cannot be read.

    Raises Later where that depends on a document which has not come yet since the start.
    """
    if known is None and any(not _is_utf8(one.raw.data) for one in stored):
        raise Later("the feed has not been read yet, and only its document names the charset")
    found: list[FetchedPost | None] = []
    for mime in dict.fromkeys(one.raw.mime for one in stored):
        alike = [one for one in stored if one.raw.mime == mime and not _is_of_an_earlier_parser(one.raw)]
        frame = known if known is not None and mime != "application/json" else _usual_frame(mime, url)
        entries = await _entries(alike, frame, zone, parse)
        found += [None if entry is None else _post(one, entry, now) for one, entry in zip(alike, entries, strict=True)]
    by_id = {post.native_id: post for post in found if post is not None}
    return [by_id.get(one.native_id) for one in stored]


def _usual_frame(mime: str, url: str) -> Frame:
    if mime == "application/json":
        return Frame(b'{"version":"https://jsonfeed.org/version/1.1","items":[', b"]}", "", url)
    if "atom" in mime:
        return Frame(f'<feed xmlns="{_PREFIXES["atom"]}" {_NAMES}>'.encode(), b"</feed>", "", url)
    return Frame(f'<rss version="2.0" {_NAMES}><channel>'.encode(), b"</channel></rss>", "", url)


async def _entries(stored: Sequence[StoredRaw], frame: Frame, zone: str, parse: Parsing) -> list[ParsedEntry | None]:
    """The entries of one document made of these; one by one where that does not give as many, or is broken."""
    comma = b"," if frame.head.startswith(b"{") else b"\n"
    document = frame.head + comma.join(one.raw.data for one in stored) + frame.tail
    try:
        order = ParseRequest(url=frame.url, type=frame.type, cap=len(stored), zone=zone)
        reading = await parse(document, order)
    except Later:
        entries, broken = [], True
    else:
        entries, broken = reading["entries"], bool(reading["broken"])
    if len(entries) == len(stored) and (not broken or len(stored) == 1):
        return list(entries)
    if len(stored) == 1:
        return [None]
    half = len(stored) // 2
    return [*await _entries(stored[:half], frame, zone, parse), *await _entries(stored[half:], frame, zone, parse)]


def _post(stored: StoredRaw, entry: ParsedEntry, now: int) -> FetchedPost | None:
    if not (entry["title"] or entry["text"] or entry["files"] or entry["link"] or entry["quoted"]):
        return None
    return make_post(stored.native_id, entry, Raw(stored.raw.data, stored.raw.mime), now)


def _is_of_an_earlier_parser(raw: Raw) -> bool:
    """Whether it is an entry in the form of feedparser, which was kept where the place in the document was unsure."""
    return raw.mime == "application/json" and re.search(rb'"\w+_detail":', raw.data) is not None


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
