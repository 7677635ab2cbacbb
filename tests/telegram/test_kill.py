"""kill -9 of the real daemon at any moment, against the Telegram world: nothing is lost, nothing is told twice."""

import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.desk import Desk, Sink, listening
from tests.telegram.rig import PHONE, sign_in
from tests.telegram_world import Fault, Served, World, run_in_thread

CYCLES = int(os.environ.get("COMMUNIQUE_TEST_KILLS", "10"))
Until = Callable[[Callable[[], object], str], None]
HANDLES = ("border_post", "river_guard")

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
[defaults]
every = "1s"
[[sources]]
name = "border_post"
kind = "telegram"
channel = "@border_post"
fallback = "none"
backfill = "all"
recheck = ["2s", "4s"]
[[sources]]
name = "river_guard"
kind = "telegram"
channel = "@river_guard"
fallback = "none"
backfill = "all"
recheck = ["2s"]
[[rules]]
name = "command"
query = '"regional command"'
targets = ["hook"]
[[targets]]
name = "hook"
kind = "webhook"
url = "{hook}"
"""


@pytest.fixture
def sink() -> Iterator[Sink]:
    with listening() as counting:
        yield counting


@pytest.fixture
def desk(tmp_path: object) -> Desk:
    return Desk(tmp_path)  # type: ignore[arg-type]  # pytest's own fixture


@pytest.fixture
def patiently() -> Until:
    def wait(condition: Callable[[], object], awaited: str) -> None:
        pause = threading.Event()
        for _ in range(1200):
            if condition():
                return
            pause.wait(0.05)
        pytest.fail(f"waited a minute for {awaited}")

    return wait


@contextmanager
def busy(world: World, seed: int) -> Iterator[None]:
    """Posts, edits, deletions, cuts and lost pushes without pause, from a thread, until the block ends."""
    chance, stop, pause = random.Random(seed), threading.Event(), threading.Event()

    def live() -> None:
        count = 0
        while not stop.is_set():
            count += 1
            handle = chance.choice(HANDLES)
            words = chance.choice(("The regional command is silent", "A convoy left"))
            world.faults.swallow_pushes = chance.random() < 0.3
            number = world.publish(handle, f"{words}, report {count}.")
            if chance.random() < 0.2:
                world.edit(handle, number, f"{words}, report {count}, corrected.")
            if chance.random() < 0.02:
                world.faults.cut()
            if count % 150 == 0:  # rarely: they pile up while nobody asks
                world.faults.suffer(Fault("messages.getHistory", swallow=True))
            pause.wait(chance.uniform(0.005, 0.06))

    thread = threading.Thread(target=live)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def configure(desk: Desk, served: Served, hook: str) -> None:
    secret = desk.directory / "hash"
    secret.write_text("0123456789abcdef")
    secret.chmod(0o600)
    desk.write(CONFIG.format(host=served.host, port=served.port, dc=served.dc, key=served.public_key_file, hook=hook))


def made_world() -> World:
    world = World()
    world.accounts.open(PHONE)
    for handle in HANDLES:
        world.open_channel(handle, handle, members=[PHONE])
    return world


def test_a_kill_at_any_moment_loses_no_post_and_no_alert(
    desk: Desk, sink: Sink, patiently: Until, check_invariants: Callable[..., None]
) -> None:
    world = made_world()
    chance, pause = random.Random(20261122), threading.Event()
    with run_in_thread(world) as served:
        configure(desk, served, sink.url)
        sign_in(world, served, desk.directory / "data")
        (desk.directory / "data").chmod(0o700)
        desk.run("run", "--once")
        with busy(world, seed=7):
            for _ in range(CYCLES):
                sink.heard.clear()
                daemon = desk.start("run")
                patiently(sink.heard.is_set, "an alert of this cycle")
                pause.wait(chance.uniform(0, 0.8))
                assert daemon.poll() is None, desk.said()
                os.kill(daemon.pid, signal.SIGKILL)
                daemon.wait()
        world.faults.heal()

        def quiet() -> bool:
            desk.run("run", "--once")
            with desk.archive.reading() as reader:
                left = reader.execute(
                    "SELECT (SELECT count(*) FROM deliveries WHERE state IN ('pending', 'sending'))"
                    " + (SELECT count(*) FROM jobs WHERE kind = 'decide')"
                    " + (SELECT count(*) FROM gaps WHERE closed_at IS NULL)"
                ).fetchone()
            return bool(left[0] == 0)

        patiently(quiet, "the last deliveries")
    shown = {handle: {str(one) for one in world.visible(handle)} for handle in HANDLES}
    check_invariants(desk.archive, shown, targets={"command": ["hook"]})
    with desk.archive.reading() as reader:
        matches = {row[0] for row in reader.execute("SELECT id FROM matches WHERE alerting = 1")}
        doubled = reader.execute(
            "SELECT post_id FROM matches WHERE kind = 'match' GROUP BY post_id, rule HAVING count(*) > 1"
        ).fetchall()
        states = {row[0] for row in reader.execute("SELECT state FROM deliveries")}
    assert doubled == []
    assert states == {"sent"}
    assert len(sink.ids()) == len(matches) > CYCLES
    assert world.journal.count("contacts.resolveUsername") <= len(HANDLES), (
        "names are resolved once, whatever is killed"
    )


def test_a_flood_wait_is_not_broken_by_a_killed_daemon(desk: Desk, sink: Sink, patiently: Until) -> None:
    world = made_world()
    with run_in_thread(world) as served:
        configure(desk, served, sink.url)
        sign_in(world, served, desk.directory / "data")
        (desk.directory / "data").chmod(0o700)
        desk.run("run", "--once")
        world.faults.flood("messages.getHistory", 15)
        for _ in range(3):
            daemon = desk.start("run")
            patiently(lambda: "flood wait" in desk.run("sources", "list").stdout, "the wait to be known")
            os.kill(daemon.pid, signal.SIGKILL)
            daemon.wait()
        listed = desk.run("sources", "list", "--json")
        assert '"messages.getHistory"' in listed.stdout
        assert world.faults.broken_waits == []
