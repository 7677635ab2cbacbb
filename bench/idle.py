"""The daemon at rest: 500 sources every 2 minutes (4.2 rounds a second), nothing new; a quick run: 34 every 8 s."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench._table import LOOPBACK, LeftOut, Row, amount, run
from bot.world import World, run_in_thread

_HEAD = """
[defaults]
every = "{every}"
[[rules]]
name = "command"
query = '"regional command"'
targets = ["screen"]
[[targets]]
name = "screen"
kind = "console"
"""
_SOURCE = """
[[sources]]
name = "channel_{number:03}"
kind = "telegram_web"
channel = "channel_{number:03}"
base_url = "{url}"
backfill = 20
"""
_FLOOR = "import asyncio, time\nasync def rest():\n    while True: await asyncio.sleep(1)\nasyncio.run(rest())"


def seconds_of(pid: int) -> float:
    """Processor seconds that a process has used, from /proc/PID/stat."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def megabytes_of(pid: int) -> float:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def rows(quick: bool) -> Iterator[Row]:
    sources, every = (34, "8s") if quick else (500, "2m")
    world = World()
    for number in range(sources):
        world.open_channel(f"channel_{number:03}", f"Channel {number}")
        for post in range(19):
            world.publish(f"channel_{number:03}", f"Report {post} of desk {number}: nothing to report from the hills.")
    with tempfile.TemporaryDirectory() as folder, run_in_thread(world) as url:
        config = Path(folder) / "config.toml"
        entries = "".join(_SOURCE.format(number=number, url=url) for number in range(sources))
        config.write_text(LOOPBACK + _HEAD.format(every=every) + entries, encoding="utf-8")
        command = [sys.executable, "-m", "bot", "--config", str(config), "--data-dir", f"{folder}/data", "run"]
        floor = subprocess.Popen([sys.executable, "-c", _FLOOR])
        daemon = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield from watch(world, floor.pid, daemon.pid, 12 if quick else 120)
        finally:
            daemon.terminate()
            floor.kill()
            daemon.wait()
            floor.wait()


def watch(world: World, floor: int, daemon: int, seconds: float) -> Iterator[Row]:
    """Wait until every source was polled once, and then measure."""
    patience = time.monotonic() + 300
    while any(world.requests(handle) == 0 for handle in world.handles()):
        if time.monotonic() > patience:
            raise LeftOut("not every source was polled within five minutes")
        time.sleep(0.5)
    time.sleep(5)
    before = {pid: seconds_of(pid) for pid in (floor, daemon)}
    asked, began = sum(map(world.requests, world.handles())), time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - began
    polls = (sum(map(world.requests, world.handles())) - asked) / took
    ours, least = ((seconds_of(pid) - before[pid]) / took * 100 for pid in (daemon, floor))
    yield amount(
        f"nothing new, {len(world.handles())} sources, of a core",
        ours,
        "%",
        goal=1.5,
        ours=f"{polls:.1f} rounds/s, {ours / polls * 10:.2f} ms each" if polls else "no round",
        floor=f"{least:.2f} %, a loop that sleeps",
    )
    yield amount("memory", megabytes_of(daemon), "MB", goal=150, floor=f"{megabytes_of(floor):.0f} MB")


if __name__ == "__main__":
    run(rows, __doc__)
