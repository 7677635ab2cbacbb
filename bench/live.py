"""Live: from the moment in which a page with a new post is served to the arrival of its alert at a webhook.

Many channels of one server are polled by a real daemon; posts appear in some of them, one by one. The server and the
webhook run beside the daemon on the same machine, so what they need is in the times, too.
"""

import http.server
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

from bench._table import LOOPBACK, Row, amount, run
from bench.idle import seconds_of
from bot.world import World, run_in_thread
from bot.world.state import MessageList

_HEAD = """
[defaults]
every = "{every}"
[[rules]]
name = "command"
query = '"regional command"'
targets = ["hook"]
[[targets]]
name = "hook"
kind = "webhook"
url = "{hook}"
"""
_SOURCE = """
[[sources]]
name = "channel_{number:03}"
kind = "telegram_web"
channel = "channel_{number:03}"
base_url = "{url}"
backfill = 5
"""


class ServedWorld(World):
    """A world that remembers when each post was served first."""

    def __init__(self) -> None:
        super().__init__()
        self.served: dict[tuple[str, int], float] = {}

    def show_page(self, handle: str, *, before: int | None = None, after: int | None = None) -> MessageList:
        found = super().show_page(handle, before=before, after=after)
        for message in found.messages:
            self.served.setdefault((handle, message.id), time.monotonic())
        return found


class _Sink(http.server.BaseHTTPRequestHandler):
    came: dict[str, float]  # by the address of the post

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if body["type"] == "match":
            self.came.setdefault(body["data"]["post"]["url"], time.monotonic())
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def measure(sources: int, every: int, seconds: float) -> tuple[list[float], float]:
    """Seconds from served to arrived of each alert, and the share of a core that the daemon took."""
    world, came = ServedWorld(), dict[str, float]()
    handles = [f"channel_{number:03}" for number in range(sources)]
    for handle in handles:
        world.open_channel(handle, handle)
        for post in range(15):
            world.publish(handle, f"Report {post} of {handle}: nothing to report from the hills.")
    sink = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Sink", (_Sink,), {"came": came}))
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as name, run_in_thread(world) as url:
        folder = Path(name)
        head = LOOPBACK + _HEAD.format(every=f"{every}s", hook=f"http://127.0.0.1:{sink.server_port}/")
        written = head + "".join(_SOURCE.format(number=number, url=url) for number in range(sources))
        (folder / "config.toml").write_text(written)
        command = [sys.executable, "-m", "bot", "--config", str(folder / "config.toml")]
        daemon = subprocess.Popen(
            [*command, "--data-dir", str(folder / "data"), "run"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            while any(world.requests(handle) == 0 for handle in handles):
                time.sleep(0.5)
            time.sleep(every)
            used, began = seconds_of(daemon.pid), time.monotonic()
            published: list[tuple[str, int]] = []
            while time.monotonic() - began < seconds:
                handle = random.choice(handles)
                number = world.publish(handle, f"The regional command speaks, {len(published)}.")
                published.append((handle, number))
                time.sleep(random.uniform(0.2, 1.0))
            share = (seconds_of(daemon.pid) - used) / (time.monotonic() - began)
            deadline = time.monotonic() + every + 60
            while len(came) < len(published) and time.monotonic() < deadline:
                time.sleep(0.2)
        finally:
            daemon.terminate()
            daemon.wait()
            sink.shutdown()
    arrived = {address.rstrip("/").split("/")[-2] + "/" + address.rsplit("/", 1)[1]: at for address, at in came.items()}
    lost = len(published) - len(arrived)
    if lost:
        print(f"  {lost} of {len(published)} alerts did not come", flush=True)
    return [
        arrived[f"{handle}/{number}"] - world.served[handle, number]
        for handle, number in published
        if f"{handle}/{number}" in arrived
    ], share


def rows(quick: bool) -> Iterator[Row]:
    for sources, every, goal in ((50, 5, 0.25),) if quick else ((50, 5, 0.25), (500, 30, 1.0)):
        took, share = measure(sources, every, 6 if quick else 60)
        p95 = quantiles(took, n=20)[-1]
        beside = f"{len(took)} alerts, median {median(took):.2f} s, longest {max(took):.2f} s, {share:.1%} of a core"
        yield amount(f"served -> webhook, {sources} sources every {every} s, p95", p95, "s", goal=goal, ours=beside)


if __name__ == "__main__":
    run(rows, __doc__)
