"""Posts as Markdown notes for Obsidian: one a post, one a source, each under a name that never changes, with links.

Nothing in a post becomes markup: no embed, no tag, no query of a plug-in, no HTML; no picture is loaded from outside.
"""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from bot.documents.as_json import iso
from bot.export.contract import Format, Material, Place
from bot.export.names import safe_name
from bot.foreign.text import json_text, one_line, visible

if TYPE_CHECKING:
    from storage.rows import PostRow
    from storage.sources.coverage import CoveredSource

_MARKUP = re.compile(r"[\\`*_\[\]<>#|~$%=^!&{}@:]")
_LIST = re.compile(r"^(\s*)([-+]|\d+[.)])", re.MULTILINE)
_INDENT = re.compile(r"^[ \t\u00a0]+", re.MULTILINE)
_IN_A_LINK = re.compile(r"[\x00-\x20<>\\\x7f-\xa0\u2028\u2029]")
_HEADLINES = {"transcript": "Transcript", "ocr": "Words in pictures", "translation": "Translation", "poll": "Poll"}


def write(material: Material, place: Place) -> None:
    """A note for each source, and one for each post in a folder of its source."""
    for source in material.sources:
        _create(place, f"sources/{safe_name(source.name)}.md", _note_of_source(source))
    for page in material.pages():
        events = {found for post in page for found in (post.event, post.quotes) if found is not None}
        first = material.names(events) if events else {}
        for post in page:
            _create(place, f"{_path(post.source, post.native_id)}.md", _note(post, first))


def _create(place: Place, name: str, lines: Iterator[str]) -> None:
    with place.create(name) as file:
        file.write("".join(f"{line}\n" for line in lines).encode())


def _path(source: str, native_id: str) -> str:
    return f"posts/{safe_name(source)}/{safe_name(source, native_id)}"


def _to(source: str, native_id: str) -> str:
    """A link to the note of a post, whether it is in this export or not."""
    return f"[[{_path(source, native_id)}|{escape(one_line(f'{source}/{native_id}'))}]]"


def _note(post: "PostRow", first: "Mapping[int, tuple[str, str]]") -> Iterator[str]:
    yield from _properties(post)
    yield f"Source: [[sources/{safe_name(post.source)}|{escape(one_line(post.source))}]]"
    if post.title:
        yield f"\n# {escape(one_line(post.title))}"
    yield f"\n{escape(post.text)}"
    for text in post.texts:
        yield f"\n## {_HEADLINES.get(text.kind, 'Beside it')}{' (' + escape(text.engine) + ')' if text.engine else ''}"
        yield f"\n{escape(text.text)}"
    relations = list(_relations(post, first))
    if relations:
        yield "\n## Links\n"
        yield from relations
    if post.media:
        yield "\n## Files\n"
        for item in post.media:
            words = (item.kind, item.name, item.sha256 and f"sha256 {item.sha256}", item.state)
            yield f"- {', '.join(escape(one_line(word)) for word in words if word)}"


def _properties(post: "PostRow") -> Iterator[str]:
    """YAML of JSON values, which every reader of YAML takes."""
    known = {
        "id": str(post.id),
        "source": post.source,
        "native_id": post.native_id,
        "url": post.url,
        "author": post.author,
        "posted_at": iso(post.posted_at),
        "collected_at": iso(post.collected_at),
        "edited_at": iso(post.edited_at),
        "deleted_at": iso(post.deleted_at),
        "language": post.language,
        "revisions": post.revisions,
        "rules": list(map(visible, post.rules)),
        "event": None if post.event is None else str(post.event),
        "raw_sha256": post.raw_sha256,
    }
    yield "---"
    for name, value in known.items():
        if value is not None:
            yield f"{name}: {json_text(visible(value) if isinstance(value, str) else value)}"
    yield "---"


def _relations(post: "PostRow", first: "Mapping[int, tuple[str, str]]") -> Iterator[str]:
    if post.url:
        yield f"- published at {_address(post.url, post.url)}"
    if post.reply_to is not None:
        yield f"- answers {_to(post.source, post.reply_to)}"
    if post.joined_by and post.event is not None and post.event in first:
        yield f"- copy ({escape(post.joined_by)}) of {_to(*first[post.event])}"
    if post.quotes is not None and post.quotes in first:
        yield f"- quotes {_to(*first[post.quotes])}"
    if (forward := post.forward) is not None:
        origin = _address(forward.url, forward.name) if forward.url else escape(one_line(forward.name))
        yield f"- forwarded from {origin}"
    for link in post.links:
        yield f"- {_address(link.url, link.text or link.url)}"


def _address(url: str, words: str) -> str:
    """A link that leads where it says; the bare words where it is no address of the web."""
    shown = escape(one_line(words)) or "link"
    if not url.startswith(("https://", "http://")):
        return f"{shown} ({escape(one_line(url))})" if url != words else shown
    return f"[{shown}](<{_IN_A_LINK.sub(_percent, url)}>)"


def _percent(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "replace"))


def _note_of_source(source: "CoveredSource") -> Iterator[str]:
    yield "---"
    for name, value in (("name", source.name), ("kind", source.kind), ("side", source.side), ("title", source.title)):
        if value is not None:
            yield f"{name}: {json_text(visible(value))}"
    yield f"tags_of_source: {json_text(list(map(visible, source.tags)))}"
    yield "---"
    yield f"# {escape(one_line(source.title or source.name))}"


def escape(text: str) -> str:
    """Words as Markdown that shows them and does nothing: each line stays a line."""
    safe = _MARKUP.sub(r"\\\g<0>", visible(text, newlines=True))
    safe = _INDENT.sub(lambda found: "\u00a0" * len(found[0]), safe)
    return _LIST.sub(lambda found: f"{found[1]}{found[2][:-1]}\\{found[2][-1]}", safe)


FORMAT = Format(write)
