"""Property: whatever a world does and whatever goes wrong, afterwards nothing is missing and nothing is told twice."""

import asyncio
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.alerts import decide
from bot.alerts.plan import Alerting
from bot.clock import Clock
from bot.rules import Rule, compile_rules
from storage.language.query import parse
from tests.telegram.rig import PHONE, Rig, running, sign_in, until
from tests.telegram_world import Fault, File, Served, World, run_in_thread

ENTRIES = {"post": {"channel": "@border_post", "backfill": "all"}}
WORLDS = int(os.environ.get("COMMUNIQUE_TEST_WORLDS", "25"))
_CALM = ("publish", "album", "edit", "react", "delete", "silently delete", "silently edit", "silently publish", "burst")
_FAULTS = ("cut", "close", "hole", "no pushes", "swallow", "error", "unknown", "flood", "too long", "odd push", "kill")
STEP = st.tuples(st.sampled_from((*_CALM, *_CALM, "rest", *_FAULTS)), st.integers(0, 1 << 16))


class Story:
    """One world and what happens in it."""

    def __init__(self) -> None:
        self.world = World()
        self.world.accounts.open(PHONE)
        self.world.open_channel("border_post", "Border Post", members=[PHONE])
        self.posted: list[int] = []
        self.lossy = False  # a reply that was shown may have been lost on its way, or with its process
        for count in range(3):
            self.publish(f"Before, {count}: a hit.")

    def publish(self, text: str, **how: Any) -> None:
        self.posted.append(self.world.publish("border_post", text, **how))

    def happen(self, what: str, which: int) -> None:
        """Anything but a kill."""
        world, chosen = self.world, self.posted[which % len(self.posted)]
        there = chosen in world.visible("border_post")
        match what:
            case "publish":
                self.publish(f"Post {which}{': a hit' if which % 2 else ''}.")
            case "silently publish":
                self.publish(f"Whispered {which}: a hit.", silent=True)
            case "burst":
                for count in range(20 + which % 130):
                    self.publish(f"Burst {which}, {count}{': a hit' if count % 7 == 0 else ''}.")
            case "album":
                world.publish_album(
                    "border_post", [File("photo", b"x" * 9)] * (2 + which % 4), f"Album {which}: a hit."
                )
            case "edit" | "silently edit" if there:
                world.edit("border_post", chosen, f"Edited {which}.", silent=what != "edit")
            case "react" if there:
                world.react("border_post", chosen)
            case "delete" | "silently delete" if there:
                world.delete("border_post", chosen, silent=what != "delete")
            case "too long":
                world.forget_log("border_post")
                world.push_channel_too_long("border_post")
            case "odd push":
                world.push_unknown(PHONE)
            case _:
                self.suffer(what, which)

    def suffer(self, what: str, which: int) -> None:
        faults = self.world.faults
        self.lossy = self.lossy or what in ("cut", "close", "hole", "swallow")
        match what:
            case "cut":
                faults.cut()
            case "close":
                faults.cut("close")
            case "hole":
                faults.black_hole = which % 3 != 0
            case "no pushes":
                faults.swallow_pushes = which % 3 != 0
            case "swallow":
                faults.suffer(Fault("messages.getHistory", swallow=True))
            case "error":
                faults.suffer(Fault("messages.getHistory", error=(400, "CHANNEL_PRIVATE")))
            case "unknown":
                faults.suffer(Fault(None, unknown=True))
            case "flood":
                faults.flood("messages.getHistory", 0.4)

    def wanted(self) -> set[int]:
        """Numbers of posts that stand now: of an album, its first."""
        messages = self.world.channel("border_post").messages.values()
        first: dict[object, int] = {}
        for message in sorted(messages, key=lambda one: one.id):
            first.setdefault(message.album or ("alone", message.id), message.id)
        return set(first.values())


def deciding() -> decide.Deciding:
    version = decide.version("hit", (), ())
    rule = Rule("hits", parse("hit"), version, (), ())
    return decide.Deciding(compile_rules([rule]), {"hits": Alerting(("desk",), "default")}, (("hits", version, "hit"),))


