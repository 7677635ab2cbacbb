"""Rounds of a real source against the loopback world: what a page tells again is not looked up, what changed is."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from bot import sources as kinds
from bot.archive import AsyncArchive
from bot.clock import MINUTE, SECOND, Clock
from bot.contracts.source import SourceTools
from bot.http import Http, HttpRules
from bot.intake.poll import Intake, Round
from bot.world import Faults, World, run_in_thread
from bot.world.state import WorldFile
from storage.archive.database import Archive
from storage.posts import saving
from storage.records import Checked, Forward, Poll, Preview
from storage.sources import states

Step = Callable[[AsyncArchive, Intake, Callable[[], Awaitable[Round]]], Awaitable[None]]


def played(archive: Archive, world: World, step: Step, given: Clock | None = None) -> None:
    """Run `step` with a source that re-checks nothing by itself; its third argument makes one round."""

    async def go(address: str) -> None:
        clock, store = given or Clock(), AsyncArchive(archive)
        private = frozenset({("127.0.0.1", urlsplit(address).port or 0)})
        http = Http(HttpRules("tests", private=private, intervals={"127.0.0.1": 0}), clock)
        model = kinds.settings_of("telegram_web")
        settings = model.model_validate(
            {
                "name": "office",
                "kind": "telegram_web",
                "channel": "office_of_record",
                "base_url": address,
                "recheck": [],
            }
        )
        source = kinds.build(settings, SourceTools(http, clock, Path()))
        await store.run(states.declare, [states.Declared("office", "telegram_web")], clock.now())
        intake = Intake(store, clock, lambda: None, lambda: 0.5, list)

        async def round_() -> Round:
            row = await store.read(states.find_source, "office")
            assert row is not None
            return await intake.round(source, row, MINUTE)

        try:
            await step(store, intake, round_)
        finally:
            await http.aclose()
            await store.aclose()

    with run_in_thread(world) as address:
        asyncio.run(go(address))


def test_an_edit_on_the_page_is_a_revision_in_that_round_and_an_equal_page_is_none(archive: Archive) -> None:
    world = World()
    world.open_channel("office_of_record", "Office")
    number = world.publish("office_of_record", "The garrison holds.")

    async def step(_: AsyncArchive, __: Intake, round_: Callable[[], Awaitable[Round]]) -> None:
        await round_()
        for _turn in range(2):
            again = await round_()
            assert (again.new, again.revised) == (0, 0)
            assert again.unchanged >= 1
        world.edit("office_of_record", number, "The garrison has left.")
        assert (await round_()).revised == 1
        world.publish("office_of_record", "A second post.")
        after = await round_()
        assert (after.new, after.revised) == (1, 0)

    played(archive, world, step)


def test_a_card_that_is_drawn_between_two_rounds_is_read(archive: Archive) -> None:
    world = World()
    world.open_channel("office_of_record", "Office")
    number = world.publish("office_of_record", "https://paper.example/1")
    messages = world.channel("office_of_record").messages

    async def step(store: AsyncArchive, __: Intake, round_: Callable[[], Awaitable[Round]]) -> None:
        await round_()
        await round_()
        messages[number] = replace(messages[number], preview=Preview("https://paper.example/1", "Paper", "Fort falls"))
        again = await round_()
        assert (again.new, again.revised) == (0, 0)
        texts = "SELECT text FROM texts WHERE kind = 'card' AND current = 1"
        assert await store.read(lambda reader: reader.column(texts)) == ["Paper\nFort falls"]

    played(archive, world, step)


def test_a_page_that_still_shows_a_post_clears_the_doubt_of_a_recheck(archive: Archive) -> None:
    world = World()
    world.open_channel("office_of_record", "Office")
    number = world.publish("office_of_record", "The garrison holds.")

    async def step(store: AsyncArchive, intake: Intake, round_: Callable[[], Awaitable[Round]]) -> None:
        await round_()
        await round_()
        with archive.reading() as reader:
            post_id = reader.value("SELECT id FROM posts WHERE native_id = :id", {"id": str(number)})
        gone = Checked(str(number), "absent", "embed page", control=True)
        now = Clock().now()
        await store.run(saving.save_check, post_id, gone, now, apart=1)
        assert await store.run(saving.save_check, post_id, gone, now + 2, apart=1) == "deleted"
        intake.forget()
        await round_()
        with archive.reading() as reader:
            assert reader.value("SELECT deleted_at FROM posts WHERE id = :id", {"id": post_id}) is None

    played(archive, world, step)


def test_pages_in_another_markup_are_no_edits(archive: Archive) -> None:
    world = World()
    world.open_channel("office_of_record", "Office", markup="2023")
    origin = Forward("Hill Rangers", None, "hill_rangers", "7")
    world.publish(
        "office_of_record", "We hold \u2764\ufe0f #tag @other\nhttps://example.org/?a=1&b=2", author="Nang K."
    )
    world.publish(
        "office_of_record", "An album", attachments=[WorldFile("photo", "a.png"), WorldFile("photo", "b.png")]
    )
    world.publish("office_of_record", "", attachments=[WorldFile("voice", "v.ogg", duration="0:04")])
    world.publish("office_of_record", "", poll=Poll("Who holds it?", ("We", "They")))
    world.publish(
        "office_of_record", "As they say", forward=origin, preview=Preview("https://e.example", "a", "b", "c")
    )

    async def step(store: AsyncArchive, intake: Intake, round_: Callable[[], Awaitable[Round]]) -> None:
        assert (await round_()).new == 6
        world.channel("office_of_record").markup = "2026"
        for _turn in range(2):
            again = await round_()
            assert (again.new, again.revised, again.quarantined, again.error) == (0, 0, 0, None)
        assert await store.read(lambda reader: reader.value("SELECT count(*) FROM revisions")) == 6

    played(archive, world, step)


def test_a_source_that_fails_is_asked_ever_less_often_and_as_usual_when_it_works(archive: Archive) -> None:
    world, now = World(), Clock().now()
    world.open_channel("office_of_record", "Office")
    world.publish("office_of_record", "The garrison holds.")
    waits: list[int] = []

    async def step(store: AsyncArchive, _: Intake, round_: Callable[[], Awaitable[Round]]) -> None:
        for faults in (Faults(), *[Faults(status=500)] * 6, Faults()):
            world.set_faults("office_of_record", faults)
            await round_()
            row = await store.read(states.find_source, "office")
            assert row is not None
            waits.append((row.next_poll_at - now) // SECOND)

    played(archive, world, step, Clock(now=lambda: now))
    usual, *failing, again = waits
    assert usual == again <= 60
    assert failing == [54 * 2**turn for turn in range(6)]  # a minute, shortened by a tenth, then ever twice as long
