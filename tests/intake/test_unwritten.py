"""Rounds without news: nothing is written at once, what is written later is true, and nothing is claimed before."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.archive import AsyncArchive
from bot.clock import MINUTE, SECOND, Clock
from bot.contracts.source import Want
from bot.intake.poll import Intake, Round
from bot.sources import settings_of
from bot.world import World
from storage.archive.database import Archive, Reader, Writer
from storage.archive.errors import ArchiveFull
from storage.records import Batch, Checked, FetchedPost, Raw
from storage.sources import states
from tests.intake.test_poll import played

Rounds = Callable[[], Awaitable[Round]]


class Watch:
    """A clock that a test moves by hand, and what the archive says about the source."""

    def __init__(self, store: AsyncArchive) -> None:
        self._store = store

    async def row(self) -> dict[str, Any]:
        def read(reader: Reader) -> dict[str, Any]:
            row = reader.one(
                "SELECT s.last_ok_at, s.next_poll_at, r.rounds, r.started_at, r.ended_at, r.longest_pause "
                "FROM sources s JOIN runs r ON r.source_id = s.id ORDER BY r.id DESC"
            )
            assert row is not None
            return dict(row)

        return await self._store.read(read)


def world_of_one() -> World:
    world = World()
    world.open_channel("office_of_record", "Office")
    world.publish("office_of_record", "The garrison holds.")
    return world


class Hand:
    def __init__(self) -> None:
        self.now = 1_790_000_000 * SECOND

    def clock(self) -> Clock:
        return Clock(now=lambda: self.now)


def test_an_unchanged_round_writes_nothing_and_is_written_down_later(archive: Archive) -> None:
    hand = Hand()

    async def step(store: AsyncArchive, intake: Intake, round_: Rounds) -> None:
        watch = Watch(store)
        await round_()
        before = await watch.row()
        for _ in range(3):
            hand.now += 20 * SECOND
            assert (await round_()).unchanged == 2
        assert await watch.row() == before
        assert await store.read(states.find_due, None, hand.now + MINUTE, intake.unwritten.list_resting(hand.now)) == []
        await intake.write_down()
        after = await watch.row()
        assert after["rounds"] == before["rounds"] + 3
        assert (after["ended_at"], after["last_ok_at"]) == (hand.now, hand.now)
        assert after["longest_pause"] == 20 * SECOND
        assert hand.now < after["next_poll_at"] <= hand.now + MINUTE
        assert intake.unwritten.is_empty

    played(archive, world_of_one(), step, hand.clock())


def test_what_is_lost_with_the_process_counts_as_not_watched(archive: Archive) -> None:
    hand = Hand()

    async def step(store: AsyncArchive, intake: Intake, round_: Rounds) -> None:
        await round_()
        await round_()
        seen = hand.now
        hand.now += 25 * SECOND
        await round_()
        assert (await Watch(store).row())["ended_at"] == seen  # as the next process finds it
        assert len(await store.read(states.find_due, None, hand.now + MINUTE)) == 1  # which polls at once

    played(archive, world_of_one(), step, hand.clock())


def test_news_are_written_with_the_rounds_before_them(archive: Archive) -> None:
    hand, world = Hand(), world_of_one()

    async def step(store: AsyncArchive, _: Intake, round_: Rounds) -> None:
        watch = Watch(store)
        await round_()
        before = await watch.row()
        hand.now += 20 * SECOND
        await round_()
        world.publish("office_of_record", "The garrison has left.")
        hand.now += 20 * SECOND
        assert (await round_()).new == 1
        after = await watch.row()
        assert after["rounds"] == before["rounds"] + 2
        assert after["longest_pause"] == 20 * SECOND

    played(archive, world, step, hand.clock())


class Speaker:
    """A source without posts that says something of itself."""

    pages = checks = False

    def __init__(self) -> None:
        self.settings = settings_of("feed").model_validate(
            {"name": "office", "kind": "feed", "url": "https://x.example"}
        )
        self.says = Batch(title="Office", picture="one.jpg")

    async def fetch(self, _: Want, __: str | None) -> Batch:
        return self.says

    async def check(self, native_id: str) -> Checked:
        raise NotImplementedError(native_id)


class Repeater(Speaker):
    """A source that knows when it says the same again; `meanwhile` happens before such an answer."""

    def __init__(self) -> None:
        super().__init__()
        self.known: list[str | None] = []
        self.meanwhile: Callable[[], object] = int
        post = FetchedPost("1", Raw(b"The garrison holds.", "text/plain"), "The garrison holds.")
        self.says = Batch((post,), mark="page 1")

    async def fetch(self, want: Want, __: str | None) -> Batch:
        self.known.append(want.known)
        if want.known != self.says.mark:
            return self.says
        self.meanwhile()
        return replace(self.says, posts=(), repeats=True)


def test_a_reply_that_repeats_is_a_quiet_round_unless_its_posts_were_forgotten(archive: Archive) -> None:
    hand, source = Hand(), Repeater()

    async def step(store: AsyncArchive, intake: Intake, _: Rounds) -> None:
        async def round_() -> Round:
            row = await store.read(states.find_source, "office")
            assert row is not None
            return await intake.round(source, row, MINUTE)

        assert (await round_()).new == 1
        assert [(await round_()).unchanged for _ in range(3)] == [1, 1, 1]
        assert intake.unwritten.list_resting(0)
        source.meanwhile = intake.forget
        assert (await round_()).unchanged + (await round_()).unchanged == 2
        source.says = replace(source.says, mark="page 2", posts=(replace(source.says.posts[0], text="It fell."),))
        assert (await round_()).revised == 1

    played(archive, world_of_one(), step, hand.clock())
    assert source.known == [None, *["page 1"] * 4, None, "page 1", None, "page 1"]


@pytest.mark.parametrize(
    "changed", [{"title": "Ministry"}, {"picture": "two.jpg"}, {"detail": "read by the second way"}]
)
def test_what_a_source_says_of_itself_is_written_when_it_changes(archive: Archive, changed: dict[str, Any]) -> None:
    hand, speaker = Hand(), Speaker()

    async def step(store: AsyncArchive, intake: Intake, _: Rounds) -> None:
        async def round_() -> None:
            row = await store.read(states.find_source, "office")
            assert row is not None
            await intake.round(speaker, row, MINUTE)

        await round_()
        await round_()
        await round_()
        assert intake.unwritten.list_resting(0)
        speaker.says = replace(speaker.says, **changed)
        await round_()
        assert intake.unwritten.list_resting(0) == []
        words = await store.read(lambda reader: reader.one("SELECT title, picture, reason AS detail FROM sources"))
        assert words is not None
        assert changed.items() <= dict(words).items()

    played(archive, world_of_one(), step, hand.clock())


def test_a_poll_that_somebody_asks_for_meanwhile_is_made(archive: Archive) -> None:
    hand = Hand()

    async def step(store: AsyncArchive, intake: Intake, round_: Rounds) -> None:
        await round_()
        await round_()
        await round_()
        await store.run(states.resume, "office", hand.now - SECOND)
        resting = intake.unwritten.list_resting(hand.now)
        assert [row.name for row in await store.read(states.find_due, None, hand.now, resting)] == ["office"]
        await intake.write_down()
        assert [row.name for row in await store.read(states.find_due, None, hand.now)] == ["office"]

    played(archive, world_of_one(), step, hand.clock())


def test_what_could_not_be_written_is_kept(archive: Archive) -> None:
    hand = Hand()

    async def step(store: AsyncArchive, intake: Intake, round_: Rounds) -> None:
        def fail(_: Writer) -> None:
            raise ArchiveFull("no space left", archive.path)

        watch = Watch(store)
        await round_()
        before = await watch.row()
        hand.now += 20 * SECOND
        await round_()
        with pytest.raises(ArchiveFull):
            await intake.write_down(fail)
        hand.now += 20 * SECOND
        await round_()
        await intake.write_down()
        after = await watch.row()
        assert (after["rounds"], after["ended_at"]) == (before["rounds"] + 2, hand.now)
        assert after["longest_pause"] == 20 * SECOND

    played(archive, world_of_one(), step, hand.clock())


def test_rounds_are_written_once_when_what_shares_their_transaction_fails(archive: Archive) -> None:
    hand, busy = Hand(), threading.Event()

    async def step(store: AsyncArchive, intake: Intake, round_: Rounds) -> None:
        def fail(_: Writer) -> None:
            raise ValueError("a bug")

        watch = Watch(store)
        await round_()
        before = await watch.row()
        hand.now += 20 * SECOND
        await round_()
        other = asyncio.create_task(store.run(lambda _: busy.wait(60)))
        both = asyncio.gather(intake.write_down(lambda _: None), intake.write_down(fail), return_exceptions=True)
        await asyncio.sleep(0)
        busy.set()
        await other
        assert [str(one) for one in await both] == ["None", "a bug"]
        after = await watch.row()
        assert (after["rounds"], after["ended_at"]) == (before["rounds"] + 1, hand.now)
        assert intake.unwritten.is_empty

    played(archive, world_of_one(), step, hand.clock())


def test_what_waits_to_be_written_when_the_program_stops_is_kept(archive: Archive) -> None:
    hand, busy = Hand(), threading.Event()

    async def step(store: AsyncArchive, intake: Intake, round_: Rounds) -> None:
        watch = Watch(store)
        await round_()
        before = await watch.row()
        hand.now += 20 * SECOND
        await round_()
        other = asyncio.create_task(store.run(lambda _: busy.wait(60)))
        writing = asyncio.create_task(intake.write_down())
        await asyncio.sleep(0)  # it waits behind the other transaction
        assert intake.unwritten.list_resting(hand.now), "what waits is not due meanwhile"
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        busy.set()
        await other
        await intake.write_down()
        after = await watch.row()
        assert (after["rounds"], after["ended_at"]) == (before["rounds"] + 1, hand.now)

    played(archive, world_of_one(), step, hand.clock())


def test_a_source_is_not_due_again_while_its_rounds_are_being_written(archive: Archive) -> None:
    hand, begun, busy, waiting = Hand(), threading.Event(), threading.Event(), threading.Event()

    def hold(_: Writer) -> None:
        begun.set()
        busy.wait(60)

    async def step(store: AsyncArchive, intake: Intake, round_: Rounds) -> None:
        await round_()
        await round_()
        hand.now += MINUTE
        await round_()
        other = asyncio.create_task(store.run(lambda _: waiting.wait(60)))
        writing = asyncio.gather(intake.write_down(lambda _: None), intake.write_down(hold))  # in one transaction
        await asyncio.sleep(0)
        waiting.set()
        await asyncio.to_thread(begun.wait, 60)
        resting = intake.unwritten.list_resting(hand.now)
        due = await store.read(states.find_due, None, hand.now, resting)
        busy.set()
        await asyncio.gather(other, writing)
        assert due == []
        assert intake.unwritten.list_resting(hand.now) == []

    played(archive, world_of_one(), step, hand.clock())


def test_what_else_is_to_be_written_goes_before_rounds(archive: Archive) -> None:
    begun, busy = threading.Event(), threading.Event()
    order: list[str] = []

    def hold(_: Writer) -> None:
        begun.set()
        busy.wait(60)

    async def step(store: AsyncArchive, intake: Intake, _: Rounds) -> None:
        other = asyncio.create_task(store.run(hold))
        await asyncio.to_thread(begun.wait, 60)
        waiting = [
            asyncio.create_task(intake.write_down(lambda _: order.append("rounds"))),
            asyncio.create_task(store.run(lambda _: order.append("alerts"))),
        ]
        await asyncio.sleep(0)
        busy.set()
        await asyncio.gather(other, *waiting)

    played(archive, world_of_one(), step)
    assert order == ["alerts", "rounds"]


def test_a_look_after_a_long_pause_begins_a_stretch_of_its_own(archive: Archive) -> None:
    hand = Hand()

    async def step(store: AsyncArchive, intake: Intake, round_: Rounds) -> None:
        watch = Watch(store)
        await round_()
        await round_()
        await round_()
        await intake.write_down()
        before = await watch.row()
        hand.now += 60 * MINUTE
        await round_()
        after = await watch.row()
        assert (after["started_at"], after["rounds"]) == (hand.now, 1)
        assert before["ended_at"] < after["started_at"]

    played(archive, world_of_one(), step, hand.clock())


def test_a_source_that_waits_for_the_server_is_woken_by_a_round_without_news(archive: Archive) -> None:
    hand = Hand()

    async def step(store: AsyncArchive, _: Intake, round_: Rounds) -> None:
        def fail_another(writer: Writer) -> None:
            [server] = writer.column("SELECT server FROM sources WHERE name = 'office'")
            writer.execute(
                "INSERT INTO sources (name, kind, tags, enabled, state, state_since, paused, next_poll_at, failures, "
                "failure, failures_alike, failing_since, server) VALUES ('other', 'telegram_web', '[]', 1, "
                "'unreachable', 0, 0, :later, 1, 'unreached', 1, :now, :server)",
                {"later": hand.now + 60 * MINUTE, "now": hand.now + SECOND, "server": server},
            )

        await round_()
        await round_()
        await store.run(fail_another)
        hand.now += 20 * SECOND
        assert (await round_()).woken == ["other"]

    played(archive, world_of_one(), step, hand.clock())
