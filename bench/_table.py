"""The shared shape of the benchmarks: each gives rows, and a row has what was measured, its goal and a verdict.

A benchmark is a module of this folder with one function, `rows(quick)`, which yields a row as soon as it is measured:

    def rows(quick: bool) -> Iterator[Row]:
        ours, floor = in_turn(store, store_bare, rounds=3 if quick else 7)
        yield ratio("store a post", ours, floor, goal=1.8, count=POSTS)
        yield amount("newest 20, p95", 41.3, "ms", goal=50)
        yield amount("alerts at 200 ms", 44, "alerts/s", goal=40, at_least=True)
        yield amount("index", 410, "B/post")  # without a goal: shown, not judged

    if __name__ == "__main__":
        run(rows, __doc__)

`quick` asks for the same rows from less work: about five seconds for the module, so that all take two minutes. What
this machine cannot measure raises `LeftOut` with the reason. What is said besides the rows is printed as usual.

Times are processor time, of this process and of the children that it has waited for, because other work on the machine
does not change it much; the wall time is shown beside it. Ours and the floor take turns in the same run (`in_turn`),
and medians are compared. `program` makes a way out of a command line.
"""

import argparse
import importlib
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

Way = Callable[[], object]
# What a config begins with that watches servers on this machine.
LOOPBACK = """
[http]
allow_private_addresses = true
[http.hosts."127.0.0.1"]
interval = 0
"""
_HEAD = ("", "ours", "floor", "result", "goal", "")


class LeftOut(Exception):
    """This benchmark cannot be made here; the text says why."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of the processor, and of the clock on the wall."""

    cpu: float
    wall: float


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: `result` is what the goal is about; `ours` and `floor` are shown as they are."""

    name: str
    result: float
    unit: str
    goal: float | None
    at_least: bool = False
    ours: str = ""
    floor: str = ""

    @property
    def is_missed(self) -> bool:
        if self.goal is None:
            return False
        return self.result < self.goal if self.at_least else self.result > self.goal

    def cells(self) -> tuple[str, ...]:
        goal = "" if self.goal is None else f"{'>=' if self.at_least else '<='} {_number(self.goal)} {self.unit}"
        verdict = "" if self.goal is None else ("MISSED" if self.is_missed else "ok")
        return self.name, self.ours, self.floor, f"{_number(self.result)} {self.unit}", goal, verdict


def ratio(name: str, ours: Cost, floor: Cost, *, goal: float | None = None, count: int = 1) -> Row:
    """How many times the floor's processor time ours takes; `count` is for how many pieces the costs are."""
    return Row(name, ours.cpu / floor.cpu, "x", goal, ours=_cost(ours, count), floor=_cost(floor, count))


def amount(
    name: str,
    value: float,
    unit: str,
    *,
    goal: float | None = None,
    at_least: bool = False,
    ours: str = "",
    floor: str = "",
) -> Row:
    """A measured amount, judged by itself."""
    return Row(name, value, unit, goal, at_least, ours, floor)


def cost(work: Way) -> Cost:
    """What calling it once takes, with the children that it waits for."""
    wall, cpu = time.perf_counter(), _cpu()
    work()
    return Cost(_cpu() - cpu, time.perf_counter() - wall)


def in_turn(*ways: Way, rounds: int = 7) -> list[Cost]:
    """The median cost of each way; in every round each is measured once, in turning order."""
    taken: list[list[Cost]] = [[] for _ in ways]
    places = list(range(len(ways)))
    for _ in range(rounds):
        for place in places:
            taken[place].append(cost(ways[place]))
        places.reverse()
    return [Cost(median(one.cpu for one in of), median(one.wall for one in of)) for of in taken]


def program(command: Sequence[str], env: Mapping[str, str] | None = None, codes: Sequence[int] = (0,)) -> Way:
    """Runs a program to its end in this checkout, its output thrown away."""

    def call() -> None:
        done = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=Path(__file__).parents[1],
            env={"PATH": os.environ["PATH"], **(env or {})},
        )
        if done.returncode not in codes:
            raise RuntimeError(f"{command} exited with {done.returncode}: {done.stderr.decode()[-500:]}")

    return call


def show(found: Iterable[Row]) -> list[Row]:
    """Print each row as it comes."""
    shown = []
    for row in found:
        print("  " + " | ".join(cell for cell in row.cells() if cell), flush=True)
        shown.append(row)
    return shown


def measure(name: str, *, quick: bool) -> list[Row]:
    """All rows of the benchmark of this name."""
    module = importlib.import_module(f"bench.{name}")
    if not hasattr(module, "rows"):
        if quick:
            raise LeftOut("it needs pictures, voices or a model, and takes minutes: only in the whole run")
        module.main([])
        return []
    return show(module.rows(quick))


def table(rows: Sequence[Row]) -> Iterator[str]:
    """The lines of the whole table."""
    lines = [_HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(_HEAD))]
    for line in lines:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def verdict(rows: Sequence[Row]) -> int:
    """Say how many goals were missed; the exit code."""
    missed = sum(row.is_missed for row in rows)
    print(f"\n{missed} of {sum(row.goal is not None for row in rows)} goals missed")
    return 1 if missed else 0


def run(rows: Callable[[bool], Iterable[Row]], description: str | None) -> None:
    """The program of one benchmark."""
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="less work, less certain")
    try:
        shown = show(rows(options.parse_args().quick))
    except LeftOut as reason:
        print(f"left out: {reason}")
        return
    print("", *table(shown), sep="\n")
    sys.exit(verdict(shown))


def _cpu() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _cost(found: Cost, count: int) -> str:
    return f"{_seconds(found.cpu / count)} ({_seconds(found.wall / count)} wall)"


def _seconds(value: float) -> str:
    for unit, factor in (("s", 1), ("ms", 1e3)):
        if value * factor >= 1:
            return f"{value * factor:.3g} {unit}"
    return f"{value * 1e6:.3g} µs"
