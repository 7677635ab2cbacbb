"""How often sources are really polled, where their host cannot be asked as often as the config says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from storage.archive.database import Reader, Writer

_SENTENCES = "paces"  # in `meta`


def read_sentences(reader: Reader) -> tuple[str, ...]:
    """One sentence for each host that is asked less often than the config says."""
    found = reader.value("SELECT value FROM meta WHERE key = :key", {"key": _SENTENCES})
    return tuple(json.loads(found)) if found else ()


def read_last_posts(reader: Reader) -> dict[str, int]:
    """When each source last posted."""
    rows = reader.rows("SELECT name, last_post_at FROM sources WHERE last_post_at IS NOT NULL")
    return {row["name"]: row["last_post_at"] for row in rows}


def find_due_for_recheck(reader: Reader, until: int) -> set[str]:
    """Sources of which a post is to be looked at again until then."""
    return set(
        reader.column(
            "SELECT DISTINCT s.name FROM jobs j JOIN posts p ON p.id = j.post_id JOIN sources s ON s.id = p.source_id "
            "WHERE j.kind = 'recheck' AND j.due_at <= :until",
            {"until": until},
        )
    )


def write(writer: Writer, paces: Mapping[str, int], sentences: Sequence[str]) -> None:
    """Keep the plan; sources without a pace are polled as the config says."""
    before = {row["name"]: row["pace"] for row in writer.rows("SELECT name, pace FROM sources")}
    changed = [{"name": name, "pace": paces.get(name)} for name, pace in before.items() if pace != paces.get(name)]
    writer.execute_many("UPDATE sources SET pace = :pace WHERE name = :name", changed)
    if tuple(sentences) != read_sentences(writer):
        writer.execute(
            "INSERT INTO meta (key, value) VALUES (:key, :value) "
            "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            {"key": _SENTENCES, "value": json.dumps(sentences)},
        )
