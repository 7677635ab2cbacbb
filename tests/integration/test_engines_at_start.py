"""An engine that cannot work is reported when the program starts, and not first when a file waits for it."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from bot.world import World, run_in_thread
from tests.desk import Desk, Process, Sink

Until = Callable[[Callable[[], object], str], None]

CONFIG = """
[http]
allow_private_addresses = true
[http.hosts."127.0.0.1"]
interval = 0
[defaults]
every = "1s"
[[sources]]
name = "spokesman"
kind = "telegram_web"
channel = "spokesman_office"
base_url = "{world}"
[[rules]]
name = "command"
query = '"regional command"'
targets = ["hook"]
[[targets]]
name = "hook"
kind = "webhook"
url = "{hook}"
health = true
[[engines]]
name = "ears"
kind = "program"
program = ["/nonexistent/ears", "{{file}}"]
"""


def test_an_engine_without_its_program_is_reported_once_at_the_start(desk: Desk, sink: Sink, until: Until) -> None:
    world = World()
    world.open_channel("spokesman_office", "The office")
    world.publish("spokesman_office", "Nothing new.")
    with run_in_thread(world) as address:
        desk.write(CONFIG.format(world=address, hook=sink.url))
        for start in (1, 2):
            with running(desk) as daemon:
                until(partial(is_said, desk, start), f"the line of start {start}")
                until(sink.heard.is_set, "the message")
                asked = world.requests("spokesman_office")
                until(partial(is_asked, world, asked + 2), "two rounds")
                daemon.send_signal(signal.SIGTERM)
                assert daemon.wait(60) == 0
    assert [message["data"]["about"] for _, message in sink.received] == ["engine ears"]
    assert "/nonexistent/ears" in desk.run("status").stdout


def is_said(desk: Desk, times: int) -> bool:
    return desk.said().count("engine ears is not working") == times


def is_asked(world: World, times: int) -> bool:
    return world.requests("spokesman_office") >= times


@contextmanager
def running(desk: Desk) -> Iterator[Process]:
    daemon = desk.start("run")
    try:
        yield daemon
    finally:
        daemon.kill()
        daemon.wait()
