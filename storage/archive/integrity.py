"""Looks whether the archive file is sound: its pages, its references, its full-text index."""

from __future__ import annotations

from storage.archive.database import Archive, sql
from storage.archive.errors import ArchiveDamaged

_SHOWN = 10


def problems(archive: Archive) -> list[str]:
    """One sentence for each fault, none for a sound file. Reads every page, so it takes a while on a large archive."""
    found: list[str] = []
    try:
        with archive.reading() as reader:
            said = [row[0] for row in reader.execute(f"PRAGMA quick_check({_SHOWN})")]
            lost = reader.execute("PRAGMA foreign_key_check").fetchall()
    except ArchiveDamaged as problem:
        return [str(problem)]
    found += [f"a page is damaged: {line}" for line in said if line != "ok"]
    found += [f"a row of {row[0]} refers to a missing row of {row[2]}" for row in lost[:_SHOWN]]
    try:
        with archive.writing() as writer:
            # both checks above call a full-text index sound that has lost its words
            writer.execute(sql("INSERT INTO texts_index (texts_index, rank) VALUES ('integrity-check', 1)"))
    except ArchiveDamaged:
        found.append("the full-text index does not agree with the texts: it can be rebuilt, no text is lost")
    return found


def rebuild_index(archive: Archive) -> None:
    """Make the full-text index anew from the stored texts."""
    with archive.writing() as writer:
        writer.execute(sql("INSERT INTO texts_index (texts_index) VALUES ('rebuild')"))
