"""PURE: reads JSON Feed 1.0 and 1.1 (https://www.jsonfeed.org/version/1.1/)."""

from collections.abc import Callable
from typing import Any

from bot.foreign.embedded import plain_apart
from bot.foreign.feed.parsed import (
    File,
    ParsedEntry,
    ParsedFeed,
    Unreadable,
    absolute,
    count_of,
    join_bodies,
    keep_newest,
    one_line_of,
    picture_of,
    read_duration,
)
from bot.foreign.json import find_refusal, read, storable, write
from bot.foreign.markup import tidy


def read_json_feed(text: str, address: str, cap: int, read_time: Callable[[str], int | None]) -> ParsedFeed:
    """An item that is no object, or holds what JSON does not allow, is refused alone. Raises Unreadable."""
    try:
        document = read(text.lstrip("\ufeff"))
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
    for item in items if len(items) <= 2 * cap else items[:cap] + items[-cap:]:
        reason = find_refusal(item) or (None if isinstance(item, dict) else "an item that is no object")
        if reason is None:
            entries.append(read_item(item, address, read_time))
        else:
            refused.append((reason, write(item)))
    return ParsedFeed(
        kind="json",
        title=one_line_of(_words(document, "title")),
        picture=picture_of(address, document.get("icon") or document.get("favicon")),
        generator="",
        built=None,
        ttl=None,
        total=len(items),
        entries=keep_newest(entries, cap),
        broken="",
        refused=refused,
        note="",
    )


def read_item(item: dict[str, Any], address: str, read_time: Callable[[str], int | None]) -> ParsedEntry:
    """One item; addresses are relative to `address`, that of the document."""
    authors = _list(item, "authors") or [item.get("author")]
    marked, links, quoted = plain_apart(_words(item, "content_html"))
    bodies = [marked, tidy(_words(item, "content_text")), tidy(_words(item, "summary"))]
    number = item.get("id")
    published, updated = _date(item, "date_published"), _date(item, "date_modified")
    return ParsedEntry(
        guid=storable(number.strip() if isinstance(number, str) else str(number) if type(number) is int else ""),
        link=absolute(address, _words(item, "url") or _words(item, "external_url")),
        title=one_line_of(_words(item, "title")),
        author=one_line_of(
            ", ".join(name for each in authors or () if isinstance(each, dict) and (name := _words(each, "name")))
        ),
        text=storable(join_bodies(bodies)),
        body=storable(next(filter(None, bodies), "")),
        captions=[],
        quoted=storable(quoted),
        links=[(storable(words), absolute(address, href)) for words, href in links],
        files=[_attachment(each, address) for each in _list(item, "attachments") if isinstance(each, dict)],
        published=read_time(published),
        published_raw=storable(published)[:100],
        updated=read_time(updated),
        updated_raw=storable(updated)[:100],
        raw=None,
        source=write(item),
    )


def _attachment(each: dict[str, Any], address: str) -> File:
    return File(
        url=absolute(address, _words(each, "url")),
        mime=_words(each, "mime_type").lower(),
        bytes=count_of(each.get("size_in_bytes")),
        duration_s=read_duration(str(each.get("duration_in_seconds") or "")),
        name=one_line_of(_words(each, "title")),
    )


def _date(item: dict[str, Any], key: str) -> str:
    """A date as it is written; some write the seconds since 1970 as a number."""
    value = item.get(key)
    return str(value) if type(value) in {int, float} else _words(item, key)


def _words(found: dict[str, Any], key: str) -> str:
    value = found.get(key)
    return value if isinstance(value, str) else ""


def _list(found: dict[str, Any], key: str) -> list[Any]:
    value = found.get(key)
    return value if isinstance(value, list) else []
