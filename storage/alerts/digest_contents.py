"""What digests list: the alerts that one has settled or counts, those that wait, and what became of their posts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.alerts.digest_rows import DigestedRow
from storage.archive.database import as_list, in_list

if TYPE_CHECKING:
    from collections.abc import Iterable

    from storage.archive.database import Reader

_LISTED = (
    "SELECT d.id, m.id, m.rule, m.kind, m.post_id, s.name, d.priority, m.at, d.state, d.held FROM deliveries d"
    " JOIN matches m ON m.id = d.match_id JOIN posts p ON p.id = m.post_id JOIN sources s ON s.id = p.source_id"
    " WHERE {} ORDER BY d.priority, d.id"
)


def list_settled(reader: Reader, digest: int) -> list[DigestedRow]:
    """What a digest has settled, the most urgent first, then the oldest."""
    return _listed(reader, "d.digest_id = :digest", {"digest": digest})


def list_held(reader: Reader, target: str, kind: str) -> list[DigestedRow]:
    """What waits at `target` for a digest of this kind, in the same order."""
    return _listed(reader, "d.target = :target AND d.held = :kind AND d.state = 'pending'",
                   {"target": target, "kind": kind})  # fmt: skip


def list_between(reader: Reader, target: str, after: int, before: int | None) -> list[DigestedRow]:
    """Every alert for `target` between two deliveries, whatever became of it; `before` None: up to now."""
    return _listed(
        reader,
        "d.target = :target AND d.id > :after AND (:before IS NULL OR d.id < :before)",
        {"target": target, "after": after, "before": before},
    )


def _listed(reader: Reader, which: str, values: dict[str, object]) -> list[DigestedRow]:
    return [DigestedRow(*row) for row in reader.rows(_LISTED.format(which), values)]


def find_last_edits(reader: Reader, posts: Iterable[int]) -> dict[int, int]:
    """When the last edit of each of these posts was collected; one that was never edited is left out."""
    rows = reader.rows(
        f"SELECT post_id, max(collected_at) FROM revisions WHERE post_id {in_list('posts')} AND number > 0"
        " GROUP BY post_id",
        {"posts": as_list(posts)},
    )
    return {row[0]: row[1] for row in rows}


def count_held(reader: Reader, target: str) -> dict[str, int]:
    """How many alerts wait at `target` now, by the kind of digest that they wait for."""
    rows = reader.rows(
        "SELECT held, count(*) FROM deliveries WHERE target = :target AND held IS NOT NULL AND state = 'pending'"
        " GROUP BY held ORDER BY held",
        {"target": target},
    )
    return {row[0]: row[1] for row in rows}
