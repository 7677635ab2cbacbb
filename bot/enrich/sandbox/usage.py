"""What all processes of one job use together; the kernel limits only each of them by itself."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class ProcessUsage:
    """A process and its descendants: how many threads, and how many bytes of memory that belong to no file."""

    threads: int
    memory: int


def usage_of(first: int) -> ProcessUsage:
    """Count the process `first` and its descendants in /proc; one that ends meanwhile is not counted."""
    threads = memory = 0
    found = [first]
    for process in found:
        with suppress(OSError, ValueError):
            resident, shared = map(int, Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1:3])
            memory += (resident - shared) * _PAGE
        for task in _tasks(process):
            threads += 1
            with suppress(OSError, ValueError):
                found += map(int, Path(f"/proc/{process}/task/{task}/children").read_text(encoding="ascii").split())
    return ProcessUsage(threads, memory)


def _tasks(process: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{process}/task")  # noqa: PTH208  names are enough
    except OSError:
        return []
