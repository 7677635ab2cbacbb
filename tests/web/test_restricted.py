"""Who may read some sources finds no trace of others: not by words, ids, names, counts, files, events or errors."""

import inspect
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bot.config import paths
from bot.errors import NotFound
from bot.listing import alerts, events, files, posts, stats
from bot.listing.names import find_post
from storage.alerts import matches, mutes, rules, undelivered
from storage.archive.database import Archive, Reader
from storage.archive.restricted import CLOSED, CONDITIONS, OPEN, RestrictedReaders
from storage.archive.sqlite import sqlite3
from storage.events import listing
from storage.language.query import parse
from storage.media import summary
from storage.posts import post_history, reading
from storage.search import search
from storage.sources import names, states
from storage.status import read_status, read_vitals, read_watches
from tests.web.archive import BEGIN, END, Seeded

HIDDEN = {"state-spokesman", "gulf-observer"}
OF_HIDDEN = ("denial", "arabic", "picture", "recording", "document", "deleted")
WORDS = (
    "state-spokesman", "state_spokesman", "gulf-observer", "government", "junta", "مراقب", "order.wav", "order 15",
    "convoy left", "Contact with the regional command", "to every lorry. Nobody", "The order as a document",
)  # fmt: skip


@pytest.fixture(scope="module")
def archive(seeded: Seeded) -> Iterator[Archive]:
    with Archive(paths.database_in(seeded.data_dir)) as archive:
        yield archive


@pytest.fixture(scope="module")
def visible(archive: Archive) -> frozenset[int]:
    with archive.reading() as reader:
        return frozenset(row.id for row in states.list_sources(reader) if row.name not in HIDDEN)


@pytest.fixture
def reader(archive: Archive, visible: frozenset[int]) -> Iterator[Reader]:
    readers = RestrictedReaders(archive.path)
    with readers.reading(visible) as reader:
        yield reader
    readers.close()


def traces(seeded: Seeded) -> list[str]:
    """What would show that there is something else: words, names, ids of posts, files."""
    return [*WORDS, *(str(seeded.posts[name]) for name in OF_HIDDEN), seeded.files["recording"]]


Q = (
    "command",
    "bri*",
    "brigde~",
    "NOT nothing",
    "has:voice",
    "/br.dge/",
    "source:state-spokesman",
    "side:junta",
    "tag:government",
)
LOOKS: dict[str, Callable[[Reader], Any]] = {
    **{f"search {q}": lambda r, q=q: list(search.search(r, parse(q), limit=None)) for q in Q},  # type: ignore[misc]
    "history": lambda r: list(search.search(r, parse("lorries"), limit=None, history=True)),
    "watches": read_watches,
    "status": lambda r: read_status(r, END, notices=99),
    "vitals": lambda r: read_vitals(r, END),
    "sources": states.list_sources,
    "tags": names.read_tags,
    "handles": names.read_handles,
    "sides": names.read_sides,
    "events": lambda r: [
        (event, listing.list_quoting(r, event.id), events.describe_event(r, event.id))
        for event in listing.list_events(r)
    ],
    "posts": lambda r: [
        (post, post_history.read_history(r, post.id), posts.describe_whole(r, post, history=True))
        for post in reading.read_posts(r, r.column("SELECT id FROM posts"))
    ],
    "newest": lambda r: reading.find_newest(r, limit=999),
    "files": lambda r: (
        summary.count_files(r),
        list(summary.list_files(r, states=(), sources=(), since=None, limit=None)),
        files.read_report(r, None, None),
    ),
    "alerts": lambda r: list(alerts.list_alerts(r, matches.list_matches(r, limit=None))),
    "oldest": lambda r: undelivered.find_oldest(r, END),
    "mutes": lambda r: mutes.list_mutes(r, END, ended=True),
    "rules": rules.list_names,
    "stats": lambda r: stats.count_posts(r, BEGIN, END + 1),
}


def shown(value: object) -> str:
    return json.dumps(list(value) if inspect.isgenerator(value) else value, default=repr, ensure_ascii=False)