async def live_through(story: Story, served: Served, data_dir: Path, steps: list[tuple[str, int]]) -> None:
    """All steps, then peace until nothing is left to do."""
    ruling = deciding()
    left = list(steps)
    while left:
        async with running(data_dir, served, ENTRIES, settle_s=0.1) as rig:
            await rig.store.run(ruling.declare, Clock().now())
            while left:
                what, which = left.pop(0)
                if what == "kill":
                    story.lossy = True
                    break
                story.happen(what, which)
                await asyncio.sleep(0.2 if what == "rest" else 0.01)
    story.world.faults.heal()
    async with running(data_dir, served, ENTRIES, settle_s=0.1) as rig:
        await rig.store.run(ruling.declare, Clock().now())
        await until(lambda: rig.account.standing.state == "connected", "peace")
        for _ in range(100):
            found = await rig.round()
            if found.error is None and not found.new and not rig.open_gaps():
                break
            await asyncio.sleep(0.1)
        while await rig.checked():
            pass
        while (await rig.store.run(decide.decide, ruling, Clock().now())).posts:
            pass
        compare(story, rig)


def compare(story: Story, rig: Rig) -> None:
    """What stands in the world against what stands in the archive."""
    archived = {row[0] for row in rig.ask("SELECT number FROM posts")}
    assert story.wanted() <= archived, "posts that stand in the world are missing"
    assert rig.open_gaps() == []
    revisions: dict[int, list[str]] = {}
    for number, text in rig.ask(
        "SELECT p.number, r.text FROM posts p JOIN revisions r ON r.post_id = p.id ORDER BY p.number, r.number"
    ):
        revisions.setdefault(number, []).append(text)
    newest = max(archived) - 99
    for number in story.posted:
        if number in story.world.visible("border_post") and number >= newest:
            assert revisions[number][-1] == story.world.text("border_post", number), "the newest wording is missing"
        seen = story.world.shown_texts("border_post", number, pushes=False)
        if not story.lossy and number in revisions:
            assert set(seen) <= set(revisions[number]), "a wording that a reply showed is missing"
        for one, other in zip(revisions.get(number, []), revisions.get(number, [])[1:], strict=False):
            assert one != other, "a revision without an edit"
    told = rig.ask(
        "SELECT p.number, (SELECT count(*) FROM matches m WHERE m.post_id = p.id AND m.kind = 'match' AND m.alerting) "
        "FROM posts p WHERE p.alerts = 1 AND EXISTS "
        "(SELECT 1 FROM revisions r WHERE r.post_id = p.id AND r.number = p.revision AND r.text LIKE '%hit%')"
    )
    assert [row for row in told if row[1] != 1] == [], "posts that alerted not exactly once"


@pytest.fixture(scope="module")
def blank(migrated_file: Path) -> Path:
    return migrated_file


def one_world(steps: list[tuple[str, int]], blank: Path, check: Callable[..., None]) -> None:
    story = Story()
    with tempfile.TemporaryDirectory() as made, run_in_thread(story.world) as served:
        data_dir = Path(made) / "data"
        data_dir.mkdir(mode=0o700)
        copyfile(blank, data_dir / "communique.db")
        (data_dir / "communique.db").chmod(0o600)
        sign_in(story.world, served, data_dir)
        asyncio.run(live_through(story, served, data_dir, steps))
        from storage.database import Archive

        with Archive(data_dir / "communique.db") as archive:
            check(archive, {"post": {str(number) for number in story.wanted()}}, targets={"hits": ["desk"]})


COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]}


@settings(max_examples=WORLDS, derandomize=WORLDS == 25, **COMMON)  # type: ignore[arg-type]
@given(steps=st.lists(STEP, min_size=3, max_size=14))
def test_after_any_faults_the_archive_holds_what_the_world_shows(
    steps: list[tuple[str, int]], blank: Path, check_invariants: Callable[..., None]
) -> None:
    one_world(steps, blank, check_invariants)


@pytest.mark.long
@settings(max_examples=200, **COMMON)  # type: ignore[arg-type]
@given(steps=st.lists(STEP, min_size=3, max_size=30))
def test_after_many_faults_in_many_worlds(
    steps: list[tuple[str, int]], blank: Path, check_invariants: Callable[..., None]
) -> None:
    one_world(steps, blank, check_invariants)
