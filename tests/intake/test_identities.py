"""Feeds whose ids, schemes, hosts and session ids move: an entry stays one post, and a new one is never taken for it."""

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.archive import AsyncArchive
from bot.clock import MINUTE, Clock
from bot.contracts.source import SourceSettings, Want
from bot.errors import Never
from bot.foreign.addresses import name_on_site, name_page, without_session
from bot.foreign.feed.parsed import ParsedEntry, ParsedFeed
from bot.intake.identities import EntryFacts, recognise
from bot.intake.poll import Intake, Round
from bot.sources.feed.posts import FeedCursor, make_batch
from storage.archive.database import Archive
from storage.records import Batch, Checked, FetchedPost, Raw
from storage.sources import states

NOW = 1_763_800_000_000_000
HOUR = 3_600_000_000


def entry(guid: str, link: str, words: str, at: int | None, title: str = "") -> ParsedEntry:
    return ParsedEntry(
        guid=guid, link=link, title=title, author="", text=words, body=words, captions=[], quoted="", links=[], files=[],
        published=at, published_raw=str(at or ""), updated=None, updated_raw="", raw=None,
        source=f"<item><guid>{guid}</guid><link>{link}</link>{words}{at}</item>",
    )  # fmt: skip


@dataclass
class MovingFeed:
    """A feed of the real kind behind a site that renders `entries` as it likes."""

    entries: list[ParsedEntry] = field(default_factory=list)
    move: Callable[[ParsedEntry], ParsedEntry] = lambda one: one
    pages = False
    checks = False
    settings: SourceSettings = field(default_factory=lambda: SourceSettings(name="feed", kind="feed"))

    async def fetch(self, want: Want, cursor: str | None) -> Batch:
        assert want.kind == "newest"
        shown = [self.move(one) for one in self.entries]
        reading = ParsedFeed(
            kind="rss20", title="", picture="", generator="", built=None, ttl=None,
            total=len(shown), entries=shown, broken="", refused=[], note="",
        )  # fmt: skip
        return make_batch(reading, b"", FeedCursor.read(cursor), NOW)

    async def check(self, native_id: str) -> Checked:
        raise Never(f"no {native_id}")


Step = Callable[[MovingFeed, Callable[[], Awaitable[Round]]], Awaitable[None]]


def play(archive: Archive, step: Step, *, restarts: bool = False) -> None:
    """Run `step`; its second argument makes a round, with `restarts` each in a process of its own."""

    async def go() -> None:
        clock, store, feed = Clock(now=lambda: NOW), AsyncArchive(archive), MovingFeed()
        await store.run(states.declare, [states.Declared("feed", "feed")], NOW)
        intake = Intake(store, clock, lambda: None, lambda: 0.5, list)

        async def round_() -> Round:
            row = await store.read(states.find_source, "feed")
            assert row is not None
            made = Intake(store, clock, lambda: None, lambda: 0.5, list) if restarts else intake
            return await made.round(feed, row, MINUTE)

        try:
            await step(feed, round_)
        finally:
            await store.aclose()

    asyncio.run(go())


def count(archive: Archive, what: str) -> int:
    with archive.reading() as reader:
        return int(reader.value(f"SELECT count(*) FROM {what}"))


def notices(number: int, *, dated: bool = True, linked: bool = True) -> list[ParsedEntry]:
    return [
        entry(
            f"tag:example.org,2026:{place}",
            f"https://example.org/notices/{place}?lang=en" if linked else "",
            f"Notice {place}: the bridge at kilometre {place} is closed.",
            NOW - place * HOUR if dated else None,
        )
        for place in range(number)
    ]


def minted(dice: random.Random) -> Callable[[ParsedEntry], ParsedEntry]:
    return lambda one: one | {"guid": f"{dice.getrandbits(64):x}"}


def flipped(dice: random.Random) -> Callable[[ParsedEntry], ParsedEntry]:
    def move(one: ParsedEntry) -> ParsedEntry:
        link = one["link"].replace("https://", dice.choice(["http://", "https://", "https://www.", "http://WWW."]))
        return one | {"guid": dice.choice([link, ""]), "link": link}

    return move


