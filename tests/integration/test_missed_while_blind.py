"""The program was off for eight hours and is killed again and again as it catches up: each post rings or is listed once."""

import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter

from bot.world import World, run_in_thread
from tests.desk import Desk, Sink
from tests.integration.scene import LOOPBACK, SOURCE
from tests.integration.test_clock_is_set import PROGRAM

CYCLES = int(os.environ.get("COMMUNIQUE_TEST_KILLS", "2"))
HOUR = 3_600
FRAME = """
[defaults]
every = "1s"
timezone = "UTC"
[[rules]]
name = "command"
query = '"regional command"'
targets = ["hook"]
[[rules]]
name = "urgent"
query = 'urgent'
priority = "max"
targets = ["hook"]
[[targets]]
name = "hook"
kind = "webhook"
url = "{hook}"
digest = "daily {digest}"
"""


def test_what_was_missed_in_eight_hours_is_listed_once_whatever_kills_the_program(desk: Desk, sink: Sink) -> None:
    world, now = World(), time.time_ns() // 1_000
    for name in ("office", "front"):
        world.open_channel(name, name)
        world.publish(name, "Nothing new.", at=now - 9 * HOUR * 1_000_000)
    with run_in_thread(world) as address:
        desk.write(
            LOOPBACK
            + FRAME.format(hook=sink.url, digest=time.strftime("%H:00", time.gmtime(time.time() + 12 * HOUR)))
            + "".join(SOURCE.format(name=name, world=address) for name in ("office", "front"))
        )
        ahead = desk.directory / "ahead"
        ahead.write_text(str(-8 * HOUR))
        command = [
            sys.executable,
            "-c",
            PROGRAM,
            str(ahead),
            "--data-dir",
            str(desk.directory / "data"),
            "run",
            "--once",
        ]
        subprocess.run(command, cwd=desk.directory, env=desk.environment(), check=True, timeout=120)
        wanted: dict[str, set[tuple[str, str]]] = {"late": set(), "single": set()}
        for number in range(60):  # more than a page of each channel
            name, urgent = ("office", "front")[number % 2], number % 10 == 0
            text = f"{'Urgent' if urgent else 'The regional command'}, message {number} of the day."
            native = world.publish(name, text, at=now - 7 * HOUR * 1_000_000 + number * 60_000_000)
            wanted["single" if urgent else "late"].add((name, str(native)))
        native = world.publish("office", "The regional command speaks now.", at=now)
        wanted["single"].add(("office", str(native)))
        chance = random.Random(7)
        for _ in range(CYCLES):
            daemon = desk.start("run")
            threading.Event().wait(chance.uniform(0.2, 1.5))
            daemon.kill()
            daemon.wait(60)
        desk.run("run", "--once")
    bodies = list(dict(sink.received).values())
    singles = [body["data"]["post"] for body in bodies if body["type"] == "match"]
    digests = [body["data"] for body in bodies if body["type"] == "digest"]
    listed = [post for digest in digests for post in digest["posts"]]
    came = Counter((post["source"], post["native_id"]) for post in listed + singles)
    owed = wanted["late"] | wanted["single"]
    print(
        f"\nmissed while blind, killed at any moment: {CYCLES} cycles, {len(owed)} alerts expected, "
        f"{len(owed - came.keys())} missing, {came.total() - len(came)} repeated without a mark"
    )
    assert {digest["kind"] for digest in digests} == {"late"}
    assert sorted((post["source"], post["native_id"]) for post in listed) == sorted(wanted["late"])
    assert sorted((post["source"], post["native_id"]) for post in singles) == sorted(wanted["single"])
    assert sum(digest["total"] for digest in digests) == len(wanted["late"])
    assert {one["source"] for digest in digests for one in digest["stretches"]} == {"office", "front"}
    with desk.archive as archive, archive.reading() as reader:
        left = reader.rows("SELECT state, held FROM deliveries WHERE NOT state IN ('sent', 'digested')")
    assert left == []
