"""Telegram with an account, on loopback: backfill compared with `iter_messages`, memory under pushes, live latency.

The Telegram world runs in a process of its own, with its answers prepared. Backfill stores everything in a fresh
archive (ratio: <= 1.5); the floor is Telethon's own loop, which only counts. By default that loop pauses for a second
after each page, so it is also measured without the pause: once with the latency of a distant server, and once with no
latency, where only computing counts. Memory is the resident set of this process after a tenth of the pushes and after
all of them. Latency is the time from publishing to the alert at a webhook, with the real daemon.
"""

import asyncio
import json
import multiprocessing
import os
import signal
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench._table import LeftOut, Row, amount, run
from bot.telegram.client import build_client
from bot.telegram.session import SessionKey, read, session_in, write
from bot.telegram.waiting import Patience
from tests.desk import Desk, listening
from tests.telegram.in_process import PHONE, Rig, access_to, running
from tests.telegram_world import Served, World, run_in_thread

MESSAGES, PUSHES, ALERTS = 100_000, 1_000_000, 60
DISTANCE_MS = 40  # from a request to its answer: a server on the same continent
PATIENT = Patience()


def serve(orders: Connection, messages: int) -> None:
    """The process of the world: publishes and pushes as ordered."""
    world = World()
    world.accounts.open(PHONE)
    world.open_channel("border_post", "Border Post", members=[PHONE])
    world.journal.remembers = False
    for number in range(messages):
        world.publish(
            "border_post", f"Report {number}: the road to the river was closed at dawn, and nobody passed it."
        )
    world.warm("border_post")
    with run_in_thread(world) as served:
        place = (served.host, served.port, served.dc, str(served.public_key_file))
        orders.send((*place, world.accounts.grant_key(PHONE).hex()))
        moved = 0
        while (order := orders.recv()) is not None:
            what, count = order
            if what == "distance":
                world.faults.latency = count / 1_000
                count = 0
            for _ in range(count):
                if what == "publish":
                    world.publish("border_post", f"The regional command was hit, {time.time_ns()}.")
                else:
                    moved += 1
                    push(world, moved)
            served.settle()
            orders.send(time.time())


def push(world: World, count: int) -> None:
    """One update as in a busy channel: mostly views and reactions, some edits, few posts."""
    if count % 1_000 == 0:
        world.publish("border_post", f"Report of the {count}th update.")
        return
    standing = world.channel("border_post").order
    chosen = standing[-1 - count % min(1_000, len(standing) - 1)]
    if count % 100 == 0:
        world.edit("border_post", chosen, f"Edited by the {count}th update.")
    else:
        world.react("border_post", chosen)


@contextmanager
def world(messages: int) -> Iterator[tuple[Any, Connection, SessionKey]]:
    """Serve a world in another process; yields its address, a pipe for orders, and a signed-in session."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, messages), daemon=True)
    process.start()
    host, port, dc, key, secret = ours.recv()
    served = Served(host, port, dc, Path(key), {dc: port}, None, None)  # type: ignore[arg-type]  # it runs elsewhere
    try:
        yield served, ours, SessionKey(dc, host, port, secret, "7000001", "R")
    finally:
        ours.send(None)
        process.join(10)


async def bare(served: Any, session: SessionKey, *, pause: float | None = 0, most: int = 1 << 40) -> tuple[int, float]:
    """Telethon's loop, counting only; `pause` None is Telethon's own default."""
    client = build_client(access_to(served), session, lambda _: None, lambda _: None)
    await client.connect()
    began, count = time.perf_counter(), 0
    async for _ in client.iter_messages("border_post", wait_time=pause):
        count += 1
        if count == most:
            break
    seconds = time.perf_counter() - began
    await client.disconnect()
    return count, seconds


async def backfill(served: Any, directory: Path) -> tuple[int, float]:
    """First contact with everything, into a fresh archive."""
    entries = {"post": {"channel": "@border_post", "backfill": "all", "recheck": []}}
    async with running(directory, served, entries, live=False, patience=PATIENT) as rig:
        while rig.account.status.state != "connected":  # noqa: ASYNC110 - connecting is not what is measured
            await asyncio.sleep(0.01)
        began = time.perf_counter()
        while not (row := rig.row()).first_contact_at or rig.open_gaps():
            found = await rig.collector.intake.round(rig.sources["post"], row, 1_000_000, pages=100_000)
            if found.error is not None:
                raise found.error
        seconds = time.perf_counter() - began
        return rig.ask("SELECT count(*) FROM posts")[0][0], seconds


def histories(served: Any, orders: Connection, session: SessionKey, place: Path) -> Iterator[Row]:
    """How long a long history takes, ours and bare, with and without latency."""
    stored, ours = 0, 0.0
    for name, distance in (("far", DISTANCE_MS), ("near", 0)):
        orders.send(("distance", distance))
        orders.recv()
        _, floor = asyncio.run(bare(served, session))
        stored, ours = asyncio.run(backfill(served, place / name))
        yield amount(
            f"backfill, {distance} ms away, beside bare iter_messages",
            ours / floor,
            "x wall",
            goal=1.5 if distance else None,
            ours=f"{ours:.1f} s, {stored / ours:,.0f} a second",
            floor=f"{floor:.1f} s",
        )
    counted, shipped = asyncio.run(bare(served, session, pause=None, most=500))
    ratio = ours / stored / (shipped / counted)
    yield amount("the same beside its own pause", ratio, "x wall", floor=f"{counted / shipped:,.0f} a second")


def resident() -> float:
    """MiB of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


