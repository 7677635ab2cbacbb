"""Property: whatever a world does and whatever goes wrong, afterwards nothing is missing and nothing is told twice."""

import asyncio
import gc
import os
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bot.alerts import decide
from bot.alerts.loaded_rules import LoadedRules, rule_version
from bot.alerts.plan import Alerting
from bot.clock import DAY, HOUR, SECOND, Clock
from bot.rules import Rule, compile_rules
from storage.archive.database import Archive
from storage.language.query import parse
from tests.telegram import expectations
from tests.telegram.in_process import Rig, running, sign_in, until
from tests.telegram.scenario import CALM, CURES, ENDS, FAULTS, LOOKS, MOVES, Story
from tests.telegram_world import Served, run_in_thread

WORLDS = int(os.environ.get("COMMUNIQUE_TEST_WORLDS", "6"))
ENDLESS_S = 180  # a story takes about a second; one that takes so long will never end
Step = tuple[str, int]
STEP = st.tuples(
    st.sampled_from((*CALM, *CALM, *LOOKS, *LOOKS, *FAULTS, *ENDS, *MOVES, *CURES)), st.integers(0, 1 << 16)
)
WAY = st.sampled_from(("cut", "too long", "start", "interval"))  # how it is found out what was missed
HISTORY = st.sampled_from((3, 3, 3, 30, 130, 230))  # posts that stood there before anybody looked
RULE = Rule("hits", parse("hit"), rule_version("hit", (), ()), (), ())
DECIDING = LoadedRules(
    compile_rules([RULE]), {"hits": Alerting(("desk",), "default")}, (("hits", RULE.version, "hit"),)
)


async def decide_all(rig: Rig) -> None:
    while (await rig.store.run(decide.decide, DECIDING, rig.collector.clock.now())).posts:
        pass


async def look(story: Story, rig: Rig) -> None:
    """A poll of every channel, while the world holds still: what stands there is archived when it has gone well."""
    for watched in story.watched.values():
        found = await rig.poll(watched.source)
        if found.error is None and not found.gaps_left:
            expectations.polled(watched, rig)


async def live_through(story: Story, served: Served, data_dir: Path, steps: Sequence[Step], way: str) -> None:
    """All steps, then peace until nothing is left to do, then a week's re-checks."""
    clock = Clock(now=lambda: Clock().now() + story.ahead)
    left = [*steps, *([("kill", 0)] if way == "start" else []), ("peace", 0)]
    while left:
        async with running(data_dir, served, Story.ENTRIES, settle_s=0.1, lane=True, clock=clock, every=HOUR) as rig:
            story.silent = None
            await rig.store.run(DECIDING.declare, clock.now())
            while left:
                what, which = left.pop(0)
                expectations.reached(story, rig)
                expectations.manners(story, rig)
                if what == "kill":
                    story.lossy = True
                    break
                if what == "peace":
                    await make_peace(story, rig, way)
                elif what == "poll":
                    await look(story, rig)
                elif what == "check":
                    await rig.checked()
                elif what != "rest":
                    story.happen(what, which)
                if what == "flood":  # it is met, and then nobody asks, not even the next process
                    left[:0] = [("poll", 0), *([("kill", 0)] if which % 2 else []), ("poll", 0)]
                await asyncio.sleep(0.2 if what == "rest" else 0.01)
                await decide_all(rig)
        assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()], "tasks go on"
        assert [said for said in rig.spoken if "internal error" in said] == []


async def make_peace(story: Story, rig: Rig, way: str) -> None:
    """Nothing goes wrong any more. What is asked again after a start, a cut or a TooLong brings all that was missed."""
    story.peace()
    await until(lambda: rig.account.status.state == "connected", "peace")
    await until(lambda: all(row[0] < 1 << 61 for row in rig.ask("SELECT next_poll_at FROM sources")), "every source")
    story.world.faults.swallow_pushes = True
    for watched in story.watched.values():
        if not watched.lost:
            story.say(watched, 1)
    story.world.faults.swallow_pushes = False
    if way in ("cut", "start"):
        story.world.faults.cut()
        await follows(rig, lambda: expectations.complete(story, rig))
    elif way == "too long" and not (post := story.watched["post"]).lost:
        story.world.forget_log(post.channel)

        def tell(turn: int) -> None:
            """More than once: a client whose clock is being set right hears nothing."""
            if turn % 40 == 0:
                story.world.push_channel_too_long(post.channel)

        await follows(rig, lambda: expectations.complete(story, rig, "post"), tell)
    await quiet(story, rig)
    expectations.complete(story, rig)
    await stay_awake(story, rig)
    await recheck_all(story, rig)
    await quiet(story, rig)
    expectations.complete(story, rig)
    expectations.exact(story, rig)


async def follows(rig: Rig, holds: Callable[[], None], step: Callable[[int], None] = lambda _: None) -> None:
    """Without a poll of ours it comes to be so, within a minute."""
    for turn in range(1200):
        step(turn)
        await rig.checked()
        await decide_all(rig)
        try:
            holds()
        except AssertionError:
            if turn == 1199:
                raise
            await asyncio.sleep(0.05)
        else:
            return


