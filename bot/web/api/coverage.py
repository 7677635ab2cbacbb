"""What was watched of each source, as a document: watched and blind stretches, and what is missing."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from bot.documents.as_json import iso

if TYPE_CHECKING:
    from bot.listing.coverage import WatchedSource


def coverage_json(found: "Iterable[WatchedSource]", since: int, until: int) -> dict[str, object]:
    """Every source between two times, microseconds UTC."""
    return {"since": iso(since), "until": iso(until), "sources": [_source(one) for one in found]}


def _source(one: "WatchedSource") -> dict[str, object]:
    return {
        "source": one.source.name,
        "seen_from": iso(one.seen) if one.seen < one.until else None,
        "paused": one.source.paused,
        "watched": None if one.source.paused else list(_watched(one)),
        "blind": [
            {"source": blind.source, "from": iso(blind.since), "to": iso(blind.until), "outcome": blind.outcome}
            for blind in one.blind
        ],
        "missing": [
            {
                "low": gap.low,
                "high": gap.high,
                "from": iso(gap.from_at),
                "to": iso(gap.to_at),
                "reason": gap.reason,
                "opened_at": iso(gap.opened_at),
                "closed_at": iso(gap.closed_at),
            }
            for gap in one.missing
        ],
        "share": None if one.share is None or one.source.paused else round(one.share, 6),
    }


def _watched(one: "WatchedSource") -> Iterator[dict[str, object]]:
    """What lies between the blind stretches, from when on the source was watched at all."""
    at = one.seen
    for blind in one.blind:
        if blind.since > at:
            yield {"from": iso(at), "to": iso(blind.since)}
        at = max(at, one.until if blind.until is None else blind.until)
    if at < one.until:
        yield {"from": iso(at), "to": iso(one.until)}
