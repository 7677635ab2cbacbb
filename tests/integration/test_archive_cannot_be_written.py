"""A full disk and a device that fails: people hear of it at once and once, and once when it is over."""

import os
import resource
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from bot.clock import MINUTE, Clock
from bot.config import paths
from bot.daemon.reserve import SIZE
from bot.world import run_in_thread
from tests.desk import Desk, Process, Sink, Until, listening
from tests.integration.scene import config, world_of

DEAF = """
[[targets]]
name = "deaf"
kind = "webhook"
url = "{deaf}"
health = true
"""
SHARED_MEMORY = 48 << 10  # bytes: the index of the write-ahead log (32 KB), and no room for a commit
TAKES_NOTHING = 4096  # bytes of a file: less than one page of the write-ahead log


def news(sink: Sink) -> list[str]:
    """What health targets hear of the archive; gaps, and little room on a small disk, are other messages."""
    return [text for text in sink.health() if "no space left" in text or "the archive can" in text]


def alerts(sink: Sink) -> int:
    return len({name for name, message in sink.received if message["type"] == "match"})


@contextmanager
def files_limited(daemon: Process, size: int) -> Iterator[None]:
    """No file of the process grows beyond `size`: write(2) fails as on a device that is broken or over its quota."""
    before = resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(daemon.pid, resource.RLIMIT_FSIZE, before)


def test_a_device_that_fails_is_reported_past_the_archive_and_its_end_too(
    desk: Desk, sink: Sink, until: Until, tmp_path: Path
) -> None:
    world, fed = world_of("spokesman_office"), list[str]()
    with (
        run_in_thread(world) as address,
        listening() as deaf,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify,
    ):
        notify.bind(str(tmp_path / "notify"))
        notify.setblocking(False)
        deaf.status = 500
        desk.extra = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}
        desk.write(config(address, sink.url, "spokesman_office", health=True) + DEAF.format(deaf=deaf.url))
        daemon = desk.start("run")

        def watchdog() -> int:
            try:
                while True:
                    fed.append(notify.recv(4096).decode())
            except BlockingIOError:
                return sum(message == "WATCHDOG=1" for message in fed)

        until(lambda: world.requests("spokesman_office") >= 2 and watchdog(), "the first contact and the watchdog")
        with files_limited(daemon, TAKES_NOTHING):
            world.publish("spokesman_office", "The regional command is quiet.")
            until(lambda: news(sink), "the news of the trouble")
            assert "the archive cannot be written" in news(sink)[0]
            before = watchdog()
            _pretend_minutes_passed(desk)
            sick = desk.run("status", "--health", code=1)  # two beats fit into the start of a process
            assert "has written nothing" in sick.stdout
            assert watchdog() == before, "what cannot write is not alive"
            assert (len(news(sink)), alerts(sink)) == (1, 0)
        until(lambda: alerts(sink) == 1, "the alert about the post of the meantime")
        until(lambda: len(news(sink)) == 2, "the news that it is over")
        assert "can be written again" in news(sink)[1]
        desk.run("status", "--health")
        desk.stop()
    assert desk.said().count("the archive can be written again") == 1
    assert desk.said().count("did not take the message") == 1


