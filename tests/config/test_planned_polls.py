"""The plan of polls for a whole config: rounds follow it, and people see it in the archive."""

import asyncio
from typing import TYPE_CHECKING

from bot.archive import AsyncArchive
from bot.clock import HOUR, MINUTE, SECOND, Clock
from bot.daemon.pacing import Pacing
from bot.daemon.rounds import Rounds
from bot.intake.poll import Intake
from storage.archive.database import Archive, Writer
from storage.sources import states
from storage.sources.pace import read_sentences
from storage.status import read_watches
from tests.config.conftest import Read

if TYPE_CHECKING:
    from bot.config import Config

NOW = 1_790_000_000 * SECOND
RULES = """
[[rules]]
name = "front"
query = "fort"
priority = "high"
tags = ["front"]
targets = []
[[rules]]
name = "everything"
query = "fort"
targets = []
"""


def channels(count: int) -> str:
    entry = '[[sources]]\nname = "c{0}"\nkind = "telegram_web"\nchannel = "channel_{0}"\nevery = "2m"\n{1}'
    return "".join(entry.format(number, 'tags = ["front"]\n' if number == 1 else "") for number in range(count))


def planned(archive: Archive, *configs: "Config") -> tuple[dict[str, int], dict[str, int | None], tuple[str, ...]]:
    """What rounds keep to after the last of these configs, what the archive says of it, and its sentences."""

    async def go() -> dict[str, int]:
        store, clock = AsyncArchive(archive), Clock(now=lambda: NOW)
        rounds = Rounds(store, Intake(store, clock, lambda: None, lambda: 0.0, list), clock, lambda _: None)
        pacing = Pacing(store, clock, rounds)

        def declare(writer: Writer) -> None:
            declared = [states.Declared(source.name, source.kind) for source in configs[0].sources]
            states.declare(writer, declared, NOW)
            writer.execute("UPDATE sources SET last_post_at = :at WHERE name = 'c2'", {"at": NOW - HOUR})

        await store.run(declare)
        for config in configs:
            pacing.config = config
            await pacing.plan()
        await store.aclose()
        return dict(rounds.every)

    every = asyncio.run(go())
    with archive.reading() as reader:
        return every, {watch.name: watch.pace for watch in read_watches(reader)}, read_sentences(reader)


def test_five_hundred_channels_are_planned_by_what_t_me_allows(archive: Archive, read: Read) -> None:
    config = read(RULES + channels(500))
    every, kept, sentences = planned(archive, config)
    assert every == kept
    assert every["c2"] < every["c1"] < every["c0"]  # news, then a rule of high priority, then what is quiet
    assert every["c0"] <= 90 * MINUTE
    [sentence] = sentences
    assert "500 sources of t.me can each be polled every 23 min; you wrote 2 min" in sentence
    assert config.warnings[-1] == sentence


def test_a_host_that_has_room_again_is_polled_as_the_config_says(archive: Archive, read: Read) -> None:
    every, kept, sentences = planned(archive, read(RULES + channels(500)), read(RULES + channels(10)))
    assert set(every.values()) == {2 * MINUTE}
    assert set(kept.values()) == {None}
    assert sentences == ()
