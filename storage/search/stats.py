"""Counts posts by time, source and language, and matches by rule."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
_SPAN = "coalesce(p.posted_at, p.collected_at) >= :since and coalesce(p.posted_at, p.collected_at) < :until"


def tallies(reader: "Reader", since: int, until: int) -> tuple[Tally, ...]:
    """Posts per source and quarter of an hour, published from `since` to before `until`, oldest first."""
    rows = reader.execute(
        f"select s.name as source, q.quarter, q.posts from (select p.source_id,"
        f" coalesce(p.posted_at, p.collected_at) / {QUARTER} as quarter, count(*) as posts from posts p"
        f" where {_SPAN} group by 1, 2) q join sources s on s.id = q.source_id order by q.quarter, s.name",
        {"since": since, "until": until},
    )
    return tuple(Tally(row["source"], row["quarter"] * QUARTER, row["posts"]) for row in rows)


def languages(reader: "Reader", since: int, until: int) -> dict[str, int]:
    """Posts per language of that time, most first."""
    rows = reader.execute(
        f"select p.language, count(*) as posts from posts p where {_SPAN} group by 1 order by 2 desc, 1",
        {"since": since, "until": until},
    )
    return {row["language"]: row["posts"] for row in rows}


def changes(reader: "Reader", since: int, until: int) -> Changes:
    """How many posts of that time were edited or deleted since."""
    row = reader.execute(
        f"select count(case when p.revision > 0 then 1 end) as edited, count(p.deleted_at) as deleted"
        f" from posts p where {_SPAN}",
        {"since": since, "until": until},
    ).fetchone()
    return Changes(row["edited"], row["deleted"])


def matches_by_rule(reader: "Reader", since: int) -> dict[str, int]:
    """First matches per rule from `since` on, of whatever version; edits and deletions of matches do not count."""
    rows = reader.execute(
        "select rule, count(distinct post_id) as posts from matches where at >= :since and kind = 'match' group by 1",
        {"since": since},
    )
    return {row["rule"]: row["posts"] for row in rows}
