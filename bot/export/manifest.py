"""The manifest of an export: what was asked for, what is in it, what was watched then, the hash of each file."""

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from bot.documents.as_json import iso
from bot.documents.digest import open_gap_json, stretch_json
from bot.export.draft import measure
from bot.foreign.text import json_text
from storage.search.documents import ordering_time

if TYPE_CHECKING:
    from storage.rows import PostRow
    from storage.search.selection import Selection
    from storage.sources.coverage import Coverage, CoveredSource

NAME = "manifest.json"
_MADE_BY = "communique"
_A_FILE = '    {"name": '


class ExportCounts:
    """What was exported, counted while it passes."""

    def __init__(self) -> None:
        self.posts = self.edited = self.deleted = self.undated = self.files = 0
        self.of_source: Counter[str] = Counter()
        self.first: int | None = None
        self.last: int | None = None

    def watch(self, pages: "Iterable[list[PostRow]]") -> "Iterator[list[PostRow]]":
        """The same pages."""
        for page in pages:
            self._count(page)
            yield page

    def _count(self, page: "list[PostRow]") -> None:
        self.posts += len(page)
        self.edited += sum(post.revisions > 1 or post.edited_at is not None for post in page)
        self.deleted += sum(post.deleted_at is not None for post in page)
        self.undated += sum(post.posted_at is None for post in page)
        self.files += sum(len(post.media) for post in page)
        self.of_source.update(post.source for post in page)
        times = [ordering_time(post.id, post.posted_at) for post in page]
        self.first = min(times if self.first is None else [self.first, *times])
        self.last = max(times if self.last is None else [self.last, *times])


def write(
    out: BinaryIO,
    name: str,
    asked: str | None,
    wanted: "Selection",
    counts: ExportCounts,
    coverage: "Coverage",
    hashes: Iterable[str],
    version: str,
) -> None:
    """Write the manifest of an export in the format `name`."""
    document: dict[str, object] = {
        "made_by": _MADE_BY,
        "version": version,
        "format": name,
        "query": asked,
        "since": iso(wanted.since),
        "until": iso(wanted.until),
        "sources": list(wanted.sources),
        "tags": list(wanted.tags),
        "posts": counts.posts,
        "edited": counts.edited,
        "deleted": counts.deleted,
        "undated": counts.undated,
        "media": counts.files,
        "first_at": iso(counts.first),
        "last_at": iso(counts.last),
        "coverage": _coverage_json(coverage, counts),
    }
    out.write(json_text(document, indent=2).removesuffix("\n}").encode())
    out.write(b',\n  "files": [')
    before = "\n"
    for line in hashes:  # one a line: there may be a million, and `is_ours` reads them one by one
        out.write(f"{before}    {json_text(json.loads(line))}".encode())
        before = ",\n"
    out.write(b"\n  ]\n}\n")


def _coverage_json(coverage: "Coverage", counts: ExportCounts) -> dict[str, object]:
    return {
        "from": iso(coverage.since),
        "to": iso(coverage.until),
        "sources": [_source_json(source, counts.of_source[source.name]) for source in coverage.sources],
        "blind": [stretch_json(stretch) for stretch in coverage.blind],
        "gaps": [open_gap_json(source, gap) for source, gap in coverage.missing],
    }


def _source_json(source: "CoveredSource", posts: int) -> dict[str, object]:
    return {
        "name": source.name,
        "kind": source.kind,
        "tags": list(source.tags),
        "side": source.side,
        "enabled": source.enabled,
        "first_contact_at": iso(source.first_contact_at),
        "last_ok_at": iso(source.last_ok_at),
        "posts": posts,
    }


def is_ours(manifest: Path, folder: Path, file: str | None) -> bool:
    """Whether `file` is as a manifest says; None: whether everything in the folder is."""
    found = 0
    try:
        with manifest.open(encoding="utf-8") as lines:
            if lines.readline() != "{\n" or lines.readline() != f'  "made_by": "{_MADE_BY}",\n':
                return False
            for line in filter(lambda line: line.startswith(_A_FILE), lines):
                one = json.loads(line.rstrip(",\n"))
                if file not in (None, one["name"]) or measure(folder / one["name"]) != (one["bytes"], one["sha256"]):
                    return False
                found += 1
    except (OSError, ValueError, LookupError):
        return False
    return found == (1 if file else sum(len(files) for _, _, files in os.walk(folder)) - 1)
