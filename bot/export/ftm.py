"""Posts as FollowTheMoney entities, one a line (https://followthemoney.tech): articles, their files, and links.

An id is made of the name of the source and the post's id there, so that another export of the same post has it, too.
"""

import re
from collections.abc import Iterator, Sequence
from hashlib import sha1
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bot.documents.as_json import iso
from bot.export.contract import Format, Material, Place
from bot.export.languages import find_ftm, find_iso
from bot.foreign.graphemes import clip
from bot.foreign.text import json_text, one_line, visible
from storage.media.types import FILMS, PICTURES, SOUNDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storage.rows import MediaRow, PostRow, TextRow
    from storage.sources.coverage import CoveredSource

_TEXT, _STRING, _ADDRESS = 65_000, 1_024, 4_096  # letters of one value; followthemoney.types.registry
_TITLE = 200
_MIME = re.compile(r"[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*")
_UNKNOWN = "application/octet-stream"
_HOST = re.compile(r"[a-z0-9.-]*[a-z0-9]\.[a-z][a-z0-9-]+")


def write(material: Material, place: Place) -> None:
    """One entity a line."""
    sources = {source.name: source for source in material.sources}
    with place.create("entities.ftm.json") as file:
        for page in material.pages():
            events = {post.event for post in page if post.joined_by and post.event is not None}
            first = material.names(events) if events else {}
            entities = (entity for post in page for entity in _entities(post, sources.get(post.source), first))
            file.write("".join(f"{json_text(entity)}\n" for entity in entities).encode())


def _entities(
    post: "PostRow", source: "CoveredSource | None", first: "Mapping[int, tuple[str, str]]"
) -> Iterator[dict[str, object]]:
    own = _key(post.source, post.native_id)
    yield _article(own, post, source)
    for number, item in enumerate(post.media):
        file = _key(post.source, post.native_id, "file", str(number))
        yield _file(file, post, item)
        yield _entity(_key(file, "of", own), "Documentation", document=[file], entity=[own], role=["file of the post"])
    if post.reply_to is not None and post.reply_to != post.native_id:
        yield _link(own, _key(post.source, post.reply_to), "reply to")
    if post.joined_by and post.event is not None and post.event in first:
        yield _link(own, _key(*first[post.event]), "copy of")


def _article(own: str, post: "PostRow", source: "CoveredSource | None") -> dict[str, object]:
    translations = [text for text in post.texts if text.kind == "translation"]
    notes = [_deleted(post), _forwarded(post), _other_language(post.language)]
    return _entity(
        own,
        "Article",
        title=[clip(one_line((post.title or post.text)[: 4 * _TITLE]), _TITLE)],
        bodyText=_pieces(post.text),
        author=[post.author],
        publisher=[(source and source.title) or post.source],
        sourceUrl=[_address(post.url)],
        messageId=[f"{post.source}/{post.native_id}"],
        publishedAt=[_date(post.posted_at)],
        modifiedAt=[_date(post.edited_at)],
        retrievedAt=[_date(post.collected_at)],
        language=[find_ftm(post.language)],
        translatedText=[piece for text in translations for piece in _pieces(text.text)],
        translatedLanguage=[find_ftm(text.language) for text in translations],
        keywords=[*(source.tags if source else ()), *post.rules],
        notes=notes,
    )


def _file(own: str, post: "PostRow", item: "MediaRow") -> dict[str, object]:
    texts: Sequence[TextRow] = [text for text in post.texts if text.media_id == item.id and text.kind != "translation"]
    mime = (item.sniffed or item.mime or "").lower()
    return _entity(
        own,
        _schema(mime),
        fileName=[clip(one_line(item.name or ""), _TITLE) or f"{item.kind} of {post.source}/{post.native_id}"],
        mimeType=[mime if _MIME.fullmatch(mime) and mime != _UNKNOWN else None],
        fileSize=[None if (size := item.bytes if item.size is None else item.size) is None else str(size)],
        bodyText=[piece for text in texts for piece in _pieces(text.text)],
        language=sorted({found for text in texts if (found := find_ftm(text.language))}),
        publishedAt=[_date(post.posted_at)],
        notes=[f"sha256: {item.sha256}" if item.sha256 else None],
    )


def _schema(mime: str) -> str:
    for known, schema in ((PICTURES, "Image"), (SOUNDS, "Audio"), (FILMS, "Video")):
        if mime in known:
            return schema
    return "Document"


def _link(subject: str, object_: str, role: str) -> dict[str, object]:
    return _entity(_key(subject, role, object_), "UnknownLink", subject=[subject], object=[object_], role=[role])


def _entity(own: str, schema: str, **properties: Sequence[str | None]) -> dict[str, object]:
    """An entity with the values that there are, each once and no longer than may be."""
    kept: dict[str, list[str]] = {}
    for name, values in properties.items():
        most = _STRING if name not in ("bodyText", "translatedText", "notes", "sourceUrl") else _TEXT
        whole = (clip(visible(value, newlines=True).strip(), most, len) for value in values if value)
        if found := list(dict.fromkeys(value for value in whole if value)):
            kept[name] = found
    return {"id": own, "schema": schema, "properties": kept}


def _key(*parts: str) -> str:
    named = "\0".join(parts).encode("utf-8", "replace")
    return f"communique-{sha1(named, usedforsecurity=False).hexdigest()}"


def _pieces(text: str) -> list[str]:
    """A text as values that are short enough, made safe before they are cut."""
    safe = visible(text, newlines=True)
    return [safe[start : start + _TEXT] for start in range(0, len(safe), _TEXT)]


def _date(at: int | None) -> str | None:
    """To the second, in UTC, as FollowTheMoney writes dates."""
    found = iso(at)
    return found[:19] if found else None


def _address(url: str | None) -> str | None:
    """An address that anybody can visit; None for any other."""
    try:
        parts = urlsplit(url or "")
        host = (parts.hostname or "").encode("idna").decode()
        port = parts.port  # raises where it is no number
    except ValueError:
        return None
    usable = parts.scheme in ("http", "https") and _HOST.fullmatch(host) and port != 0 and url and len(url) <= _ADDRESS
    return url if usable and url and url.isprintable() and " " not in url else None


def _deleted(post: "PostRow") -> str | None:
    return None if post.deleted_at is None else f"deleted: its absence was confirmed at {iso(post.deleted_at)}"


def _forwarded(post: "PostRow") -> str | None:
    if post.forward is None:
        return None
    return f"forwarded from {post.forward.name}" + (f" ({post.forward.url})" if post.forward.url else "")


def _other_language(language: str) -> str | None:
    """A language that FollowTheMoney has no value for."""
    code = find_iso(language)
    return None if code is None or find_ftm(language) else f"language (ISO 639-3): {code}"


FORMAT = Format(write, "entities.ftm.json", streams=True)
