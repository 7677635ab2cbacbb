"""How many rows of older versions are brought up to date: texts that are folded, posts that are read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.frozen import dataclass
from storage.language.version import FOLD_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.archive.database import Reader


@dataclass(frozen=True, slots=True)
class FoldProgress:
    """How many of all texts are folded by this version."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class RereadProgress:
    """How many posts of the sources that are being read have been read by the reader of now."""

    done: int
    total: int


def find_versions(reader: Reader) -> Iterator[int]:
    """Other versions that have folded some text; usually none."""
    if reader.sources is not None and reader.value(_HOW_MANY_SEEN, {"most": _FEW_SEEN}) < _FEW_SEEN:
        yield from (version for version in reader.column(_VERSIONS_SEEN) if version != FOLD_VERSION)
        return
    last = -1
    while (
        version := reader.value("SELECT min(fold_version) FROM texts WHERE fold_version > :last", {"last": last})
    ) is not None:
        last = int(version)
        if last != FOLD_VERSION:
            yield last


def count_refolded(reader: Reader) -> FoldProgress | None:
    """How far the folding is; None where nothing is left to do."""
    left = sum(reader.value(_LEFT, {"version": version}) for version in find_versions(reader))
    if not left:
        return None
    total = int(reader.value("SELECT count(*) FROM texts"))
    return FoldProgress(total - left, total)


# Of few posts: no index leads from a version to the texts that somebody sees.
_FEW_SEEN = 2_000
_HOW_MANY_SEEN = "SELECT count(*) FROM (SELECT 1 FROM posts LIMIT :most + 0)"
_VERSIONS_SEEN = "SELECT DISTINCT +fold_version FROM texts WHERE post_id IN (SELECT id FROM posts)"
_LEFT = "SELECT count(*) FROM texts WHERE fold_version = :version"


def count_reread(reader: Reader) -> RereadProgress | None:
    """How far the rereading is; None where nothing is left to do."""
    enabled = "FROM sources s JOIN posts p ON p.source_id = s.id WHERE s.enabled"
    left = int(reader.value(f"SELECT count(*) {enabled} AND p.reader > -s.reader AND p.reader < s.reader"))
    if not left:
        return None
    total = int(reader.value(f"SELECT count(*) {enabled} AND s.reader > 0"))
    return RereadProgress(total - left, total)
