"""A directory for Datasette (0.65): a database with a search and facets, its metadata, and files by their hash.

    posts.db         metadata.json        static/<SHA-256>.<type>, which Datasette shows as /static/…

`datasette DIRECTORY` opens it as it is.
"""

import json
import os
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.documents.as_json import iso
from bot.documents.post import convert_zawgyi
from bot.export.contract import Format, Material, Place
from bot.export.draft import measure
from bot.foreign.text import json_text, one_line
from storage.exports.database import QUERIES, ExportDatabase, read_revisions
from storage.media.types import ending

if TYPE_CHECKING:
    from storage.rows import MediaRow, PostRow, TextRow
    from storage.sources.coverage import CoveredSource

_PIECE = 1 << 20
_LOST = "the file is missing or damaged in the archive"


def write(material: Material, place: Place) -> None:
    """The database, page by page, with the files of each page; then what Datasette shows of it."""
    sides = {source.name: source.side for source in material.sources}
    with ExportDatabase(place.path("posts.db")) as database:
        database.add("sources", map(_source, material.sources))
        for page in material.pages():
            database.add("posts", (_post(post, sides.get(post.source)) for post in page))
            database.add("texts", (_text(post, text) for post in page for text in post.texts))
            database.add(
                "links", ({"post_id": post.id, "text": x.text, "url": x.url} for post in page for x in post.links)
            )
            database.add("files", _files(material.data_dir, place, page))
            edited = [post.id for post in page if post.revisions > 1]
            if edited:
                database.add("revisions", map(_revision, read_revisions(material.reader, edited)))
        database.finish()
    place.add("posts.db")
    with place.create("metadata.json") as file:
        file.write(f"{json_text(_metadata(material), indent=2)}\n".encode())


def _source(source: "CoveredSource") -> dict[str, Any]:
    return {
        "name": source.name,
        "kind": source.kind,
        "side": source.side,
        "title": source.title,
        "tags": json.dumps(source.tags, ensure_ascii=False),
        "first_contact_at": iso(source.first_contact_at),
        "last_ok_at": iso(source.last_ok_at),
    }


def _post(post: "PostRow", side: str | None) -> dict[str, Any]:
    return {
        "id": post.id,
        "source": post.source,
        "side": side,
        "native_id": post.native_id,
        "posted_at": iso(post.posted_at),
        "title": post.title,
        "text": post.text,
        "language": post.language,
        "author": post.author,
        "url": post.url,
        "media": " ".join(item.kind for item in post.media) or None,
        "deleted_at": iso(post.deleted_at),
        "edited_at": iso(post.edited_at),
        "collected_at": iso(post.collected_at),
        "posted_raw": post.posted_raw,
        "text_unicode": convert_zawgyi(post),
        "other_texts": "\n\n".join(text.text for text in post.texts) or None,
        "rules": json.dumps(post.rules, ensure_ascii=False),
        "forwarded_from": post.forward and post.forward.name,
        "forwarded_url": post.forward and post.forward.url,
        "reply_to": post.reply_to,
        "revisions": post.revisions,
        "raw_sha256": post.raw_sha256,
        "event": post.event,
        "copy_of": post.event if post.joined_by else None,
        "copy_reason": post.joined_by,
        "copy_likeness": post.likeness if post.joined_by else None,
        "quotes": post.quotes,
    }


def _text(post: "PostRow", text: "TextRow") -> dict[str, Any]:
    return {
        "post_id": post.id,
        "kind": text.kind,
        "engine": text.engine,
        "language": text.language,
        "text": text.text,
        "confidence": text.confidence,
        "model": text.model,
        "unreliable": text.unreliable,
    }


def _revision(row: Any) -> dict[str, Any]:
    return {**row, "collected_at": iso(row["collected_at"]), "edited_at": iso(row["edited_at"])}


def _files(data_dir: Path, place: Place, page: "Sequence[PostRow]") -> Iterator[dict[str, Any]]:
    for post in page:
        for item in post.media:
            file = _copy(data_dir, place, item)
            yield {
                "post_id": post.id,
                "kind": item.kind,
                "name": item.name,
                "file": file,
                "sniffed": item.sniffed,
                "mime": item.mime,
                "bytes": item.bytes if item.size is None else item.size,
                "sha256": item.sha256,
                "state": item.state,
                "reason": item.reason if file or item.path is None else _LOST,
                "duration_s": item.duration_s,
            }


def _copy(data_dir: Path, place: Place, item: "MediaRow") -> str | None:
    """Copy a file whose bytes we have, each content once. Where Datasette shows it; None if it is not there whole."""
    if item.path is None or item.sha256 is None:
        return None
    name = f"static/{item.sha256}.{ending(item.sniffed)}"
    if not place.path(name).exists():
        stored = data_dir / item.path
        if stored.is_symlink() or not stored.is_file() or measure(stored)[1] != item.sha256:
            return None
        descriptor = os.open(stored, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as source, place.create(name) as out:
            while piece := source.read(_PIECE):
                out.write(piece)
    return f"/{name}"


def _metadata(material: Material) -> dict[str, Any]:
    """Titles, facets and queries; Datasette shows descriptions as text, and we make them safe all the same."""
    asked = escape(one_line(material.title))
    posts = {
        "description": "The search finds parts of words, from three letters on; the query `find` shorter ones.",
        "facets": ["source", "side", "language", {"array": "rules"}, {"date": "posted_at"}],
        "sort_desc": "id",
        "fts_table": "posts_fts",
        "fts_pk": "id",
        "label_column": "native_id",
    }
    files = {"facets": ["kind", "state", "sniffed"], "label_column": "name"}
    queries = {
        name: {"title": title, "description": words, "sql": sql.strip()}
        for name, (title, words, sql) in QUERIES.items()
    }
    tables = {"posts": posts, "files": files, "texts": {"facets": ["kind", "engine", "language"]}}
    return {
        "title": "Posts exported from Communiqué",
        "description": f"{material.count:,} posts: {asked}",
        "databases": {"posts": {"tables": tables, "queries": queries}},
    }


FORMAT = Format(write)
