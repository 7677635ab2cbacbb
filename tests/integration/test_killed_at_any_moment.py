"""kill -9 at any moment: nothing that the world showed is lost, every alert reaches its targets, copies ring once."""

import os
import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bot.alerts.muting import release
from bot.world import World, run_in_thread
from storage.alerts import mutes
from storage.alerts.mutes import Mute
from tests.desk import Desk, Sink, Until
from tests.integration.scene import HEAD

CYCLES = int(os.environ.get("COMMUNIQUE_TEST_KILLS", "10"))
HANDLES = ("spokesman_office", "northern_alliance_info")
RULES = {
    "command": ("regional command", ("hook", "screen")),
    "contact": ("contact with the post", ("hook",)),
    "bulletin": ("the base on the hill", ("hook",)),  # the screen folds copies
}
BULLETIN = (
    "Bulletin {}: the base on the hill above the tea road fell this morning, and its garrison left for the valley."
)

CONFIG = (
    HEAD
    + """\

[[sources]]
name = "spokesman"
kind = "telegram_web"
channel = "spokesman_office"
base_url = "{world}"
recheck = ["2s", "4s"]

[[sources]]
name = "alliance"
kind = "telegram_web"
channel = "northern_alliance_info"
base_url = "{world}"
recheck = ["2s", "4s"]

[[rules]]
name = "command"
query = '"regional command"'
targets = ["hook", "screen"]

[[rules]]
name = "contact"
query = '"contact with the post"'
priority = "high"
targets = ["hook"]

[[rules]]
name = "bulletin"
query = '"the base on the hill"'
targets = ["hook", "screen"]

[[rules]]
name = "saved"
query = "convoy"

[[targets]]
name = "hook"
kind = "webhook"
url = "{hook}"

[[targets]]
name = "screen"
kind = "console"
"""
)


