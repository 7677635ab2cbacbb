"""`make soak`: sources of mixed kinds against a server on loopback, for minutes: punctual, polite, and of steady size.

Each host is an address of 127/8 with ten sources; one source in twenty is on a host that accepts and never answers. It
prints one line for each promise, and exits 1 where one is not kept.
"""

import argparse
import asyncio
import os
import random
import signal
import socket
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from bot.clock import Clock
from bot.world import World
from bot.world.answers import Request, answer
from tests.sources.bluesky_server import DID, BlueskyServer
from tests.sources.loopback_server import Answer
from tests.sources.mastodon_server import MastodonServer
from tests.sources.town_site import TownSite
from tests.sources.youtube_server import CHANNEL, YouTubeServer

KINDS = ("feed", "website", "mastodon", "telegram_web", "feed", "website", "bluesky", "feed", "youtube", "feed")
WARM_UP = 0.3  # of the time, during which memory may still grow and first contacts are made
WITHIN = 0.10
MOST_CONNECTIONS = 2
GROWTH = 0.05


class Host:
    """One address with ten sources. `asked` holds when each was asked for its newest posts, monotonic seconds."""

    def __init__(self, number: int, *, dead: bool) -> None:
        self.address = f"127.77.{number // 200}.{number % 200 + 1}"
        self.dead = dead
        self.asked: dict[str, list[float]] = defaultdict(list)
        self.open = self.most = self.posts = 0
        self.mastodon, self.bluesky, self.youtube, self.site = (
            MastodonServer(),
            BlueskyServer(),
            YouTubeServer(),
            TownSite(),
        )
        self.world = World(Clock(), gzip=False)
        self.world.open_channel("ferry_office", "Ferry Office", first_id=2)
        for _ in range(4):
            self.publish()

    def publish(self) -> None:
        self.posts += 1
        words = f"Notice {self.posts} of the ferry office at {self.address}"
        self.mastodon.post(f"<p>{words}</p>")
        self.bluesky.post(words)
        self.youtube.publish(words)
        self.site.publish(words, f"<p>{words}.</p>")
        self.world.publish("ferry_office", words)

    def entries(self, port: int, every: str) -> list[str]:
        base = f"http://{self.address}:{port}"
        keys: dict[str, Callable[[int], str]] = {
            "feed": lambda n: f'url = "{base}/feed/{n}"',
            "website": lambda n: f'url = "{base}/statements?{n}"\nbody = ".body"\nrobots = false',
            "mastodon": lambda _: f'account = "{base}/@ferry_office"',
            "telegram_web": lambda _: f'channel = "ferry_office"\nbase_url = "{base}"',
            "bluesky": lambda _: f'actor = "{DID}"\nbase_url = "{base}"\nplc_url = "{base}"\npds_url = "{base}"',
            "youtube": lambda _: f'channel = "{base}/channel/{CHANNEL}"',
        }
        tail = f'every = "{every}"\nbackfill = 3'
        name = self.address.replace(".", "-")
        return [
            f'[[sources]]\nname = "{name}-{n}"\nkind = "{kind}"\n{keys[kind](n)}\n{tail}\n'
            for n, kind in enumerate(KINDS)
        ]

    def reply(self, path: str) -> Answer:
        marks = {
            "/feed/": path,
            "/statements?": path,
            "/s/": "telegram",
            "getAuthorFeed": "bluesky",
            "/feeds/": "youtube",
        }
        marks |= {"/statuses": "mastodon"}
        for mark, source in marks.items():
            if mark in path and "utm_source" not in path:
                self.asked[source].append(time.monotonic())
                break
        if path.startswith("/feed/"):
            items = "".join(
                f"<item><guid>{n}</guid><title>Notice {n}</title></item>"
                for n in range(self.posts, max(self.posts - 10, 0), -1)
            )
            return Answer(f'<rss version="2.0"><channel><title>Ferry</title>{items}</channel></rss>'.encode())
        if path.startswith("/statements"):
            return self.site.reply(path.partition("?")[0])
        if "/xrpc/" in path or path.startswith("/did"):
            return self.bluesky.reply(path)
        if "/feeds/" in path or "/watch" in path or path.startswith("/channel"):
            return self.youtube.reply(path)
        if path.startswith("/api/"):
            return self.mastodon.reply(path)
        found = answer(self.world, Request(path, {}))
        return Answer(found.body, found.status, found.headers)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                path = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode()
                if self.dead:
                    await reader.read()
                else:
                    writer.write(self.reply(path).wire())
                    await writer.drain()
        finally:
            writer.close()
            self.open -= 1


