"""An engine that cannot work is reported when the program starts, and not first when a file waits for it."""

from functools import partial

from bot.world import World, run_in_thread
from tests.desk import Desk, Sink, Until
from tests.integration.scene import config, world_of

ENGINE = """
[[engines]]
name = "ears"
kind = "program"
program = ["/nonexistent/ears", "{file}"]
"""


def test_an_engine_without_its_program_is_reported_once_at_the_start(desk: Desk, sink: Sink, until: Until) -> None:
    world = world_of("spokesman_office")
    with run_in_thread(world) as address:
        desk.write(config(address, sink.url, "spokesman_office", health=True) + ENGINE)
        for start in (1, 2):
            desk.start("run")
            until(partial(is_said, desk, start), f"the line of start {start}")
            until(sink.heard.is_set, "the message")
            asked = world.requests("spokesman_office")
            until(partial(is_asked, world, asked + 2), "two rounds")
            desk.stop()
    assert [message["data"]["about"] for _, message in sink.received] == ["engine ears"]
    assert "/nonexistent/ears" in desk.run("status").stdout


def is_said(desk: Desk, times: int) -> bool:
    return desk.said().count("engine ears is not working") == times


def is_asked(world: World, times: int) -> bool:
    return world.requests("spokesman_office") >= times
