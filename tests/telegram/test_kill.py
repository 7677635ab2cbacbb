"""kill -9 of the real daemon at any moment, against the Telegram world: nothing is lost, nothing is told twice."""

import os
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.desk import Desk, Sink, Until
from tests.telegram.in_process import PHONE, sign_in
from tests.telegram_world import Fault, File, Served, World, run_in_thread

CYCLES = int(os.environ.get("COMMUNIQUE_TEST_KILLS", "4"))
HANDLES = ("border_post", "river_guard")
WORDS = ("The regional command is silent", "A convoy left")

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
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk(tmp_path) as made:
        yield made


@contextmanager
def busy(world: World, seed: int) -> Iterator[None]:
    """Posts, albums, edits, deletions, cuts and lost pushes without pause, from a thread, until the block ends."""
    chance, stop, pause = random.Random(seed), threading.Event(), threading.Event()

    def live() -> None:
        count = 0
        while not stop.is_set():
            count += 1
            handle = chance.choice(HANDLES)
            words = f"{chance.choice(WORDS)}, report {count}."
            world.faults.swallow_pushes = chance.random() < 0.3
            if chance.random() < 0.03:
                number = shuffled_album(world, handle, chance, words)[0]
            else:
                file = File("photo", words.encode()) if chance.random() < 0.1 else None
                number = world.publish(handle, words, file=file)
            if chance.random() < 0.2:
                world.edit(handle, number, f"{words} Corrected.")
            if chance.random() < 0.03:
                old = [one for one in world.visible(handle, service=False) if one != number]
                if old and not world.channel(handle).messages[chosen := chance.choice(old)].album:
                    world.delete(handle, chosen, silent=chance.random() < 0.3)
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


def shuffled_album(world: World, handle: str, chance: random.Random, words: str) -> list[int]:
    """An album whose parts can be seen out of order; its words stand on the first. Returns the ids, ascending."""
    numbers = world.reserve(handle, chance.randrange(2, 6))
    for number in chance.sample(numbers, len(numbers)):
        publish_part(world, handle, numbers, number, words if number == numbers[0] else "")
    return numbers


def publish_part(world: World, handle: str, numbers: list[int], number: int, words: str) -> None:
    album = 13_000_000_000_000_000 + world.channel(handle).id * 100_000 + numbers[0]
    world.publish(handle, words, number=number, album=album, file=File("photo", f"{handle} {number}".encode()))


def said(world: World, handle: str) -> dict[int, str]:
    """What people read in a channel now: the wording of each post by its id, which of an album is that of its first."""
    posts: dict[object, tuple[int, str]] = {}
    for number, message in sorted(world.channel(handle).messages.items()):
        first, text = posts.get(message.album or (number,), (number, ""))
        posts[message.album or (number,)] = first, f"{text}\n{message.text}".strip()
    return dict(posts.values())


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
    desk: Desk, sink: Sink, waits: Until, check_invariants: Callable[..., None]
) -> None:
    world = made_world()
    chance, pause = random.Random(20261122), threading.Event()
    with run_in_thread(world) as served:
        configure(desk, served, sink.url)
        sign_in(world, served, desk.directory / "data")
        (desk.directory / "data").chmod(0o700)
        desk.run("run", "--once")
        with busy(world, seed=7):
            for cycle in range(CYCLES):
                sink.heard.clear()
                daemon = desk.start("run")
                if cycle % 3:  # each third dies while it starts, connects or catches up, the others at work
                    waits(sink.heard.is_set, "an alert of this cycle")
                pause.wait(chance.uniform(0, 0.8 if cycle % 3 else 1.6))
                assert daemon.poll() is None, desk.said()
                desk.kill()
        world.faults.heal()
        settle(desk, waits)
    check_invariants(
        desk.archive,
        {handle: {str(one) for one in said(world, handle)} for handle in HANDLES},
        targets={"command": ["hook"]},
    )
    check_words(desk, world)
    check_alerts(desk, sink, world, "killed at any moment", CYCLES)
    assert len(sink.ids()) > CYCLES
    resolved = world.journal.count("contacts.resolveUsername")
    assert resolved <= len(HANDLES), "names are resolved once, whatever is killed"
    assert "Traceback" not in desk.said()


def settle(desk: Desk, waits: Until) -> None:
    """Passes of the program until nothing is owed any more."""

    def quiet() -> bool:
        desk.run("run", "--once", within_s=1_200)
        with desk.archive.reading() as reader:
            left = reader.execute(
                "SELECT (SELECT count(*) FROM deliveries WHERE state IN ('pending', 'sending'))"
                " + (SELECT count(*) FROM jobs WHERE kind = 'decide')"
                " + (SELECT count(*) FROM gaps WHERE closed_at IS NULL)"
                " + (SELECT count(*) FROM media WHERE state = 'pending' AND failures = 0)"
            ).fetchone()
        return bool(left[0] == 0)

    waits(quiet, "the last deliveries")


