"""What was watched in a stretch of time: the sources, when each was blind, and what of it is known to be missing."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import TYPE_CHECKING

from storage.archive.database import as_list, in_list
from storage.frozen import dataclass
from storage.records import Gap
from storage.sources.blindness import BlindStretch, list_stretches
from storage.sources.gaps import list_open_gaps

if TYPE_CHECKING:
    from storage.archive.database import Reader


@dataclass(frozen=True, slots=True)
class CoveredSource:
    """A source, and from when until when it was watched at all; `enabled`: it is in the config and not paused."""

    id: int
    name: str
    kind: str
    tags: tuple[str, ...]
    side: str | None
    title: str | None
    enabled: bool
    first_contact_at: int | None
    last_ok_at: int | None


@dataclass(frozen=True, slots=True)
class Coverage:
    """[since, until) in microseconds UTC, and what is known of it."""

    since: int | None
    until: int | None
    sources: tuple[CoveredSource, ...]
    blind: tuple[BlindStretch, ...]
    missing: tuple[tuple[str, Gap], ...]  # open gaps, with the name of the source


def read_coverage(
    reader: Reader, sources: Collection[int], since: int | None, until: int | None, first: int | None
) -> Coverage:
    """The coverage of these sources (ids). Without `until`: until the archive last looked at any of them.

    Without `since`: from the `first` post, or from the first contact if that was earlier.
    """
    chosen = {"ids": as_list(sources)}
    found = tuple(
        CoveredSource(**{**dict(row), "tags": tuple(json.loads(row["tags"])), "enabled": bool(row["enabled"])})
        for row in reader.rows(_SOURCES, chosen)
    )
    if until is None:
        until = reader.value(f"SELECT max(ended_at) FROM runs WHERE source_id {in_list('ids')}", chosen)
    if since is None:
        begun = (first, *(source.first_contact_at for source in found))
        since = min((at for at in begun if at is not None), default=None)
    blind = () if since is None or until is None else list_stretches(reader, since, until, sources=sources)
    missing = (
        (source.name, gap)
        for source in found
        for gap in list_open_gaps(reader, source.id)
        if not (since is not None and gap.to_at is not None and gap.to_at < since)
        and not (until is not None and gap.from_at is not None and gap.from_at >= until)
    )
    return Coverage(since, until, found, tuple(blind), tuple(missing))


_SOURCES = (
    "SELECT id, name, kind, tags, side, title, enabled = 1 AND paused = 0 AS enabled, first_contact_at, last_ok_at "
    f"FROM sources WHERE id {in_list('ids')} ORDER BY name"
)
