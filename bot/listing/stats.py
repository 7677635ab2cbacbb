"""Posts per day, per source and per language, as a document; days begin where the reader is."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from bot.documents.as_json import iso
from bot.listing.times import Zone
from storage.frozen import dataclass
from storage.search.stats import Changes, Tally, count_by_language, count_by_quarter, count_changes

if TYPE_CHECKING:
    from storage.archive.database import Reader

MOST_DAYS = 3660
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Picture:
    """Posts per day, of all sources and of each; `days` has every day, also those without posts."""

    days: tuple[date, ...]
    total: tuple[int, ...]
    sources: dict[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Numbers:
    """What was counted of a span of time."""

    tallies: tuple[Tally, ...]
    languages: Mapping[str, int]
    changes: Changes


def count_posts(reader: "Reader", start: int, end: int) -> Numbers:
    """Count it; times in microseconds UTC."""
    return Numbers(
        count_by_quarter(reader, start, end), count_by_language(reader, start, end), count_changes(reader, start, end)
    )


def numbers_json(found: Numbers, start: int, end: int, zone: Zone) -> dict[str, object]:
    """The same as a document."""
    picture = arrange_days(found.tallies, start, end, zone)
    days = [day.isoformat() for day in picture.days]
    return {
        "since": iso(start),
        "until": iso(end),
        "posts": sum(picture.total),
        "edited": found.changes.edited,
        "deleted": found.changes.deleted,
        "days": [{"day": day, "posts": posts} for day, posts in zip(days, picture.total, strict=True)],
        "sources": [
            {"source": name, "posts": sum(counts), "per_day": list(counts)} for name, counts in picture.sources.items()
        ],
        "languages": [{"language": name, "posts": posts} for name, posts in found.languages.items()],
    }


def arrange_days(tallies: Sequence[Tally], start: int, end: int, zone: Zone) -> Picture:
    """Add quarters of an hour up to days of the zone; sources with most posts come first."""
    first, last = _day(start, zone), _day(end - 1, zone)
    days = tuple(first + timedelta(days=number) for number in range((last - first).days + 1))
    per_source: dict[str, Counter[date]] = {}
    for tally in tallies:
        per_source.setdefault(tally.source, Counter())[_day(max(tally.at, start), zone)] += tally.posts
    ranked = sorted(per_source.items(), key=lambda item: (-item[1].total(), item[0]))
    sources = {name: tuple(counts[day] for day in days) for name, counts in ranked}
    return Picture(days, tuple(sum(counts[day] for counts in per_source.values()) for day in days), sources)


def _day(at: int, zone: Zone) -> date:
    return (_EPOCH + timedelta(microseconds=at)).astimezone(zone.shows).date()