def check_words(desk: Desk, world: World) -> None:
    """One archived post for each that stands, in its newest words if the newest page shows it; files are whole."""
    with desk.archive.reading() as reader:
        rows = reader.execute(
            "SELECT s.name, p.number, r.text, p.deleted_at FROM posts p JOIN sources s ON s.id = p.source_id "
            "JOIN revisions_readable r ON r.post_id = p.id AND r.current"
        ).fetchall()
        files = reader.execute("SELECT url FROM media WHERE state IN ('stored', 'pending')").fetchall()
    archived = {(row["name"], row["number"]): row["text"] for row in rows if row["deleted_at"] is None}
    coming = {row["url"] for row in files}
    for handle in HANDLES:
        channel, posts = world.channel(handle), said(world, handle)
        parts = {number for number, one in channel.messages.items() if one.album} - posts.keys()
        assert not {number for name, number in archived if name == handle} & parts, "parts of albums stand alone"
        for number in sorted(posts)[-50:]:
            if channel.messages[number].action is None:
                assert archived[handle, number] == posts[number]
        wanted = {number for number, one in channel.messages.items() if one.file_id}
        missing = {number for number in wanted if f"telegram:{channel.id}/{number}" not in coming}
        assert missing == set(), "files were given up"


def check_alerts(desk: Desk, sink: Sink, world: World, what: str, cycles: int) -> None:
    """By the world: one alert for each post that says it, under one id however often it was sent, and no other."""
    once = dict(sink.received)
    told = Counter(
        (alert["data"]["post"]["source"], int(alert["data"]["post"]["native_id"]))
        for alert in once.values()
        if alert["type"] == "match"
    )
    assert {place for place, count in told.items() if count > 1} == set(), "told twice"
    owed = {
        (handle, number)
        for handle in HANDLES
        for number, text in said(world, handle).items()
        if "regional command" in text
    }
    copies = sink.count_unmarked_copies()
    print(
        f"\nTelegram account, {what}: {cycles} cycles, {len(owed)} alerts expected, {len(owed - told.keys())} missing, "
        f"{copies} repeated without a mark"
    )
    assert copies == 0
    assert owed <= told.keys(), "never told"
    with desk.archive.reading() as reader:
        states = {row[0] for row in reader.execute("SELECT state FROM deliveries")}
        matches = reader.execute("SELECT count(*) FROM matches WHERE alerting = 1").fetchone()[0]
    assert states == {"sent"}
    assert len(once) == matches


def test_an_album_whose_parts_come_shuffled_around_a_kill_is_one_post_and_one_alert(
    desk: Desk, sink: Sink, waits: Until, check_invariants: Callable[..., None]
) -> None:
    world, cycles = made_world(), max(2, CYCLES // 5)
    chance, pause = random.Random(20261122), threading.Event()
    albums: list[tuple[str, list[int]]] = []
    with run_in_thread(world) as served:
        configure(desk, served, sink.url)
        sign_in(world, served, desk.directory / "data")
        (desk.directory / "data").chmod(0o700)
        desk.run("run", "--once")
        connected = (
            0  # how often before the newest start; a killed daemon may have said more than one thing, or nothing
        )
        desk.start("run")
        for _ in range(cycles):
            waits(lambda before=connected: desk.said().count("telegram: connected") > before, "the connection")  # type: ignore[misc]
            left = []
            for handle in HANDLES:
                numbers = world.reserve(handle, 4)
                albums.append((handle, numbers))
                order = chance.sample(numbers, len(numbers))
                talking = {numbers[0], chance.choice(numbers)}
                left += [(handle, numbers, one, WORDS[0] if one in talking else "") for one in order]
            before = chance.sample(left, chance.randrange(1, len(left)))
            for part in before:
                publish_part(world, *part)
                pause.wait(chance.uniform(0, 0.1))
            pause.wait(chance.uniform(0, 0.5))
            desk.kill()
            connected = desk.said().count("telegram: connected")
            desk.start("run")
            for part in left:
                if part not in before:
                    publish_part(world, *part)
                    pause.wait(chance.uniform(0, 0.1))
        desk.kill()
        settle(desk, waits)
    check_invariants(desk.archive, targets={"command": ["hook"]})
    check_words(desk, world)
    check_alerts(desk, sink, world, "killed within albums", cycles)
    with desk.archive.reading() as reader:
        rows = reader.execute(
            "SELECT s.name, p.number, (SELECT count(*) FROM media m WHERE m.post_id = p.id) AS parts "
            "FROM posts p JOIN sources s ON s.id = p.source_id WHERE p.number > 1"
        ).fetchall()
    assert {tuple(row) for row in rows} == {(handle, numbers[0], 4) for handle, numbers in albums}
    assert len(sink.ids()) == len(albums)


def test_a_flood_wait_is_not_broken_by_a_killed_daemon(desk: Desk, sink: Sink, waits: Until) -> None:
    world = made_world()
    with run_in_thread(world) as served:
        configure(desk, served, sink.url)
        sign_in(world, served, desk.directory / "data")
        (desk.directory / "data").chmod(0o700)
        desk.run("run", "--once")
        world.faults.flood("messages.getHistory", 280)  # it has to outlast the starts of all these processes
        for _ in range(3):
            desk.start("run")
            waits(lambda: "rate-limited" in desk.run("sources", "list").stdout, "the wait to be known")
            desk.kill()
        listed = desk.run("sources", "list", "--json")
        assert '"messages.getHistory"' in listed.stdout
        assert world.faults.broken_waits == []
