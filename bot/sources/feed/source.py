"""RSS, Atom and JSON Feed: each entry is a post."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from urllib.parse import urljoin, urlsplit

from bot.clock import DAY
from bot.contracts.source import Recognised, SourceSettings, SourceTools, Want
from bot.contracts.walls import check_wall
from bot.errors import Later, Never
from bot.http import Reply, check_busy
from bot.http.body import Body, TooBig, UnusableBody
from bot.http.masking import MASK, mask_address
from bot.sources.feed import bridges
from bot.sources.feed.again import Frame, frame_of, read_again
from bot.sources.feed.child import ParseLimits, parse_in_child
from bot.sources.feed.posts import FeedCursor, make_batch
from bot.sources.feed.reading import ParseRequest
from bot.sources.feed.settings import Settings, web_address
from storage.records import Batch, Checked, FetchedPost, StoredRaw
from storage.state_names import NOT_FOUND, REFUSED, SIGN_IN_REQUIRED, SUBSCRIPTION_REQUIRED, TOO_BIG, UNREADABLE

BODY_CAP = 8 << 20
_PIECE = 4096  # bytes that are unpacked at once: what follows a part of a gzip file is copied for each part
ENTRY_CAP = 2_000
_SHORTEST_WINDOW = 10  # entries: few feeds show less, so that one which was empty and has as many may lack some
_LIMITS = ParseLimits(cpu_s=20, clock_s=600)  # of one document
READER = 3  # see bot.contracts.source.Rereader
_FEED_TYPES = {"application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml"}
_ACCEPT = "application/rss+xml, application/atom+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5"


class Feed:
    """One feed. It has no numbering and no past beyond its window, so nothing can be paged or re-checked."""

    pages = False
    checks = False
    reader_number = READER

    def __init__(self, settings: Settings, tools: SourceTools, *, limits: ParseLimits = _LIMITS) -> None:
        self.settings: SourceSettings = settings
        self._url = settings.url
        self._zone = settings.time_zone or ""
        self._mark = hashlib.sha256(settings.url.encode()).hexdigest()[:32]
        self._http = tools.http
        self._clock = tools.clock
        self._readers = tools.readers
        self._limits = limits
        self._frame: Frame | None = None

    async def fetch(self, _want: Want, cursor: str | None) -> Batch:
        """The whole document, oldest entry first; no posts where it is the one that `cursor` already knows."""
        note = FeedCursor.read(cursor)
        if note.asked not in (self._mark, self._url):  # earlier releases kept the address itself
            note = replace(note, moved=None, etag=None, modified=None, full_at=0, body="", expires=0)
        note = replace(note, asked=self._mark)
        if note.reader != self.reader_number:  # it reads the same document otherwise
            note = replace(note, reader=self.reader_number, etag=None, modified=None, body="")
        reply, asked = await self._ask(note)
        if reply.status == 304 and _remembered(reply.moved_to) not in (None, note.moved):
            # It is where the feed has moved to that knows our copy: ask once for the whole, to note the move.
            reply, asked = await self._ask(replace(note, etag=None, modified=None))
        now = self._clock.now()
        if reply.status == 304 and note.body:
            return Batch(cursor=cursor, detail=note.decoded)
        await check_wall(reply, mask_address(self._url))
        _refuse(reply, now)
        body = _inflated(reply.body)
        if not body.strip():
            raise Later("the address answers with an empty document instead of a feed", state=UNREADABLE)
        digest = hashlib.sha256(body).hexdigest()[:32]
        moved = _remembered(reply.moved_to or (asked if asked != self._url else None))
        was_empty = bool(note.body) and not note.count
        unchanged = (digest, moved) == (note.body, note.moved)
        note = replace(
            note,
            moved=moved,
            etag=_validator(reply, "etag"),
            modified=_validator(reply, "last-modified"),
            full_at=now,
            body=digest,
        )
        if unchanged:
            if 0 < note.expires < now:
                raise Later(bridges.describe_stale(note.expires))
            return Batch(cursor=note.write(), detail=note.decoded)
        kind = reply.headers.get("content-type", "")[:200]
        order = ParseRequest(url=reply.url, type=kind, cap=ENTRY_CAP, zone=self._zone)
        reading = await parse_in_child(body, order, self._limits, self._readers)
        _refuse_emptied(reading["total"], note.count, order)
        self._frame = frame_of(body, reading, order) or self._frame
        reading, trouble = bridges.take_out_errors(reading, reply.url)
        if trouble and not reading["entries"]:
            raise Later(trouble)
        note = replace(note, expires=bridges.find_expiry(reading))
        if 0 < note.expires < now:  # old as it is, what is in it was posted, and may not be there any more later
            trouble = bridges.describe_stale(note.expires)
        batch = make_batch(reading, body, note, now, trouble)
        overlap = batch.overlap and not (was_empty and reading["total"] >= _SHORTEST_WINDOW)
        return replace(batch, overlap=overlap, fetch=reply.recorded(self.settings.kind))

    async def reread(self, stored: Sequence[StoredRaw]) -> Sequence[FetchedPost | None]:
        """What this reader makes of stored entries. Raises Later where only the next document can say."""
        child = partial(parse_in_child, limits=self._limits, readers=self._readers)
        return await read_again(stored, self._frame, self._url, self._zone, self._clock.now(), child)

    async def check(self, native_id: str) -> Checked:
        """Not possible: an entry that has left the window of a feed is not thereby deleted."""
        raise Never(f"a feed has no place to look up {native_id!r} again")

    async def _ask(self, note: FeedCursor) -> tuple[Reply, str]:
        """The reply, and the address that was asked for it.

        That is where the feed has moved to, if that address holds no secret. The configured address gets another try
        when the new one knows nothing, or when no whole document has come for a day or as long as a bridge keeps one.
        Then nothing is asked conditionally: a broken cache could answer "not modified" for ever.
        """
        headers = {"accept": _ACCEPT}
        now = self._clock.now()
        if not 0 <= now - note.full_at < DAY or 0 < note.expires < now:  # also after the clock was set back
            return await self._http.get(self._url, cap=BODY_CAP, deadline=30, headers=headers), self._url
        conditional = dict(headers)
        if note.etag:
            conditional["if-none-match"] = note.etag
        if note.modified:
            conditional["if-modified-since"] = note.modified
        if note.moved and MASK not in note.moved:
            reply = await self._http.get(note.moved, cap=BODY_CAP, deadline=30, headers=conditional, foreign=True)
            if reply.status not in {401, 403, 404, 410}:
                return reply, note.moved
            conditional = headers
        return await self._http.get(self._url, cap=BODY_CAP, deadline=30, headers=conditional), self._url


def _remembered(moved_to: str | None) -> str | None:
    return mask_address(moved_to) if moved_to else None


def recognise(address: str) -> Recognised | None:
    """Any web address may be that of a feed."""
    try:
        return Recognised({"url": web_address(address.strip())}, 2)
    except ValueError:
        return None


def recognise_page(html: str, address: str) -> list[Recognised]:
    """The feeds that a page names (https://html.spec.whatwg.org/multipage/links.html#rel-alternate), comments last."""
    from selectolax.lexbor import LexborHTMLParser

    found: dict[str, str] = {}
    for link in LexborHTMLParser(html).css('link[rel~="alternate"][href]'):
        kind = (link.attributes.get("type") or "").partition(";")[0].strip().lower()
        if kind in _FEED_TYPES:
            url = urljoin(address, link.attributes.get("href") or "")
            found.setdefault(url, f"{link.attributes.get('title') or ''} {url}".casefold())
    ordered = sorted(found, key=lambda url: "comment" in found[url])
    return [Recognised({"url": url}, 2) for url in ordered[:5] if url.startswith(("http://", "https://"))]


def build(settings: SourceSettings, tools: SourceTools) -> Feed:
    """The working feed behind its settings."""
    assert isinstance(settings, Settings)
    return Feed(settings, tools)


def _refuse(reply: Reply, now: int) -> None:
    """Raise what any status but 200 means: gone or locked needs a person, everything else may heal."""
    host = urlsplit(reply.url).hostname
    if reply.status == 410:
        raise Never(f"{host} says that the feed is gone (410)", remedy="remove it or give its new address")
    if reply.status == 401:
        raise Never(
            f"{host} asks for a login (401)", remedy="give the address of a public feed", state=SIGN_IN_REQUIRED
        )
    if wait := check_busy(reply, now):
        raise wait
    if reply.status == 402:
        raise Later(f"{host} shows the feed only to those who pay (402)", state=SUBSCRIPTION_REQUIRED)
    if reply.status == 403:
        raise Later(f"{host} refuses to show the feed (403): it may block this network or program", state=REFUSED)
    if reply.status == 404:
        raise Later(f"{host} has no feed at this address (404)", state=NOT_FOUND)
    if reply.status != 200:
        raise Later(f"{host} answered {reply.status} instead of a feed")


def _refuse_emptied(count: int, before: int, order: ParseRequest) -> None:
    """Raise Later where a feed that had entries has none in a form that failures take."""
    if count or not before:
        return
    if "html" in order["type"]:
        raise Later(f"the feed had {before} entries and now answers with an empty web page", state=UNREADABLE)
    if bridges.is_of_rss_bridge(order["url"]):
        raise Later(f"the bridge lists no entries and had {before}: it may hide an error ([error] output is none)")


def _inflated(body: bytes) -> bytes:
    """The document under a gzip that no header announced."""
    if not body.startswith(b"\x1f\x8b"):
        return body
    unpacked = Body(BODY_CAP, {"content-encoding": "gzip"})
    try:
        for start in range(0, len(body), _PIECE):
            unpacked.feed(body[start : start + _PIECE])
        return unpacked.finish()
    except TooBig:
        raise Later(f"the feed unpacks to more than {BODY_CAP >> 20} MB", state=TOO_BIG) from None
    except UnusableBody as problem:
        raise Later(f"the address answers with {problem}", state=UNREADABLE) from None


def _validator(reply: Reply, name: str) -> str | None:
    value = reply.headers.get(name, "")
    return value if 0 < len(value) <= 1000 else None
