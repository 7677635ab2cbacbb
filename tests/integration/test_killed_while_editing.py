"""kill -9 when the chat shows an edit that nobody could write down: one more edit at most, and the right number."""

import time

import pytest

from bot.world import World, run_in_thread
from tests.bot_api import TOKEN, BotApi, serving
from tests.desk import Desk
from tests.integration.scene import LOOPBACK

CLAIM = (
    "The regional command at Taungkyar is in our hands since 06:20 this morning, and forty of its soldiers have laid"
    " down their weapons before our men."
)
CHANNELS = ("rangers_info", "ridge_relay", "market_whispers")
CONFIG = """
[defaults]
every = "1s"
targets = ["desk"]
[[rules]]
name = "command"
query = '"regional command"'
[[targets]]
name = "desk"
kind = "telegram"
token_file = "token"
chat = -100
api_base = "{api}"
"""
SOURCE = """
[[sources]]
name = "{name}"
kind = "telegram_web"
channel = "{name}"
base_url = "{world}"
"""


@pytest.mark.long
def test_a_daemon_that_is_killed_at_its_edits_shows_the_right_number_in_the_end(desk: Desk) -> None:
    world = World()
    for name in CHANNELS:
        world.open_channel(name, name)
        world.publish(name, "Nothing new.")
    with run_in_thread(world) as address, serving() as api:
        (desk.directory / "token").write_text(TOKEN)
        (desk.directory / "token").chmod(0o600)
        desk.write(
            LOOPBACK
            + CONFIG.format(api=api.base)
            + "".join(SOURCE.format(name=name, world=address) for name in CHANNELS)
        )
        desk.run("run", "--once")
        world.publish(CHANNELS[0], CLAIM)
        desk.run("run", "--once")
        assert len(api.said) == 1
        world.publish(CHANNELS[1], CLAIM)
        world.publish(CHANNELS[2], CLAIM)
        for deaths in (1, 2):
            _run_until_killed_at_an_edit(desk, api)
            assert len(api.edits) == deaths
        running = desk.start("run")
        try:
            _wait_for_the_record(desk)
        finally:
            running.kill()
            running.wait()
        assert len(api.edits) == 3
        assert len(api.said) == 1
        assert len(api.said[0].earlier) == 1, "the chat saw one change"
        [shown] = [line for line in api.said[0].text.split("\n") if line.startswith("also in")]
        assert shown.startswith("also in 2 channels: ")


def _run_until_killed_at_an_edit(desk: Desk, api: BotApi) -> None:
    running = desk.start("run")
    api.on_edit = running.kill
    api.edited.clear()
    try:
        assert running.wait(120) != 0
    finally:
        running.kill()
        running.wait()
        api.on_edit = lambda: None


def _wait_for_the_record(desk: Desk) -> None:
    """Until the archive says that the message has it, and that nothing is left to look at."""
    until = time.monotonic() + 180
    while time.monotonic() < until:
        with desk.archive as archive, archive.reading() as reader:
            row = reader.one("SELECT copies, due_at FROM event_messages")
        if row is not None and row["copies"] == 2 and row["due_at"] is None:
            return
        time.sleep(0.2)
    raise AssertionError("the edit was never written down")
