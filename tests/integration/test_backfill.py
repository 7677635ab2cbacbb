"""History on demand, as a person asks for it: by the program alone, and through a daemon that runs."""

from bot.clock import DAY
from bot.world import World, run_in_thread
from tests.desk import Desk, Sink, Until
from tests.integration.scene import HEAD

CONFIG = (
    HEAD
    + """\
targets = ["hook"]
[[sources]]
name = "office"
kind = "telegram_web"
channel = "spokesman_office"
base_url = "{world}"
backfill = 3
[[rules]]
name = "command"
query = '"regional command"'
[[targets]]
name = "hook"
kind = "webhook"
url = "{hook}"
"""
)


def long_history() -> World:
    world = World()
    world.open_channel("spokesman_office", "Spokesman", first_id=101)
    for days in range(60, 0, -1):
        world.publish("spokesman_office", f"The regional command, {days}.", at=world.clock.now() - days * DAY)
    return world


def archived(desk: Desk) -> int:
    return int(desk.run("search", "command", "--count").stdout)


def test_history_is_asked_for_as_people_write_times_and_alerts_nobody_unless_asked(desk: Desk, sink: Sink) -> None:
    with run_in_thread(long_history()) as address:
        desk.write(CONFIG.format(world=address, hook=sink.url))
        desk.run("run", "--once")
        assert archived(desk) == 3
        refused = desk.run("sources", "backfill", "office", "--since", "last summer", code=2)
        assert refused.stderr.startswith("--since: 'last summer' is not a time")
        assert "office: 7 posts of history" in desk.run("sources", "backfill", "office", "--since", "250h").stderr
        assert "office: 1 post of history" in desk.run("sources", "backfill", "office", "--count", "1").stderr
        assert archived(desk) == 11
        assert sink.received == []
        desk.run("sources", "backfill", "office", "--count", "2", "--alert")
        assert (archived(desk), len(sink.received)) == (13, 2)


def test_a_running_daemon_does_the_work_and_the_command_watches(desk: Desk, sink: Sink, until: Until) -> None:
    with run_in_thread(long_history()) as address:
        desk.write(CONFIG.format(world=address, hook=sink.url))
        desk.start("run")
        until(lambda: "is reached" in desk.said(), "the first contact")
        watched = desk.run("sources", "backfill", "office", "--all")
        assert "the running daemon fetches it" in watched.stderr
        assert archived(desk) == 60
        desk.stop()
    assert sink.received == []
