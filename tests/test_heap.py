"""Threads share one heap, so that a process with many threads stays as small as one with few."""

import subprocess
import sys

import pytest

_COUNTED = """
import ctypes, threading
from bot.heap import share_heap
libc = ctypes.CDLL(None)
if SHARED:
    share_heap()
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


def count_heaps(*, shared: bool) -> int:
    script = _COUNTED.replace("SHARED", str(shared))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    return done.stdout.count("<heap nr=")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="heaps of threads are glibc's")
def test_all_threads_use_one_heap() -> None:
    assert count_heaps(shared=False) > 1
    assert count_heaps(shared=True) == 1
