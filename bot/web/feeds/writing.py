"""PURE: a feed as Atom (RFC 4287) and as JSON Feed 1.1 (https://www.jsonfeed.org/version/1.1/)."""

import re
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape, quoteattr

from bot.foreign.text import json_text
from bot.web.feeds.entries import GivenEntry

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_atom(number: str, title: str, updated: str, entries: Sequence[GivenEntry], address: str | None = None) -> str:
    """The feed as Atom; `number` is its id, `address` leads from the feed to itself."""
    lines = [line for one in entries for line in _entry(one)]
    return "\n".join((*_head(number, title, updated, address), *lines, "</feed>", ""))


def _head(number: str, title: str, updated: str, address: str | None) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield '<feed xmlns="http://www.w3.org/2005/Atom">'
    yield f"<id>{_text(number)}</id>"
    yield f"<title>{_text(title)}</title>"
    yield f"<updated>{updated}</updated>"
    yield "<generator>Communiqué</generator>"
    if address is not None:
        yield f'<link rel="self" type="application/atom+xml" href={quoteattr(_clean(address))}/>'


def _entry(one: GivenEntry) -> Iterator[str]:
    spoken = f" xml:lang={quoteattr(one.language)}" if one.language else ""
    yield f"<entry{spoken}>"
    yield f"<id>{one.id}</id>"
    yield f"<title>{_text(one.title)}</title>"
    yield f"<author><name>{_text(one.author)}</name></author>"
    yield f"<published>{one.published}</published>"
    yield f"<updated>{one.updated}</updated>"
    if one.url:
        yield f'<link rel="alternate" href={quoteattr(_clean(one.url))}/>'
    yield f'<content type="text">{_text(one.text)}</content>'
    yield "</entry>"


def write_json_feed(title: str, entries: Sequence[GivenEntry]) -> str:
    """The feed as JSON Feed."""
    items = [
        {
            "id": one.id,
            "title": one.title,
            "content_text": one.text,
            "date_published": one.published,
            "date_modified": one.updated,
            "authors": [{"name": one.author}],
            **({"url": one.url} if one.url else {}),
            **({"language": one.language} if one.language else {}),
            "_communique": {"deleted_at": one.deleted},
        }
        for one in entries
    ]
    return json_text({"version": "https://jsonfeed.org/version/1.1", "title": title, "items": items})


def _clean(text: str) -> str:
    return _NOT_IN_XML.sub("\ufffd", text)


def _text(text: str) -> str:
    return escape(_clean(text))
