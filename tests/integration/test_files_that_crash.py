"""A file that takes the whole unit with it, as one killed for its memory, is left alone; one that was only there is not."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from bot.world import World, run_in_thread
from bot.world.state import WorldFile
from tests.desk import Desk, Sink, Until
from tests.integration.scene import config, world_of

ENGINES = """
[[engines]]
name = "ears"
kind = "program"
program = ["{program}", "600"]
timeout = "10m"
[[engines]]
name = "eyes"
kind = "program"
makes = "ocr"
program = ["{program}", "0"]
"""
READS = """#!{python}
import json, sys, time
time.sleep(int(sys.argv[1]))
print(json.dumps({{"text": "We lost contact with the regional command.", "language": "en", "confidence": 0.9,
                   "model": "stub"}}))
"""


def read(desk: Desk, column: str) -> int:
    with desk.archive.reading() as reader:
        return int(reader.value(f"SELECT count(*) FROM media WHERE {column}"))


def given_up(desk: Desk) -> str:
    return desk.run("media", "list", "--state", "given up").stdout


def test_a_file_that_was_read_at_each_of_many_kills_is_not_given_up_and_others_are_read_beside_it(
    desk: Desk, sink: Sink, until: Until
) -> None:
    with channel_with_a_voice_note(desk, sink) as world:
        for deaths in ("crashes IS NULL", "crashes = 0"):
            with running(desk):
                until(partial(read, desk, f"reading_since > 0 AND {deaths}"), f"a reading with {deaths}")
        with running(desk):
            until(partial(read, desk, "reading_since IS NULL AND crashes = 0"), "the suspicion")
        with running(desk):
            world.publish("spokesman_office", "", attachments=[WorldFile("photo", "light.png")])
            until(lambda: "match" in {message["type"] for _, message in sink.received}, "the alert of another file")
            assert read(desk, "reading_since IS NOT NULL") == 0, "it waits until the process has been up for a minute"
            assert read(desk, "crashes = 0") == 1
            assert "died" not in given_up(desk)


@pytest.mark.long
def test_a_file_that_kills_the_unit_whenever_it_is_read_is_left_alone_and_that_is_said(
    desk: Desk, sink: Sink, until: Until
) -> None:
    def patiently(condition: Callable[[], object], awaited: str) -> None:
        ends = time.monotonic() + 120  # a suspect waits for a minute of health
        until(lambda: condition() or time.monotonic() > ends - 60, awaited)
        until(condition, awaited)

    with channel_with_a_voice_note(desk, sink):
        for deaths in range(4):
            with running(desk):
                died = f"(SELECT max(interruptions) FROM jobs WHERE slot = CAST(media.id AS TEXT)) = {deaths}"
                patiently(partial(read, desk, f"reading_since > 0 AND {died}"), f"a reading after {deaths} deaths")
        with running(desk):
            patiently(lambda: "died 2 times" in str(sink.received), "the message to the health target")
            assert "died 2 times while an engine was reading it" in given_up(desk)
            desk.run("media", "read")
            patiently(lambda: read(desk, "reading_since IS NOT NULL") == 1, "the reading that a person asked for")


@contextmanager
def channel_with_a_voice_note(desk: Desk, sink: Sink) -> Iterator[World]:
    world = world_of("spokesman_office")
    with run_in_thread(world) as address:
        program = desk.directory / "reads.py"
        program.write_text(READS.format(python=sys.executable), encoding="utf-8")
        program.chmod(0o755)
        desk.write(config(address, sink.url, "spokesman_office", health=True) + ENGINES.format(program=program))
        desk.run("run", "--once")
        world.publish("spokesman_office", "", attachments=[WorldFile("voice", "heavy.ogg", duration="0:04")])
        yield world


@contextmanager
def running(desk: Desk) -> Iterator[None]:
    """A daemon that is killed at the end, with everything that it started."""
    desk.start("run")
    try:
        yield
    finally:
        desk.kill()
