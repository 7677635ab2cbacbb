"""Writes the world's feeds as Atom (RFC 4287)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from xml.sax.saxutils import escape

from bot.world.state import Entry


def atom(name: str, title: str, entries: Sequence[Entry], site: str) -> bytes:
    """The feed document; `site` is the world's own address."""
    updated = _moment(max((entry.at for entry in entries), default=0))
    body = "".join(
        f"<entry><id>{escape(entry.guid)}</id><title>{escape(entry.title)}</title>"
        f'<link href="{site}/page/{escape(entry.guid)}"/><published>{_moment(entry.at)}</published>'
        f"<updated>{_moment(entry.at)}</updated><author><name>{escape(title)}</name></author>"
        f'<content type="text">{escape(entry.text)}</content></entry>'
        for entry in entries
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom"><id>urn:world:{name}</id>'
        f"<title>{escape(title)}</title><updated>{updated}</updated>"
        f'<link rel="self" href="{site}/feed/{name}.atom"/>{body}</feed>\n'
    ).encode()


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
