"""Looks whether the archive file is sound: its pages, its references, its full-text index."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.archive import full_text
from storage.archive.database import Archive
from storage.archive.errors import ArchiveDamaged

if TYPE_CHECKING:
    from storage.archive.database import Reader

_SHOWN = 10
_OWN = {  # what is kept once, in `texts`
    "revisions": "SELECT 1 FROM revisions r WHERE r.text_number IS NOT NULL"
    " AND NOT EXISTS (SELECT 1 FROM texts t WHERE t.id = r.post_id << 14 | r.text_number) LIMIT 1",
    "raw": "SELECT 1 FROM raw w WHERE w.text_id IS NOT NULL"
    " AND NOT EXISTS (SELECT 1 FROM texts t WHERE t.id = w.text_id) LIMIT 1",
}


def find_problems(archive: Archive) -> list[str]:
    """One sentence for each fault, none for a sound file. Reads every page, so it takes a while on a large archive."""
    try:
        with archive.reading(fresh=True) as reader:
            found = check_pages(reader) + check_references(reader)
    except ArchiveDamaged as problem:
        return [str(problem)]
    if not full_text.agrees(archive):
        found.append("the full-text index does not agree with the texts: it can be rebuilt, no text is lost")
    return found


def check_pages(reader: Reader) -> list[str]:
    """What is wrong with the pages of the file, and with the indexes that are no full-text index."""
    said = [str(row[0]) for row in reader.rows(f"PRAGMA quick_check({_SHOWN})")]
    return [f"a page is damaged: {line}" for line in said if line != "ok"]


def check_references(reader: Reader) -> list[str]:
    """The first rows that refer to rows which do not exist."""
    lost = reader.execute("PRAGMA foreign_key_check").fetchmany(_SHOWN)
    found = [f"a row of {row[0]} refers to a missing row of {row[2]}" for row in lost]
    return found + [f"a row of {table} refers to a missing row of texts" for table in _OWN if reader.one(_OWN[table])]
