"""Columns of a post that hold JSON, as records; each raises ValueError, TypeError, KeyError or AttributeError."""

from __future__ import annotations

import json

from storage.rows import Forward, Link, Segment


def read_forward(stored: str | None) -> Forward | None:
    """The column `forward`."""
    return None if stored is None else Forward(**json.loads(stored))


def read_links(stored: str) -> tuple[Link, ...]:
    """The column `links`."""
    return () if stored == "[]" else tuple(Link(**link) for link in json.loads(stored))


def read_segments(stored: str | None) -> tuple[Segment, ...]:
    """The column `segments`."""
    pieces = json.loads(stored) if stored else ()
    return tuple(Segment(**piece | {"words": tuple((at, s) for at, s in piece.get("words", ()))}) for piece in pieces)
