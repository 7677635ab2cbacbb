"""Which rules were ever loaded, in which version, since when."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from storage.archive.sequence import take_number

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer


def save_versions(writer: Writer, loaded: Iterable[tuple[str, str, str]], now: int) -> int:
    """Keep rules as (name, version, query) at `now`, microseconds UTC; the number of versions not seen before.

    A version that is known keeps the time and the number of its first loading.
    """
    number = take_number(writer)
    return sum(
        writer.execute(
            "INSERT INTO rules (name, version, query, loaded_at, loaded_seq)"
            " VALUES (:name, :version, :query, :now, :number) ON CONFLICT (name, version) DO NOTHING",
            {"name": name, "version": version, "query": query, "now": now, "number": number},
        ).rowcount
        for name, version, query in loaded
    )


def read_first_loaded(reader: Reader) -> dict[str, int]:
    """The number at which each rule's name was first loaded, whatever its version: earlier posts never alert."""
    rows = reader.rows("SELECT name, min(loaded_seq) AS since FROM rules GROUP BY name")
    return {row["name"]: row["since"] for row in rows}


def list_names(reader: Reader) -> list[str]:
    """Names of all rules that were ever loaded or matched."""
    return [str(name) for name in reader.column("SELECT name FROM rules UNION SELECT DISTINCT rule FROM matches")]
