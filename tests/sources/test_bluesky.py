"""Bluesky: pages down to what is known, the account's own server for deletions and as the second way, whose words."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import sources
from bot.clock import Clock
from bot.contracts.source import Want
from bot.errors import Later, Never
from bot.sources.bluesky.account import read_actor
from bot.sources.bluesky.posts import Reading, read_feed
from storage.posts.content import content_hash, same_content
from storage.records import FetchedPost
from tests.sources.bluesky_server import DID, JSON, SECOND, BlueskyServer, written
from tests.sources.loopback_server import NOW, Answer, Peer, surrounded
from tests.sources.rounds import Rounds, on_server

T = TypeVar("T")
GOLDEN = Path(__file__).parent / "golden" / "bluesky"


def on(server: BlueskyServer, work: Callable[[Rounds], Awaitable[T]], clock: Clock | None = None, **keys: Any) -> T:
    """What `work` gives with rounds on this server, which is AppView, directory and the account's own one."""

    def entry(peer: Peer) -> dict[str, Any]:
        server.url = here = peer.url("")
        named = {"kind": "bluesky", "actor": "ferry.town.example"}
        return {**named, "base_url": here, "plc_url": here, "pds_url": here, **keys}

    return on_server(server.reply, entry, work, clock)


def town(*words: str, page: int = 100) -> BlueskyServer:
    server = BlueskyServer(page=page)
    for each in words:
        server.post(each)
    return server


def texts(posts: list[FetchedPost]) -> list[str]:
    return [post.text for post in posts]


def shown(post: FetchedPost) -> dict[str, Any]:
    """A post as the golden file holds it: without empty fields and without its bytes."""
    found = {name: value for name, value in asdict(post).items() if value not in (None, "", (), False)}
    return {name: value for name, value in found.items() if name != "raw"}


def test_a_page_of_a_feed_reads_as_its_golden_posts() -> None:
    body = (GOLDEN / "feed.json").read_bytes()
    page = read_feed(body, Reading(DID, "https://pds.example", NOW))
    expected = json.loads((GOLDEN / "feed.json.posts.json").read_text(encoding="utf-8"))
    assert json.loads(json.dumps([shown(entry.post) for entry in page.entries])) == expected
    assert all(entry.post.raw.data in body for entry in page.entries)
    assert [piece.reason for piece in page.quarantined] == ["a post without a text"]


@pytest.mark.parametrize(
    ("written", "actor"),
    [
        ("Ferry.Town.Example", "ferry.town.example"),
        ("@ferry.town.example", "ferry.town.example"),
        ("https://bsky.app/profile/ferry.town.example", "ferry.town.example"),
        ("https://bsky.app/profile/ferry.town.example/post/3kabc", "ferry.town.example"),
        (f"https://bsky.app/profile/{DID}", DID),
        (f"at://{DID}", DID),
        (f"at://{DID}/app.bsky.feed.post/3kabc", DID),
        ("at://ferry.town.example", "ferry.town.example"),
        ("bsky.app/profile/ferry.town.example", "ferry.town.example"),
        ("https://main.bsky.dev/profile/ferry.town.example?a=b#c", "ferry.town.example"),
        ("https://ferry.bsky.social/", "ferry.bsky.social"),
        ("\u202aferry.town.example\u202c", "ferry.town.example"),
        ("did:web:town.example", "did:web:town.example"),
    ],
)
def test_every_form_of_an_account_is_understood(written: str, actor: str) -> None:
    assert read_actor(written) == actor


@pytest.mark.parametrize(
    "written",
    ["ferry", "https://bsky.app/", "did:plc:short", "ferry@town.example", "", "a..b.c", "https://town.example/ferry"],
)
def test_what_is_no_account_is_refused_with_the_right_form(written: str) -> None:
    with pytest.raises(ValueError, match="expected an account such as"):
        read_actor(written)


def test_a_repost_names_its_origin_and_a_pin_is_no_second_post() -> None:
    server = town("Notice 0")
    key = server.repost("The harbour is closed")
    server.entries.append(server.entries[0] | {"reason": {"$type": "app.bsky.feed.defs#reasonPin"}})

    async def work(reader: Rounds) -> list[FetchedPost]:
        return await reader.round()

    first, second = on(server, work)
    assert (first.text, first.forward) == ("Notice 0", None)
    assert second.native_id == f"repost-{key}"
    assert second.forward is not None
    assert (second.forward.source, second.forward.post) == ("@harbour.sea.example", "3kharbour")
    assert second.author == "Ferry Office (@ferry.town.example)"