def in_session(dice: random.Random) -> Callable[[ParsedEntry], ParsedEntry]:
    def move(one: ParsedEntry) -> ParsedEntry:
        session = hashlib.md5(str(dice.random()).encode(), usedforsecurity=False).hexdigest()
        forms = (f"{one['link']}&PHPSESSID={session}", one["link"].replace("?", f";jsessionid={session}?"))
        link = dice.choice([*forms, f"{one['link']}&utm_source={session[:4]}"])
        more = f"https://example.org/more?token={session}"
        return one | {"guid": "", "link": link, "links": [("more", more)]}

    return move


def everything(dice: random.Random) -> Callable[[ParsedEntry], ParsedEntry]:
    return lambda one: minted(dice)(in_session(dice)(flipped(dice)(one)))


@pytest.mark.parametrize("moves", [minted, flipped, in_session, everything])
@pytest.mark.parametrize("dated", [True, False])
@pytest.mark.parametrize("restarts", [True, False])
def test_an_entry_stays_one_post_however_its_ids_move(
    archive: Archive,
    moves: Callable[[random.Random], Callable[[ParsedEntry], ParsedEntry]],
    dated: bool,
    restarts: bool,
) -> None:
    async def step(feed: MovingFeed, round_: Callable[[], Awaitable[Round]]) -> None:
        feed.move = moves(random.Random(7))
        everything_said = notices(30, dated=dated)
        feed.entries = everything_said[10:18]
        await round_()
        for last in (18, 18, 17, 16, 16):
            feed.entries = everything_said[10:last]
            after = await round_()
            assert (after.new, after.revised) == (0, 0)
        feed.entries = everything_said[8:16]
        assert (await round_()).new == 2
        assert (await round_()).new == 0

    play(archive, step, restarts=restarts)
    assert (count(archive, "posts"), count(archive, "revisions"), count(archive, "gaps")) == (10, 10, 0)


def test_ids_that_are_made_anew_at_each_fetch_where_nothing_else_names_an_entry(archive: Archive) -> None:
    async def step(feed: MovingFeed, round_: Callable[[], Awaitable[Round]]) -> None:
        feed.move = minted(random.Random(9))
        everything_said = notices(9, dated=False, linked=False)
        for first, new in ((5, 4), (5, 0), (4, 1), (4, 0), (2, 2)):
            feed.entries = everything_said[first : first + 4]
            assert (await round_()).new == new

    play(archive, step)
    assert count(archive, "gaps") == 0


def test_a_better_reader_that_names_entries_otherwise_finds_them_by_their_bytes(archive: Archive) -> None:
    async def step(feed: MovingFeed, round_: Callable[[], Awaitable[Round]]) -> None:
        feed.entries = notices(6, dated=False, linked=False)
        await round_()
        feed.move = lambda one: one | {"guid": f"better {one['guid']}", "text": f"better {one['text']}"}
        assert (await round_()).new == 0

    play(archive, step, restarts=True)
    assert (count(archive, "posts"), count(archive, "gaps")) == (6, 0)


def test_an_edit_that_moves_at_the_same_time_is_an_edit(archive: Archive) -> None:
    async def step(feed: MovingFeed, round_: Callable[[], Awaitable[Round]]) -> None:
        feed.move = everything(random.Random(3))
        feed.entries = notices(5)
        await round_()
        feed.entries[2] = feed.entries[2] | {"text": "Notice 2: the bridge is open again."}
        after = await round_()
        assert (after.new, after.revised) == (0, 1)

    play(archive, step)


def test_entries_that_were_left_out_at_first_contact_stay_left_out_under_other_ids(archive: Archive) -> None:
    async def step(feed: MovingFeed, round_: Callable[[], Awaitable[Round]]) -> None:
        feed.settings = SourceSettings(name="feed", kind="feed", backfill=2)
        feed.move = minted(random.Random(5))
        feed.entries = notices(9)
        await round_()
        after = await round_()
        assert after.new == 0

    play(archive, step)
    assert count(archive, "posts") == 2


