"""A terminal that is closed: the daemon stops in order, the demo leaves nothing; nohup and no terminal at all reload."""

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.daemon.lock import holder
from bot.world import run_in_thread
from tests.desk import Desk, Until
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
targets = ["terminal"]
[[targets]]
name = "terminal"
kind = "console"
"""
)
# As a shell does: the terminal becomes the controlling one of a session of its own.
IN_TERMINAL = """
import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGHUP, signal.SIG_IGN if sys.argv[1] == "nohup" else signal.SIG_DFL)
os.execv(sys.argv[2], sys.argv[2:])
"""


class Window:
    """A terminal window with a program in it."""

    def __init__(self, desk: Desk, *words: str, nohup: bool = False) -> None:
        self._master, slave = pty.openpty()
        how = "nohup" if nohup else ""
        with (desk.directory / "err.txt").open("a") as err:
            self.program = subprocess.Popen(
                [sys.executable, "-c", IN_TERMINAL, how, *desk.command(*words)], cwd=desk.directory,
                stdin=slave, stdout=slave, stderr=err, env=desk.environment(), start_new_session=True,
            )  # fmt: skip
        os.close(slave)

    def close(self) -> None:
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    def destroy(self) -> None:
        self.program.kill()
        self.program.wait()
        self.close()


@pytest.fixture
def window(desk: Desk) -> Iterator[Callable[..., Window]]:
    opened: list[Window] = []

    def open_window(*words: str, nohup: bool = False) -> Window:
        opened.append(Window(desk, *words, nohup=nohup))
        return opened[-1]

    yield open_window
    for one in opened:
        one.destroy()


@contextmanager
def watched(desk: Desk) -> Iterator[None]:
    world = world_of("spokesman_office")
    with run_in_thread(world) as address:
        desk.write(CONFIG.format(world=address))
        yield


def test_a_daemon_whose_terminal_is_closed_stops_in_order(
    desk: Desk, until: Until, window: Callable[..., Window]
) -> None:
    with watched(desk):
        opened = window("run")
        until(lambda: "is reached" in desk.said(), "the first contact")
        opened.program.send_signal(signal.SIGHUP)
        until(lambda: "the new config is in use" in desk.said(), "a reload while the terminal is there")
        opened.close()
        assert opened.program.wait(60) == 0
    assert desk.said().rstrip().endswith("stopped")


def test_under_nohup_a_closed_terminal_is_no_reason_to_stop_and_sighup_reloads(
    desk: Desk, until: Until, window: Callable[..., Window]
) -> None:
    with watched(desk):
        opened = window("run", nohup=True)
        until(lambda: "is reached" in desk.said(), "the first contact")
        opened.close()
        until(lambda: desk.said().count("the new config is in use") == 1, "the reload by the closed terminal")
        opened.program.send_signal(signal.SIGHUP)
        until(lambda: desk.said().count("the new config is in use") == 2, "a reload afterwards")
        opened.program.send_signal(signal.SIGTERM)
        assert opened.program.wait(60) == 0
    assert "the terminal was closed" not in desk.said()


@pytest.mark.parametrize("how", ["closed", "killed", "terminated", "interrupted"])
def test_the_demo_leaves_nothing_running(desk: Desk, until: Until, window: Callable[..., Window], how: str) -> None:
    data = desk.directory / "data"
    opened = window("demo", "--seconds", "600")
    until(lambda: data.exists() and (data / "communique.db").exists() and _holder(data), "the daemon of the demo")
    match how:
        case "closed":
            opened.close()
        case "killed":
            opened.program.kill()
        case "terminated":
            opened.program.terminate()
        case _:
            opened.program.send_signal(signal.SIGINT)
    opened.program.wait(60)
    until(lambda: _holder(data) is None, "the end of the daemon")


def _holder(data: Path) -> int | None:
    return holder(data)


def test_a_demo_removes_the_worlds_of_earlier_ones_and_nothing_else(desk: Desk) -> None:
    places = desk.directory / "tmp"
    places.mkdir()
    desk.extra = {"TMPDIR": str(places)}
    other = places / "communique-demo-of-mine"
    other.mkdir()
    (other / "config.toml").write_text("# not a demo's\n")
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "bot", "demo", "--seconds", "2"], env=desk.environment(), timeout=120,
            check=False, capture_output=True, text=True, cwd=desk.directory,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert len(list(places.glob("communique-demo-*"))) == 2
    assert other.exists()