def test_an_edit_keeps_the_id_and_changes_the_words() -> None:
    server = town("The bridge is open")
    key = next(iter(server.records)).rpartition("/")[2]

    async def work(reader: Rounds) -> list[tuple[str, str]]:
        first = await reader.round()
        server.edit(key, "The bridge is closed")
        return [(post.native_id, post.text) for post in [*first, *await reader.round()]]

    assert on(server, work) == [(key, "The bridge is open"), (key, "The bridge is closed")]


def test_a_record_reads_as_the_entry_of_the_feed_does() -> None:
    server = BlueskyServer()
    image = {"alt": "a chart", "image": {"$type": "blob", "ref": {"$link": "bafyimage"}, "mimeType": "image/jpeg"}}
    key = server.post(
        "See https://town.example",
        embed={"$type": "app.bsky.embed.images", "images": [image]},
        facets=[
            {
                "index": {"byteStart": 4, "byteEnd": 24},
                "features": [{"$type": "app.bsky.richtext.facet#link", "uri": "https://town.example"}],
            }
        ],
    )

    async def work(reader: Rounds) -> tuple[FetchedPost, FetchedPost | None]:
        [listed] = await reader.round()
        return listed, (await reader.source.check(key)).post

    listed, alone = on(server, work)
    assert alone is not None
    assert same_content(content_hash(listed), content_hash(alone))
    assert (alone.media, alone.links, alone.attached) == (listed.media, listed.links, listed.attached)


def test_a_deletion_is_seen_at_the_accounts_own_server_before_the_appview_learns_of_it() -> None:
    server = town("Notice 0", "Notice 1")
    gone, left = (name.rpartition("/")[2] for name in server.records)
    server.lag = True
    reposted = server.repost("The harbour is closed")

    async def work(reader: Rounds) -> list[tuple[str, bool]]:
        await reader.round()
        server.delete(gone)
        found = [await reader.source.check(gone), await reader.source.check(left)]
        found.append(await reader.source.check(f"repost-{reposted}"))
        return [(one.presence, one.control) for one in found]

    assert on(server, work) == [("absent", True), ("present", True), ("present", True)]


def test_a_failing_server_is_no_absence() -> None:
    server = town("Notice 0", "Notice 1")
    server.answers["getRecord"] = Answer(
        b'{"error": "UpstreamFailure", "message": "RecordNotFound perhaps"}', 400, JSON
    )

    async def work(reader: Rounds) -> None:
        await reader.round()
        await reader.source.check(next(iter(server.records)).rpartition("/")[2])

    with pytest.raises(Later):
        on(server, work)


def test_while_the_appview_fails_the_accounts_own_records_are_read_and_the_batch_says_so() -> None:
    server = town("Notice 0")

    async def work(reader: Rounds) -> tuple[list[str], str | None, str | None, list[str]]:
        await reader.round()
        server.post("Notice 1")
        server.repost("The harbour is closed")
        server.answers["getAuthorFeed"] = Answer(b"<h1>Bad gateway</h1>", 502)
        second = texts(await reader.round())
        method, detail = reader.last.method, reader.last.detail
        del server.answers["getAuthorFeed"]
        return second, method, detail, texts(await reader.round())

    second, method, detail, third = on(server, work)
    assert second == ["Notice 0", "Notice 1"]
    assert method == "records at the account's server"
    assert detail is not None
    assert "without reposts" in detail
    assert "The harbour is closed" in third


def test_the_second_way_takes_nothing_that_first_contact_did_not_want() -> None:
    server = town("Notice 0", "Notice 1", "Notice 2")

    async def work(reader: Rounds) -> list[str]:
        await reader.round()
        server.answers["getAuthorFeed"] = Answer(b"", 502)
        return texts(await reader.round())

    assert on(server, work, backfill=1) == ["Notice 2"]


