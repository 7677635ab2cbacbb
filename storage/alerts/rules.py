"""Which rules were ever loaded, in which version, since when."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer


def save_versions(writer: Writer, loaded: Iterable[tuple[str, str, str]], now: int) -> int:
    """Keep rules as (name, version, query) at `now`, microseconds UTC; the number of versions not seen before.

    A version that is known keeps the time of its first loading.
    """
    return sum(
        writer.execute(
            "INSERT INTO rules (name, version, query, loaded_at) VALUES (:name, :version, :query, :now)"
            " ON CONFLICT (name, version) DO NOTHING",
            {"name": name, "version": version, "query": query, "now": now},
        ).rowcount
        for name, version, query in loaded
    )


def read_first_loaded(reader: Reader) -> dict[str, int]:
    """When each rule's name was first loaded, whatever its version: posts collected before that never alert."""
    rows = reader.rows("SELECT name, min(loaded_at) AS since FROM rules GROUP BY name")
    return {row["name"]: row["since"] for row in rows}
