"""The names of all sources in the archive, with their tags: one cheap import for commands that take names."""

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.archive.database import Reader


def read_tags(reader: "Reader") -> dict[str, frozenset[str]]:
    """The tags of each source by its name, whether the config still has it or not."""
    return {row["name"]: frozenset(json.loads(row["tags"])) for row in reader.rows("SELECT name, tags FROM sources")}


def read_handles(reader: "Reader") -> frozenset[str]:
    """The public names of the channels that the sources read."""
    return frozenset(reader.column("SELECT DISTINCT handle FROM sources WHERE handle IS NOT NULL"))


def read_sides(reader: "Reader") -> frozenset[str]:
    """Every side that a source of the archive is on."""
    return frozenset(reader.column("SELECT DISTINCT side FROM sources WHERE side IS NOT NULL"))


def read_sides_by_name(reader: "Reader") -> dict[str, str]:
    """The side of each source that is on one, by its name."""
    return {row["name"]: row["side"] for row in reader.rows("SELECT name, side FROM sources WHERE side IS NOT NULL")}


def read_titles(reader: "Reader") -> dict[str, tuple[str | None, str | None]]:
    """What each source calls itself, and its side, by its name."""
    return {row["name"]: (row["title"], row["side"]) for row in reader.rows("SELECT name, title, side FROM sources")}
