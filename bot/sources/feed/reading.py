"""The child process that parses a feed: no network, no files, little memory and little time.

It is started by path and loads nothing of this project but a few small modules. Standard input is one line of JSON
(`ParseRequest`) and then the document; standard output is one JSON document (`ParsedFeed`). feedparser gets bytes in
memory only: it would try a text as a path and as a URL.
"""

import calendar
import html
import json
import math
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, TypedDict
from urllib.parse import urljoin

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).parents[3]))

from bot.foreign.charset import Decoded, decode
from bot.foreign.json import find_refusal, read, storable, write
from bot.foreign.markup import plain, tidy
from bot.limits import limit_process

MEMORY = 768 << 20
_TAGS = re.compile(rb"<!\[CDATA\[|<!--|<(/?)(?:[\w.-]+:)?(?:item|entry)(?=[\s/>])[^<>]*>")
_PROLOG = re.compile(r"\s+|<\?.*?\?>|<!--.*?-->", re.DOTALL)


class Unreadable(Exception):
    """Why the document cannot be read as a feed: one sentence."""


class ParseRequest(TypedDict):
    """What the parent asks: the reply's address and Content-Type, and how many entries it wants at most."""

    url: str
    type: str
    cap: int


class File(TypedDict):
    """An attached file as the feed declares it."""

    url: str
    mime: str
    bytes: int | None
    duration_s: float | None
    name: str


class ParsedEntry(TypedDict):
    """One entry. Times are microseconds UTC or None; `raw` is its place in the document, else `json` holds it."""

    guid: str
    link: str
    title: str
    author: str
    text: str
    links: list[tuple[str, str]]
    files: list[File]
    published: int | None
    published_raw: str
    updated: int | None
    updated_raw: str
    raw: tuple[int, int] | None
    json: str


class ParsedFeed(TypedDict):
    """The whole document. `total` counts its entries; `entries` holds at most `cap` of them, in document order.

    `note` says how its bytes were decoded, where a person should know that.
    """

    kind: str
    title: str
    total: int
    entries: list[ParsedEntry]
    broken: str
    refused: list[tuple[str, str]]
    note: str


# Bytes and text of the document ----------------------------------------------------------------------------------


def find_entry_spans(data: bytes) -> list[tuple[int, int]]:
    """Where each `<item>` or `<entry>` begins and ends; comments and CDATA are passed over. Linear in the size."""
    found: list[tuple[int, int]] = []
    at = depth = start = 0
    while tag := _TAGS.search(data, at):
        at = tag.end()
        if tag[1] is None:
            close = b"]]>" if tag[0] == b"<![CDATA[" else b"-->"
            at = data.find(close, at) + len(close)
            if at < len(close):
                break
        elif tag[1]:
            depth = max(depth - 1, 0)
            if depth == 0 and start >= 0:
                found.append((start, at))
                start = -1
        else:
            start = tag.start() if depth == 0 else start
            if not tag[0].endswith(b"/>"):
                depth += 1
            elif depth == 0:
                found.append((start, at))
                start = -1
    return found


def _text(data: bytes, order: ParseRequest) -> Decoded:
    try:
        return decode(data, order["type"])
    except ValueError as error:
        raise Unreadable(f"the feed is {error}") from None


def refuse_declarations(text: str) -> None:
    """Raise Unreadable where the document brings a DTD of its own: billion laughs, quadratic blow-up, XXE."""
    at = 0
    while skipped := _PROLOG.match(text, at):
        at = skipped.end()
    if text[at : at + 9].upper() == "<!DOCTYPE":
        inside, end = text.find("[", at), text.find(">", at)
        if end < 0 or 0 <= inside < end:
            raise Unreadable("the feed declares its own entities (an internal DTD), which is refused: no feed needs it")
    if text[at : at + 8].upper() == "<!ENTITY":
        raise Unreadable("the feed declares its own entities (an internal DTD), which is refused: no feed needs it")


def refuse_page(text: str) -> None:
    """Raise Unreadable where a web page came instead of a feed: a block page, a login, an error."""
    start = text[:2000].lstrip("\ufeff \t\r\n").lower()
    if not start.startswith(("<!doctype html", "<html", "<head", "<body")):
        return
    title = re.search(r"<title[^>]*>([^<]{1,200})", text[:20_000], re.IGNORECASE)
    words = f' ("{" ".join(html.unescape(title[1]).split())[:80]}")' if title else ""
    raise Unreadable(f"the address answers with a web page{words}, not with a feed")


# From a parsed feed to entries ------------------------------------------------------------------------------------


