"""A source that is silent is reported once, and once more when it is back; nobody hears of what could not be watched."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from bot.archive import AsyncArchive
from bot.clock import DAY, HOUR, MINUTE, Clock
from bot.daemon.rhythm import Rhythm, RhythmPlan
from storage.archive.database import Archive, Writer
from storage.posts import saving
from storage.records import Batch, FetchedPost, LedgerChange, NewGap, Raw
from storage.sources import gaps, rhythm, states

START = 1_790_000_000_000_000  # 2026-09-21, some time of the day
SOURCE = 1
YANGON = ZoneInfo("Asia/Yangon")


@dataclass
class Desk:
    """An archive with one source that was watched from START on, and what people hear of it."""

    archive: Archive
    now: int = START
    usual: "int | str" = "auto"
    said: list[str] = field(default_factory=list)
    posts: int = 0

    def settle(self, outcome: str = "ok") -> None:
        with self.archive.writing() as writer:
            self._settle(writer, outcome)

    def save(self, *moments: int | None, contact: bool = False) -> None:
        with self.archive.writing() as writer:
            self._save(writer, moments, contact=contact)

    def watch(self, hours: int, *, every: int = 6) -> None:
        """Look each hour, and post whenever the hour is a multiple of `every`."""
        with self.archive.writing() as writer:
            for _ in range(hours):
                self.now += HOUR
                if every and ((self.now - START) // HOUR) % every == 0:
                    self._save(writer, [self.now - MINUTE])
                self._settle(writer)

    def _settle(self, writer: Writer, outcome: str = "ok") -> None:
        states.settle(
            writer,
            SOURCE,
            outcome=outcome,
            detail=None,
            now=self.now,
            next_poll_at=self.now + HOUR,
            hold_until=None,
            failures=0,
            posts=0,
        )

    def _save(self, writer: Writer, moments: Sequence[int | None], *, contact: bool = False) -> None:
        found = []
        for at in moments:
            self.posts += 1
            found.append(FetchedPost(str(self.posts), Raw(b"%d" % self.posts, "text/plain"), "words", posted_at=at))
        change = LedgerChange(first_contact=contact)
        batch = Batch(posts=tuple(found))
        saving.save(writer, SOURCE, batch, now=self.now, method="replay", alerts=False, change=change)

    def look(self) -> list[str]:
        """What people hear by the look of one process."""
        before = len(self.heard())

        async def live() -> None:
            store = AsyncArchive(self.archive)
            plan = RhythmPlan({"ferry": self.usual}, {"ferry": MINUTE}, YANGON)
            clock = Clock(now=lambda: self.now)
            await Rhythm(store, clock, self.said.append, lambda: ["phone"], lambda: plan, lambda: None).look()
            await store.aclose()

        asyncio.run(live())
        return self.heard()[before:]

    def heard(self) -> list[str]:
        with self.archive.reading() as reader:
            return reader.column("SELECT json_extract(payload, '$.text') FROM deliveries ORDER BY id")

    def ask(self, change: Callable[[Writer, int, int], object]) -> None:
        with self.archive.writing() as writer:
            change(writer, SOURCE, self.now)


@pytest.fixture
def desk(archive: Archive) -> Desk:
    with archive.writing() as writer:
        states.declare(writer, [states.Declared("ferry", "replay")], START)
    found = Desk(archive)
    found.save(contact=True)
    found.settle()
    return found


def test_a_silence_is_said_once_and_so_is_its_end(desk: Desk) -> None:
    desk.watch(24 * 20)
    assert desk.look() == []
    desk.watch(8, every=0)
    [said] = desk.look()
    assert said == (
        "source ferry has posted nothing for 8 h, never more than 6 h in eight watched weeks; we looked every 60 s;"
        " `communique sources ack ferry` accepts it"
    )
    desk.watch(30, every=0)
    assert desk.look() == []
    desk.save(desk.now)
    assert desk.look() == ["source ferry posts again, after 38 h"]
    assert desk.look() == []


def test_with_two_weeks_or_less_nothing_is_said(desk: Desk) -> None:
    desk.watch(24 * 13)
    desk.watch(40, every=0)
    assert desk.look() == []


def test_what_a_source_showed_at_first_contact_is_no_silence(desk: Desk) -> None:
    desk.save(*(START - 60 * DAY + n * 6 * HOUR for n in range(200)))
    assert desk.look() == [], "it had been silent for ten days when we came"
    desk.watch(7, every=0)
    assert desk.look() == []
    desk.watch(2, every=0)
    assert len(desk.look()) == 1, "and now it is silent for longer than ever, as we saw ourselves"


def test_while_a_source_cannot_be_read_it_is_not_silent(desk: Desk) -> None:
    desk.watch(24 * 20)
    desk.now += 20 * HOUR
    assert desk.look() == [], "no process was running"
    desk.settle("failing")
    assert desk.look() == []
    desk.settle()
    assert desk.look() == [], "of these hours nothing is known"
    desk.watch(9, every=0)
    assert len(desk.look()) == 1


def test_a_source_that_fails_when_its_time_is_over_is_not_called_silent(desk: Desk) -> None:
    desk.watch(24 * 20)
    desk.watch(8, every=0)
    desk.settle("failing")
    assert desk.look() == []
    desk.settle()
    assert len(desk.look()) == 1


def test_an_open_gap_may_hide_its_posts(desk: Desk) -> None:
    desk.watch(24 * 20)
    desk.watch(9, every=0)
    gap = LedgerChange(opened=(NewGap("missed", from_at=desk.now - 5 * HOUR, to_at=desk.now - HOUR),))
    desk.ask(lambda writer, source, now: gaps.apply_change(writer, source, gap, now))
    assert desk.look() == []


def test_a_post_without_a_time_does_not_make_it_look_alive(desk: Desk) -> None:
    desk.watch(24 * 20)
    desk.watch(8, every=0)
    assert len(desk.look()) == 1
    desk.save(None)
    assert desk.look() == []


def test_a_source_whose_clock_is_ahead_of_ours_is_alive(desk: Desk) -> None:
    desk.watch(24 * 20)
    desk.watch(6, every=0)
    desk.save(desk.now + 10 * MINUTE)
    desk.watch(3, every=0)
    assert desk.look() == []


def test_an_accepted_silence_is_said_again_when_it_is_as_long_again(desk: Desk) -> None:
    desk.watch(24 * 20)
    desk.watch(10, every=0)
    assert len(desk.look()) == 1
    desk.ask(rhythm.accept)
    desk.watch(9, every=0)
    assert desk.look() == []
    desk.watch(2, every=0)
    assert len(desk.look()) == 1


def test_who_accepts_a_silence_beforehand_does_not_hear_of_it_nor_of_its_end(desk: Desk) -> None:
    desk.watch(24 * 20)
    desk.watch(6, every=0)
    desk.ask(rhythm.accept)
    desk.watch(4, every=0)
    assert desk.look() == []
    desk.save(desk.now)
    assert desk.look() == []


def test_a_person_may_say_how_long_or_never(desk: Desk) -> None:
    desk.watch(24)
    desk.usual = 3 * HOUR
    desk.watch(2, every=0)
    assert desk.look() == []
    desk.watch(2, every=0)
    [said] = desk.look()
    assert said.startswith("source ferry has posted nothing for 4 h, `usual` allows 3 h; we looked every 60 s;"), said
    desk.save(desk.now)
    desk.look()
    desk.usual = "off"
    desk.watch(24 * 20, every=0)
    assert desk.look() == []


def test_a_post_that_comes_each_day_is_missed_an_hour_after_its_time(desk: Desk) -> None:
    desk.watch(24 * 40, every=24)
    desk.watch(24, every=0)
    assert desk.look() == []
    desk.watch(2, every=0)
    [said] = desk.look()
    due = (datetime.fromtimestamp(START // 1_000_000, YANGON)).strftime("%H:")
    assert said.startswith(f"source ferry posts every day about {due}"), said
    assert said.endswith(" Asia/Yangon, not today; we looked every 60 s")
    desk.watch(1, every=0)
    assert desk.look() == []
