"""Sources, targets and rules that get another name in the config, with the real program on a loopback world."""

import signal
from collections.abc import Callable, Iterator

import pytest

from bot.world import World, run_in_thread
from tests.desk import Desk, Sink, Until
from tests.integration.scene import HEAD, world_of

CONFIG = (
    HEAD
    + """\
[[rules]]
{rule}
query = "command"
sources = ["{scope}"]
targets = ["{hook_name}"]
[[targets]]
{target}
kind = "webhook"
url = "{hook}"
[[sources]]
{source}
kind = "telegram_web"
channel = "office"
base_url = "{world}"
recheck = ["1s", "2s", "1m"]
"""
)


@pytest.fixture
def world() -> World:
    return world_of("office")


@pytest.fixture
def written(desk: Desk, sink: Sink, world: World) -> Iterator[Callable[..., None]]:
    """Write a config whose three entries have these names, each with or without `was`."""
    with run_in_thread(world) as address:

        def write(*names: str, was: tuple[str, ...] = ()) -> None:
            parts = ("source", "target", "rule")
            lines = {part: f'name = "{name}"' for part, name in zip(parts, names, strict=True)}
            lines |= {part: f'{lines[part]}\nwas = "{name}"' for part, name in zip(parts, was, strict=False)}
            desk.write(CONFIG.format(**lines, scope=names[0], hook_name=names[1], hook=sink.url, world=address))

        yield write


def test_renamed_with_was_everything_moves_and_nothing_old_rings_again(
    desk: Desk, sink: Sink, world: World, written: Callable[..., None]
) -> None:
    written("a", "hook", "command")
    desk.run("run", "--once")
    world.publish("office", "The command fell today.")
    sink.status = 500  # the alert has to wait at the target
    desk.run("run", "--once")
    assert sink.received == []
    before = desk.ask("SELECT native_id, id FROM posts ORDER BY id")
    sink.status = 204
    written("b", "desk", "fall", was=("a", "hook", "command"))
    assert "warning" not in desk.run("config", "check").stderr
    desk.run("run", "--once")
    desk.run("alerts", "retry", "--target", "desk", code=None)  # if it has not gone out by itself
    desk.run("run", "--once")
    assert [(document["source"], document["rule"]) for document in sink.documents()] == [("b", "fall")]
    assert desk.ask("SELECT native_id, id FROM posts ORDER BY id") == before
    assert desk.ask("SELECT name FROM sources") == [("b",)]
    written("c", "room", "loss", was=("b", "desk", "fall"))
    for _ in range(2):  # the second start finds everything moved
        assert "warning" not in desk.run("run", "--once").stderr
    assert desk.ask("SELECT name, first_contact_at IS NULL FROM sources") == [("c", 0)]
    assert desk.ask("SELECT DISTINCT rule FROM matches UNION SELECT name FROM rules") == [("loss",)]
    assert desk.ask("SELECT DISTINCT rule_version FROM matches") == desk.ask("SELECT version FROM rules")
    assert desk.ask("SELECT DISTINCT target FROM deliveries") == [("room",)]
    assert len(sink.received) == 1


def test_an_edit_after_the_renaming_replies_to_the_alert_of_before(
    desk: Desk, sink: Sink, world: World, until: Until, written: Callable[..., None]
) -> None:
    written("a", "hook", "command")
    daemon = desk.start("run")
    until(lambda: "is reached" in desk.said(), "the first contact")
    post = world.publish("office", "The command fell today.")
    until(lambda: sink.received, "the alert")
    written("b", "desk", "fall", was=("a", "hook", "command"))
    daemon.send_signal(signal.SIGHUP)
    until(lambda: "the new config is in use" in desk.said(), "the reload")
    world.edit("office", post, "The command fell yesterday evening.")
    until(lambda: len(sink.received) == 2, "the message about the edit")
    desk.stop()
    alert, edit = sink.documents()
    assert (edit["source"], edit["rule"], edit["was"]) == ("b", "fall", "The command fell today.")
    assert edit["in_reply_to"] == alert["alert"]
    assert desk.ask("SELECT name FROM sources") == [("b",)]


def test_without_was_the_check_and_the_start_say_what_to_write_and_was_still_helps_afterwards(
    desk: Desk, sink: Sink, world: World, written: Callable[..., None]
) -> None:
    written("office", "hook", "command")
    assert "warning" not in desk.run("config", "check").stderr
    desk.run("run", "--once")
    world.publish("office", "The command fell today.")
    sink.status = 500
    desk.run("run", "--once")
    sink.status = 204
    written("spokesman", "desk", "fall")
    check = desk.run("config", "check").stderr
    said = {
        'source "spokesman" is new and reads what "office" read: write was = "office" to keep one history',
        'target "desk" is new and sends to what "hook" sent to: write was = "hook" to keep one history',
        'rule "fall" is new and looks for what "command" looked for: write was = "command" to keep one history',
    }
    for sentence in said:
        assert sentence in check
    assert "config.toml:" in check
    start = desk.run("run", "--once").stderr
    for sentence in said:
        assert f"warning: {sentence}" in start
    assert sink.received == []
    written("spokesman", "desk", "fall", was=("office", "hook", "command"))
    assert 'source "spokesman" has posts of its own' in desk.run("run", "--once").stderr
    desk.run("alerts", "retry", "--target", "desk", code=None)  # if it has not gone out by itself
    desk.run("run", "--once")
    assert [(document["source"], document["rule"]) for document in sink.documents()] == [("office", "fall")]


def test_was_that_names_an_entry_is_refused_and_so_is_one_that_two_entries_have(
    desk: Desk, written: Callable[..., None]
) -> None:
    written("a", "hook", "command", was=("a",))
    assert '"a" is its own name' in desk.run("config", "check", code=4).stderr
    written("a", "hook", "command")
    config = (desk.directory / "config.toml").read_text()
    more = '\n[[rules]]\nname = "second"\nquery = "x"\ntargets = []\nwas = "{}"\n'
    desk.write(config + more.format("command"))
    assert 'rules[1].was: "command" is the name of rules[0]' in desk.run("config", "check", code=4).stderr
    twice = config + more.format("old") + more.format("old").replace("second", "third")
    desk.write(twice)
    assert '"second" has the same `was`' in desk.run("config", "check", code=4).stderr