def parse_xml(data: bytes, order: ParseRequest, ready: Callable[[], None]) -> ParsedFeed:
    """RSS and Atom. `ready` is called once everything is loaded and before foreign markup meets a parser."""
    import feedparser

    places = find_entry_spans(data)
    cap = order["cap"]
    total = len(places)
    if total > 2 * cap:  # both ends stay: some feeds have the newest entry first, some last
        data = data[: places[cap][0]] + data[places[-cap][0] :]
        places = places[:cap] + places[-cap:]
    decoded = _text(data, order)
    text = decoded.text
    refuse_page(text)
    refuse_declarations(text)
    ready()
    clean = BytesIO(text.lstrip("\ufeff \t\r\n").encode("utf-8", "replace"))
    headers = {"content-type": "application/xml; charset=utf-8"}
    parsed = feedparser.parse(clean, response_headers=headers, sanitize_html=False, resolve_relative_uris=False)
    if not parsed.version and not parsed.entries:
        raise Unreadable("the address answers with something that is neither RSS, Atom nor JSON Feed")
    if len(places) != len(parsed.entries):
        places, total = [], max(total, len(parsed.entries))
    entries = [
        _entry(found, places[number] if places else None, order["url"]) for number, found in enumerate(parsed.entries)
    ]
    broken = str(parsed.get("bozo_exception", "")) if parsed.bozo else ""
    if broken and not entries:
        raise Unreadable(f"the feed is truncated or not XML ({broken[:100]}), and no entry can be read from it")
    return ParsedFeed(
        kind=parsed.version or "unknown",
        title=_title(parsed.feed),
        total=total,
        entries=keep_newest(entries, cap),
        broken=broken[:200],
        refused=[],
        note=decoded.note or "",
    )


def keep_newest(entries: list[ParsedEntry], cap: int) -> list[ParsedEntry]:
    """At most `cap` entries, those with the newest dates, in document order; without dates the first ones."""
    if len(entries) <= cap:
        return entries
    dated = [entry["published"] or entry["updated"] or -math.inf for entry in entries]
    kept = sorted(range(len(entries)), key=lambda number: -dated[number])[:cap]
    return [entries[number] for number in sorted(kept)]


def _entry(found: Any, place: tuple[int, int] | None, address: str) -> ParsedEntry:
    """One entry of feedparser's. `dict.get` is meant: its own `get` answers with other keys than those asked for."""
    body = max(found.get("content") or [], key=lambda part: len(part.get("value", "")), default=None)
    detail = body or found.get("summary_detail") or {"value": dict.get(found, "summary", "")}
    source = urljoin(address, detail.get("base") or "")
    value = detail.get("value") or ""
    text, links = (tidy(value), []) if detail.get("type") == "text/plain" else plain(value)
    link = dict.get(found, "link", "")
    if link == dict.get(found, "id") and not link.startswith(("http://", "https://")):
        link = ""  # feedparser takes a guid that is no address for the link where there is none
    published, updated = (dict.get(found, f"{name}_parsed") for name in ("published", "updated"))
    raw_dates = [str(dict.get(found, name) or "") for name in ("published", "updated")]
    return ParsedEntry(
        guid=storable(dict.get(found, "id", "")).strip(),
        link=_address(source, link),
        title=_title(found),
        author=_line((found.get("author_detail") or {}).get("name") or found.get("author", "")),
        text=storable(text),
        links=[(storable(words), _address(source, href)) for words, href in links],
        files=_files(found, source),
        published=read_time(raw_dates[0], published),
        published_raw=storable(raw_dates[0])[:100],
        updated=read_time(raw_dates[1], updated),
        updated_raw=storable(raw_dates[1])[:100],
        raw=place,
        json="" if place else write(found),
    )


def _title(found: Any) -> str:
    title = found.get("title_detail") or {"value": ""}
    return _line(title["value"] if title.get("type") == "text/plain" else plain(title["value"])[0])


def _files(found: Any, source: str) -> list[File]:
    """Enclosures and media:content, each address once."""
    files: dict[str, File] = {}
    for each in [*found.get("enclosures", ()), *found.get("media_content", ())]:
        address = _address(source, str(each.get("href") or each.get("url") or ""))
        if address and address not in files:
            mime = str(each.get("type") or "").split(";")[0].strip().lower()
            medium = str(each.get("medium") or "")
            files[address] = File(
                url=address,
                mime=mime or {"image": "image/*", "audio": "audio/*", "video": "video/*"}.get(medium, ""),
                bytes=_count(each.get("length") or each.get("filesize")),
                duration_s=read_duration(str(each.get("duration") or found.get("itunes_duration") or "")),
                name=_line(str(each.get("title") or "")),
            )
    return list(files.values())


def parse_json(data: bytes, order: ParseRequest) -> ParsedFeed:
    """JSON Feed 1.0 and 1.1. An item that is no object, or holds what JSON does not allow, is refused alone."""
    decoded = _text(data, order)
    try:
        document = read(decoded.text.lstrip("\ufeff"))
    except ValueError as error:
        raise Unreadable(f"the feed is {error}") from None
    items = document.get("items") if isinstance(document, dict) else None
    if (
        not isinstance(document, dict)
        or not isinstance(items, list)
        or "jsonfeed.org" not in _words(document, "version")
    ):
        reason = find_refusal(document)
        raise Unreadable(f"the feed is {reason}" if reason else "the address answers with JSON that is no JSON Feed")
    entries: list[ParsedEntry] = []
    refused: list[tuple[str, str]] = []
    for item in items if len(items) <= 2 * order["cap"] else items[: order["cap"]] + items[-order["cap"] :]:
        reason = find_refusal(item) or (None if isinstance(item, dict) else "an item that is no object")
        if reason is None:
            entries.append(_item(item, order["url"]))
        else:
            refused.append((reason, write(item)))
    return ParsedFeed(
        kind="json",
        title=_line(_words(document, "title")),
        total=len(items),
        entries=keep_newest(entries, order["cap"]),
        broken="",
        refused=refused,
        note=decoded.note or "",
    )


