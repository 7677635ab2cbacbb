"""A fork of the warm process is, to everybody outside, what a cold start of the program is."""

import os
import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.desk import Desk, Process

CONFIG = """
[[sources]]
name = "spokesman"
kind = "replay"
path = "posts.jsonl"
[[rules]]
name = "command"
query = "command"
targets = ["screen"]
[[targets]]
name = "screen"
kind = "console"
"""


@pytest.fixture
def at_desk(tmp_path: Path) -> Desk:
    (tmp_path / "posts.jsonl").write_text('{"native_id": "1", "text": "The command fell."}\n', encoding="utf-8")
    made = Desk(tmp_path)
    made.write(CONFIG)
    return made


@pytest.fixture
def both(at_desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], tuple[object, object]]:
    """What something gives after a warm and after a cold start."""

    def run(what: Callable[[], object]) -> tuple[object, object]:
        warm = what()
        with monkeypatch.context() as patch:
            patch.setenv("COMMUNIQUE_TEST_COLD", "1")
            return warm, what()

    return run


Both = Callable[[Callable[[], object]], tuple[object, object]]


def test_output_errors_and_exit_code_are_those_of_a_cold_start(at_desk: Desk, both: Both) -> None:
    at_desk.run("run", "--once")
    at_desk.extra = {"COMMUNIQUE_HTTP__USER_AGENT": "desk/1", "TZ": "Asia/Yangon"}

    def said() -> list[tuple[int, str, str]]:
        lines = (
            ("--version",), ("search", "command"), ("sources", "lst"), ("show", "spokesman/2"), ("config", "show"),
            ("rules", "test", "command", "--stdin"), ("run", "--config", "nowhere"), ("run", "--once"),
        )  # fmt: skip
        ran = [at_desk.run(*words, code=None, stdin="The command fell.\n") for words in lines]
        return [(one.returncode, one.stdout, re.sub(r"[\d:]+Z", "…Z", one.stderr)) for one in ran]

    warm, cold = both(said)
    assert warm == cold


def test_a_daemon_holds_the_same_files_and_ends_by_the_same_signals(at_desk: Desk, both: Both) -> None:
    def lived() -> list[object]:
        daemon = watching(at_desk)
        files = [str(file.readlink()) for file in Path(f"/proc/{daemon.pid}/fd").iterdir()]
        passing = (
            str(at_desk.database),
            str(at_desk.database.with_name("media")),
        )  # open for a moment, or more than once
        held = sorted(name.partition(":")[0] for name in files if not name.startswith(passing))
        assert daemon.poll() is None
        daemon.terminate()
        ended = daemon.wait(120)
        killed = watching(at_desk)
        os.kill(killed.pid, signal.SIGKILL)
        return [held, ended, killed.wait(120), daemon.poll(), killed.returncode]

    warm, cold = both(lived)
    assert warm == cold


def watching(desk: Desk) -> Process:
    """A daemon that waits for its next look."""
    before, pause = desk.said().count("watching"), threading.Event()
    daemon = desk.start("run")
    for _ in range(1200):
        if desk.said().count("watching") > before:
            return daemon
        assert daemon.poll() is None, desk.said()
        pause.wait(0.05)
    raise AssertionError(desk.said())
