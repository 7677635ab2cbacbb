"""Property of every kind: whatever a living peer does and whatever fails, nothing is missed and nothing is told twice."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import sources
from bot.alerts import decide
from bot.alerts.loaded_rules import LoadedRules, rule_version
from bot.alerts.plan import Alerting
from bot.archive import AsyncArchive
from bot.claims import Claims
from bot.clock import HOUR, MINUTE, SECOND, Clock
from bot.contracts.source import Source, SourceTools
from bot.http import Http, HttpRules
from bot.intake.poll import Intake, Round
from bot.intake.recheck import Rechecks
from bot.readers import Readers
from bot.rules import Rule, compile_rules
from storage.archive.database import Archive
from storage.language.query import parse
from storage.sources import states
from tests.sources.living_peers import FAULTS, LIVING, LivingBluesky, LivingPeer
from tests.sources.loopback_server import NOW, Peer

RULE = Rule("hits", parse("hit"), rule_version("hit", (), ()), (), ())
DECIDING = LoadedRules(
    compile_rules([RULE]), {"hits": Alerting(("desk",), "default")}, (("hits", RULE.version, "hit"),)
)
CALM = ("say", "say", "hit", "burst", "flood", "edit", "edit to hit", "remove", "hide", "show", "shuffle", "rest")
STEP = st.tuples(st.sampled_from((*CALM, *["round"] * 6, *FAULTS, "restart")), st.integers(0, 1 << 16))
EVERY_KIND = pytest.mark.parametrize("kind", LIVING)


@dataclass
class Walk:
    """A peer, the line that reads it, and a clock that moves only when the walk lets it."""

    peer: LivingPeer
    store: AsyncArchive
    build: Callable[[], Source]
    now: int = NOW
    count: int = 0
    looked: set[tuple[str, str]] = field(default_factory=set)  # wordings that stood there at a round that went well
    first: set[str] = field(default_factory=set)  # what was there before the first contact
    beyond: set[str] = field(default_factory=set)  # what no list may have shown since then
    veiled: set[str] = field(default_factory=set)  # hidden at the first contact: news when it shows, unless it is dated
    contacted: bool = False

    def __post_init__(self) -> None:
        self.first.update(self.peer.wordings)
        self.clock = Clock(now=lambda: self.now, monotonic=lambda: self.now / SECOND)
        self.restart()

    def restart(self) -> None:
        """Forget everything but the archive."""
        self.source = self.build()
        self.intake = Intake(self.store, self.clock, lambda: None, lambda: 0.0, list)
        claims = Claims(self.clock)
        self.rechecks = Rechecks(self.store, self.clock, claims, self.intake.forget, {"it": self.source})

    async def live(self, steps: Sequence[tuple[str, int]]) -> None:
        for what, which in steps:
            if what in FAULTS:
                self.peer.fail(what)
            elif what in self.peer.moods:
                self.peer.mood = what
            elif what == "round":
                await self.round()
            elif what == "rest":
                await self.rest(which % 20 * MINUTE)
            elif what == "restart":
                await self.intake.write_down()
                self.restart()
            else:
                self.happen(what, which)

    def happen(self, what: str, which: int) -> None:
        standing = self.peer.standing
        one = standing[which % len(standing)] if standing else None
        if what in ("say", "hit"):
            self.say(hit=what == "hit")
        elif what in ("burst", "flood"):
            for number in range(5 if what == "burst" else 16):
                self.say(hit=number % 3 == 0)
        elif what == "shuffle":
            self.peer.shuffled = not self.peer.shuffled
        elif what == "show":
            self.peer.hidden.clear()
        elif one is not None and what.startswith("edit") and self.peer.edits:
            self.peer.change(one, self.words(hit=what.endswith("hit")))
        elif one is not None and what == "hide":
            self.peer.hidden.add(one)
            self.beyond |= {one} if self.peer.window else set()
        elif one is not None and what == "remove":
            self.peer.remove(one)

    def say(self, *, hit: bool) -> None:
        said = self.peer.say(self.words(hit=hit))
        if not self.contacted:
            self.first.add(said)

    def words(self, *, hit: bool) -> str:
        self.count += 1
        return f"Notice {self.count} of the ferry office{', which was hit' if hit else ''}."

    async def round(self) -> Round:
        """One round, while the peer holds still; after it, what is due."""
        self.now += MINUTE
        row = await self.store.read(states.find_source, "it")
        assert row is not None
        found = await self.intake.round(self.source, row, MINUTE)
        if found.error is None:
            self.beyond |= set() if self.contacted else {*self.peer.standing} - {*self.peer.listed}
            self.veiled |= set() if self.contacted else {*self.peer.hidden}
            self.contacted = True
            if found.detail is None and not found.gaps_left and self.peer.lists_words:  # by no second way
                front = self.peer.listed[-7:]  # no page is shorter
                self.looked |= {(one, self.peer.wordings[one][-1]) for one in front}
        await self.follow()
        return found

    async def rest(self, long: int) -> None:
        self.now += long
        await self.follow()

    async def follow(self) -> None:
        while await self.rechecks.work(self.now):
            pass
        while (await self.store.run(decide.decide, DECIDING, self.now)).posts:
            pass

    async def make_peace(self) -> None:
        """Nothing fails any more; all that is due for three days comes."""
        self.peer.calm(contacted=self.contacted)
        for _ in range(8):
            await self.round()
        last = await self.round()
        assert last.error is None or not self.peer.listed, str(last.error)  # some call an empty list a failure
        for hours in (24, 25, 2, 2, 24):  # the last looks are at two days; what they doubt is looked at again
            await self.rest(hours * HOUR)
        for _ in range(3):
            await self.round()
        await self.intake.write_down()


def judge(walk: Walk, archive: Archive) -> None:
    """What the archive must hold, asked in SQL, so that nothing of ours judges itself."""
    peer = walk.peer
    with archive.reading() as reader:
        rows = reader.execute(
            "SELECT p.native_id, r.text, p.deleted_at FROM posts p JOIN revisions_readable r ON r.post_id = p.id"
            " ORDER BY p.id, r.number"
        ).fetchall()
        gaps = reader.value("SELECT count(*) FROM gaps WHERE closed_at IS NULL")
        aside = {row[0] for row in reader.execute("SELECT native_id FROM quarantine").fetchall()}
        matches = reader.execute(
            "SELECT p.native_id, m.kind, m.alerting FROM matches m JOIN posts p ON p.id = m.post_id"
        ).fetchall()
        broken = reader.execute("SELECT reason FROM given_up WHERE reason LIKE 'internal%'").fetchall()
    revisions: dict[str, list[str]] = {}
    for native_id, text, _ in rows:
        revisions.setdefault(native_id, []).append(text)
    deleted = {row[0] for row in rows if row[2] is not None}
    assert [tuple(row) for row in broken] == []
    assert revisions.keys() <= peer.wordings.keys(), "posts that nobody ever wrote"
    missing = {*peer.standing} - peer.hidden - walk.beyond - revisions.keys() - aside
    assert not missing or (gaps and peer.window), f"visible, and neither archived nor in an open gap: {missing}"
    for native_id, texts in revisions.items():
        left = iter(peer.wordings[native_id])
        assert all(text in left for text in texts), f"{texts} is not how it was worded: {peer.wordings[native_id]}"
    unseen = {(one, words) for one, words in walk.looked if words not in revisions.get(one, [])}
    assert not unseen, f"a round saw these words, and no revision has them: {unseen}"
    current = peer.standing if peer.deletes else peer.listed
    stale = {one for one in current if one in revisions and revisions[one][-1] != peer.wordings[one][-1]}
    assert not stale, "the newest wording is missing"
    assert deleted <= peer.gone, "it exists and counts as deleted"
    if peer.deletes and peer.listed:
        assert revisions.keys() & peer.gone <= deleted, (
            f"gone, another post vouches for that, and nobody noticed: {revisions.keys() & peer.gone - deleted}"
        )
    assert peer.deletes or not deleted
    alerts = Counter((row[0]) for row in matches if row[1] == "match")
    assert set(alerts.values()) <= {1}, "told twice"
    endings = Counter(row[0] for row in matches if row[1] == "deleted")
    assert set(endings.values()) <= {1}, "deleted twice, though nothing comes back"
    may = {one for one, texts in revisions.items() if one not in walk.first and "hit" in "".join(texts)}
    due = may & {
        one for one in may if "hit" in revisions[one][-1] or any("hit" in w for o, w in walk.looked if o == one)
    }
    told = {row[0] for row in matches if row[1] == "match" and row[2]}
    assert due - walk.veiled <= told <= may | walk.veiled, [
        (one, one in walk.first, revisions[one]) for one in told ^ due
    ]


@asynccontextmanager
async def walking(living: LivingPeer, blank: Path, place: Path, readers: Readers) -> Any:
    data_dir = place / "data"
    data_dir.mkdir(mode=0o700)
    copyfile(blank, data_dir / "communique.db")
    (data_dir / "communique.db").chmod(0o600)
    async with Peer() as peer:
        archive = Archive(data_dir / "communique.db")
        store = AsyncArchive(archive)
        entry = living.keys(peer, place) | {"backfill": "all"}
        entry |= {"recheck": ["10m", "2d"]} if living.deletes else {}
        checked = sources.settings_of(living.kind).model_validate(entry, context={"directory": place})
        rules = HttpRules(
            user_agent="communique-tests", private=frozenset({("127.0.0.1", peer.port)}), intervals={"127.0.0.1": 0}
        )
        http = Http(rules, Clock())
        walk: Walk | None = None

        def build() -> Source:
            clock = Clock(now=lambda: walk.now if walk else NOW, monotonic=lambda: (walk.now if walk else NOW) / SECOND)
            return sources.build(checked, SourceTools(http, clock, place, readers=readers))

        walk = Walk(living, store, build)
        await store.run(states.declare, [states.Declared("it", living.kind)], NOW)
        await store.run(DECIDING.declare, NOW)
        try:
            yield walk, archive
        finally:
            await http.aclose()
            await store.aclose()


@pytest.fixture(scope="module")
def runner() -> Iterator[tuple[asyncio.Runner, Readers]]:
    """One loop for all worlds of this page, so that the processes that read for sources start once."""
    with asyncio.Runner() as running:
        readers = Readers()
        yield running, readers
        running.run(readers.aclose())


def one_life(
    living: LivingPeer,
    steps: Sequence[tuple[str, int]],
    blank: Path,
    check: Callable[..., None],
    runner: tuple[asyncio.Runner, Readers],
) -> None:
    async def live(place: Path) -> None:
        async with walking(living, blank, place, runner[1]) as (walk, archive):
            await walk.live(steps)
            await walk.make_peace()
            judge(walk, archive)
            check(archive, targets={"hits": ["desk"]})

    with tempfile.TemporaryDirectory() as place:
        runner[0].run(live(Path(place)))


KEPT = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]}


@EVERY_KIND
@settings(max_examples=2, **KEPT)  # type: ignore[arg-type]
@given(steps=st.lists(STEP, min_size=8, max_size=20))
def test_after_any_life_and_any_faults_the_archive_holds_what_a_peer_showed(
    kind: str,
    steps: list[tuple[str, int]],
    migrated_file: Path,
    check_invariants: Callable[..., None],
    runner: tuple[asyncio.Runner, Readers],
) -> None:
    one_life(LIVING[kind](), steps, migrated_file, check_invariants, runner)


@pytest.mark.long
@EVERY_KIND
@settings(max_examples=200, **KEPT)  # type: ignore[arg-type]
@given(steps=st.lists(STEP, min_size=8, max_size=60))
def test_after_many_lives_with_many_faults(
    kind: str,
    steps: list[tuple[str, int]],
    migrated_file: Path,
    check_invariants: Callable[..., None],
    runner: tuple[asyncio.Runner, Readers],
) -> None:
    one_life(LIVING[kind](), steps, migrated_file, check_invariants, runner)


def test_a_post_is_deleted_though_a_stale_list_still_shows_it(
    migrated_file: Path, runner: tuple[asyncio.Runner, Readers]
) -> None:
    living = LivingBluesky()
    living.server.lag = True

    async def live(place: Path) -> tuple[str, set[str]]:
        async with walking(living, migrated_file, place, runner[1]) as (walk, archive):
            for _ in range(3):
                walk.say(hit=False)
            await walk.round()
            living.remove(gone := living.standing[0])
            await walk.rest(33 * HOUR)  # until it is due to be looked at
            for _ in range(4):
                await walk.rest(11 * MINUTE)
                await walk.round()
            with archive.reading() as reader:
                rows = reader.execute("SELECT native_id FROM posts WHERE deleted_at IS NOT NULL").fetchall()
            return gone, {row[0] for row in rows}

    with tempfile.TemporaryDirectory() as place:
        gone, deleted = runner[0].run(live(Path(place)))
    assert deleted == {gone}


@pytest.mark.parametrize(
    "life", ["say say hide round show round", f"flood flood hide round round {'remove ' * 25}show round"]
)
def test_what_hides_at_the_first_contact_is_archived_once_it_shows(
    life: str, migrated_file: Path, check_invariants: Callable[..., None], runner: tuple[asyncio.Runner, Readers]
) -> None:
    """On one page, and where older pages are read first and the posts above go away."""
    steps = [(step, -1 if step == "remove" else 0) for step in life.split()]
    one_life(LIVING["telegram_web"](), steps, migrated_file, check_invariants, runner)
