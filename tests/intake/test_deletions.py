"""A post that is removed is missed within minutes, whenever it is removed, and however quiet its channel is."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bot import sources as kinds
from bot.archive import AsyncArchive
from bot.claims import Claims
from bot.clock import MINUTE, SECOND, Clock
from bot.contracts.source import SourceTools
from bot.http import Http, HttpRules
from bot.intake.poll import Intake
from bot.intake.recheck import Rechecks
from bot.world import Faults, World, run_in_thread
from storage.archive.database import Archive
from storage.sources import states

NOTICED = 12  # minutes: a round every minute, and two absences ten minutes apart


class Watch:
    """A channel of the world, looked at once in every minute of a clock that only this test moves."""

    def __init__(self, archive: Archive) -> None:
        self.archive, self.time = archive, Clock().now()
        self.clock = Clock(lambda: self.time, lambda: self.time / SECOND)
        self.world = World(self.clock)
        self.world.open_channel("office", "Office", first_id=50)  # no service message is left of its beginning
        self.minute = 0
        self.pass_minutes: Callable[[int], Awaitable[None]]

    def publish(self, words: str) -> int:
        return self.world.publish("office", words)

    def deleted(self) -> list[int]:
        with self.archive.reading() as reader:
            found = reader.column("SELECT native_id FROM posts WHERE deleted_at IS NOT NULL ORDER BY id")
        return [int(one) for one in found]

    def play(self, story: Callable[["Watch"], Awaitable[None]], **keys: Any) -> None:
        with run_in_thread(self.world) as address:
            asyncio.run(self._play(address, story, keys))

    async def _play(self, address: str, story: Callable[["Watch"], Awaitable[None]], keys: dict[str, Any]) -> None:
        store = AsyncArchive(self.archive)
        private = frozenset({("127.0.0.1", urlsplit(address).port or 0)})
        http = Http(HttpRules("tests", private=private, intervals={"127.0.0.1": 0}), Clock())
        entry = {"name": "office", "kind": "telegram_web", "channel": "office", "base_url": address} | keys
        settings = kinds.settings_of("telegram_web").model_validate(entry)
        source = kinds.build(settings, SourceTools(http, self.clock, Path()))
        await store.run(states.declare, [states.Declared("office", "telegram_web")], self.time)
        intake = Intake(store, self.clock, lambda: None, lambda: 0.5, list)
        rechecks = Rechecks(store, self.clock, Claims(self.clock), intake.forget, {"office": source})

        async def pass_minutes(count: int) -> None:
            for _ in range(count):
                row = await store.read(states.find_source, "office")
                assert row is not None
                await intake.round(source, row, MINUTE)
                while await rechecks.work(self.time):
                    pass
                self.time += MINUTE
                self.minute += 1

        self.pass_minutes = pass_minutes
        try:
            await story(self)
        finally:
            await http.aclose()
            await store.aclose()


@pytest.mark.parametrize("removed_at", [1, 9, 16, 40, 62])
def test_a_post_is_missed_within_minutes_of_its_removal_though_it_was_looked_at_just_before(
    archive: Archive, removed_at: int
) -> None:
    watch = Watch(archive)

    async def story(watch: Watch) -> None:
        watch.publish("The first.")
        watch.publish("The second.")
        gone = watch.publish("The garrison has left.")
        await watch.pass_minutes(removed_at)
        watch.world.delete("office", gone)
        await watch.pass_minutes(NOTICED)
        assert watch.deleted() == [gone]

    watch.play(story, recheck=["15m", "1h", "1d"])


def test_a_doubt_outlives_failing_looks_and_a_channel_that_says_nothing_more(archive: Archive) -> None:
    watch = Watch(archive)

    async def story(watch: Watch) -> None:
        watch.publish("The first.")
        gone = watch.publish("The garrison has left.")
        await watch.pass_minutes(16)
        watch.world.delete("office", gone)
        await watch.pass_minutes(1)
        watch.world.set_faults("office", Faults(status=503))
        await watch.pass_minutes(90)
        assert watch.deleted() == []
        watch.world.set_faults("office", Faults())
        await watch.pass_minutes(NOTICED + 5)  # a look that failed is repeated after five minutes
        assert watch.deleted() == [gone]

    watch.play(story, recheck=["15m", "1d"])


def test_nothing_counts_as_deleted_while_no_other_post_is_seen_alive(archive: Archive) -> None:
    watch = Watch(archive)

    async def story(watch: Watch) -> None:
        gone = [watch.publish("The first."), watch.publish("The second.")]
        await watch.pass_minutes(10)
        for number in gone:
            watch.world.delete("office", number)
        await watch.pass_minutes(120)
        assert watch.deleted() == []
        watch.publish("The third.")
        await watch.pass_minutes(60 + NOTICED)  # without a control it is looked at once an hour
        assert watch.deleted() == gone

    watch.play(story, recheck=["15m", "1d"])
