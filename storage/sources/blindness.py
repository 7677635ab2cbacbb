"""When sources were not watched: the time between stretches of good rounds, and what was missed then."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from storage.archive.database import as_list, in_list
from storage.frozen import dataclass
from storage.sources.clock_repair import read_jumps
from storage.sources.states import UNWATCHED
from storage.state_names import OK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from storage.archive.database import Reader, Row


@dataclass(frozen=True, slots=True)
class BlindStretch:
    """From the last good round before to the first good one after it; `until` None: still blind. Microseconds UTC.

    `outcome` is how rounds failed in it; None: there were none, as while the program did not run.
    """

    source: str
    since: int
    until: int | None
    outcome: str | None = None


def find_stretch(reader: Reader, source_id: int, at: int) -> BlindStretch | None:
    """The blind stretch of a source at this time; None if it was watched then, or not yet."""
    row = reader.one(
        "SELECT s.name, (SELECT max(r.ended_at) FROM runs r WHERE r.source_id = s.id AND r.outcome = 'ok'"
        " AND r.started_at <= :at) AS since, (SELECT min(r.started_at) FROM runs r WHERE r.source_id = s.id"
        " AND r.outcome = 'ok' AND r.started_at > :at) AS until FROM sources s WHERE s.id = :source",
        {"source": source_id, "at": at},
    )
    if row is None or row["since"] is None or row["since"] >= at:
        return None
    return BlindStretch(row["name"], row["since"], row["until"])


def list_stretches(
    reader: Reader, since: int, until: int, *, sources: Iterable[int] | None = None
) -> list[BlindStretch]:
    """Every blind stretch of a watched source between two times, cut to them, by source and time.

    With `sources`, of those with these ids, also where one is paused or no longer in the config.
    """
    chosen = "s.enabled = 1 AND s.paused = 0" if sources is None else f"s.id {in_list('sources')}"
    rows = reader.rows(
        "SELECT s.name, s.next_poll_at, r.started_at, r.ended_at, r.outcome FROM sources s JOIN runs r"
        f" ON r.source_id = s.id WHERE {chosen} AND s.first_contact_at IS NOT NULL ORDER BY s.name, r.id",
        {"sources": as_list(sources or ())},
    )
    jumps = read_jumps(reader)  # of the clock: what lies between its two times was not missed
    return [
        one
        for name, own in groupby(rows, key=lambda row: str(row["name"]))
        for one in _blind(name, own, since, until)
        if not any(high >= one.since and low <= (one.until or until) for low, high in jumps)
    ]


def _blind(name: str, rows: Iterable[Row], since: int, until: int) -> Iterator[BlindStretch]:
    """What lies between the good rounds of one source; before its first one it was not watched yet."""
    seen: int | None = None
    failed: str | None = None
    next_poll_at = 0
    for row in rows:
        next_poll_at = row["next_poll_at"]
        if row["outcome"] != OK:
            failed = row["outcome"]
            continue
        if seen is not None and max(seen, since) < row["started_at"] and seen < until:
            yield BlindStretch(name, max(seen, since), min(row["started_at"], until), failed)
        seen, failed = max(seen or 0, row["ended_at"]), None
    on_time = failed is None and until <= next_poll_at + UNWATCHED
    if seen is not None and seen < until and not on_time:
        yield BlindStretch(name, max(seen, since), None, failed)
