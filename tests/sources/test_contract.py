"""What every kind of source must do, whatever its platform: found by itself, run on the peer in `living.py`."""

import ast
import asyncio
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest
from pydantic import ValidationError

from bot import sources
from bot.clock import Clock
from bot.contracts.source import Rereader, Source, SourceSettings, SourceTools, Want
from bot.errors import Later, Never
from bot.http import Http, HttpRules, Reply
from bot.http.wire import Wire
from storage.records import Batch, FetchedPost, StoredRaw
from tests.sources.loopback_server import NOW, Peer
from tests.sources.peers_by_kind import PEERS, State

ROOT = Path(__file__).parents[2]
EVERY_KIND = pytest.mark.parametrize("kind", sources.kinds())


class Impatient(Http):
    """The real client, whose deadlines are cut to half a second, so that a hanging peer is soon given up."""

    async def get(
        self,
        url: str,
        *,
        cap: int,
        deadline: float,
        headers: Mapping[str, str] = MappingProxyType({}),
        foreign: bool = False,
        sink: Callable[[bytes], object] | None = None,
    ) -> Reply:
        assert deadline <= 60, "a request of a source has a deadline of at most a minute"
        assert cap <= 64 << 20, "a reply of a source has a size that memory bears"
        soon = min(deadline, 0.5)
        return await super().get(url, cap=cap, deadline=soon, headers=headers, foreign=foreign, sink=sink)

    async def connect(self, host: str, port: int, *, foreign: bool = False) -> Wire:
        wire = await super().connect(host, port, foreign=foreign)
        self._closing = asyncio.create_task(_close_soon(wire))
        return wire


async def _close_soon(wire: Wire) -> None:
    await asyncio.sleep(0.5)
    await wire.aclose()


def visited(kind: str, state: State, directory: Path, *cursors: str | None) -> list[Batch]:
    """One fetch for each of `cursors`, then one more with the cursor of the last batch."""

    async def go() -> list[Batch]:
        async with Peer() as peer:
            keys = PEERS[kind](state, peer, directory)
            opened = frozenset({("127.0.0.1", peer.port)})
            clock = Clock(now=lambda: NOW)
            rules = HttpRules(user_agent="communique-tests", private=opened, intervals={"127.0.0.1": 0})
            http = (Http if state in {"alive", "garbage", "nothing"} else Impatient)(rules, clock)
            if state == "refused":
                await peer.__aexit__()
            tools = SourceTools(http=http, clock=clock, directory=directory)
            try:
                source = built(kind, keys, tools)
                batches = [await source.fetch(Want(), cursor) for cursor in cursors]
                return [*batches, await source.fetch(Want(), batches[-1].cursor)]
            finally:
                await tools.aclose()

    return asyncio.run(go())


def built(kind: str, keys: Mapping[str, object], tools: SourceTools) -> Source:
    entry = {"name": "it", "kind": kind, **keys}
    settings = sources.settings_of(kind).model_validate(entry, context={"directory": tools.directory})
    return sources.build(settings, tools)


@EVERY_KIND
def test_a_kind_that_reads_with_the_account_says_so_before_its_entries_are_checked(kind: str) -> None:
    outline = sources.REGISTRY.outline_of(kind)
    assert getattr(outline, "READS_WITH_ACCOUNT", False) == sources.settings_of(kind).reads_with_account


@pytest.mark.parametrize(
    ("keys", "public"),
    [
        ({"channel": "@harbour"}, True),
        ({"channel": "https://t.me/harbour/12"}, True),
        ({"channel": -1001234567890}, False),
        ({"channel": "@harbour", "fallback": "none"}, None),
    ],
)
def test_the_outline_of_an_account_source_agrees_with_its_checked_entry(
    keys: dict[str, object], public: bool | None
) -> None:
    assert sources.REGISTRY.outline_of("telegram").has_public_pages(keys) is public
    addresses = sources.settings_of("telegram").model_validate({"name": "it", "kind": "telegram", **keys}).addresses()
    assert (any("/s/" in address for address in addresses) if addresses else None) is public


def test_every_kind_has_a_peer_to_be_tried_on() -> None:
    assert set(PEERS) == set(sources.kinds()), "tests/sources/peers_by_kind.py has one entry for each kind"


@EVERY_KIND
def test_a_living_peer_gives_posts_in_ascending_order(kind: str, tmp_path: Path) -> None:
    batch, _ = visited(kind, "alive", tmp_path, None)
    numbers = [post.number for post in batch.posts if post.number is not None]
    places = numbers or [post.posted_at for post in batch.posts if post.posted_at is not None]
    assert len(batch.posts) > 1
    assert places == sorted(places)
    assert not numbers or len(numbers) == len(batch.posts)
    assert batch.quarantined == ()


@EVERY_KIND
def test_every_post_has_its_own_id_and_the_bytes_it_was_read_from(kind: str, tmp_path: Path) -> None:
    batch, _ = visited(kind, "alive", tmp_path, None)
    assert len({post.native_id for post in batch.posts}) == len(batch.posts)
    assert all(post.native_id and post.raw.data and post.raw.mime for post in batch.posts)


