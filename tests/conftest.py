"""What every test may ask for: a migrated archive, posts as a source would bring them, and the invariants."""

import gc
import json
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from storage.archive import integrity
from storage.archive.database import Archive
from storage.archive.guards import GUARDS
from storage.migrations import migrate
from storage.posts import saving
from storage.records import Batch, FetchedPost, LedgerChange, Raw, Saved
from storage.sources import gaps, states

if TYPE_CHECKING:
    from storage.archive.database import Reader
    from tests.bot_api import BotApi
    from tests.desk import Sink

# A shared machine is slow at times, and that is no failure; `make test-long` looks ten times as long. Usually the
# examples are the same at each run: a tree is green or it is not.
settings.register_profile("usual", deadline=None, derandomize=True)
settings.register_profile("long", deadline=None, max_examples=1000)
settings.load_profile("usual")


class Failures:
    """Shows a failure when it happens; pytest's own report comes after the last test."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            shown: pytest.TerminalReporter | None = self._config.pluginmanager.get_plugin("terminalreporter")
            assert shown is not None
            crash = getattr(report.longrepr, "reprcrash", None)
            words = (crash.message if crash else report.longreprtext).strip().splitlines() or ["no message"]
            shown.write_line(f"\nFAILED {report.nodeid} ({report.when}): {words[0]}", red=True)


def pytest_configure(config: pytest.Config) -> None:
    # A shell has its background jobs ignore Ctrl-C; whatever the tests start would inherit that, and be deaf to it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput"):  # a worker sends its reports to the process that shows them
        config.pluginmanager.register(Failures(config))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Thousands of tests and modules are made, and none is garbage: looking for it took a fifth of the collection."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(autouse=True)
def _leaves_nothing_open() -> Iterator[None]:
    """Let what a test left open be found in that test, not in whichever one the garbage collector comes in.

    What is still there after a look is set aside: modules, collected tests and reports would be looked at again after
    each of thousands of tests, which took longer than the tests.
    """
    yield
    gc.collect()
    gc.freeze()


NOW = 1_763_800_000_000_000  # 2025-11-22T08:26:40Z
MINUTE = 60_000_000


@pytest.fixture
def now() -> int:
    """A moment for tests that bring their own clock: 2025-11-22T08:26:40Z in microseconds."""
    return NOW


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty archive at the current schema, closed, to be copied."""
    with Archive(tmp_path_factory.mktemp("migrated") / "communique.db") as made:
        migrate.ensure(made, now=NOW)
    return made.path


@pytest.fixture
def archive(tmp_path: Path, migrated_file: Path) -> Iterator[Archive]:
    """An empty archive at the current schema, this test's own."""
    path = tmp_path / "data" / "communique.db"
    path.parent.mkdir(mode=0o700)
    copyfile(migrated_file, path)
    path.chmod(0o600)
    with Archive(path) as opened:
        yield opened


@pytest.fixture
def make_post() -> Callable[..., FetchedPost]:
    """Build a post as a source would bring it: `make_post(7, "text", minutes_ago=3, author=…)`."""
    return fetched


def fetched(
    native_id: object, text: str = "Two posts were hit.", *, minutes_ago: int = 1, **fields: Any
) -> FetchedPost:
    raw = json.dumps({"id": repr(native_id), "text": text, "title": fields.get("title")}).encode()
    fields.setdefault("number", native_id if isinstance(native_id, int) else None)
    fields.setdefault("posted_at", NOW - minutes_ago * MINUTE)
    return FetchedPost(str(native_id), fields.pop("raw", Raw(raw, "application/json")), text, **fields)


@dataclass(frozen=True, slots=True)
class SourceArchive:
    """An archive with one source, for tests that only want to store and look."""

    archive: Archive
    source_id: int

    def save(
        self,
        *fetched_posts: FetchedPost,
        at: int = NOW,
        change: LedgerChange | None = None,
        recheck: tuple[int, ...] = (),
        alerts: bool = True,
        began: int | None = None,
        **batch: Any,
    ) -> Saved:
        """Store one reply in one transaction."""
        with self.archive.writing() as writer:
            return saving.save(
                writer,
                self.source_id,
                Batch(posts=fetched_posts, **batch),
                now=at,
                method="test",
                alerts=alerts,
                change=change,
                recheck=recheck,
                began=began,
            )

    def rows(self, statement: str, **parameters: object) -> list[tuple[Any, ...]]:
        """What a statement finds, as tuples."""
        with self.archive.reading() as reader:
            return [tuple(row) for row in reader.execute(statement, parameters)]


@pytest.fixture
def desk(archive: Archive) -> SourceArchive:
    """The archive with a source "spokesman"."""
    return _with_source(archive)


@pytest.fixture
def fresh_desk(tmp_path: Path, migrated_file: Path) -> Callable[[], SourceArchive]:
    """Make as many archives as a property test has examples; the test closes their archives."""

    def make() -> SourceArchive:
        path = tmp_path / f"desk{len(list(tmp_path.iterdir()))}" / "communique.db"
        path.parent.mkdir(mode=0o700)
        copyfile(migrated_file, path)
        return _with_source(Archive(path))

    return make