ALIKE = "Air raid alert in the northern districts."


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # the same words at another time, alone in the window of a feed
        ([entry("a", "", ALIKE, NOW - HOUR)], [entry("b", "", ALIKE, NOW)]),
        # the same link, which all entries share
        (
            [
                entry("a", "https://example.org/live", "One.", NOW - HOUR),
                entry("b", "https://example.org/live", "Two.", NOW),
            ],
            [
                entry("b", "https://example.org/live", "Two.", NOW),
                entry("c", "https://example.org/live", "Three.", NOW),
            ],
        ),
        # the same link, title and nothing else
        (
            [entry("a", "https://example.org/live", "One.", NOW - HOUR, "Report")],
            [entry("b", "https://example.org/live", "Two.", NOW, "Report")],
        ),
        # the same words without a time, while others keep their ids
        (
            [entry("a", "", ALIKE, None), entry("x", "", "Something else.", None)],
            [entry("x", "", "Something else.", None), entry("b", "", ALIKE, None)],
        ),
        # numbers of stories that look like sessions
        (
            [entry("", "https://example.org/a.php?sid=101", "One.", NOW - HOUR)],
            [entry("", "https://example.org/a.php?sid=102", "Two.", NOW)],
        ),
        # both visible at once
        ([entry("a", "", ALIKE, NOW)], [entry("b", "", ALIKE, NOW), entry("a", "", ALIKE, NOW)]),
    ],
)
def test_another_entry_is_never_taken_for_a_stored_one(
    archive: Archive, before: list[ParsedEntry], after: list[ParsedEntry]
) -> None:
    async def step(feed: MovingFeed, round_: Callable[[], Awaitable[Round]]) -> None:
        feed.entries = before
        await round_()
        feed.entries = after
        assert (await round_()).new == 1

    play(archive, step)


ENTRIES = st.lists(
    st.builds(
        EntryFacts,
        native_id=st.sampled_from([f"{number}" for number in range(9)]),
        url=st.sampled_from(["", "https://example.org/a", "http://www.example.org/a", "https://example.org/"]),
        title=st.sampled_from(["", "A"]),
        text=st.sampled_from(["", "B", "C"]),
        posted_at=st.sampled_from([None, 1, 2]),
        raw_sha256=st.sampled_from(["1", "2", "3"]),
    ),
    max_size=6,
    unique_by=lambda one: one.native_id,
)


@given(ENTRIES, ENTRIES)
def test_no_two_entries_of_a_reply_become_one_post(shown: list[EntryFacts], stored: list[EntryFacts]) -> None:
    posts = [
        FetchedPost(
            one.native_id,
            Raw(one.raw_sha256.encode(), ""),
            one.text,
            url=one.url,
            title=one.title,
            posted_at=one.posted_at,
        )
        for one in shown
    ]
    stored = [replace(one, raw_sha256=hashlib.sha256(one.raw_sha256.encode()).hexdigest()) for one in stored]
    known = frozenset(one.native_id for one in shown) & frozenset(one.native_id for one in stored)
    moved = recognise(posts, known, stored, None)
    ids = [moved.get(post.native_id, post.native_id) for post in posts]
    assert len(set(ids)) == len(ids)
    assert not set(moved) & known


@pytest.mark.parametrize(
    ("address", "page", "on_site"),
    [
        ("https://www.Example.org/a/", "example.org/a", "/a"),
        ("http://example.org:80/a?b=1&utm_source=x", "example.org/a?b=1", "/a?b=1"),
        ("https://example.org:8443/a?z=1&b=2", "example.org:8443/a?b=2&z=1", "/a?b=2&z=1"),
        ("https://example.org/a;jsessionid=0F1E2D?b=1#part", "example.org/a?b=1#part", "/a?b=1#part"),
        ("https://example.org/?PHPSESSID=0123456789abcdef0123", "example.org", ""),
        ("https://example.org/a?sid=17", "example.org/a?sid=17", "/a?sid=17"),
        ("tag:example.org,2026:1", "tag:example.org,2026:1", ""),
        ("https://[broken/a", "https://[broken/a", ""),
    ],
)
def test_an_address_names_its_page(address: str, page: str, on_site: str) -> None:
    assert (name_page(address), name_on_site(address)) == (page, on_site)


@pytest.mark.parametrize(
    ("address", "left"),
    [
        ("https://example.org/a?token=0123456789abcdef&b=1", "https://example.org/a?b=1"),
        ("https://example.org/a?sessionid=0123456789abcdef#part", "https://example.org/a#part"),
        ("https://example.org/a;jsessionid=0F?b=1", "https://example.org/a?b=1"),
        ("https://example.org/a?b=1&utm_source=x", "https://example.org/a?b=1&utm_source=x"),
        ("mailto:a@example.org", "mailto:a@example.org"),
    ],
)
def test_a_session_id_is_no_part_of_an_address(address: str, left: str) -> None:
    assert without_session(address) == left
