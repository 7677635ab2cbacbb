"""What all processes of one job use together; the kernel limits only each of them by itself."""

import os
from contextlib import suppress
from pathlib import Path

from storage.frozen import dataclass

_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK = os.sysconf("SC_CLK_TCK")
_TIMES = slice(11, 15)  # of the fields after the name, proc(5): its own time and that of its children that have ended


@dataclass(frozen=True, slots=True)
class ProcessUsage:
    """A process and its descendants: threads, bytes of memory that belong to no file, seconds of processor time.

    The time of those that have ended counts, unless their parent did not wait for them.
    """

    threads: int
    memory: int
    cpu_s: float


def usage_of(first: int) -> ProcessUsage:
    """Count the process `first` and its descendants in /proc; one that ends meanwhile is not counted."""
    threads = memory = ticks = 0
    found = [first]
    for process in found:
        with suppress(OSError, ValueError):
            resident, shared = map(int, Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1:3])
            memory += (resident - shared) * _PAGE
            about = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()
            ticks += sum(map(int, about[_TIMES]))
        for task in _tasks(process):
            threads += 1
            with suppress(OSError, ValueError):
                found += map(int, Path(f"/proc/{process}/task/{task}/children").read_text(encoding="ascii").split())
    return ProcessUsage(threads, memory, ticks / _TICK)


def _tasks(process: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{process}/task")  # noqa: PTH208  names are enough
    except OSError:
        return []
