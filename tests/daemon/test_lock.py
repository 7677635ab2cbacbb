"""One process per data directory: the second learns who holds it, and a dead holder holds nothing."""

import fcntl
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bot.daemon.lock import Lock, holder, open_archive
from bot.errors import AlreadyRunning

HOLDING = """
import sys, pathlib
from bot.daemon.lock import Lock
with Lock(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(data_dir: Path) -> "subprocess.Popen[str]":
    """Another process that holds the directory until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_refused_with_the_pid_of_the_first_and_free_after_its_death(tmp_path: Path) -> None:
    with hold(tmp_path) as other:
        try:
            assert holder(tmp_path) == other.pid
            with (
                pytest.raises(
                    AlreadyRunning,
                    match=f"already running: process {other.pid} holds {tmp_path}; to stop it: kill {other.pid}",
                ),
                Lock(tmp_path),
            ):
                pass
        finally:
            other.kill()
    assert holder(tmp_path) is None
    with Lock(tmp_path):
        assert holder(tmp_path) is not None


def test_the_archive_is_made_private_and_is_held_until_the_end(tmp_path: Path, now: int) -> None:
    data_dir, said = tmp_path / "data", list[str]()
    with open_archive(data_dir, now, said.append) as archive:
        assert archive.path.parent == data_dir
        assert data_dir.stat().st_mode & 0o777 == 0o700
        assert holder(data_dir) is not None
    assert holder(data_dir) is None
    assert said == []


def test_a_look_at_the_lock_refuses_no_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`holder` takes the lock shared for a moment; a start that meets it waits for that moment."""
    with Lock(tmp_path):
        pass
    looking = (tmp_path / "communique.lock").open()
    fcntl.flock(looking, fcntl.LOCK_SH)
    monkeypatch.setattr(time, "sleep", lambda _: looking.close())  # the moment is over when the start has waited once
    with Lock(tmp_path):
        assert looking.closed
