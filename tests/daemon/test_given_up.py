"""What is given up is reported once, and a report that is lost itself breeds no other."""

import asyncio

from bot.archive import AsyncArchive
from bot.clock import Clock
from bot.daemon.given_up import GivenUp
from storage.alerts import claiming, outbox
from storage.archive.database import Archive


def test_a_health_message_whose_sending_kills_the_program_is_given_up_and_breeds_no_other(archive: Archive) -> None:
    said: list[str] = []

    async def two_deaths() -> None:
        store, clock = AsyncArchive(archive), Clock()
        given_up = GivenUp(store, clock, said.append, lambda: ["one", "two"], lambda: None)
        try:
            await store.run(outbox.announce, ["one"], "source spokesman", "spokesman is failing", clock.now())
            for _ in range(2):
                assert await store.run(claiming.claim, "one", clock.now(), healthy=True)
                await given_up.settle_death()
        finally:
            await store.aclose()

    asyncio.run(two_deaths())
    assert ["died twice" in sentence for sentence in said] == [True]
    with archive.reading() as reader:
        assert reader.column("SELECT text FROM notices") == said
        assert [tuple(row) for row in reader.rows("SELECT target, state FROM deliveries")] == [("one", "dead")]
