"""Bluesky's own server of accounts as the peer: what lives there, and how it says that an account is away."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import sources
from bot.clock import Clock
from bot.contracts.source import Source
from bot.errors import Later, Never
from bot.readers import Readers
from storage.posts.content import content_hash, same_content
from storage.records import FetchedPost
from tests.sources.bluesky_server import SECOND, written
from tests.sources.living_pds import PNG, LivingPds
from tests.sources.living_peers import FAULTS, MINUTE
from tests.sources.loopback_server import NOW, Peer, surrounded
from tests.sources.real_pds import POST, RealPds, key_at, running, why_missing
from tests.sources.rounds import Rounds
from tests.sources.test_living_peers import CALM, one_life, runner

__all__ = ["runner"]  # the fixture of the lives

T = TypeVar("T")
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(why_missing() is not None, reason=str(why_missing())),
]
STEP = st.tuples(
    st.sampled_from((*CALM, *["flood"] * 3, *["edit"] * 3, *["round"] * 7, *FAULTS, *LivingPds.moods, "restart")),
    st.integers(0, 1 << 16),
)


@pytest.fixture(scope="module")
def pds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPds]:
    with running(tmp_path_factory.mktemp("pds") / "data") as server:
        yield server


def at_home(
    pds: RealPds,
    work: Callable[[LivingPds, Rounds], Awaitable[T]],
    clock: Clock | None = None,
    *,
    by_handle: bool = False,
    **keys: Any,
) -> T:
    """What `work` gives with a new account there, and a source that reads it."""

    async def go() -> T:
        async with Peer() as peer:
            living = LivingPds(server=pds)
            own, directory = (int(url.rpartition(":")[2]) for url in (pds.url, pds.directory.url))
            named = {"actor": living.account.handle} if by_handle else {}
            entry = living.keys(peer, Path()) | named | keys
            checked = sources.settings_of("bluesky").model_validate(
                {key: value for key, value in entry.items() if value is not None}
            )
            watch = clock or Clock(now=lambda: NOW)
            async with surrounded(Path(), peer.port, own, directory, clock=watch) as tools:
                return await work(living, Rounds(sources.build(checked, tools)))

    return asyncio.run(go())


async def check(source: Source, native_id: str) -> tuple[str, bool]:
    found = await source.check(native_id)
    return found.presence, found.control


def by_id(posts: Sequence[FetchedPost]) -> dict[str, FetchedPost]:
    return {post.native_id: post for post in posts}


# What is published --------------------------------------------------------------------------------------------------

BURMESE = "ဆိပ်ကမ်း ဖွင့်ပြီ 👨‍👩‍👧 "


def test_what_is_published_reads_the_same_in_the_feed_among_the_records_and_by_itself(pds: RealPds) -> None:
    async def work(living: LivingPds, reader: Rounds) -> None:
        account = living.account
        start = len(BURMESE.encode())
        linked = {
            "index": {"byteStart": start, "byteEnd": start + len("town.example/7")},
            "features": [{"$type": "app.bsky.richtext.facet#link", "uri": "https://town.example/7"}],
        }
        label = {"$type": "com.atproto.label.defs#selfLabels", "values": [{"val": "graphic-media"}]}
        card = {"uri": "https://town.example/7", "title": "Notice 7", "description": "Ferries"}
        at = NOW - 60 * MINUTE
        written_at = {"createdAt": written(at)}
        records: list[dict[str, Any]] = [
            {"text": f"{BURMESE}town.example/7", "facets": [linked], "langs": ["my"], "labels": label},
            {"text": "A card", "embed": {"$type": "app.bsky.embed.external", "external": card}},
            *({"text": f"Kind {kind}", **living.embed(kind)} for kind in (1, 2, 3, 4)),
            {"text": "A future", "embed": {"$type": "app.bsky.embed.hologram", "depth": 3}},
        ]
        writes = [
            {
                "$type": "com.atproto.repo.applyWrites#create",
                "collection": POST,
                "rkey": key_at(at + number),
                "value": {"$type": POST, **written_at, **record},
            }
            for number, record in enumerate(records)
        ]
        account.call("com.atproto.repo.applyWrites", repo=account.did, writes=writes, validate=False)
        fed = by_id(await reader.round())
        keys = [str(one["rkey"]) for one in writes]
        first, carded, reply, quote, pictured, both, future = (fed[key] for key in keys)
        assert [(link.text, link.url) for link in first.links] == [("town.example/7", "https://town.example/7")]
        assert first.remarks == ("labelled by its author: graphic-media",)
        assert carded.preview is not None
        assert carded.preview.title == "Notice 7"
        assert str(reply.reply_to).startswith(f"at://{living.neighbour.did}/")
        assert [link.text for link in (*quote.links, *both.links)] == ["quoted post", "quoted post"]
        assert (pictured.attached, both.attached) == (("A pier",), ("A pier",))
        assert "hologram" in str(future.media[0].reason)
        assert not any("hit" in "".join((post.text, *(post.attached or ()))) for post in fed.values())
        where = pictured.media[0].url
        assert where is not None
        data = pds.http.get(where.replace(living.at, pds.url)).content
        assert data == PNG
        living.view.refusals[account.did] = ("InternalServerError", "away")
        listed = by_id(await reader.round())
        assert reader.last.method == "records at the account's server"
        for key in keys:
            alone = (await reader.source.check(key)).post
            assert alone is not None
            assert listed[key].url == fed[key].url
            for other in (listed[key], alone):
                assert same_content(content_hash(fed[key]), content_hash(other))
                assert (other.posted_at, other.posted_raw) == (at, written(at))

    at_home(pds, work)


def test_an_edit_is_another_cid_under_the_same_key_and_a_deletion_is_proved_while_the_appview_lags(
    pds: RealPds,
) -> None:
    async def work(living: LivingPds, reader: Rounds) -> list[Any]:
        one, two = living.say("Notice 0"), living.say("Notice 1")
        await reader.round()
        before = living.view.index[f"at://{living.account.did}/{POST}/{one}"].cid
        living.change(one, "Notice 0, mended")
        texts = [post.text for post in await reader.round()]
        assert living.view.index[f"at://{living.account.did}/{POST}/{one}"].cid != before
        living.shuffled = True
        living.remove(two)
        found = [await check(reader.source, two), await check(reader.source, one)]
        return [texts, found, [post.text for post in await reader.round()]]

    mended = "Notice 0, mended"
    assert at_home(pds, work) == [
        [mended, "Notice 1"],
        [("absent", True), ("present", True)],
        [mended],
    ]


# When the account is away -------------------------------------------------------------------------------------------


def deactivate(living: LivingPds) -> None:
    living.account.call("com.atproto.server.deactivateAccount", deleteAfter="2030-01-01T00:00:00.000Z")


def take_down(living: LivingPds) -> None:
    living.server.act_as_admin(
        "com.atproto.admin.updateSubjectStatus",
        subject={"$type": "com.atproto.admin.defs#repoRef", "did": living.account.did},
        takedown={"applied": True, "ref": "1"},
    )


def delete_account(living: LivingPds) -> None:
    living.server.act_as_admin("com.atproto.admin.deleteAccount", did=living.account.did)


@pytest.mark.parametrize(
    ("happen", "state"), [(deactivate, "deactivated"), (take_down, "taken down"), (delete_account, "not found")]
)
def test_an_account_that_is_away_has_that_state_and_none_of_its_posts_is_deleted(
    pds: RealPds, happen: Callable[[LivingPds], None], state: str
) -> None:
    now = [NOW]

    async def work(living: LivingPds, reader: Rounds) -> None:
        keys = [living.say(f"Notice {number}") for number in range(3)]
        await reader.round()
        living.shuffled = True  # the AppView still shows all of it
        happen(living)
        for key in keys:
            now[0] += 2 * 60 * SECOND
            assert await check(reader.source, key) == ("absent", False)
        now[0] += 61 * 60 * SECOND
        await reader.round()
        assert [state in one for one in reader.last.notices] == [True]
        assert state in str(reader.last.detail)
        await reader.round()
        assert reader.last.notices == ()
        living.view.refusals[living.account.did] = ("InternalServerError", "away")
        with pytest.raises((Later, Never)) as raised:
            await reader.round()
        assert raised.value.state == state  # type: ignore[attr-defined]

    at_home(pds, work, Clock(now=lambda: now[0]))


# Who and where ------------------------------------------------------------------------------------------------------


def test_a_new_handle_is_the_same_account(pds: RealPds) -> None:
    async def work(living: LivingPds, reader: Rounds) -> None:
        living.say("Notice 0")
        await reader.round()
        before = (reader.last.channel_id, reader.last.handle)
        living.account.call("com.atproto.identity.updateHandle", handle=f"moved-{living.account.handle}")
        living.say("Notice 1")
        await reader.round()
        assert before == (living.account.did, f"@{living.account.handle}")
        assert (reader.last.channel_id, reader.last.handle) == (before[0], f"@moved-{living.account.handle}")

    at_home(pds, work)


def test_a_handle_counts_only_if_its_account_names_it(pds: RealPds) -> None:
    async def work(living: LivingPds, reader: Rounds) -> None:
        living.say("Notice 0")
        living.view.catch_up()
        living.shuffled = living.served = True  # the AppView does not know it yet
        pds.directory.change(living.account.did, alsoKnownAs=["at://somebody-else.test"])
        await reader.round()

    assert at_home(pds, _said, by_handle=True) == ["Notice 0"]
    with pytest.raises(Never, match=r"names @somebody-else\.test"):
        at_home(pds, work, by_handle=True)


async def _said(living: LivingPds, reader: Rounds) -> list[str]:
    living.say("Notice 0")
    living.view.catch_up()
    return [post.text for post in await reader.round()]


def test_an_account_that_has_moved_is_read_at_its_new_server(pds: RealPds) -> None:
    now = [NOW]

    async def work(living: LivingPds, reader: Rounds) -> None:
        keys = [living.say("Notice 0"), living.say("Notice 1")]
        pds.directory.move(living.account.did, pds.directory.url)  # which answers, but knows no account
        await reader.round()
        with pytest.raises((Later, Never)):
            await reader.source.check(keys[0])
        pds.directory.move(living.account.did, living.at)
        now[0] += 6 * 60 * SECOND
        assert await check(reader.source, keys[0]) == ("present", True)

    at_home(pds, work, Clock(now=lambda: now[0]), pds_url=None)


# Any life -----------------------------------------------------------------------------------------------------------


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=st.lists(STEP, min_size=8, max_size=40), by_index=st.booleans(), stays_away=st.booleans())
def test_after_any_life_at_a_real_server_the_archive_holds_what_it_showed(
    steps: list[tuple[str, int]],
    by_index: bool,
    stays_away: bool,
    pds: RealPds,
    migrated_file: Path,
    check_invariants: Callable[..., None],
    runner: tuple[asyncio.Runner, Readers],
) -> None:
    """`by_index`: the feed is in the order in which the AppView came to know the posts; `stays_away`: at last it fails."""
    living = LivingPds(server=pds, stays_away=stays_away)
    living.view.by_index = by_index
    one_life(living, steps, migrated_file, check_invariants, runner)