def test_a_wait_that_the_server_asks_for_is_kept_and_not_gone_around() -> None:
    server = town("Notice 0")

    async def work(reader: Rounds) -> None:
        await reader.round()
        headers = JSON | {"ratelimit-reset": str(NOW // 1_000_000 + 240)}
        server.answers["getAuthorFeed"] = Answer(b'{"error": "RateLimitExceeded"}', 429, headers)
        server.asked.clear()
        await reader.round()

    with pytest.raises(Later) as raised:
        on(server, work)
    assert (raised.value.obey, raised.value.retry_at) == (True, NOW + 240 * 1_000_000)
    assert not any("listRecords" in path for path in server.asked)


def test_an_account_that_is_not_there_needs_a_person() -> None:
    with pytest.raises(Never, match="Profile not found"):
        on(town("Notice 0"), lambda reader: reader.round(), actor="other.town.example")


def test_an_account_that_was_taken_down_is_never_nothing_new() -> None:
    server = town("Notice 0")

    async def work(reader: Rounds) -> None:
        await reader.round()
        said = b'{"error": "AccountTakedown", "message": "Account has been suspended"}'
        server.answers["getAuthorFeed"] = Answer(said, 400, JSON)
        await reader.round()

    with pytest.raises(Never, match="suspended"):
        on(server, work)


def test_a_feed_that_suddenly_shows_nothing_is_not_believed() -> None:
    server = town("Notice 0")

    async def work(reader: Rounds) -> tuple[list[str], str | None]:
        await reader.round()
        server.answers["getAuthorFeed"] = Answer(b'{"feed": []}', 200, JSON)
        return texts(await reader.round()), reader.last.detail

    posts, detail = on(server, work)
    assert posts == ["Notice 0"]
    assert detail is not None
    assert "shows no posts any more" in detail


def test_a_new_handle_is_reported_and_the_account_is_followed_by_its_did() -> None:
    server = town("Notice 0")

    async def work(reader: Rounds) -> tuple[list[str | None], str | None]:
        shown = []
        for handle in ("ferry.town.example", "handle.invalid", "ferry.sea.example"):
            server.handle = handle
            for entry in server.entries:
                entry["post"]["author"] = server.author()
            await reader.round()
            shown.append(reader.last.handle)
        return shown, reader.last.channel_id

    assert on(server, work) == (["@ferry.town.example", "@ferry.town.example", "@ferry.sea.example"], DID)


def test_a_server_that_the_directory_names_is_held_to_public_addresses() -> None:
    server = town("Notice 0", "Notice 1")

    async def work(reader: Rounds) -> list[str]:
        await reader.round()
        server.asked.clear()
        with pytest.raises((Later, Never)):
            await reader.source.check(next(iter(server.records)).rpartition("/")[2])
        return server.asked

    server.answers["/did:plc"] = Answer(
        json.dumps({"service": [{"id": "#atproto_pds", "serviceEndpoint": "http://127.0.0.1:9"}]}).encode(), 200, JSON
    )
    assert not any("getRecord" in path for path in on(server, work, pds_url=None))


STEP = st.one_of(
    st.tuples(st.just("post"), st.integers(1, 9)),
    st.tuples(st.just("repost"), st.integers(1, 3)),
    st.tuples(st.just("delete"), st.integers(0, 99)),
    st.tuples(st.just("round"), st.integers(0, 2)),
    st.tuples(st.just("fail"), st.integers(1, 2)),
)


@settings(max_examples=15, deadline=None)
@given(st.lists(STEP, max_size=14))
def test_whatever_an_account_does_all_that_its_feed_shows_is_stored(steps: list[tuple[str, int]]) -> None:
    """`round n`: the way down is cut off after n replies. `fail n`: so many rounds without the AppView."""
    server = BlueskyServer(page=3)
    stored: set[str] = set()

    async def work(reader: Rounds) -> None:
        count = 0
        for what, number in [*steps, ("round", 0), ("round", 0)]:
            if what in {"post", "repost"}:
                for _ in range(number):
                    count += 1
                    server.post(f"{count}") if what == "post" else server.repost(f"{count}")
            elif what == "delete" and server.records:
                server.delete(list(server.records)[number % len(server.records)].rpartition("/")[2])
            elif what in {"round", "fail"}:
                left, more = number or 99, True
                if what == "fail":
                    server.answers["getAuthorFeed"] = Answer(b"", 503)
                while more and left:
                    left -= 1
                    try:
                        batch = await reader.source.fetch(Want(), reader.cursor)
                    except Later:
                        break
                    reader.cursor, more = batch.cursor, batch.more
                    stored.update(post.native_id for post in batch.posts)
                server.answers.clear()

    on(server, work, backfill="all")
    shown_now = {
        ("repost-" if "reason" in one else "") + (one.get("reason") or one["post"])["uri"].rpartition("/")[2]
        for one in server.entries
    }
    assert shown_now <= stored


# Whatever order a feed has ------------------------------------------------------------------------------------------


def rounds_of(server: BlueskyServer, *between: Callable[[], object], **keys: Any) -> list[list[str]]:
    """The texts of each round; `between` happens after the first, the second, …"""

    async def work(reader: Rounds) -> list[list[str]]:
        found = [texts(await reader.round())]
        for happen in between:
            happen()
            found.append(texts(await reader.round()))
        return found

    return on(server, work, **keys)


@pytest.mark.parametrize("later", [0, 2])
def test_a_known_post_that_a_server_shows_on_top_again_hides_no_gap(later: int) -> None:
    """`later`: with so many new ones above it, it is the last entry of the newest page."""
    server = town("Notice 0", "Notice 1", "Notice 2", page=3)

    def edit_behind_seven_new_ones() -> None:
        for number in range(7 - later):
            server.post(f"New {number}")
        key = server.entries[1]["post"]["uri"].rpartition("/")[2]
        server.edit(key, "Notice 1, mended")
        top = server.entries.pop(1)
        top["post"] = top["post"] | {"indexedAt": written(NOW)}
        server.entries.append(top)
        for number in range(7 - later, 7):
            server.post(f"New {number}")
        server.by_place = True

    second = rounds_of(server, edit_behind_seven_new_ones)[1]
    assert {f"New {number}" for number in range(7)} <= {*second}
    assert "Notice 1, mended" in second


def test_a_post_that_is_dated_years_back_hides_no_gap_and_is_history() -> None:
    server = town("Notice 0", "Notice 1", page=3)

    async def work(reader: Rounds) -> tuple[list[str], frozenset[str]]:
        await reader.round()
        for number in range(7):
            server.post(f"New {number}")
        old = server.post("Words of 2015", createdAt="2015-03-02T08:00:00.000Z")
        found: list[str] = []
        history: set[str] = set()
        for _ in range(5):
            batch = await reader.source.fetch(Want(), reader.cursor)
            reader.cursor = batch.cursor
            found += texts(list(batch.posts))
            history |= batch.history
        assert history == {old}
        return found, frozenset(history)

    found, _ = on(server, work)
    assert {f"New {number}" for number in range(7)} | {"Words of 2015"} <= {*found}


def test_a_pinned_post_is_no_order_and_is_kept_where_it_is_shown_only_there() -> None:
    server = town("Notice 0", "Notice 1", page=3)

    def pin() -> None:
        for number in range(7):
            server.post(f"New {number}")
        known = server.entries.pop(0)
        server.pinned = known | {"reason": {"$type": "app.bsky.feed.defs#reasonPin"}}

    first, second, third = rounds_of(server, pin, lambda: None)
    assert first == ["Notice 0", "Notice 1"]
    assert {f"New {number}" for number in range(7)} <= {*second}
    assert third.count("Notice 0") == 1


@pytest.mark.parametrize("kind", ["app.bsky.feed.defs#reasonPin", "app.bsky.feed.defs#reasonOfTomorrow"])
def test_what_is_shown_out_of_its_place_is_not_counted_by_first_contact(kind: str) -> None:
    server = town("Notice 0", "Notice 1")
    server.pinned = server.entries[0] | {"reason": {"$type": kind}}
    assert rounds_of(server, lambda: None, backfill=1) == [["Notice 1"], ["Notice 1"]]


def test_of_other_accounts_nothing_is_kept_for_a_reason_that_is_not_known() -> None:
    server = town("Notice 0")
    server.repost("The harbour is closed")
    server.entries[-1]["reason"]["$type"] = "app.bsky.feed.defs#reasonOfTomorrow"

    async def work(reader: Rounds) -> tuple[list[str], list[str]]:
        found = texts(await reader.round())
        return found, [one.reason for one in reader.last.quarantined]

    found, reasons = on(server, work)
    assert found == ["Notice 0"]
    assert "of another account" in reasons[0]


@pytest.mark.parametrize("by_place", [True, False])
def test_what_comes_while_pages_are_read_is_read_in_the_next_round(by_place: bool) -> None:
    server = town("Notice 0", page=3)
    server.by_place = by_place

    async def work(reader: Rounds) -> list[str]:
        await reader.round()
        for number in range(9):
            server.post(f"New {number}")
        found, more = [], True
        while more:
            batch = await reader.source.fetch(Want(), reader.cursor)
            reader.cursor, more = batch.cursor, batch.more
            found += texts(list(batch.posts))
            if len(server.entries) < 16:
                server.post(f"Later {len(server.entries)}")
        return found + texts(await reader.round())

    found = on(server, work)
    assert {f"New {number}" for number in range(9)} <= {*found}
    assert {one["post"]["record"]["text"] for one in server.entries} - {"Notice 0"} <= {*found}


@pytest.mark.parametrize("contacted", [True, False])
def test_what_is_deleted_while_pages_are_read_moves_no_post_past_their_border(contacted: bool) -> None:
    server = town("Notice 0", page=3)
    server.by_place = True

    async def work(reader: Rounds) -> list[str]:
        if contacted:
            await reader.round()
        keys = [server.post(f"New {number}") for number in range(12)]
        found, more, pages = [], True, 0
        while more:
            batch = await reader.source.fetch(Want(), reader.cursor)
            reader.cursor, more, pages = batch.cursor, batch.more, pages + 1
            found += texts(list(batch.posts))
            if pages == 2:
                server.delete(keys[-1])
        return found

    assert {f"New {number}" for number in range(12)} <= {*on(server, work, backfill="all")}


# The second way -------------------------------------------------------------------------------------------------------


def test_the_second_way_goes_down_to_what_is_known() -> None:
    server = town("Notice 0", "Notice 1", page=3)

    def fail() -> None:
        for number in range(11):
            server.post(f"New {number}")
        server.answers["getAuthorFeed"] = Answer(b"", 502)

    _, second, third = rounds_of(server, fail, lambda: None)
    assert {f"New {number}" for number in range(11)} <= {*second}
    assert {*second} == {*third}
    assert sum("listRecords" in path for path in server.asked) == 2 * 4
    assert not any("getAuthorFeed" in path and "cursor" in path for path in server.asked)


def test_a_server_that_begins_with_the_oldest_record_is_read_to_its_end() -> None:
    server = town("Notice 0", "Notice 1", "Notice 2", page=2)
    server.upwards = True

    def fail() -> None:
        server.post("New")
        server.answers["getAuthorFeed"] = Answer(b"", 502)

    assert rounds_of(server, fail)[1] == ["Notice 0", "Notice 1", "Notice 2", "New"]


def test_a_second_way_that_is_cut_off_is_a_failure_and_no_good_round() -> None:
    server = town("Notice 0", page=3)

    async def work(reader: Rounds) -> list[str]:
        await reader.round()
        for number in range(7):
            server.post(f"New {number}")
        server.answers["getAuthorFeed"] = Answer(b"", 502)
        first = await reader.source.fetch(Want(), reader.cursor)
        assert first.more
        server.answers["listRecords"] = Answer(b"", 503)
        with pytest.raises(Later):
            await reader.source.fetch(Want(), first.cursor)
        server.answers.clear()
        reader.cursor = first.cursor
        return texts(await reader.round())

    assert {f"New {number}" for number in range(7)} <= {*on(server, work)}


# States of the account ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "state"),
    [
        ("AccountDeactivated", "deactivated"),
        ("RepoDeactivated", "deactivated"),
        ("AccountTakedown", "taken down"),
        ("RepoTakendown", "taken down"),
        ("AccountNotFound", "not found"),
    ],
)
@pytest.mark.parametrize("where", ["getAuthorFeed", "listRecords"])
def test_what_a_server_says_of_an_account_is_its_state(error: str, state: str, where: str) -> None:
    server = town("Notice 0")

    async def work(reader: Rounds) -> str:
        await reader.round()
        said = json.dumps({"error": error, "message": "It is away"}).encode()
        if where == "listRecords":
            server.answers["getAuthorFeed"] = Answer(b"", 502)
        server.answers[where] = Answer(said, 400, JSON)
        with pytest.raises((Later, Never)) as raised:
            await reader.round()
        return str(raised.value.state)  # type: ignore[attr-defined]

    assert on(server, work) == state


def test_people_hear_once_that_its_own_server_does_not_show_it_while_the_appview_still_does() -> None:
    server = town("Notice 0")
    now = [NOW]

    async def work(reader: Rounds) -> list[tuple[str, ...]]:
        found = []
        for status in (None, "deactivated", "deactivated", None):
            server.status = status
            await reader.round()
            found.append(reader.last.notices)
            now[0] += 61 * 60 * 1_000_000
        return found

    first, second, third, fourth = on(server, work, clock=Clock(now=lambda: now[0]))
    assert (first, third) == ((), ())
    assert ["deactivated" in one for one in (*second, *fourth)] == [True, True]


def test_a_deleted_post_does_not_come_back_because_the_appview_still_shows_it() -> None:
    server = town("Notice 0", "Notice 1")
    gone = next(iter(server.records)).rpartition("/")[2]
    server.lag = True

    async def work(reader: Rounds) -> list[list[str]]:
        await reader.round()
        server.delete(gone)
        await reader.source.check(gone)
        second, third = texts(await reader.round()), texts(await reader.round())
        server.entries[0]["post"] |= {"indexedAt": written(NOW + SECOND)}  # it was published again
        return [second, third, texts(await reader.round())]

    assert on(server, work) == [["Notice 1"], ["Notice 1"], ["Notice 0", "Notice 1"]]


def test_a_post_that_is_there_after_all_is_read_in_the_feed_again() -> None:
    server = town("Notice 0", "Notice 1")
    gone = next(iter(server.records)).rpartition("/")[2]

    async def work(reader: Rounds) -> list[list[str]]:
        await reader.round()
        server.answers[f"rkey={gone}"] = Answer(b'{"error": "RecordNotFound"}', 400, JSON)
        await reader.source.check(gone)
        second = texts(await reader.round())
        server.answers.clear()
        await reader.source.check(gone)
        return [second, texts(await reader.round())]

    assert on(server, work) == [["Notice 1"], ["Notice 0", "Notice 1"]]


@pytest.mark.parametrize("error", ["InvalidRequest", "ActorNotFound", "NotFound"])
def test_an_empty_feed_of_an_account_that_is_not_there_is_no_first_contact(error: str) -> None:
    server = BlueskyServer()
    server.answers["getProfile"] = Answer(
        json.dumps({"error": error, "message": "Could not find user"}).encode(), 404, JSON
    )
    with pytest.raises(Never, match="Could not find user"):
        on(server, lambda reader: reader.round(), actor=DID)


def test_an_account_whose_last_post_is_deleted_is_empty_and_not_broken() -> None:
    server = town("Notice 0")
    server.answers["getProfile"] = Answer(json.dumps(server.author()).encode(), 200, JSON)
    key = next(iter(server.records)).rpartition("/")[2]
    assert rounds_of(server, lambda: server.delete(key), actor=DID) == [["Notice 0"], []]


def test_the_end_of_a_feed_may_name_the_same_cursor_again() -> None:
    server = town("Notice 0", "Notice 1", page=1)
    server.by_place = server.endless = True
    assert rounds_of(server, lambda: None, backfill="all") == [["Notice 1", "Notice 0"], ["Notice 1"]]


# Who ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [["at://other.town.example"], []])
def test_a_handle_that_its_account_does_not_name_is_refused_with_what_to_write(names: list[str]) -> None:
    server = town("Notice 0")
    server.names = names
    with pytest.raises(Never, match=f'write actor = "{DID}"'):
        on(server, lambda reader: reader.round())
    assert on(server, lambda reader: reader.round(), actor=DID)


def test_an_account_that_has_moved_is_asked_where_it_is_now() -> None:
    old, new = town("Notice 0", "Notice 1"), BlueskyServer()
    keys = [name.rpartition("/")[2] for name in old.records]
    new.records = dict(old.records)

    async def work() -> list[str]:
        now = [NOW]
        async with Peer() as peer, Peer() as moved:
            peer.reply, moved.reply = old.reply, new.reply
            old.url, here = peer.url(""), peer.url("")
            named = {"kind": "bluesky", "name": "it", "actor": DID, "base_url": here, "plc_url": here}
            checked = sources.settings_of("bluesky").model_validate(named)
            async with surrounded(Path(), peer.port, moved.port, clock=Clock(now=lambda: now[0])) as tools:
                reader = Rounds(sources.build(checked, tools))
                await reader.round()
                found = [(await reader.source.check(keys[0])).presence]
                old.url = moved.url("")
                old.answers["getRecord"] = Answer(b'{"error": "RepoDeactivated", "message": "moved"}', 400, JSON)
                now[0] += 6 * 60 * SECOND
                return [*found, (await reader.source.check(keys[0])).presence]

    assert asyncio.run(work()) == ["present", "present"]
