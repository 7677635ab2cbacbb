"""The wall clock is set while the daemon runs: a year ahead, a day back, and right again. No alert is lost by it."""

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

from bot.world import Faults, run_in_thread
from tests.desk import Desk, Sink, Until
from tests.integration.scene import config, world_of

DAY = 86_400
SECOND = 1_000_000
PROGRAM = """
import sys, time
from pathlib import Path
real, ahead = time.time_ns, Path(sys.argv[1])
time.time_ns = lambda: real() + int(ahead.read_text()) * 1_000_000_000
from bot.__main__ import main
main(sys.argv[2:])
"""


def start(desk: Desk, ahead: Path) -> None:
    """The daemon on a machine whose clock is as many seconds ahead as a file says."""
    with (desk.directory / "err.txt").open("a", encoding="utf-8") as err:
        daemon = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(ahead), "--data-dir", str(desk.directory / "data"), "run"],
            cwd=desk.directory, stdout=err, stderr=err, env=desk.environment(),
        )  # fmt: skip
    desk.started.append(daemon)


def test_bad_input_75_every_post_alerts_whatever_is_done_to_the_clock(desk: Desk, sink: Sink, until: Until) -> None:
    world, ahead = world_of("office"), desk.directory / "ahead"
    ahead.write_text("0")
    with run_in_thread(world) as address:
        desk.write(config(address, sink.url, "office"))
        start(desk, ahead)
        until(lambda: "is reached" in desk.said(), "the first contact")
        published = 0
        for number, moved in enumerate((-DAY, 0, 365 * DAY, 0, -400 * DAY, 0), 1):
            ahead.with_suffix(".new").write_text(str(moved))
            ahead.with_suffix(".new").rename(ahead)
            for turn in range(3):
                world.publish("office", f"The regional command is quiet, {number} and {turn}.")
                published += 1
            until(lambda: len(sink.ids()) == published, f"the alerts after the clock was set to {moved} s")  # noqa: B023
            until(lambda: desk.said().count("the clock jumped") == number, "the sentence about the jump")  # noqa: B023
        desk.stop()
    assert desk.said().count("the clock jumped") == 6, "each is said once"
    assert len(sink.received) == published, "no alert comes twice"
    with desk.archive as archive, archive.reading() as reader:
        [span] = reader.rows("SELECT min(collected_at) AS low, max(collected_at) AS high FROM posts")
        assert span["high"] - span["low"] < 900 * DAY * SECOND


def test_what_is_stored_while_the_archive_is_busy_and_the_clock_is_set_back_waits_for_no_old_time(
    desk: Desk, sink: Sink, until: Until
) -> None:
    world, ahead = world_of("office"), desk.directory / "ahead"
    ahead.write_text("0")
    with run_in_thread(world) as address:
        desk.write(config(address, sink.url, "office"))
        start(desk, ahead)
        until(lambda: "is reached" in desk.said(), "the first contact")
        world.set_faults("office", Faults(slow=5))
        world.publish("office", "The regional command is quiet.")
        before = world.requests("office")
        with closing(sqlite3.connect(desk.database, isolation_level=None, timeout=60)) as other:
            until(lambda: world.requests("office") > before, "a poll that gets its reply in five seconds")
            other.execute("BEGIN IMMEDIATE")
            ahead.with_suffix(".new").write_text(str(-DAY))
            ahead.with_suffix(".new").rename(ahead)
            until(lambda: "the clock jumped" in desk.said(), "the sentence about the jump")
            threading.Event().wait(6)  # the reply comes, and waits for the archive behind the repair of the times
            other.execute("ROLLBACK")
        world.set_faults("office", Faults())
        until(sink.ids, "the alert on what was stored by the old time")
        world.publish("office", "The regional command is quiet again.")
        until(lambda: len(sink.ids()) == 2, "the next poll")
        desk.stop()
    assert len(sink.received) == 2, "no alert comes twice"