def _with_source(archive: Archive) -> SourceArchive:
    with archive.writing() as writer:
        states.declare(writer, [states.Declared("spokesman", "telegram_web", ("junta",), "junta")], NOW)
        row = states.find_source(writer, "spokesman")
        assert row is not None
        return SourceArchive(archive, row.id)


# Invariants -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def check_invariants() -> Callable[..., None]:
    """`check_invariants(archive, shown, targets=…, received=…)`: see `assert_invariants`."""
    return assert_invariants


def assert_invariants(
    archive: Archive,
    shown: Mapping[str, Iterable[str]] | None = None,
    *,
    targets: Mapping[str, Iterable[str]] | None = None,
    received: Mapping[str, Iterable[int]] | None = None,
) -> None:
    """What holds after every fault, whatever was killed.

    `shown`: by source, the native ids that the world showed and that were wanted. `targets`: by rule, who hears of it.
    `received`: by target, the delivery ids that arrived, once for each time.
    """
    with archive.reading() as reader:
        for source, native_ids in (shown or {}).items():
            _nothing_lost(reader, source, set(native_ids))
        _one_delivery_a_match(reader, targets or {})
        for target, ids in (received or {}).items():
            _sent_means_arrived(reader, target, Counter(ids))
        _revisions_complete(reader)
        _files_whole(reader, archive.path.parent)
        guards = {row["name"] for row in reader.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")}
        assert guards == set(GUARDS), "somebody took the guards off"
    assert integrity.find_problems(archive) == []
    wal = archive.path.with_name(archive.path.name + "-wal")
    assert not wal.exists() or wal.stat().st_size <= 80 << 20


def _nothing_lost(reader: "Reader", source: str, shown: set[str]) -> None:
    row = states.find_source(reader, source)
    assert row is not None, f"the archive never heard of {source}"
    here = {"id": row.id}
    archived = {found[0] for found in reader.execute("SELECT native_id FROM posts WHERE source_id = :id", here)}
    aside = {found[0] for found in reader.execute("SELECT native_id FROM quarantine WHERE source_id = :id", here)}
    missing = shown - archived - aside
    for gap in gaps.list_open_gaps(reader, row.id):
        if gap.high is None and gap.low is None:
            missing = set()  # a span of time, which no id can be held against
        missing = {native for native in missing if not _inside(native, gap.low, gap.high)}
    assert not missing, f"{source} showed posts that are neither archived nor in an open gap: {sorted(missing)[:20]}"


def _inside(native_id: str, low: int | None, high: int | None) -> bool:
    number = native_id.rpartition("/")[2]
    return number.isdigit() and (low or 0) <= int(number) <= (high if high is not None else 1 << 62)


def _one_delivery_a_match(reader: "Reader", targets: Mapping[str, Iterable[str]]) -> None:
    matches = reader.execute("SELECT id, rule FROM matches WHERE alerting = 1").fetchall()
    for match in matches:
        owed = Counter(
            row[0] for row in reader.execute("SELECT target FROM deliveries WHERE match_id = :id", {"id": match["id"]})
        )
        if match["rule"] in targets:
            assert owed == Counter(targets[match["rule"]]), f"match {match['id']} of {match['rule']} owes {owed}"
        assert all(count == 1 for count in owed.values())


def _sent_means_arrived(reader: "Reader", target: str, arrived: Counter[int]) -> None:
    for row in reader.execute(
        "SELECT id, state, possible_repeat FROM deliveries WHERE target = :target", {"target": target}
    ):
        if row["state"] == "sent":
            assert arrived[row["id"]] >= 1, f"delivery {row['id']} is called sent and never arrived"
        if arrived[row["id"]] > 1:
            assert row["possible_repeat"], f"delivery {row['id']} came {arrived[row['id']]} times and is not marked"


def _files_whole(reader: "Reader", data_dir: Path) -> None:
    """What is called stored stands there under its content, and nothing else does but what is still coming."""
    rows = reader.execute("SELECT DISTINCT sha256, path FROM media WHERE state = 'stored'").fetchall()
    for row in rows:
        found = sha256((data_dir / row["path"]).read_bytes()).hexdigest()
        assert found == row["sha256"], f"{row['path']} holds {found}"
    shelves = data_dir / "media"
    standing = {path.name for path in shelves.glob("??/??/*")}
    coming = {path.name for path in (shelves / ".incoming").glob("*")}
    assert len(standing - {row["sha256"] for row in rows}) <= len(coming), "bytes that no row knows"


def _revisions_complete(reader: "Reader") -> None:
    broken = reader.execute(
        "SELECT p.id FROM posts p WHERE p.revision + 1 <> (SELECT count(*) FROM revisions r WHERE r.post_id = p.id) "
        "OR p.texts <> (SELECT count(*) FROM texts t WHERE t.post_id = p.id AND t.current = 1)"
    ).fetchall()
    assert not broken, f"posts with missing revisions or texts: {[row[0] for row in broken][:20]}"


@pytest.fixture
def sink() -> Iterator["Sink"]:
    """Something that listens as webhooks do."""
    from tests.desk import listening

    with listening() as counting:
        yield counting


@pytest.fixture
def bot_api() -> Iterator["BotApi"]:
    """A Bot API of Telegram on loopback."""
    from tests.bot_api import serving

    with serving() as api:
        yield api