async def stay_awake(story: Story, rig: Rig) -> None:
    """Nobody is deaf after all that: what is pushed now is archived, with no poll of ours. An empty look proves nothing."""
    post = story.watched["post"]
    if post.lost:
        return
    for _ in range(3):
        story.say(post, 2)
    standing = post.standing()
    edited, doubted, deleted = standing[0], standing[len(standing) // 2], standing[-1]

    def tell(turn: int) -> None:
        """Time passes; what was pushed while a connection was being mended is pushed again."""
        story.ahead += 4 * SECOND
        if turn % 40 == 0:
            story.world.push_false_deletion(post.channel, doubted.number)
            if not deleted.standing:
                story.world.push_false_deletion(post.channel, deleted.number)
                story.world.react(post.channel, edited.number)

    story.world.faults.blind_lookups = True
    await follows(rig, lambda: expectations.looked_for(post, rig), tell)
    story.world.faults.blind_lookups = False
    story.change(post, "edit", edited, 1)
    story.change(post, "delete", deleted, 1)
    story.say(post, 1)
    await follows(rig, lambda: expectations.complete(story, rig, "post"))
    touched = {edited.number, doubted.number, deleted.number}
    await follows(rig, lambda: expectations.exact(story, rig, touched), tell)


async def recheck_all(story: Story, rig: Rig) -> None:
    """Eight days later every re-check is due; files whose waits are over come too."""
    assert rig.lane is not None
    story.ahead += 8 * DAY
    for _ in range(12):
        story.ahead += HOUR
        while await rig.checked():
            pass
        await rig.lane.drain(rig.collector.clock.now())
        if not rig.ask("SELECT 1 FROM jobs WHERE kind = 'recheck' UNION SELECT 1 FROM media WHERE state = 'pending'"):
            break


async def quiet(story: Story, rig: Rig) -> None:
    """Rounds until they bring nothing more, and the re-checks and decisions that are due."""
    for watched in story.watched.values():
        for _ in range(600):
            found = await rig.poll(watched.source)
            if watched.lost or (found.error is None and not found.new and not found.gaps_left):
                break
            await asyncio.sleep(0.1)
    await look(story, rig)
    while await rig.checked():
        pass
    await decide_all(rig)


async def within(seconds: float, work: Coroutine[Any, Any, None]) -> None:
    async with asyncio.timeout(seconds):
        await work


def held() -> tuple[int, int, str]:
    """What a process holds that it must give back: open files, threads, children."""
    gc.collect()
    children = "".join(path.read_text() for path in Path("/proc/self/task").glob("*/children"))
    return len(list(Path("/proc/self/fd").iterdir())), threading.active_count(), children


def one_world(
    history: int,
    steps: Sequence[Step],
    way: str,
    blank: Path,
    check: Callable[..., None],
    log: pytest.LogCaptureFixture,
    tally: Counter[str],
) -> None:
    log.clear()
    tally["worlds"] += 1
    before = held()
    story = Story(history)
    with tempfile.TemporaryDirectory() as made, run_in_thread(story.world) as served:
        data_dir = Path(made) / "data"
        data_dir.mkdir(mode=0o700)
        copyfile(blank, data_dir / "communique.db")
        (data_dir / "communique.db").chmod(0o600)
        story.sign_in = lambda: sign_in(story.world, served, data_dir)
        story.sign_in()
        asyncio.run(within(ENDLESS_S, live_through(story, served, data_dir, steps, way)))
        with Archive(data_dir / "communique.db") as archive:
            check(archive, expectations.wanted(story), targets={"hits": ["desk"]})
        assert list(data_dir.glob("media/.incoming/*")) == list(data_dir.glob("**/*.tmp")) == []
    assert held() == before, "open files, threads or children are left"
    assert [said.getMessage() for said in log.records if said.levelname == "ERROR"] == [], "somebody saw a traceback"
    tally["whole"] += 1
    tally["alerts"] += expectations.owed(story)


@pytest.fixture
def tally() -> Iterator[Counter[str]]:
    """What was lived through, said at the end; `make torture` shows it."""
    counted: Counter[str] = Counter()
    yield counted
    print(
        f"\nTelegram account, faults of every kind: {counted['worlds']} cycles, {counted['alerts']} alerts expected, "
        f"{counted['worlds'] - counted['whole']} worlds with something missing or told twice"
    )


PHASES = (
    Phase.explicit,
    Phase.reuse,
    Phase.generate,
    *([Phase.shrink] if "COMMUNIQUE_NO_SHRINK" not in os.environ else []),
)
COMMON = {
    "deadline": None,
    "phases": PHASES,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}


@settings(max_examples=WORLDS, **COMMON)  # type: ignore[arg-type]
@given(history=HISTORY, way=WAY, steps=st.lists(STEP, min_size=3, max_size=14))
def test_after_any_faults_the_archive_holds_what_the_world_shows(
    history: int,
    way: str,
    steps: list[Step],
    migrated_file: Path,
    check_invariants: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
    tally: Counter[str],
) -> None:
    one_world(history, steps, way, migrated_file, check_invariants, caplog, tally)


@pytest.mark.long
@settings(max_examples=200, **COMMON)  # type: ignore[arg-type]
@given(history=HISTORY, way=WAY, steps=st.lists(STEP, min_size=3, max_size=30))
def test_after_many_faults_in_many_worlds(
    history: int,
    way: str,
    steps: list[Step],
    migrated_file: Path,
    check_invariants: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
    tally: Counter[str],
) -> None:
    one_world(history, steps, way, migrated_file, check_invariants, caplog, tally)
