"""Files that were stored before an engine could read them: read later, newest first, told where they are owed a reply."""

import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import pytest

from bot.world import World, run_in_thread
from bot.world.state import WorldFile
from tests.desk import Desk, Sink, Until

WORDS = "We lost contact with the regional command."
CONFIG = """
[http]
allow_private_addresses = true
[http.hosts."127.0.0.1"]
interval = 0
[media]
keep_free = 0
[[sources]]
name = "spokesman"
kind = "telegram_web"
channel = "spokesman_office"
base_url = "{world}"
every = "1s"
alert_on = ["voice"]
alert_targets = ["hook"]
[[rules]]
name = "command"
query = '"regional command"'
targets = ["hook"]
[[targets]]
name = "hook"
kind = "webhook"
url = "{hook}"
"""


def engine(desk: Desk, body: str, *, name: str = "ears", makes: str = "transcript", more: str = "") -> str:
    """The config of an engine that runs a program of these lines."""
    path = desk.directory / f"{name}.py"
    path.write_text(f"#!{sys.executable}\n{body}", encoding="utf-8")
    path.chmod(0o755)
    return f"""
[[engines]]
name = "{name}"
kind = "program"
makes = "{makes}"
program = ["{path}", "{{file}}"]
{more}
"""


def says(words: str = WORDS) -> str:
    return f"print({words!r})\n"


def note(world: World, name: str, **more: Any) -> int:
    return world.publish(
        "spokesman_office", "", attachments=[WorldFile("voice", f"{name}.ogg", duration="0:04")], **more
    )


def told(sink: Sink) -> list[tuple[str, str]]:
    """Rule and post of each alert, in the order of their coming."""
    return [(document["data"]["rule"], document["data"]["post"]["native_id"]) for _, document in sink.received]


@pytest.fixture
def world() -> World:
    world = World()
    world.open_channel("spokesman_office", "The office")
    return world


def test_an_engine_that_comes_later_reads_what_is_stored_and_its_words_are_told(
    desk: Desk, sink: Sink, world: World, check_invariants: Callable[..., None]
) -> None:
    history = note(world, "history")
    with run_in_thread(world) as address:
        config = CONFIG.format(world=address, hook=sink.url)
        desk.write(config)
        desk.run("run", "--once")
        fresh = note(world, "fresh")
        desk.run("run", "--once")
        assert told(sink) == [("media:spokesman", str(fresh))]
        desk.write(config + engine(desk, says()))
        desk.run("run", "--once")
        assert told(sink) == [("media:spokesman", str(fresh)), ("command", str(fresh))]
        before = desk.ask("SELECT id, text FROM texts")
        desk.run("run", "--once")
    assert desk.ask("SELECT id, text FROM texts") == before, "nothing is read twice"
    found = json.loads(desk.run("search", 'in:transcript "regional command"', "--json").stdout)
    assert {post["native_id"] for post in found} == {str(history), str(fresh)}
    check_invariants(desk.archive)


def test_a_running_daemon_takes_up_an_engine_and_reads_the_newest_first(
    desk: Desk, sink: Sink, world: World, until: Until
) -> None:
    with run_in_thread(world) as address:
        config = CONFIG.format(world=address, hook=sink.url)
        desk.write(config)
        daemon = desk.start("run")
        until(lambda: "is reached" in desk.said(), "the first contact")
        for number in range(4):
            note(world, f"note-{number}")
        until(lambda: len(sink.received) == 4, "an alert for each note")
        desk.write(config + engine(desk, says()))
        daemon.send_signal(signal.SIGHUP)
        until(lambda: len(sink.received) == 8, "what each of them says")
        desk.stop()
    by_age = desk.ask("SELECT post_id FROM media ORDER BY read_at")
    assert by_age == sorted(by_age, reverse=True)
    assert "Traceback" not in desk.said()


