"""Threads share one heap, so that a process with many threads stays as small as one with few."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_COUNTED = """
import ctypes, threading
FIRST
libc = ctypes.CDLL(None)
met = threading.Barrier(5)
def work():
    met.wait(60)
    bytes(100_000)
    met.wait(60)
threads = [threading.Thread(target=work) for _ in range(4)]
for one in threads:
    one.start()
met.wait(60)
met.wait(60)
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""


_RUN = """
from bot.__main__ import main
try:
    main(["run", "--once"])
except SystemExit as ended:
    assert ended.code == 4, ended.code
"""

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="heaps of threads are glibc's")


def count_heaps(first: str, config: Path | None = None) -> int:
    """How many heaps four threads use after `first` was run."""
    done = subprocess.run(
        [sys.executable, "-c", _COUNTED.replace("FIRST", first)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env=os.environ | ({"COMMUNIQUE_CONFIG": str(config)} if config else {}),
    )
    return done.stdout.count("<heap nr=")


def test_all_threads_use_one_heap() -> None:
    assert count_heaps("") > 1
    assert count_heaps("from bot.heap import share_heap; share_heap()") == 1


def test_the_daemon_has_one_heap_before_it_does_anything_else(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("# no source: it ends with one sentence\n")
    assert count_heaps(_RUN, config) == 1