@contextmanager
def busy(world: World, seed: int) -> Iterator[threading.Semaphore]:
    """Posts and edits come from a thread, until the block ends: one for each release of what this gives."""
    chance, stop, pause = random.Random(seed), threading.Event(), threading.Event()
    may = threading.Semaphore(0)

    def live() -> None:
        count = 0
        while not stop.is_set():
            if not may.acquire(timeout=0.1):
                continue
            count += 1
            handle = chance.choice(HANDLES)
            words = chance.choice(("The regional command is silent", "A convoy left", "Contact with the post is lost"))
            if chance.random() < 0.3:  # a bulletin, or a copy of one of the last
                bulletin = BULLETIN.format(max(count // 5 - chance.randrange(3), 1))
                world.publish(handle, chance.choice((bulletin, f"{bulletin}\n\nfollow @{handle}")))
                pause.wait(chance.uniform(0.005, 0.06))
                continue
            number = world.publish(handle, f"{words}, report {count}.")
            if chance.random() < 0.2:
                world.edit(handle, number, f"{words}, report {count}, corrected.")
            pause.wait(chance.uniform(0.005, 0.06))

    thread = threading.Thread(target=live)
    thread.start()
    try:
        yield may
    finally:
        stop.set()
        thread.join()


def test_a_kill_at_any_moment_loses_no_post_and_no_alert(
    desk: Desk,
    sink: Sink,
    until: Until,
    check_invariants: Callable[..., None],
) -> None:
    world = World()
    for handle in HANDLES:
        world.open_channel(handle, handle.replace("_", " "))
    chance = random.Random(20261122)
    pause = threading.Event()
    printed: list[str] = []
    with run_in_thread(world) as address:
        desk.write(CONFIG.format(world=address, hook=sink.url))
        desk.run("run", "--once")
        with busy(world, seed=7) as may:
            for _ in range(CYCLES):
                sink.heard.clear()
                may.release(8)
                daemon = desk.start("run")
                # Each cycle reaches the line's end at least once, then dies at a moment that nobody chose.
                until(sink.heard.is_set, "an alert of this cycle")
                mute(desk)
                may.release(12)
                pause.wait(chance.uniform(0, 0.8))
                assert daemon.poll() is None, desk.said()
                desk.kill()

        # What a kill left waiting (back-off, ambiguous sends) is due within seconds.
        def quiet() -> bool:
            # what was interrupted twice waits for a healthy minute, after all that is due to be looked at again
            printed.append(desk.run("run", "--once", within_s=1_200).stdout)
            with desk.archive.reading() as reader:
                left = reader.execute(
                    "SELECT (SELECT count(*) FROM deliveries WHERE state IN ('pending', 'sending'))"
                    " + (SELECT count(*) FROM jobs WHERE kind = 'decide')"
                    " + (SELECT count(*) FROM gaps WHERE closed_at IS NULL)"
                ).fetchone()
            return bool(left[0] == 0)

        until(quiet, "the last deliveries")
        send_what_mutes_hold(desk)
        until(quiet, "what was silenced")
    names = {"spokesman": HANDLES[0], "alliance": HANDLES[1]}
    check_invariants(desk.archive, {name: {str(one) for one in world.shown(handle)} for name, handle in names.items()})
    check_edits(desk, world, names)
    heard = desk.printed() + "".join(printed)
    check_every_statement_alerted(world, names, sink, heard)
    check_alerts(desk, sink, heard)
    check_copies(desk, world, names, heard)


def mute(desk: Desk) -> None:
    """Silence one target for a moment, beside the running daemon."""
    now = time.time_ns() // 1_000
    with desk.archive.writing() as writer:
        mutes.add(writer, Mute(None, None, None, None, "screen", now, now + 2_000_000, "a moment", "a test"))


def send_what_mutes_hold(desk: Desk) -> None:
    """Each message that a mute holds is in that state alone; a person sends them all."""
    with desk.archive.reading() as reader:
        held = reader.column("SELECT DISTINCT mute_id FROM deliveries WHERE state = 'silenced'")
        assert reader.value("SELECT count(*) FROM deliveries WHERE state = 'silenced' AND mute_id IS NULL") == 0
        assert reader.column("SELECT DISTINCT target FROM deliveries WHERE mute_id IS NOT NULL") == ["screen"]
    with desk.archive.writing() as writer:
        for one in held:
            release(writer, one, {"screen"}, time.time_ns() // 1_000)


def check_edits(desk: Desk, world: World, names: dict[str, str]) -> None:
    """Every wording that a page has shown stands in a revision."""
    with desk.archive.reading() as reader:
        rows = reader.execute(
            "SELECT s.name, p.native_id, r.text FROM revisions_readable r JOIN posts p ON p.id = r.post_id"
            " JOIN sources s ON s.id = p.source_id"
        ).fetchall()
    kept = {(row[0], row[1], row[2]) for row in rows}
    for name, handle in names.items():
        for number in world.shown(handle) & world.visible(handle):
            newest = world.shown_texts(handle, number)[-1]
            assert (name, str(number), newest) in kept


def check_every_statement_alerted(world: World, names: dict[str, str], sink: Sink, printed: str) -> None:
    """What the world showed, read by eye: each post in which a rule's words are has alerted each of its targets."""
    expected = {
        (rule, name, str(number), target)
        for name, handle in names.items()
        for number in world.shown(handle)
        for rule, (words, targets) in RULES.items()
        if any(words in text.lower() for text in world.shown_texts(handle, number))
        for target in targets
    }
    arrived = {
        (body["data"]["rule"], body["data"]["post"]["source"], body["data"]["post"]["native_id"], "hook")
        for _, body in sink.received
        if body["type"] == "match"
    }
    handles = {handle: name for name, handle in names.items()}
    arrived |= {
        (rule, handles[handle], number, "screen")
        for rule, handle, number in re.findall(r"(?m)^(\w+) · (?:.*\n)*?.*/(\w+)/(\d+) · alert", printed)
        if "screen" in RULES[rule][1]
    }
    print(
        f"\npages, killed at any moment: {CYCLES} cycles, {len(expected)} alerts expected, "
        f"{len(expected - arrived)} missing, {len(arrived - expected)} of nothing that was shown, "
        f"{sink.count_unmarked_copies()} repeated without a mark"
    )
    assert len(expected) >= 10 * CYCLES
    assert expected - arrived == set()
    assert arrived - expected == set()
    assert sink.count_unmarked_copies() == 0


def check_alerts(desk: Desk, sink: Sink, printed: str) -> None:
    """Each alerting match has one delivery per target; each was received, copies are marked or carry the same id."""
    with desk.archive.reading() as reader:
        matches = {row[0] for row in reader.execute("SELECT id FROM matches WHERE alerting = 1")}
        rows = reader.execute("SELECT match_id, target, state, possible_repeat FROM deliveries").fetchall()
        shown = {row[0] for row in reader.execute("SELECT id FROM matches WHERE alerting = 1 AND rule = 'command'")}
        rung = {row[0] for row in reader.execute("SELECT id FROM matches WHERE alerting = 1 AND rule = 'bulletin'")}
        saved = reader.execute(
            "SELECT count(*) FROM deliveries d JOIN matches m ON m.id = d.match_id WHERE m.rule = 'saved'"
        )
        assert saved.fetchone()[0] == 0
    for target, owing in (("hook", matches), ("screen", shown | rung)):
        owed = [row[0] for row in rows if row[1] == target]
        assert sorted(owed) == sorted(owing), f"one delivery for each match at {target}"
    assert {row[2] for row in rows} == {"sent", "joined"}
    assert all(row[1] == "screen" and row[0] in rung for row in rows if row[2] == "joined")
    assert len(matches) > CYCLES
    assert len(sink.ids()) == len(matches), "the webhook got every alert, under one id each"
    repeats = sum(row[3] for row in rows if row[1] == "screen" and row[0] in shown)
    printed_alerts = printed.count("command · ")
    assert len(shown) <= printed_alerts <= len(shown) + repeats


def check_copies(desk: Desk, world: World, names: dict[str, str], printed: str) -> None:
    """Each bulletin came to the screen, once; no copy is joined to what was neither sent nor is waiting."""
    with desk.archive.reading() as reader:
        alone = reader.execute(
            "SELECT count(*) FROM deliveries d JOIN matches m ON m.id = d.match_id"
            " JOIN event_posts b ON b.post_id = m.post_id WHERE d.state = 'joined' AND NOT EXISTS"
            " (SELECT 1 FROM event_posts o JOIN matches n ON n.post_id = o.post_id AND n.rule = m.rule"
            " JOIN deliveries s ON s.match_id = n.id AND s.target = d.target AND s.state IN ('sent', 'pending', 'sending')"
            " WHERE o.event_id = b.event_id)"
        ).fetchone()[0]
        sent = reader.execute(
            "SELECT b.event_id, count(*) FROM deliveries d JOIN matches m ON m.id = d.match_id AND m.rule = 'bulletin'"
            " JOIN event_posts b ON b.post_id = m.post_id WHERE d.target = 'screen' AND d.state = 'sent' GROUP BY 1"
        ).fetchall()
    assert alone == 0
    shown = {
        found.group()
        for handle in names.values()
        for number in world.shown(handle)
        if (found := re.match(r"Bulletin \d+:", world.shown_texts(handle, number)[0]))
    }
    assert len(shown) > CYCLES // 2
    assert [count for _, count in sent] == [1] * len(shown)
    assert {words for words in shown if words not in printed} == set()
