"""Which sources a person may read: written as `tag:NAME`, `side:NAME` and `source:NAME`; any one of them is enough."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.archive.database import Reader

FIELDS = ("tag", "side", "source")


def parse_rights(words: Iterable[str]) -> tuple[str, ...]:
    """The rights that somebody wrote, each with its field, none twice. Raises ValueError with the right form."""
    found: dict[str, None] = {}
    for word in (part for written in words for part in written.split()):
        field, colon, name = word.partition(":")
        if not colon:
            field, name = "source", word
        if field not in FIELDS or not name:
            raise ValueError(f"{word} names nothing that can be read: write tag:NAME, side:NAME or source:NAME")
        found[f"{field}:{name}"] = None
    if not found:
        raise ValueError("it names nothing that can be read: write tag:NAME, side:NAME or source:NAME")
    return tuple(found)


def find_sources(reader: Reader, rights: Sequence[str] | None) -> frozenset[int] | None:
    """The ids of the sources that these rights open now; None: all, whichever there will be."""
    if rights is None:
        return None
    wanted = set(rights)
    return frozenset(
        row["id"]
        for row in reader.rows("SELECT id, name, side, tags FROM sources")
        if wanted & {f"source:{row['name']}", f"side:{row['side']}", *(f"tag:{tag}" for tag in json.loads(row["tags"]))}
    )


def list_unknown(reader: Reader, rights: Sequence[str]) -> list[str]:
    """Those rights that open no source of the archive."""
    return [one for one in rights if not find_sources(reader, (one,))]
