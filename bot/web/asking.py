"""What an address of /search asks for: a query, what it was narrowed to, and from where on it is read."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from storage.frozen import dataclass
from storage.language import fields
from storage.language.query import Query, parse
from storage.language.tree import And, Node, QueryError, When

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams

FACETS = ("source", "side", "lang", "kind", "day")
_FIELDS = {"source": "source", "side": "side", "lang": "lang", "kind": "has"}
_KEPT = ("tz",)  # what every link of a page passes on
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Asking:
    """One search as its address has it. `chosen` are values of FACETS; `before` is the id below which it is read."""

    q: str
    chosen: Mapping[str, str]
    before: int | None
    kept: Mapping[str, str]

    def address(self, path: str = "/search", **changes: str | int | None) -> str:
        """The same search with these changes; None removes. Whoever narrows it or widens it begins at the newest."""
        asked: dict[str, object] = {"q": self.q, **self.chosen, **self.kept, **changes}
        return path + "?" + urlencode({name: value for name, value in asked.items() if value not in (None, "")})

    def parse(self, terms: Mapping[str, Sequence[str]], dates: tzinfo, zone: tzinfo) -> Query:
        """The query and what it was narrowed to; days are those of `zone`. Raises QueryError, with a place in `q`."""
        parts: list[Node] = []
        written: Query | None = None
        if self.q.strip():
            written = parse(self.q, dates, terms)
            parts.append(written.root)
        for name, value in self.chosen.items():
            parts.append(_day(value, zone) if name == "day" else fields.predicate(_FIELDS[name], value, zone, 0))
        root = parts[0] if len(parts) == 1 else And(tuple(parts))
        return Query(self.q, root, *((written.terms, written.slips) if written else ()))

    def as_rule(self, *, whole: bool = False) -> str:
        """The query with what it was narrowed to, but for the day, and unless `whole` for the source: a key of its own.

        Empty if nothing was asked.
        """
        words, alone = self.q.strip(), not self.q.strip() and set(self.chosen) <= {"source", "day"}
        left_out = {"day"} if whole or alone else {"day", "source"}
        added = [_written(_FIELDS[name], value) for name, value in self.chosen.items() if name not in left_out]
        return " ".join((f"({words})" if words and added else words, *added)).strip()


def _written(field: str, value: str) -> str:
    plain = value.replace("-", "").replace("_", "").isalnum()
    return f"{field}:{value}" if plain else '{}:"{}"'.format(field, value.replace("\\", "\\\\").replace('"', '\\"'))


def read_asking(params: "QueryParams") -> Asking:
    """What an address asks for; of a parameter that comes twice the first counts, and an empty one is none."""
    given: dict[str, str] = {}
    for name, value in params.multi_items():
        if value.strip():
            given.setdefault(name, value)
    before = given.get("before", "")
    return Asking(
        given.get("q", "").strip(),
        {name: given[name].strip()[:200] for name in FACETS if name in given},
        int(before) if before.isascii() and before.isdecimal() and len(before) < 16 else None,
        {name: given[name] for name in _KEPT if name in given},
    )


def day_bounds(day: date, zone: tzinfo) -> tuple[int, int]:
    """A day of a zone: its first moment, and that of the next day, in microseconds UTC."""
    ends = (datetime(one.year, one.month, one.day, tzinfo=zone) for one in (day, day + timedelta(days=1)))
    start, end = ((end - _EPOCH) // timedelta(microseconds=1) for end in ends)
    return start, end


def _day(value: str, zone: tzinfo) -> When:
    try:
        return When(*day_bounds(date.fromisoformat(value), zone))
    except (ValueError, OverflowError):
        raise QueryError(f"day: {value[:20]!r} is not a day; write one like 2026-11-30", 0) from None
