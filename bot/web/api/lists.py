"""The lists of the API, page by page, each page with the place where the next one begins."""

import re
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from bot.documents.as_json import as_json
from bot.documents.event import event_json
from bot.documents.media import listed_file_json
from bot.documents.mute import mute_json
from bot.listing import alerts, rules, sources
from bot.listing.posts import list_found
from bot.web.api.answers import ListPage
from bot.web.api.asking import ApiRequest
from bot.web.api.refusals import RequestRefused
from bot.web.entries import find_mutes, find_rules, name_entries
from storage.alerts import matches
from storage.events import listing
from storage.media import summary
from storage.posts import reading
from storage.records import DELIVERY_STATES, MatchRow
from storage.search import search
from storage.status import read_watches

if TYPE_CHECKING:
    from storage.archive.database import Reader
    from storage.search.search import FoundPost

STATES = (*DELIVERY_STATES, "silent")
FILE_STATES = (*summary.STATES, "given up")
_HIGHEST = (1 << 63) - 1
_WHOLE = re.compile(r"-?[0-9]{1,18}")
T = TypeVar("T")


def read_cursor(written: str | None, parts: int) -> tuple[int, ...] | None:
    """The whole numbers of a cursor; None without one. Raises RequestRefused for one that is none of ours."""
    if written is None:
        return None
    found = written.split(".")
    if len(found) != parts or not all(_WHOLE.fullmatch(one) for one in found):
        raise _no_cursor()
    return tuple(map(int, found))


def _no_cursor() -> RequestRefused:
    return RequestRefused(400, "cursor is none: take it from `next` of the page before", "cursor")


def _cut(found: Iterable[T], size: int) -> tuple[list[T], bool]:
    """So many of these, and whether there are more."""
    page = list(islice(found, size + 1))
    return page[:size], len(page) > size


def _search(
    reader: "Reader", asked: ApiRequest, cursor: str | None, size: int, *, everything: bool = False
) -> "tuple[list[FoundPost], str | None]":
    below = read_cursor(cursor, 1)
    found = search.search(
        reader,
        asked.query_or_all() if everything else asked.query(),
        limit=size + 1,
        since=asked.since,
        until=asked.until,
        sources=asked.texts("source"),
        tags=asked.texts("tag"),
        history=asked.is_true("history"),
        below=None if below is None else below[0],
    )
    page, more = _cut(found, size)
    return page, str(page[-1].post_id) if more else None


def find_posts(reader: "Reader", asked: ApiRequest, cursor: str | None, size: int) -> ListPage:
    """Posts that a query finds, newest first, with their passages."""
    page, after = _search(reader, asked, cursor, size)
    return ListPage(list(list_found(reader, page)), after)


def list_posts(reader: "Reader", asked: ApiRequest, cursor: str | None, size: int) -> ListPage:
    """Posts, newest first."""
    page, after = _search(reader, asked, cursor, size, everything=True)
    return ListPage([as_json(post) for post in reading.read_posts(reader, [one.post_id for one in page])], after)


def list_events(reader: "Reader", asked: ApiRequest, cursor: str | None, size: int) -> ListPage:
    """Events, the one with the newest post first: in the order of the first page, whatever is copied meanwhile."""
    as_of, at, below = read_cursor(cursor, 3) or (_HIGHEST, _HIGHEST, _HIGHEST)
    found = listing.walk_events(
        reader,
        since=asked.since,
        until=asked.until,
        rule=asked.text("rule"),
        limit=size + 1,
        below=(at, below),
        as_of=as_of,
    )
    page, more = _cut(found, size)
    if not more:
        return ListPage([event_json(event) for event, _ in page], None)
    (last, then), first = page[-1], page[0][1] if cursor is None else as_of
    return ListPage([event_json(event) for event, _ in page], f"{first}.{then}.{last.id}")


def list_alerts(reader: "Reader", asked: ApiRequest, cursor: str | None, size: int) -> ListPage:
    """Matches with their deliveries, newest first."""
    page, after = _matches(reader, asked, cursor, size)
    return ListPage(list(alerts.list_alerts(reader, page)), after)


def list_matches(reader: "Reader", asked: ApiRequest, cursor: str | None, size: int) -> ListPage:
    """Matches with the passages that were found, newest first."""
    page, after = _matches(reader, asked, cursor, size)
    return ListPage([alerts.explain_alert(reader, match.id) for match, _, _ in page], after)


def _matches(
    reader: "Reader", asked: ApiRequest, cursor: str | None, size: int
) -> "tuple[list[tuple[MatchRow, str, str | None]], str | None]":
    below = read_cursor(cursor, 1)
    found = matches.list_matches(
        reader,
        since=asked.since,
        until=asked.until,
        rule=asked.text("rule"),
        state=asked.one_of("state", STATES),
        event=asked.whole("event", 0, _HIGHEST - 1),
        digest=asked.whole("digest", 1, _HIGHEST - 1),
        unacked=asked.is_true("unacked"),
        limit=size + 1,
        below=None if below is None else below[0],
    )
    page, more = _cut(found, size)
    return page, str(page[-1][0].id) if more else None


def list_files(reader: "Reader", asked: ApiRequest, cursor: str | None, size: int) -> ListPage:
    """Files, those of the newest posts first."""
    post, last = read_cursor(cursor, 2) or (_HIGHEST, 0)
    state = asked.one_of("state", FILE_STATES)
    found = summary.list_files_after(
        reader,
        states=() if state is None else (state,),
        sources=asked.texts("source"),
        since=asked.since,
        until=asked.until,
        limit=size + 1,
        after=(post, last),
    )
    page, more = _cut(found, size)
    documents = [listed_file_json(file) for file, _ in page]
    return ListPage(documents, "{}.{}".format(*page[-1][1]) if more else None)


def list_rules(reader: "Reader", asked: ApiRequest, cursor: str | None, size: int) -> ListPage:
    """Rules of the config."""
    config = asked.room.config
    found, judged = rules.count_lately(reader, asked.now)
    shown = find_rules(reader, config, asked.viewer)
    start = 0
    if cursor is not None:  # the name of a rule: nothing is said of how many are between
        start = next((place for place, rule in enumerate(shown, 1) if rule.name == cursor), 0)
        if not start:
            raise _no_cursor()
    page, more = _cut(rules.list_rules(config, found, judged, shown[start:]), size)
    return ListPage(page, str(page[-1]["name"]) if more else None)


def list_sources(reader: "Reader", asked: ApiRequest, cursor: str | None, size: int) -> ListPage:
    """Sources of the archive and those that only the config has, by name: the cursor is the last name."""
    known = list(read_watches(reader))
    entries = name_entries(asked.room.config, None if asked.viewer.sources is None else {one.name for one in known})
    watches = sorted(known + sources.name_new(known, entries), key=lambda one: one.name)
    view = sources.read_accounts(reader, watches, asked.now)
    page, more = _cut((one for one in watches if cursor is None or one.name > cursor), size)
    return ListPage(list(sources.describe_sources(page, entries, view)), page[-1].name if more else None)


def list_mutes(reader: "Reader", asked: ApiRequest, cursor: str | None, size: int) -> ListPage:
    """Mutes that are active; with `all`, those that are over too."""
    found = find_mutes(reader, asked.room.config, asked.viewer, asked.now, ended=asked.is_true("all"))
    [last] = read_cursor(cursor, 1) or (0,)  # ids rise: one that ends meanwhile moves no other
    page, more = _cut((mute for mute in found if mute.id > last), size)
    return ListPage([mute_json(mute, asked.now) for mute in page], str(page[-1].id) if more else None)
