"""Counts posts by time, source and language, and matches by rule."""

from typing import TYPE_CHECKING

from storage.frozen import dataclass

if TYPE_CHECKING:
    from storage.archive.database import Reader

QUARTER = 15 * 60 * 1_000_000
"""Every zone's midnight falls on a quarter of an hour, so days of any zone can be put together from these."""


@dataclass(frozen=True, slots=True)
class Tally:
    """So many posts of one source in the quarter of an hour that begins at `at`."""

    source: str
    at: int
    posts: int


@dataclass(frozen=True, slots=True)
class Changes:
    """Posts that were edited and posts that were found deleted."""

    edited: int
    deleted: int


# A post without a usable time counts when it was collected.
_SPAN = "coalesce(p.posted_at, p.collected_at) >= :since AND coalesce(p.posted_at, p.collected_at) < :until"


def read_first_time(reader: "Reader") -> int | None:
    """When the first post of the archive was published; None without posts."""
    at = reader.value("SELECT coalesce(posted_at, collected_at) FROM posts ORDER BY id LIMIT 1")
    return None if at is None else int(at)


def count_by_quarter(reader: "Reader", since: int, until: int) -> tuple[Tally, ...]:
    """Posts per source and quarter of an hour, published from `since` to before `until`, oldest first."""
    rows = reader.rows(
        f"SELECT s.name AS source, q.quarter, q.posts FROM (SELECT p.source_id,"
        f" coalesce(p.posted_at, p.collected_at) / {QUARTER} AS quarter, count(*) AS posts FROM posts p"
        f" WHERE {_SPAN} GROUP BY 1, 2) q JOIN sources s ON s.id = q.source_id ORDER BY q.quarter, s.name",
        {"since": since, "until": until},
    )
    return tuple(Tally(row["source"], row["quarter"] * QUARTER, row["posts"]) for row in rows)


def count_by_language(reader: "Reader", since: int, until: int) -> dict[str, int]:
    """Posts per language of that time, most first."""
    rows = reader.rows(
        f"SELECT p.language, count(*) AS posts FROM posts p WHERE {_SPAN} GROUP BY 1 ORDER BY 2 DESC, 1",
        {"since": since, "until": until},
    )
    return {row["language"]: row["posts"] for row in rows}


def count_changes(reader: "Reader", since: int, until: int) -> Changes:
    """How many posts of that time were edited or deleted since."""
    [row] = reader.rows(
        f"SELECT count(CASE WHEN p.revision > 0 THEN 1 END) AS edited, count(p.deleted_at) AS deleted"
        f" FROM posts p WHERE {_SPAN}",
        {"since": since, "until": until},
    )
    return Changes(row["edited"], row["deleted"])


def count_matches(reader: "Reader", since: int) -> dict[str, int]:
    """First matches per rule from `since` on, of whatever version; edits and deletions of matches do not count."""
    rows = reader.rows(
        "SELECT rule, count(DISTINCT post_id) AS posts FROM matches WHERE at >= :since AND kind = 'match' GROUP BY 1",
        {"since": since},
    )
    return {row["rule"]: row["posts"] for row in rows}
