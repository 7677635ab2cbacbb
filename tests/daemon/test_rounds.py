"""Rounds that somebody asks for: a push, a reload, a command."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

from bot import sources as kinds
from bot.archive import AsyncArchive
from bot.clock import MINUTE, SECOND, Clock
from bot.contracts.source import SourceTools
from bot.daemon.rounds import Rounds
from bot.http import Http, HttpRules
from bot.intake.poll import Intake
from bot.world import World, run_in_thread
from storage.archive.database import Archive, Writer
from storage.sources import states

NAMES = ("spokesman", "paused", "stopped", "limited")


def set_states(writer: Writer, now: int) -> None:
    states.declare(writer, [states.Declared(name, "telegram_web") for name in NAMES], now)
    states.pause(writer, "paused")
    writer.execute("UPDATE sources SET next_poll_at = :never WHERE name = 'stopped'", {"never": states.NEVER})
    writer.execute("UPDATE sources SET hold_until = :at WHERE name = 'limited'", {"at": now + 3600 * SECOND})


def test_a_bell_starts_no_round_of_a_source_that_is_paused_stopped_or_rate_limited(archive: Archive) -> None:
    world = World()
    for name in NAMES:
        world.open_channel(name, name)
        world.publish(name, "Nothing new.")

    async def live(address: str) -> None:
        clock, store = Clock(), AsyncArchive(archive)
        private = frozenset({("127.0.0.1", urlsplit(address).port or 0)})
        http = Http(HttpRules("tests", private=private, intervals={"127.0.0.1": 0}), clock)
        model, tools = kinds.settings_of("telegram_web"), SourceTools(http, clock, Path())
        entries = [{"name": name, "kind": "telegram_web", "channel": name, "base_url": address} for name in NAMES]
        sources = {entry["name"]: kinds.build(model.model_validate(entry), tools) for entry in entries}
        await store.run(set_states, clock.now())
        intake = Intake(store, clock, lambda: None, lambda: 0.5, list)
        rounds = Rounds(store, intake, clock, lambda _: None, sources, dict.fromkeys(NAMES, MINUTE))
        try:
            async with asyncio.timeout(60):
                for wanted in range(1, 4):  # whatever the first bell began has asked by the third
                    rounds.start_soon(NAMES)
                    while world.requests("spokesman") < wanted:  # noqa: ASYNC110 - the world lives in a thread
                        await asyncio.sleep(0.02)
        finally:
            await rounds.aclose()
            await http.aclose()
            await store.aclose()

    with run_in_thread(world) as address:
        asyncio.run(live(address))
    assert [world.requests(name) for name in NAMES[1:]] == [0, 0, 0]