@pytest.mark.parametrize("look", LOOKS)
def test_no_function_that_pages_read_by_shows_a_trace(
    seeded: Seeded, archive: Archive, reader: Reader, look: str
) -> None:
    found = shown(LOOKS[look](reader))
    assert [trace for trace in traces(seeded) if trace in found] == []
    with archive.reading() as whole:  # which shows that the test would see one
        everything = shown(LOOKS[look](whole))
    if look not in ("history", "oldest", "mutes", "rules", "search bri*", "search brigde~"):
        assert any(trace in everything for trace in traces(seeded))
    assert look in ("search source:state-spokesman", "search side:junta", "search tag:government") or len(found) > 2


def test_counts_are_those_of_what_can_be_listed(reader: Reader) -> None:
    for q in Q:
        query = parse(q)
        listed = len(list(search.search(reader, query, limit=None)))
        assert search.count(reader, query) == listed
        assert search.count_some(reader, query, effort=10_000) == (listed, True)
    assert search.count_candidates(reader, parse("NOT nothing")).of == reader.value("SELECT count(*) FROM posts")


def test_what_is_hidden_is_as_unknown_as_what_never_was(reader: Reader, seeded: Seeded) -> None:
    for key in (str(seeded.posts["denial"]), "state-spokesman/1", "https://state-spokesman.example/1"):
        with pytest.raises(NotFound) as hidden:
            find_post(reader, key)
        never = key.replace("state-spokesman", "stone-spokesman").replace(str(seeded.posts["denial"]), "12345678")
        with pytest.raises(NotFound) as unknown:
            find_post(reader, never)
        assert str(hidden.value) == str(unknown.value).replace(never, key)
    with pytest.raises(NotFound):
        alerts.explain_alert(reader, seeded.alerts["deleted later"])


def test_an_event_that_a_hidden_source_began_is_no_event_here(archive: Archive, seeded: Seeded) -> None:
    with archive.reading() as whole:
        [claim] = reading.read_posts(whole, [seeded.posts["claim"]])
        [copy] = reading.read_posts(whole, [seeded.posts["copy"]])
        begun = listing.find_event_id(whole, copy.id)
        everybody = frozenset(row.id for row in states.list_sources(whole))
        [first] = [row.id for row in states.list_sources(whole) if row.name == claim.source]
    assert begun == claim.id
    readers = RestrictedReaders(archive.path)
    with readers.reading(everybody - {first}) as reader:
        assert listing.find_event_id(reader, copy.id) is None
        assert str(claim.id) not in shown(LOOKS["events"](reader))
        assert "river-alliance" not in shown(listing.read_events(reader, reader.column("SELECT id FROM events")))
    readers.close()


def test_somebody_without_a_source_finds_nothing_and_no_error(archive: Archive) -> None:
    readers = RestrictedReaders(archive.path)
    with readers.reading(frozenset()) as reader:
        for look in LOOKS.values():
            look(reader)
        assert search.count(reader, parse("NOT nothing")) == 0
        assert read_watches(reader) == ()
    readers.close()


def test_two_people_in_turn_never_get_each_others_connection(archive: Archive, visible: frozenset[int]) -> None:
    readers = RestrictedReaders(archive.path)
    for one in sorted(visible) * 3:
        with readers.reading(frozenset({one})) as reader:
            assert reader.column("SELECT DISTINCT source_id FROM posts") in ([one], [])
            assert reader.column("SELECT id FROM sources") == [one]
    readers.close()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM main.posts",
        "SELECT count(*) FROM main . posts",
        "SELECT * FROM posts_readable",
        "SELECT * FROM posts_words",
        "SELECT body FROM posts_index",
        "PRAGMA table_info(posts)",
        "CREATE TEMP TABLE mine (x)",
        "DROP VIEW temp.posts",
        "ATTACH 'other.db' AS other",
        "DELETE FROM posts",
    ],
)
def test_no_statement_gets_past_the_views(reader: Reader, statement: str) -> None:
    with pytest.raises((sqlite3.DatabaseError, PermissionError)):
        reader.rows(statement)


def test_every_table_is_on_one_list(archive: Archive) -> None:
    with archive.reading() as whole:
        tables = set(whole.column("SELECT name FROM sqlite_master WHERE type = 'table' OR name = 'received'"))
    lists = [set(CONDITIONS), set(CLOSED), set(OPEN)]
    indexes = {name for name in tables if name.startswith("posts_index")}
    assert tables - indexes == set().union(*lists), "say in storage/archive/restricted.py whom its rows belong to"
    assert sum(map(len, lists)) == len(set().union(*lists))
