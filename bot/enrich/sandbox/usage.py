"""What all processes of one job take together, for the kernel bounds each of them by itself."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class FamilyUsage:
    """A process and all that descends from it: how many threads, and bytes of memory that are no file's."""

    threads: int
    memory: int


def usage_of(first: int) -> FamilyUsage:
    """Count the process `first` and its descendants as Linux shows them; what ends meanwhile counts for nothing."""
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
    return FamilyUsage(threads, memory)


def _tasks(process: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{process}/task")  # noqa: PTH208  names are enough
    except OSError:
        return []
