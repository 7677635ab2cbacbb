"""What a request asks for: its parameters checked, its span of time, its fields, its form; mistakes are refused."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bot.errors import UserError
from bot.listing.times import Zone, find_zone, parse_span
from bot.web.api.refusals import RequestRefused, misread
from bot.web.viewer import viewer_of
from storage.frozen import dataclass
from storage.language.query import Query, parse
from storage.language.tree import And, QueryError

if TYPE_CHECKING:
    from starlette.requests import Request

    from bot.web.room import ReadingRoom
    from bot.web.viewer import Viewer

MOST = 500  # documents of one JSON answer
USUAL = 50
_LONGEST = 8_000  # letters of a query or a text
_TRUE = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an address: what it means, and what it may be, as JSON Schema. `many`: it may be repeated."""

    name: str
    meaning: str
    schema: Mapping[str, object]
    required: bool = False
    many: bool = False


def words(name: str, meaning: str, *, required: bool = False, many: bool = False) -> Parameter:
    """A parameter that is any text."""
    schema: dict[str, object] = {"type": "string", "maxLength": _LONGEST}
    return Parameter(name, meaning, {"type": "array", "items": schema} if many else schema, required, many)


def number(name: str, meaning: str, least: int, most: int) -> Parameter:
    """A whole number."""
    return Parameter(name, meaning, {"type": "integer", "minimum": least, "maximum": most})


def flag(name: str, meaning: str) -> Parameter:
    """True or false."""
    return Parameter(name, meaning, {"type": "boolean"})


def choice(name: str, meaning: str, values: Sequence[str]) -> Parameter:
    """One of these words."""
    return Parameter(name, meaning, {"type": "string", "enum": list(values)})


SINCE = words("since", "Only since then: 7d, yesterday, 2026-11-01, 2026-11-01T10:00Z.")
UNTIL = words("until", "Only until then; a day, week or month is included whole.")
TZ = words("tz", "The time zone of the dates in this address, such as Asia/Yangon; UTC without it.")
FIELDS = words("fields", "Only these fields of each document, joined by commas.")
LIMIT = number(
    "limit", f"At most so many documents: {USUAL} of JSON without it, all of JSON lines and CSV.", 1, 1_000_000_000
)
CURSOR = words("cursor", "Where the list continues, as `next` of the page before says.")
SOURCE = words("source", "Only posts of this source; may be repeated.", many=True)
TAG = words("tag", "Only posts of sources with this tag; may be repeated.", many=True)
SPAN = (SINCE, UNTIL, TZ)
PAGING = (FIELDS, LIMIT, CURSOR)


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request, checked. Times are microseconds UTC."""

    given: Mapping[str, Sequence[str]]
    room: "ReadingRoom"
    viewer: "Viewer"
    now: int
    zone: Zone
    since: int | None
    until: int | None
    fields: tuple[str, ...]
    limit: int | None

    def text(self, name: str) -> str | None:
        """The value of a parameter; None where it was not given."""
        found = self.given.get(name)
        return found[0] if found else None

    def texts(self, name: str) -> tuple[str, ...]:
        """All values of a parameter."""
        return tuple(self.given.get(name, ()))

    def is_true(self, name: str) -> bool:
        """Whether a flag was set. Raises RequestRefused for what is neither true nor false."""
        found = self.text(name)
        if found is None:
            return False
        if found not in _TRUE:
            raise RequestRefused(400, f"{name} is true or false", name)
        return _TRUE[found]

    def whole(self, name: str, least: int, most: int) -> int | None:
        """A whole number; None where it was not given. Raises RequestRefused."""
        return _whole(self.given, name, least, most)

    def one_of(self, name: str, values: Sequence[str]) -> str | None:
        """One of these words; None where it was not given. Raises RequestRefused."""
        found = self.text(name)
        if found is not None and found not in values:
            raise RequestRefused(400, f"{name} is one of: {', '.join(values)}", name)
        return found

    def query(self, name: str = "q") -> Query:
        """The query that was given. Raises RequestRefused with the place of a mistake."""
        return read_query(self.room, self.text(name) or "", self.zone, name)

    def query_or_all(self, name: str = "q") -> Query:
        """The same; every post where none was given."""
        return self.query(name) if self.text(name) else Query("", And(()))


def read_query(room: "ReadingRoom", written: str, zone: Zone, name: str = "q") -> Query:
    """Parse a query with the terms of the config; its dates are days of `zone`. Raises RequestRefused."""
    try:
        return parse(written, zone.dates, room.terms() if "@" in written else {})
    except QueryError as mistake:
        raise misread(mistake, name) from None


def read_asked(request: "Request", room: "ReadingRoom", known: Sequence[Parameter]) -> ApiRequest:
    """Check the parameters of a request against those that its address knows. Raises RequestRefused."""
    given: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        given.setdefault(name, []).append(value)
    names = {one.name: one for one in known}
    for name, values in given.items():
        if name not in names:
            raise RequestRefused(400, f"there is no parameter {name[:40]!r}: {', '.join(names) or 'none'}", name[:40])
        if len(values) > 1 and not names[name].many:
            raise RequestRefused(400, f"{name} was given {len(values)} times", name)
        if any(len(value) > _LONGEST for value in values):
            raise RequestRefused(400, f"{name} is longer than {_LONGEST} letters", name)
    for one in known:
        if one.required and not any(given.get(one.name, ())):
            raise RequestRefused(400, f"{one.name} is missing", one.name)
    now, zone = room.clock.now(), _zone(given)
    since, until = _span(given, zone, now)
    fields = tuple(part for part in (given.get("fields") or [""])[0].split(",") if part)
    return ApiRequest(
        given, room, viewer_of(request), now, zone, since, until, fields, _whole(given, "limit", 1, 1_000_000_000)
    )


def _zone(given: Mapping[str, Sequence[str]]) -> Zone:
    named = given.get("tz")
    found = find_zone(named[0]) if named else find_zone("UTC")
    if found is None:
        raise RequestRefused(400, "tz is no time zone: write one like Asia/Yangon or UTC", "tz")
    return Zone(found, found, found, chosen=True)


def _span(given: Mapping[str, Sequence[str]], zone: Zone, now: int) -> tuple[int | None, int | None]:
    since, until = (next(iter(given.get(name, ())), None) for name in ("since", "until"))
    try:
        return parse_span(since, until, zone, now, dashes="")
    except UserError as mistake:
        raise RequestRefused(400, str(mistake), "until" if str(mistake).startswith("until") else "since") from None


def _whole(given: Mapping[str, Sequence[str]], name: str, least: int, most: int) -> int | None:
    found = given.get(name)
    if not found:
        return None
    written = found[0]
    if not (written.isascii() and written.isdecimal() and len(written) < 19 and least <= int(written) <= most):
        raise RequestRefused(400, f"{name} is a whole number from {least} to {most}", name)
    return int(written)