async def memory(served: Any, orders: Connection, directory: Path, pushes: int) -> tuple[float, float, float]:
    """MiB after a tenth of the pushes and after all of them, and pushes per second."""
    entries = {"post": {"channel": "@border_post", "backfill": 10, "recheck": []}}
    async with running(directory, served, entries, patience=PATIENT) as rig:
        while not rig.row().first_contact_at:  # noqa: ASYNC110 - another task's work
            await asyncio.sleep(0.05)
        began = time.perf_counter()
        await pushed(rig, orders, pushes // 10)
        first = resident()
        await pushed(rig, orders, pushes - pushes // 10)
        return first, resident(), pushes / (time.perf_counter() - began)


async def pushed(rig: Rig, orders: Connection, count: int) -> None:
    """Make the world push so many updates, and wait until all have arrived."""
    while count > 0:
        orders.send(("react", min(count, 5_000)))
        await asyncio.to_thread(orders.recv)
        count -= 5_000
    while rig.account._client._updates_queue.qsize():  # noqa: ASYNC110
        await asyncio.sleep(0.05)


CONFIG = """
[telegram]
api_id = 1
api_hash_file = "hash"
server = "{host}:{port}"
dc = {dc}
public_key_file = "{key}"
[http]
allow_private_addresses = true
[http.hosts."127.0.0.1"]
interval = 0
[[sources]]
name = "post"
kind = "telegram"
channel = "@border_post"
fallback = "none"
backfill = 10
[[rules]]
name = "command"
query = '"regional command"'
targets = ["hook"]
[[targets]]
name = "hook"
kind = "webhook"
url = "{hook}"
"""


def latencies(served: Any, orders: Connection, session: SessionKey, directory: Path, alerts: int) -> list[float]:
    """Seconds from publishing to the webhook, one alert at a time."""
    desk, pause, found = Desk(directory), threading.Event(), []
    (directory / "hash").write_text("0123456789abcdef", encoding="ascii")
    (directory / "hash").chmod(0o600)
    data = directory / "data"
    data.mkdir(mode=0o700)
    write(session_in(data), session)
    with listening() as sink:
        desk.write(
            CONFIG.format(host=served.host, port=served.port, dc=served.dc, key=served.public_key_file, hook=sink.url)
        )
        daemon = desk.start("run")
        try:
            while "is reached" not in desk.said():
                pause.wait(0.1)
            for _ in range(alerts):
                sink.heard.clear()
                orders.send(("publish", 1))
                orders.recv()
                if not sink.heard.wait(30):
                    raise TimeoutError("no alert within 30 seconds")
                arrived = time.time_ns()
                text = json.dumps(sink.received[-1][1])
                sent = int(text.partition("was hit, ")[2].partition(".")[0])
                found.append((arrived - sent) / 1e9)
                pause.wait(0.2)
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(30)
    return found


def rows(quick: bool) -> Iterator[Row]:
    if quick:
        raise LeftOut("a history of 100,000 messages and a million pushes: only in the whole run")
    with world(MESSAGES) as (served, orders, session), tempfile.TemporaryDirectory() as made:
        place = Path(made)
        for name in ("near", "far", "memory", "live"):
            (place / name).mkdir(mode=0o700)
            write(session_in(place / name), session)
        assert read(session_in(place / "near")) is not None
        yield from histories(served, orders, session, place)
        found = latencies(served, orders, session, place / "live", ALERTS)
        p95 = statistics.quantiles(found, n=20)[-1]
        yield amount("published -> webhook, p95", p95, "s", goal=2, ours=f"median {statistics.median(found):.3f} s")
        first, last, rate = asyncio.run(memory(served, orders, place / "memory", PUSHES))
        ours, floor = f"{last:.1f} MiB after {PUSHES:,} pushes, {rate:,.0f}/s", f"{first:.1f} MiB after a tenth"
        yield amount("memory under pushes", last / first, "x", goal=1.1, ours=ours, floor=floor)


if __name__ == "__main__":
    run(rows, __doc__)