def test_what_is_fresh_is_read_before_what_is_old(desk: Desk, sink: Sink, world: World) -> None:
    for number in range(3):
        note(world, f"history-{number}")
    with run_in_thread(world) as address:
        config = CONFIG.format(world=address, hook=sink.url)
        desk.write(config)
        desk.run("run", "--once")
        published_long_ago = note(world, "late", at=1_600_000_000_000_000)
        desk.write(config + engine(desk, says()))
        desk.run("run", "--once")
    [first, *_] = desk.ask("SELECT p.native_id FROM media m JOIN posts p ON p.id = m.post_id ORDER BY m.read_at")
    assert first == (str(published_long_ago),)
    assert desk.ask("SELECT count(*) FROM texts WHERE kind = 'transcript'") == [(4,)]


def test_what_one_engine_gave_up_another_tries_once(desk: Desk, sink: Sink, world: World) -> None:
    def again() -> list[tuple[Any, ...]]:
        desk.run("run", "--once")
        return desk.ask("SELECT text, engine FROM texts WHERE kind = 'transcript'")

    with run_in_thread(world) as address:
        config = CONFIG.format(world=address, hook=sink.url)
        mute = engine(desk, "raise SystemExit(7)\n", name="mute")
        desk.write(config + mute)
        desk.run("run", "--once")
        note(world, "note")
        for _ in range(3):
            assert again() == []
            with desk.archive.writing() as writer:
                writer.execute("UPDATE jobs SET due_at = 0 WHERE kind = 'transcript'")
        assert desk.ask("SELECT kind FROM given_up") == [("transcript",)]
        assert again() == []
        assert desk.ask("SELECT count(*) FROM jobs WHERE kind = 'transcript'") == [(0,)], "the same is not tried again"
        desk.write(config + engine(desk, says()))
        assert again() == [(WORDS, "ears")]
    assert desk.ask("SELECT kind FROM given_up") == []
    assert [rule for rule, _ in told(sink)] == ["media:spokesman", "command"]


def test_what_was_too_long_is_read_once_longer_ones_are(desk: Desk, sink: Sink, world: World) -> None:
    with run_in_thread(world) as address:
        config = CONFIG.format(world=address, hook=sink.url)
        desk.write(config + engine(desk, says(), more='longest = "2s"'))
        desk.run("run", "--once")
        note(world, "note")
        for _ in range(2):
            desk.run("run", "--once")
            assert desk.ask("SELECT reason FROM given_up") == [("too long: 4 s, at most 2 s are read",)]
        desk.write(config + engine(desk, says(), more='longest = "5s"'))
        desk.run("run", "--once")
    assert desk.ask("SELECT text FROM texts WHERE kind = 'transcript'") == [(WORDS,)]
    assert desk.ask("SELECT reason FROM given_up") == []


def test_an_engine_that_is_not_there_costs_no_file(desk: Desk, sink: Sink, world: World) -> None:
    with run_in_thread(world) as address:
        config = CONFIG.format(world=address, hook=sink.url)
        ears = engine(desk, says())
        desk.write(config + ears)
        program = desk.directory / "ears.py"
        program.rename(desk.directory / "away.py")
        desk.run("run", "--once")
        note(world, "note")
        note(world, "another")
        for _ in range(4):
            ran = desk.run("run", "--once")
        assert ran.stderr.count("is missing") == 1, "said once, whatever waits for it"
        assert desk.ask("SELECT count(*), max(attempts) FROM jobs WHERE kind = 'transcript'") == [(2, 0)]
        put_off = "SELECT count(*) FROM jobs WHERE kind = 'transcript' AND due_at > 1000000 * (unixepoch() + 60)"
        assert desk.ask(put_off) == [(1,)], "once it was found out, the others were not even begun"
        said = "SELECT text FROM notices WHERE about = 'engine ears' ORDER BY id"
        assert len(desk.ask(said)) == 1, "the next pass tells nobody else again"
        assert "engine ears is not working" in desk.run("status").stdout
        (desk.directory / "away.py").rename(program)
        desk.run("run", "--once")
    assert desk.ask("SELECT text FROM texts WHERE kind = 'transcript'") == [(WORDS,)] * 2
    assert desk.ask(said)[1:] == [("engine ears works again",)]


