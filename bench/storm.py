"""10,000 matches at once into a webhook with a limit: messages a minute, the sum of all digests, stalls, memory."""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench._table import LOOPBACK, LeftOut, Row, amount, run
from tests.desk import Sink, listening

_CONFIG = """
[events]
enabled = false
[[sources]]
name = "wire"
kind = "replay"
path = "posts.jsonl"
every = "1s"
alert_backfill = true
[[rules]]
name = "command"
query = "command"
targets = ["hook"]
[[targets]]
name = "hook"
kind = "webhook"
url = "{url}"
per_minute = {per_minute}
"""
_WATCHED = """
import asyncio, sys, time
real, longest, began = asyncio.run, [0.0, 0.0], time.monotonic()
async def beat():
    while True:
        before = time.monotonic()
        await asyncio.sleep(0.005)
        after = time.monotonic()
        if after - began > 5:  # it has started
            longest[:] = max(longest, [after - before - 0.005, after - began])
def run(work):
    async def both():
        beating = asyncio.create_task(beat())
        try:
            return await work
        finally:
            with open(sys.argv[0] + ".stall", "w") as file:
                file.write("{:.3f} s, {:.0f} s after the start".format(*longest))
    return real(both())
asyncio.run = run
from bot.__main__ import main
main()
"""


def _rss(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def _line(number: int) -> str:
    text = f"The regional command has moved, report {number}. " + "Roads are closed north of the river town. " * 8
    return json.dumps({"native_id": str(number), "text": text, "posted_at": "2026-11-01T00:00:00Z"}) + "\n"


def measure(sink: Sink, count: int, per_minute: int) -> Iterator[Row]:
    """Run the daemon, let the posts come, and wait until everything has arrived."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "config.toml").write_text(LOOPBACK + _CONFIG.format(url=sink.url, per_minute=per_minute))
        posts = home / "posts.jsonl"
        posts.write_text(_line(0).replace("command", "bridge"))
        watched = home / "watched.py"
        watched.write_text(_WATCHED)
        words = ["--config", str(home / "config.toml"), "--data-dir", str(home / "data"), "run"]
        with (home / "said.txt").open("wb") as said:
            daemon = subprocess.Popen(
                [sys.executable, str(watched), *words],
                stdout=said,
                stderr=said,
                env=os.environ | {"PYTHONPATH": str(Path.cwd())},
            )
        time.sleep(6)
        sink.received.clear()
        before = most = _rss(daemon.pid)
        with posts.open("a") as file:
            file.writelines(_line(number) for number in range(1, count + 1))
        times: list[float] = []
        began = time.monotonic()
        while _total(sink) < count and time.monotonic() - began < 600 and daemon.poll() is None:
            time.sleep(0.2)
            times += [time.monotonic()] * (len(sink.received) - len(times))
            most = max(most, _rss(daemon.pid))
        took = time.monotonic() - began
        daemon.terminate()
        daemon.wait()
        stall = (home / "watched.py.stall").read_text()
    busiest = max((sum(at <= other < at + 60 for other in times) for at in times), default=0)
    digests = [body["data"]["total"] for _, body in sink.received if body["type"] == "digest"]
    print(f"  {len(times)} messages in {took:.0f} s, digests of {digests}; longest stall {stall}", flush=True)
    yield amount(f"of {count:,} matches have arrived", _total(sink), "matches", goal=count, at_least=True)
    yield amount("messages in a minute", busiest, "messages", goal=per_minute)
    yield amount("memory", most, "MB", ours=f"{before:.0f} MB before")


def _total(sink: Sink) -> int:
    seen = dict(sink.received)
    return sum(body["data"]["total"] if body["type"] == "digest" else 1 for body in seen.values())


def rows(quick: bool) -> Iterator[Row]:
    if quick:
        raise LeftOut("a webhook with a limit a minute takes minutes: only in the whole run")
    with listening() as sink:
        yield from measure(sink, 10_000, 20)


if __name__ == "__main__":
    run(rows, __doc__)
