"""On which collected posts a rule or a query would have matched: per day and source, with samples."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bot.documents.as_json import iso
from bot.listing.posts import list_found

if TYPE_CHECKING:
    from bot.config.model import RuleConfig
    from bot.listing.times import Zone
    from storage.archive.database import Reader
    from storage.language.query import Query
    from storage.search.search import FoundPost

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def find_fired(
    reader: "Reader",
    rule: "RuleConfig | None",
    query: "Query",
    span: tuple[int, int],
    looking: Callable[[int], None] | None = None,
) -> "Iterator[FoundPost]":
    """Every post of [span) that would have matched in the scope of the rule, newest first; see `search` for `looking`.

    It reads the current text of posts, and never unreliable machine text alone, exactly as the rule does.
    """
    from storage.search import search

    names = find_sources(reader, rule) if rule else []
    if rule and not names:
        return iter(())
    since, until = span
    return search.search(
        reader, query, limit=None, since=since, until=until, sources=names, reliable=True, looking=looking
    )


def find_sources(reader: "Reader", rule: "RuleConfig") -> list[str]:
    """Names of the sources in the archive that a rule covers."""
    from storage.sources.names import read_tags

    return [
        name
        for name, tags in read_tags(reader).items()
        if not (rule.sources or rule.tags) or name in rule.sources or tags.intersection(rule.tags)
    ]


def summarize_replay(
    reader: "Reader",
    rule: str | None,
    query: "Query",
    span: tuple[int, int],
    fired: "Sequence[FoundPost]",
    samples: int,
    zone: "Zone",
) -> dict[str, Any]:
    """What `find_fired` found, as a document; days begin in `zone`."""
    days = Counter(_day(found.at, zone) for found in fired)
    sources = Counter(found.source for found in fired)
    return {
        "rule": rule,
        "query": query.text,
        "since": iso(span[0]),
        "until": iso(span[1]),
        "posts": len(fired),
        "days": [{"day": day.isoformat(), "posts": days[day]} for day in sorted(days)],
        "sources": [{"source": name, "posts": count} for name, count in sources.most_common()],
        "samples": list(list_found(reader, fired[:samples])),
    }


def _day(at: int, zone: "Zone") -> date:
    return (_EPOCH + timedelta(microseconds=at)).astimezone(zone.shows).date()
