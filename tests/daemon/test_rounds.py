"""Rounds that somebody asks for: a push, a reload, a command."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bot import sources as kinds
from bot.archive import AsyncArchive
from bot.clock import MINUTE, SECOND, Clock
from bot.contracts.source import SourceTools
from bot.daemon.once import choose_exit_code
from bot.daemon.rounds import Rounds
from bot.errors import Later, Never
from bot.http import Http, HttpRules
from bot.intake.poll import Intake, Round
from bot.world import World, run_in_thread
from storage.archive.database import Archive, Writer
from storage.sources import states
from storage.state_names import ARCHIVE_ERROR

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


@pytest.mark.parametrize(
    ("rounds", "skipped", "refused", "code"),
    [
        ([Round(new=1)], ["paused", "stopped", "limited"], 0, 0),
        ([Round(new=1), Round(error=Later("500"))], [], 0, 0),
        ([Round(new=1)], [], 1, 5),
        ([Round(new=1), Round(error=Never("gone"))], [], 0, 5),
        ([Round(error=Later("500")), Round(error=Later("no answer", unreached=True))], [], 0, 1),
        ([Round(new=1, error=Later("500"))], [], 0, 0),  # the page was read, its history was not
        ([Round(), Round(error=Later("full", state=ARCHIVE_ERROR))], [], 0, 1),
        ([Round(error=Later("500"))], ["stopped"], 0, 1),
        ([], ["limited", "stopped"], 0, 1),
        ([], ["stopped", "paused"], 0, 5),
        ([], ["paused"], 0, 0),
    ],
)
def test_a_pass_in_which_no_source_could_be_read_failed(
    archive: Archive, rounds: list[Round], skipped: list[str], refused: int, code: int
) -> None:
    with archive.writing() as writer:
        set_states(writer, 0)
        rows = {row.name: row for row in states.list_sources(writer)}
    assert choose_exit_code(rounds, [rows[name] for name in skipped], refused) == code
