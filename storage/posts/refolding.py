"""Texts that another version has folded: which there are, how many, and their new forms, for the index too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from storage.archive.database import as_list, in_list
from storage.archive.full_text import find_floor
from storage.archive.packed_words import FOLDED, columns
from storage.language.version import FOLD_VERSION
from storage.posts import index
from storage.posts.ids import TEXT_BITS
from storage.posts.progress import find_versions

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

_MOST = 200  # texts at a time
_LETTERS = 200_000  # of them all, so that one step takes a fraction of a second


def find_stale(reader: Reader) -> dict[int, str]:
    """The newest texts that are to be folded again, by their ids; empty if there are none."""
    version = next(find_versions(reader), None)
    found: dict[int, str] = {}
    letters = 0
    for row in reader.rows(_STALE, {"version": version, "most": _MOST}) if version is not None else ():
        letters += len(row["text"])
        if found and letters > _LETTERS:
            break
        found[row["id"]] = row["text"]
    return found


_STALE = "SELECT id, text FROM texts WHERE fold_version = :version ORDER BY id DESC LIMIT :most + 0"


def save(writer: Writer, folded: Mapping[int, str]) -> None:
    """Write new forms, by the ids of their texts, and index them; done twice it changes nothing."""
    before = writer.rows(
        f"SELECT id, text, {FOLDED.format('')} AS folded FROM texts WHERE id {in_list('ids')} AND fold_version <> :now",
        {"ids": as_list(folded), "now": FOLD_VERSION},
    )
    plain = find_floor(writer) is not None
    rows = [
        {"id": row["id"], "old": row["folded"], "new": (new := folded[row["id"]]), "now": FOLD_VERSION}
        | columns(new, row["text"], plain=plain)
        for row in before
    ]
    changed = [row for row in rows if row["old"] != row["new"]]
    with index.rewriting(writer, {cast("int", row["id"]) >> TEXT_BITS for row in changed}):
        writer.execute_many(
            "UPDATE texts SET folded = :folded, packed = :packed, fold_version = :now WHERE id = :id", rows
        )
    index.refold_in_old(writer, changed)