def _item(item: dict[str, Any], address: str) -> ParsedEntry:
    authors = _list(item, "authors") or [item.get("author")]
    markup, words = _words(item, "content_html"), _words(item, "content_text") or _words(item, "summary")
    text, links = plain(markup) if markup else (tidy(words), [])
    number = item.get("id")
    published, updated = _words(item, "date_published"), _words(item, "date_modified")
    return ParsedEntry(
        guid=storable(number.strip() if isinstance(number, str) else str(number) if type(number) is int else ""),
        link=_address(address, _words(item, "url") or _words(item, "external_url")),
        title=_line(_words(item, "title")),
        author=_line(
            ", ".join(name for each in authors or () if isinstance(each, dict) and (name := _words(each, "name")))
        ),
        text=storable(text),
        links=[(storable(words), _address(address, href)) for words, href in links],
        files=[_attachment(each, address) for each in _list(item, "attachments") if isinstance(each, dict)],
        published=read_time(published, None),
        published_raw=storable(published)[:100],
        updated=read_time(updated, None),
        updated_raw=storable(updated)[:100],
        raw=None,
        json=write(item),
    )


def _attachment(each: dict[str, Any], address: str) -> File:
    return File(
        url=_address(address, _words(each, "url")),
        mime=_words(each, "mime_type").lower(),
        bytes=_count(each.get("size_in_bytes")),
        duration_s=read_duration(str(each.get("duration_in_seconds") or "")),
        name=_line(_words(each, "title")),
    )


def _words(found: dict[str, Any], key: str) -> str:
    value = found.get(key)
    return value if isinstance(value, str) else ""


def _list(found: dict[str, Any], key: str) -> list[Any]:
    value = found.get(key)
    return value if isinstance(value, list) else []


def _line(text: str) -> str:
    return storable(" ".join(text.split()))


def _address(source: str, link: str) -> str:
    """The absolute address, "" where it cannot be built."""
    try:
        return storable(urljoin(source, link.strip())) if link.strip() else ""
    except ValueError:
        return ""


def _count(value: object) -> int | None:
    digits = str(value or "").strip()
    return int(digits) if digits.isascii() and digits.isdigit() and 0 < len(digits) < 16 and int(digits) else None


def read_duration(value: str) -> float | None:
    """Seconds of "95", "1:35", "1:02:03", "95.5"; None for anything else."""
    if not re.fullmatch(r"\d{1,6}(:\d{1,2}){0,2}(\.\d{1,6})?", value.strip(), re.ASCII):
        return None
    total = 0.0
    for part in value.strip().split(":"):
        total = total * 60 + float(part)
    return total or None


def read_time(raw: str, parsed: Any) -> int | None:
    """Microseconds UTC: exact where the string is ISO 8601 with an offset, else as feedparser read it (UTC if bare)."""
    try:
        exact = datetime.fromisoformat(raw.strip())
        if exact.tzinfo is not None:
            return round(exact.astimezone(UTC).timestamp() * 1_000_000)
    except (ValueError, OverflowError):
        pass
    try:
        return calendar.timegm(tuple(parsed)) * 1_000_000 if parsed else None
    except (ValueError, OverflowError, TypeError):
        return None


# The process ------------------------------------------------------------------------------------------------------


def forbid_opening() -> None:
    """Forbid files, programs and sockets from here on; what feedparser loads late is loaded now."""
    import resource

    import feedparser
    import selectolax.lexbor  # noqa: F401 - loaded while files can be opened

    from bot.landlock import confine

    feedparser.parse(BytesIO(b"<rss><channel><item><pubDate>Sat, 01 Jan 2000 00:00:00 GMT</pubDate></item>"))
    confine()  # also what needs no open file: to remove or rename one, to become another program
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


def main() -> None:
    """Answer one request: a `ParsedFeed`, or `{"unreadable": "why"}`."""
    limit_process(int(sys.argv[1]), MEMORY)
    answer: object
    try:
        order: ParseRequest = json.loads(sys.stdin.buffer.readline())
        data = sys.stdin.buffer.read()
        if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
            forbid_opening()
            answer = parse_json(data, order)
        else:
            answer = parse_xml(data, order, forbid_opening)
    except Unreadable as reason:
        answer = {"unreadable": str(reason)}
    except MemoryError:
        answer = {"unreadable": f"the feed needs more than {MEMORY >> 20} MB to be read"}
    sys.stdout.buffer.write(json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"))


if __name__ == "__main__":
    main()