async def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sources", type=int, default=500)
    options.add_argument("--minutes", type=float, default=10)
    options.add_argument("--every", type=int, default=60, help="seconds")
    chosen = options.parse_args()
    hosts = [Host(number, dead=number % 20 == 19 or number == 1) for number in range(chosen.sources // len(KINDS))]
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    servers = [await asyncio.start_server(host.talk, host.address, port, backlog=200) for host in hosts]
    with tempfile.TemporaryDirectory() as place:
        config = Path(place) / "config.toml"
        entries = [entry for host in hosts for entry in host.entries(port, f"{chosen.every}s")]
        head = f'[storage]\ndir = "{place}/data"\n[http]\nallow_private_addresses = true\n'
        config.write_text("\n".join((head, *entries)))
        command = (sys.executable, "-m", "bot", "--config", str(config), "run")
        daemon = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        sizes = await live(hosts, daemon.pid, chosen.minutes * 60)
        daemon.send_signal(signal.SIGTERM)
        code = await daemon.wait()
    for server in servers:
        server.close()
    return judge(hosts, sizes, chosen.every, chosen.minutes * 60, code)


async def live(hosts: list[Host], pid: int, seconds: float) -> list[int]:
    """Publish somewhere every second; the size of the daemon (kB), once a second."""
    sizes: list[int] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        random.choice(hosts).publish()
        sizes += read_size(pid)
        await asyncio.sleep(1)
    return sizes


def read_size(pid: int) -> list[int]:
    """The resident memory of a process in kB; none where it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return []
    return [int(status.split("VmRSS:")[1].split()[0])] if "VmRSS:" in status else []


def judge(hosts: list[Host], sizes: list[int], every: int, seconds: float, code: int) -> int:
    end = time.monotonic()
    warm = end - seconds * (1 - WARM_UP)
    late, medians, silent = [], [], 0
    for host in hosts:
        if host.dead:
            continue
        silent += len(KINDS) - len(host.asked)
        for source, asked in host.asked.items():
            times = [at for at in asked if at >= warm]
            pauses = [later - at for at, later in pairwise(times)]
            if not pauses:
                silent += 1
                continue
            medians.append(statistics.median(pauses))
            if abs(medians[-1] - every) > WITHIN * every:
                late.append(f"{host.address} {source}: {medians[-1]:.1f} s")
    most = max(host.most for host in hosts)
    measured = sizes[int(len(sizes) * WARM_UP) :]
    quarter = max(len(measured) // 4, 1)
    megabytes = [statistics.mean(measured[at * quarter : (at + 1) * quarter]) / 1024 for at in range(4)]
    dead = sum(len(KINDS) for host in hosts if host.dead)
    pauses_seen = f"median pauses {min(medians, default=0):.1f} to {max(medians, default=0):.1f} s"
    named = "; ".join(late[:3])
    sizes_seen = ", ".join(f"{one:.1f}" for one in megabytes)
    rows = (
        (
            not late,
            f"every {every} s within 10 %: {len(medians)} sources, {pauses_seen}, {len(late)} late {named}",
        ),
        (not silent, f"{silent} sources on living hosts were asked less than twice"),
        (most <= MOST_CONNECTIONS, f"connections to one host and port at a time: at most {most}"),
        (
            megabytes[-1] <= megabytes[0] * (1 + GROWTH),
            f"memory by quarters, {seconds * WARM_UP:.0f} s of warm-up left out: {sizes_seen} MB",
        ),
        (code == 0, f"{dead} sources on hosts that never answer; the daemon stopped with exit code {code}"),
    )
    for kept, sentence in rows:
        print("ok  " if kept else "FAIL", sentence, flush=True)
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    return 0 if all(kept for kept, _ in rows) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