def _pretend_minutes_passed(desk: Desk) -> None:
    """The daemon began long ago, and so did its last sign of life."""
    with desk.archive.writing() as writer:
        long_ago = Clock().now() - 4 * MINUTE
        writer.execute("UPDATE meta SET value = :at WHERE key = 'heartbeat'", {"at": str(long_ago)})
    os.utime(paths.lock_in(desk.directory / "data"), (long_ago / 1e6, long_ago / 1e6))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "data"
    place.mkdir(mode=0o700)
    mounted = ["mount", "-t", "tmpfs", "-o", "size=80m,mode=0700", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mounted, check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    with ExitStack() as after:
        after.callback(subprocess.run, ["umount", "-l", str(place)], check=False)
        yield place


def test_on_a_full_disk_the_reserve_records_the_trouble_and_is_made_again(
    desk: Desk, sink: Sink, until: Until, small_disk: Path
) -> None:
    world, reserve = world_of("spokesman_office"), small_disk / "reserve"
    with run_in_thread(world) as address, listening() as second:
        desk.write(config(address, sink.url, "spokesman_office", health=True) + DEAF.format(deaf=second.url))
        desk.start("run")
        until(lambda: reserve.exists() and world.requests("spokesman_office") >= 2, "the reserve and the first contact")
        assert reserve.stat().st_blocks * 512 >= SIZE, "allocated, and no hole"
        filler = small_disk / "filler"
        fill(filler)
        # The write-ahead log writes over itself before it grows: only much at once needs room.
        for number in range(300):
            world.publish("spokesman_office", f"Report {number}: " + "the valley is calm. " * 190)
        until(lambda: news(sink) and news(second), "the news of the full disk")
        assert "no space left" in news(sink)[0]
        until(lambda: not reserve.exists(), "the reserve being given back")
        until(lambda: noticed(desk) == [0], "the trouble in the archive")
        sick = desk.run("status", "--health", code=1)
        assert "the disk is full" in sick.stdout
        filler.unlink()
        until(reserve.exists, "the reserve being made again")
        until(lambda: len(news(sink)) == len(news(second)) == 2, "the news that it is over")
        desk.stop()
    assert noticed(desk) == [0, 1]
    assert (len(news(sink)), len(news(second))) == (2, 2)


def test_a_daemon_that_starts_on_a_full_disk_says_so_and_begins_when_there_is_room(
    desk: Desk, sink: Sink, until: Until, small_disk: Path
) -> None:
    world = world_of("spokesman_office")
    with run_in_thread(world) as address, listening() as second:
        desk.write(config(address, sink.url, "spokesman_office", health=True) + DEAF.format(deaf=second.url))
        desk.run("run", "--once")
        filler = small_disk / "filler"
        (small_disk / "reserve").unlink(missing_ok=True)
        fill(filler)
        os.truncate(filler, filler.stat().st_size - SHARED_MEMORY)  # without it SQLite cannot even read
        desk.start("run")
        until(lambda: news(sink), "the news of the full disk")
        world.publish("spokesman_office", "The regional command is quiet.")
        filler.unlink()
        until(lambda: alerts(sink) == 1, "the alert")
        desk.stop()


def test_a_daemon_that_starts_on_a_disk_without_one_free_byte_waits_for_room(
    desk: Desk, sink: Sink, until: Until, small_disk: Path
) -> None:
    world, filler = world_of("spokesman_office"), small_disk / "filler"
    with run_in_thread(world) as address, listening() as second:
        desk.write(config(address, sink.url, "spokesman_office", health=True) + DEAF.format(deaf=second.url))
        desk.run("run", "--once")
        (small_disk / "reserve").unlink(missing_ok=True)
        fill(filler)
        desk.start("run")
        until(lambda: news(sink) and news(second), "the news of the full disk")
        desk.stop()
        desk.start("run")
        until(lambda: len(news(sink)) == len(news(second)) == 2, "the news of a process that knows of no other")
        filler.unlink()
        world.publish("spokesman_office", "The regional command is quiet.")
        until(lambda: alerts(sink) == 1, "the alert")
        until(lambda: len(news(sink)) == len(news(second)) == 3, "the news that it is over")
        desk.stop()
    assert "can be written again" in news(second)[-1]
    assert desk.said().count("no space left") == 2


def test_a_daemon_that_starts_on_a_full_disk_gives_its_reserve_back(
    desk: Desk, sink: Sink, until: Until, small_disk: Path
) -> None:
    world = world_of("spokesman_office")
    with run_in_thread(world) as address, listening() as second:
        desk.write(config(address, sink.url, "spokesman_office", health=True) + DEAF.format(deaf=second.url))
        desk.run("run", "--once")
        (small_disk / "reserve").write_bytes(bytes(SIZE))
        fill(small_disk / "filler")
        desk.start("run")
        world.publish("spokesman_office", "The regional command is quiet.")
        until(lambda: alerts(sink) == 1, "the alert")
        until(lambda: len(news(sink)) == len(news(second)) == 1, "the news of the full disk")
        desk.stop()
    assert "the disk is full" in desk.run("status", "--health", code=1).stdout


def test_without_a_daemon_everything_can_be_read_on_a_full_disk_and_collecting_says_once_what_is_wrong(
    desk: Desk, sink: Sink, until: Until, small_disk: Path
) -> None:
    world, filler = world_of("spokesman_office"), small_disk / "filler"
    with run_in_thread(world) as address:
        desk.write(config(address, sink.url, "spokesman_office", health=True) + DEAF.format(deaf=sink.url))
        world.publish("spokesman_office", "The regional command is quiet.")
        desk.start("run")
        until(lambda: world.requests("spokesman_office") >= 2, "the first contact")
        desk.kill()  # what was stored is still in the write-ahead log
        assert desk.database.with_name("communique.db-wal").stat().st_size
        for room in (0, SHARED_MEMORY):
            desk.database.with_name("communique.db-shm").unlink(missing_ok=True)
            (small_disk / "reserve").unlink(missing_ok=True)
            fill(filler)
            os.truncate(filler, filler.stat().st_size - room)
            assert "command is quiet" in desk.run("search", "command").stdout
            assert "is quiet." in desk.run("show", "spokesman_office/3").stdout
            assert "the disk is full" in desk.run("status", "--health", code=1).stdout
        for room in (0, SHARED_MEMORY):
            fill(filler)
            os.truncate(filler, filler.stat().st_size - room)
            said = desk.run("run", "--once", code=1).stderr
            reason = f"no space left for {desk.database}: free some space; nothing stored so far is lost"
            assert said.count("no space left") == said.count(reason) == 1, said
            assert "device" not in said


def fill(path: Path) -> None:
    """Leave not one byte on the disk."""
    with path.open("ab", buffering=0) as filler:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    filler.write(b"x" * size)
            except OSError:
                continue


def noticed(desk: Desk) -> list[int]:
    """Begins and ends of trouble with the archive, as it keeps them."""
    with desk.archive.reading() as reader:
        return list(reader.column("SELECT ends FROM notices WHERE about = 'archive' ORDER BY id"))