@EVERY_KIND
def test_a_second_visit_brings_nothing_new_and_leaves_no_gap(kind: str, tmp_path: Path) -> None:
    first, second = visited(kind, "alive", tmp_path, None)
    known = {(post.native_id, post.text) for post in first.posts}
    assert {(post.native_id, post.text) for post in second.posts} <= known
    assert second.overlap
    assert not second.more


@EVERY_KIND
def test_the_same_visit_without_its_cursor_gives_the_same_posts(kind: str, tmp_path: Path) -> None:
    first, again, _ = visited(kind, "alive", tmp_path, None, None)
    assert first.posts == again.posts


@EVERY_KIND
def test_a_cursor_of_another_kind_means_a_first_visit(kind: str, tmp_path: Path) -> None:
    first, _ = visited(kind, "alive", tmp_path, '{"left_by": "another kind"}')
    assert first.posts
    assert first.overlap


@EVERY_KIND
@pytest.mark.parametrize("state", ["refused", "hangs", "500"])
def test_a_failing_peer_is_later_or_never_with_a_sentence(kind: str, state: State, tmp_path: Path) -> None:
    with pytest.raises((Later, Never)) as raised:
        visited(kind, state, tmp_path, None)
    assert 10 < len(str(raised.value)) < 400
    assert "\n" not in str(raised.value)


@EVERY_KIND
@pytest.mark.parametrize("state", ["garbage", "nothing"])
def test_a_reply_that_cannot_be_read_is_never_taken_for_nothing_new(kind: str, state: State, tmp_path: Path) -> None:
    try:
        batch, _ = visited(kind, state, tmp_path, None)
    except (Later, Never) as error:
        assert error.reason  # noqa: PT017 - refusing the whole reply is one of the two right outcomes
    else:
        assert batch.posts == ()
        assert batch.quarantined or state == "nothing"


@EVERY_KIND
def test_an_unknown_key_is_refused(kind: str, tmp_path: Path) -> None:
    keys = PEERS[kind]("alive", Peer(), tmp_path)
    with pytest.raises(ValidationError, match="Extra inputs"):
        sources.settings_of(kind).model_validate({"name": "it", "kind": kind, "keywrods": 1, **keys})


@EVERY_KIND
def test_every_key_stands_in_the_example_config(kind: str) -> None:
    example = tomllib.loads((ROOT / "config.example.toml").read_text(encoding="utf-8"))
    shown = {key for entry in example["sources"] if entry["kind"] == kind for key in entry}
    fields = sources.settings_of(kind).model_fields
    own = {fields[name].alias or name for name in set(fields) - set(SourceSettings.model_fields)}
    assert own <= shown


@EVERY_KIND
def test_a_kind_loads_no_other_kind_and_nothing_of_the_archive(kind: str) -> None:
    program = f"import sys; import bot.sources.{kind}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    others = {f"bot.sources.{other}" for other in sources.kinds() if other != kind}
    heavy = {"sqlmodel", "sqlalchemy", "apscheduler", "storage.archive.database", "apprise"}
    heavy |= set() if kind == "telegram" else {"telethon"}
    assert loaded.isdisjoint(others | heavy)


@EVERY_KIND
def test_a_kind_reads_no_clock_and_no_environment_of_its_own(kind: str) -> None:
    place = ROOT / "bot" / "sources" / kind
    files = list(place.glob("*.py")) or [place.with_suffix(".py")]
    called = {
        f"{node.value.id}.{node.attr}"
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    assert called.isdisjoint({"time.time", "datetime.now", "os.environ", "os.getenv", "time.monotonic", "time.sleep"})


def _anywhere(post: FetchedPost) -> FetchedPost:
    """A post without its address, which begins with that of the peer; also where that is the address of its file."""
    files = tuple(replace(file, url=None) if file.url == post.url else file for file in post.media)
    return replace(post, url=None, media=files)


@EVERY_KIND
def test_what_was_fetched_is_read_again_as_the_same_post(kind: str, tmp_path: Path) -> None:
    batch, _ = visited(kind, "alive", tmp_path, None)
    stored = [StoredRaw(1, post.native_id, 0, post.raw) for post in batch.posts]

    async def go() -> list[FetchedPost | None]:
        async with Peer() as peer:
            clock = Clock(now=lambda: NOW)
            tools = SourceTools(Http(HttpRules(user_agent="communique-tests"), clock), clock, tmp_path)
            try:
                source = built(kind, PEERS[kind]("alive", peer, tmp_path), tools)
                assert isinstance(source, Rereader)
                assert await source.reread([]) == []
                return [*await source.reread(stored), *await source.reread([replace(stored[0], native_id="another")])]
            finally:
                await tools.aclose()

    *again, other = asyncio.run(go())
    assert [post and _anywhere(post) for post in again] == [_anywhere(post) for post in batch.posts]
    assert other is None or other.native_id == "another"


@EVERY_KIND
def test_each_reply_says_the_same_of_who_the_source_is(kind: str, tmp_path: Path) -> None:
    """Otherwise the line would report a change with every round."""
    batches = visited(kind, "alive", tmp_path, None)
    for what in ("channel_id", "handle", "title", "picture", "moved_to"):
        assert len({getattr(batch, what) for batch in batches} - {None}) <= 1, what