def test_a_kill_while_history_is_read_loses_and_repeats_nothing(
    desk: Desk, sink: Sink, world: World, until: Until, check_invariants: Callable[..., None]
) -> None:
    numbers = [note(world, f"history-{number}") for number in range(6)]
    with run_in_thread(world) as address:
        config = CONFIG.format(world=address, hook=sink.url)
        desk.write(config)
        desk.run("run", "--once")
        desk.write(config + engine(desk, says()))
        read = "SELECT count(*) FROM media WHERE read_by IS NOT NULL"
        for count in (1, 3, 5):
            desk.start("run")
            until(lambda least=count: desk.ask(read)[0][0] >= least, "some notes to be heard")  # type: ignore[misc]
            desk.kill()
        desk.run("run", "--once")
    assert desk.ask("SELECT count(*), count(DISTINCT media_id) FROM texts WHERE kind = 'transcript'") == [
        (len(numbers), len(numbers))
    ]
    assert told(sink) == [], "what stood there before us alerts nobody"
    check_invariants(desk.archive)


def test_what_is_said_is_told_before_one_pass_reads_a_single_file(desk: Desk, sink: Sink, world: World) -> None:
    with run_in_thread(world) as address:
        config = CONFIG.format(world=address, hook=sink.url)
        desk.write(config + engine(desk, says("Good day.")))
        desk.run("run", "--once")
        note(world, "note")
        text = world.publish("spokesman_office", "The regional command speaks.")
        desk.run("run", "--once")
    assert ("command", str(text)) in told(sink)
    [(stored_at, read_at)] = desk.ask("SELECT stored_at, read_at FROM media")
    settled = "SELECT settled_at FROM deliveries d JOIN matches m ON m.id = d.match_id WHERE rule {} 'media:%'"
    [(words_told,)], [(file_told,)] = desk.ask(settled.format("NOT LIKE")), desk.ask(settled.format("LIKE"))
    assert words_told < stored_at < file_told < read_at


def test_a_person_has_files_read_again_while_the_daemon_runs(
    desk: Desk, sink: Sink, world: World, until: Until, check_invariants: Callable[..., None]
) -> None:
    note(world, "history")
    with run_in_thread(world) as address:
        desk.write(CONFIG.format(world=address, hook=sink.url) + engine(desk, says("Good day.")))
        desk.start("run")
        until(lambda: "is reached" in desk.said(), "the first contact")
        fresh = note(world, "fresh")
        until(lambda: desk.ask("SELECT count(*) FROM texts WHERE kind = 'transcript'") == [(2,)], "both to be heard")
        engine(desk, says())
        assert desk.run("media", "read", "--since", "1h").stdout == "0 files queued for reading\n"
        assert desk.run("media", "read", "--again").stdout == "2 files queued for reading; the running daemon does it\n"
        until(lambda: desk.ask("SELECT count(*) FROM jobs WHERE kind = 'transcript'") == [(0,)], "both again")
        before = desk.ask("SELECT id, text, current FROM texts")
        desk.run("media", "read", "--again", "--engine", "ears", "--source", "spokesman")
        until(lambda: desk.ask("SELECT count(*) FROM jobs WHERE kind = 'transcript'") == [(0,)], "a third time")
        desk.stop()
    assert desk.ask("SELECT id, text, current FROM texts") == before, "the same words are the same row"
    assert sorted(row[1:] for row in before)[1:] == [("Good day.", 0)] * 2 + [(WORDS, 1)] * 2
    assert told(sink) == [("media:spokesman", str(fresh))], "what only a better reading finds is no event"
    assert len(json.loads(desk.run("search", "in:transcript good", "--history", "--json").stdout)) == 2
    assert desk.run("search", "in:transcript good").stdout == ""
    check_invariants(desk.archive)


def test_history_leaves_the_processor_to_what_is_fresh(desk: Desk, sink: Sink, world: World) -> None:
    note(world, "history")
    with run_in_thread(world) as address:
        desk.write(CONFIG.format(world=address, hook=sink.url) + engine(desk, "import os\nprint('at', os.nice(0))\n"))
        desk.run("run", "--once")
        note(world, "fresh")
        desk.run("run", "--once")
    own = os.nice(0)
    heard = desk.ask("SELECT text FROM texts WHERE kind = 'transcript' ORDER BY post_id")
    assert heard == [(f"at {min(own + nice, 19)}",) for nice in (19, 10)]
