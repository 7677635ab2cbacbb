"""The daemon at rest: 500 sources, nothing new; processor time and memory while it keeps watching."""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bot.world import World, run_in_thread

_HEAD = """
[http]
allow_private_addresses = true
[http.hosts."127.0.0.1"]
interval = 0
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


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=int, default=500)
    parser.add_argument("--every", default="2m", help="interval of each source")
    parser.add_argument("--rest", type=float, default=60, help="seconds to measure while no poll is due")
    parser.add_argument("--seconds", type=float, default=120, help="seconds to measure while sources are polled")
    chosen = parser.parse_args(arguments)
    world = World()
    for number in range(chosen.sources):
        world.open_channel(f"channel_{number:03}", f"Channel {number}")
        for post in range(19):
            world.publish(f"channel_{number:03}", f"Report {post} of desk {number}: nothing to report from the hills.")
    with tempfile.TemporaryDirectory() as folder, run_in_thread(world) as url:
        config = Path(folder) / "config.toml"
        sources = "".join(_SOURCE.format(number=number, url=url) for number in range(chosen.sources))
        config.write_text(_HEAD.format(every=chosen.every) + sources, encoding="utf-8")
        command = [sys.executable, "-m", "bot", "--config", str(config), "--data-dir", f"{folder}/data", "run"]
        floor = subprocess.Popen([sys.executable, "-c", _FLOOR])
        daemon = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while any(world.requests(handle) == 0 for handle in world.handles()):
                time.sleep(0.5)
            time.sleep(5)
            for phase, seconds in (("nothing is due", chosen.rest), ("every source is polled in turn", chosen.seconds)):
                before = {process.pid: seconds_of(process.pid) for process in (floor, daemon)}
                asked = sum(world.requests(handle) for handle in world.handles())
                time.sleep(seconds)
                polls = sum(world.requests(handle) for handle in world.handles()) - asked
                share = {pid: (seconds_of(pid) - used) / seconds for pid, used in before.items()}
                print(
                    f"idle, {chosen.sources} sources every {chosen.every}, {phase} ({polls / seconds:.1f} polls/s): "
                    f"{share[daemon.pid]:.2%} of a core (goal 2 %), {megabytes_of(daemon.pid):.0f} MB (goal 150); "
                    f"floor, one asyncio loop that sleeps: {share[floor.pid]:.2%}, {megabytes_of(floor.pid):.0f} MB",
                    flush=True,
                )
        finally:
            daemon.terminate()
            floor.kill()
            daemon.wait()
            floor.wait()


if __name__ == "__main__":
    main()
