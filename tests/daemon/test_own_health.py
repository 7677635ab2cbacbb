"""News of the program itself: each once, whichever process looks, and once more when it is over."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.archive import AsyncArchive
from bot.clock import Clock
from bot.daemon.own_health import OwnHealth
from storage.alerts import claiming, digests, outbox
from storage.alerts.settlement import Settlement
from storage.archive.database import Archive
from storage.records import ClosedGap, LedgerChange, NewGap
from storage.sources import gaps, states

NOW = 1_763_800_000_000_000
HOUR = 3_600_000_000


@dataclass
class Watch:
    """An archive, a clock that stands still, and one look of each process."""

    archive: Archive
    now: int = NOW
    keep_free: int = 0
    said: list[str] = field(default_factory=list)

    def look(self) -> list[str]:
        """What people hear by the look of one process."""
        before = len(self.heard())

        async def live() -> None:
            store, clock = AsyncArchive(self.archive), Clock(now=lambda: self.now)
            looking = OwnHealth(
                store, clock, self.said.append, lambda: ["phone"], self.archive.path.parent, lambda: self.keep_free
            )
            await looking.look(waited=True)
            await store.aclose()

        asyncio.run(live())
        return self.heard()[before:]

    def heard(self) -> list[str]:
        with self.archive.reading() as reader:
            return reader.column(
                "SELECT json_extract(payload, '$.text') FROM deliveries WHERE kind = 'health' ORDER BY id"
            )

    def change(self, source: str = "spokesman", **change: Any) -> None:
        with self.archive.writing() as writer:
            states.declare(writer, [states.Declared(source, "replay", (), None)], self.now)
            row = states.find_source(writer, source)
            assert row is not None
            gaps.apply_change(writer, row.id, LedgerChange(**change), self.now)

    def owe_a_digest(self) -> None:
        with self.archive.writing() as writer:
            digests.make(writer, "phone", "scheduled", (self.now - HOUR, self.now), (), self.now, priority=-1)

    def deliver_all(self) -> None:
        with self.archive.writing() as writer:
            while (claimed := claiming.claim(writer, "phone", self.now)) is not None:
                outbox.settle(writer, claimed.row.id, Settlement("sent", 1), self.now)


@pytest.fixture
def watch(archive: Archive) -> Watch:
    return Watch(archive)


def test_a_gap_is_said_when_it_opens_and_when_it_closes_and_never_again(watch: Watch) -> None:
    watch.change(opened=(NewGap("missed", low=5, high=34),))
    assert watch.look() == ["source spokesman has a gap: the posts 5 to 34 are missing"]
    assert watch.look() == []
    watch.change(closed=(ClosedGap(1, "filled"),))
    assert watch.look() == ["the gap of source spokesman that opened at 2025-11-22T08:26:40Z is closed: filled"]
    assert watch.look() == []


def test_a_gap_that_is_filled_between_two_looks_is_said_once(watch: Watch) -> None:
    watch.change(opened=(NewGap("missed", low=5, high=34),))
    watch.change(closed=(ClosedGap(1, "filled"),))
    assert watch.look() == ["source spokesman had a gap for a moment, which is closed: filled"]
    assert watch.look() == []


def test_history_that_somebody_asked_for_is_no_gap(watch: Watch) -> None:
    watch.change(opened=(NewGap("backfill", high=4), NewGap("first contact", high=2)))
    watch.change(closed=(ClosedGap(1, "filled"),))
    assert watch.look() == []


def test_many_gaps_at_once_are_one_message(watch: Watch) -> None:
    for number in range(12):
        watch.change(f"source{number}", opened=(NewGap("missed", low=5, high=34),))
    watch.change("source0", closed=(ClosedGap(1, "filled"),))
    [sentence] = watch.look()
    assert sentence.startswith("gaps: 11 opened, 1 closed, of source0, source1, source2, source3, source4 and 7 more;")


def test_a_source_that_always_shows_less_is_said_once_a_day_and_gaps_that_last_three_times_an_hour(
    watch: Watch,
) -> None:
    for number in range(1, 61):
        watch.change(opened=(NewGap("missed", low=number, high=number),))
        watch.change(closed=(ClosedGap(number, "filled"),))
        watch.look()
        watch.now += HOUR // 30
    assert len(watch.heard()) == 1
    watch.now += 24 * HOUR
    for number in range(61, 66):
        watch.change(opened=(NewGap("missed", low=number, high=number),))
        watch.look()
    assert len(watch.heard()) == 1 + 3
    watch.now += HOUR + 1
    assert "64" in watch.look()[0], "what was left out is said as soon as there is room"
    watch.change(closed=tuple(ClosedGap(number, "filled") for number in range(61, 66)))
    assert "closed" in watch.look()[0]


def test_a_disk_that_fills_up_is_said_once_and_so_is_room(watch: Watch) -> None:
    watch.keep_free = 900 << 40
    [sentence] = watch.look()
    assert sentence.startswith("disk is low: less than 900TB is free for ")
    assert watch.look() == []
    watch.keep_free = 0
    assert watch.look() == ["disk has room again"]


def test_alerts_that_wait_for_an_hour_are_said_once_and_again_when_they_are_through(watch: Watch) -> None:
    watch.owe_a_digest()
    watch.now += HOUR
    assert watch.look() == []
    watch.now += 1
    assert watch.look() == ["alerts wait: the oldest has not arrived for over an hour; see `communique status`"]
    watch.now += HOUR
    assert watch.look() == []
    watch.deliver_all()
    assert watch.look() == ["alerts arrive again: none has waited for an hour"]


def test_what_waits_for_a_digest_waits_as_it_should(watch: Watch) -> None:
    watch.owe_a_digest()
    with watch.archive.writing() as writer:
        writer.execute("UPDATE deliveries SET held = 'quiet'")
        outbox.announce(writer, ["phone"], "source x", "it broke", watch.now)
    heard = watch.heard()
    watch.now += 9 * HOUR
    assert watch.look() == []
    assert watch.heard() == heard
