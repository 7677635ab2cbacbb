"""A terminal that is stopped with Ctrl-S, a pager that waits: what nobody reads must not stop the monitor."""

import fcntl
import os
import signal
import subprocess

import pytest

from bot.world import run_in_thread
from tests.desk import Desk, Sink, Until
from tests.integration.scene import HEAD, world_of

CONFIG = (
    HEAD
    + """\
[[sources]]
name = "spokesman_office"
kind = "telegram_web"
channel = "spokesman_office"
base_url = "{world}"
[[rules]]
name = "command"
query = '"regional command"'
targets = ["terminal", "hook"]
[[targets]]
name = "terminal"
kind = "console"
[[targets]]
name = "hook"
kind = "webhook"
url = "{hook}"
"""
)


def full_pipe() -> tuple[int, int]:
    """A pipe that takes not one byte more."""
    reading, writing = os.pipe()
    flags = fcntl.fcntl(writing, fcntl.F_GETFL)
    fcntl.fcntl(writing, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    try:
        while True:
            os.write(writing, b"\n" * 4096)
    except BlockingIOError:
        pass
    try:
        while True:
            os.write(writing, b"\n")
    except BlockingIOError:
        pass
    fcntl.fcntl(writing, fcntl.F_SETFL, flags)
    return reading, writing


def buffered(desk: Desk) -> dict[str, str]:
    """The streams as users have them: with the buffers of Python, which waits for their writers when it ends."""
    return {name: value for name, value in desk.environment().items() if name != "PYTHONUNBUFFERED"}


@pytest.mark.parametrize(
    "stopped",
    [
        pytest.param(("stderr",), marks=pytest.mark.long),
        pytest.param(("stdout",), marks=pytest.mark.long),
        ("stdout", "stderr"),
    ],
)
def test_alerts_arrive_and_sigterm_ends_it_while_nobody_reads(
    desk: Desk, sink: Sink, until: Until, stopped: tuple[str, ...]
) -> None:
    world = world_of("spokesman_office")
    reading, writing = full_pipe()
    with run_in_thread(world) as address:
        desk.write(CONFIG.format(world=address, hook=sink.url))
        daemon = subprocess.Popen(
            desk.command("run"), cwd=desk.directory, env=buffered(desk),
            stdout=writing if "stdout" in stopped else subprocess.DEVNULL,
            stderr=writing if "stderr" in stopped else subprocess.DEVNULL,
        )  # fmt: skip
        try:
            until(lambda: world.requests("spokesman_office") >= 2, "the first contact")
            for number in range(1, 4):
                world.publish("spokesman_office", f"The regional command is quiet on day {number}.")
                until(lambda: len(sink.ids()) == number, f"alert {number}")  # noqa: B023 - awaited at once
            daemon.send_signal(signal.SIGTERM)
            assert daemon.wait(90) == 0
        finally:
            daemon.kill()
            daemon.wait()
            os.close(reading)
            os.close(writing)


def test_one_pass_ends_though_nobody_reads(desk: Desk, sink: Sink) -> None:
    world = world_of("spokesman_office")
    reading, writing = full_pipe()
    try:
        with run_in_thread(world) as address:
            desk.write(CONFIG.format(world=address, hook=sink.url))
            done = subprocess.run(
                desk.command("run", "--once"), cwd=desk.directory, env=buffered(desk), stdout=writing,
                stderr=writing, timeout=120, check=False,
            )  # fmt: skip
        assert done.returncode == 0
    finally:
        os.close(reading)
        os.close(writing)
