"""Mastodon: pages down to what is known, versions of edits, absences with a control, what only a person can mend."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.contracts.source import SourceSettings, Want
from bot.errors import Later, Never
from bot.sources.mastodon.account import AccountAddress
from bot.sources.mastodon.posts import read_page
from bot.sources.mastodon.source import Mastodon, Settings
from storage.posts import saving
from storage.records import FetchedPost
from tests.sources.loopback_server import NOW, Answer, Peer, surrounded
from tests.sources.mastodon_server import JSON, MastodonServer
from tests.sources.rounds import Rounds, on_server

T = TypeVar("T")
GOLDEN = Path(__file__).parent / "golden" / "mastodon"


def on(server: MastodonServer, work: Callable[[Rounds], Awaitable[T]], path: str = "/@ferry_office", **keys: Any) -> T:
    """What `work` gives with rounds on this server."""
    return on_server(server.reply, lambda peer: {"kind": "mastodon", "account": peer.url(path)} | keys, work)


def town(*words: str, page: int = 40) -> MastodonServer:
    server = MastodonServer(page=page)
    for each in words:
        server.post(f"<p>{each}</p>")
    return server


def texts(posts: list[FetchedPost]) -> list[str]:
    return [post.text for post in posts]


def shown(post: FetchedPost) -> dict[str, Any]:
    """A post as the golden file holds it: without empty fields and without its bytes."""
    found = {name: value for name, value in asdict(post).items() if value not in (None, "", (), False)}
    return {name: value for name, value in found.items() if name != "raw"}


def test_a_page_of_statuses_reads_as_its_golden_posts() -> None:
    body = (GOLDEN / "statuses.json").read_bytes()
    page = read_page(body, NOW)
    expected = json.loads((GOLDEN / "statuses.json.posts.json").read_text(encoding="utf-8"))
    assert json.loads(json.dumps([shown(status.post) for status in page.statuses])) == expected
    assert all(status.post.raw.data in body for status in page.statuses)
    assert [piece.reason for piece in page.quarantined] == ["a status without an id"]


@pytest.mark.parametrize(
    ("written", "handle"),
    [
        ("@ferry@town.example", "@ferry@town.example"),
        ("ferry@Town.Example", "@ferry@town.example"),
        ("https://town.example/@ferry", "@ferry@town.example"),
        ("https://town.example/users/ferry/", "@ferry@town.example"),
        ("https://town.example/web/@ferry", "@ferry@town.example"),
        ("https://else.example/@ferry@town.example", "@ferry@town.example"),
        ("http://127.0.0.1:3000/@ferry", "@ferry@127.0.0.1:3000"),
    ],
)
def test_every_form_of_an_account_is_understood(written: str, handle: str) -> None:
    assert AccountAddress.read(written).handle == handle


@pytest.mark.parametrize("written", ["ferry", "https://town.example/about", "ftp://town.example/@ferry", "@a@b@c", ""])
def test_what_is_no_account_is_refused_with_the_right_form(written: str) -> None:
    with pytest.raises(ValueError, match="expected an account such as"):
        AccountAddress.read(written)


def test_ids_that_are_no_numbers_are_ordered_by_length_and_then_by_letters() -> None:
    server = MastodonServer(page=2)
    for native_id in ("9zz", "A0aa", "A0ab", "B000"):
        server.post(f"<p>{native_id}</p>", native_id)

    async def work(reader: Rounds) -> list[str]:
        await reader.round()
        for native_id in ("B001", "C000", "Czzz", "10000"):
            server.post(f"<p>{native_id}</p>", native_id)
        return texts(await reader.round())

    assert {"B001", "C000", "Czzz", "10000"} <= set(on(server, work))


def test_a_server_that_ignores_the_way_down_is_an_error_and_no_endless_round() -> None:
    server = town(*(f"Notice {number}" for number in range(10)), page=3)

    async def work(reader: Rounds) -> None:
        first = await reader.source.fetch(Want(), None)
        server.answers["/api/v1/accounts/109300000000000001/statuses"] = server.reply(
            "/api/v1/accounts/109300000000000001/statuses"
        )
        await reader.source.fetch(Want(), first.cursor)

    with pytest.raises(Later, match="did not answer with posts below"):
        on(server, work)


NOTHING = dict.fromkeys(
    ("edited_at", "spoiler_text", "reblog", "media_attachments", "poll", "card", "quote", "in_reply_to_id", "language")
)


@pytest.mark.parametrize("status", [404, 501])
def test_other_servers_ids_and_missing_fields_are_no_hindrance(status: int) -> None:
    server = MastodonServer(page=3)
    ids = [f"01K{number:023X}" for number in range(1, 12)]  # as GoToSocial makes them
    for native_id in ids[:4]:
        server.post(f"<p>{native_id}</p>", native_id, **NOTHING)
    server.statuses[1] |= {"edited_at": "2026-11-30T01:00:00Z"}
    server.answers |= {f"/api/v1/statuses/{each}/history": Answer(b"{}", status, dict(JSON)) for each in ids}

    async def work(reader: Rounds) -> list[list[str]]:
        first = texts(await reader.round())
        for native_id in ids[4:]:
            server.post(f"<p>{native_id}</p>", native_id, **NOTHING)
        return [first, texts(await reader.round())]

    first, second = on(server, work)
    assert sorted(first) == ids[:4]
    assert set(ids[4:]) <= set(second), "three pages of news"


def test_a_quoted_post_is_a_link_in_both_forms_that_servers_give() -> None:
    inside = {"id": "7", "url": "https://hill.example/@mayor/7", "content": "<p>their words</p>"}
    for quote in ({"state": "accepted", "quoted_status": inside}, inside):
        server = MastodonServer()
        server.post("<p>ours</p>", quote=quote)
        [post] = on(server, lambda reader: reader.round())
        assert (post.text, [link.url for link in post.links]) == ("ours", ["https://hill.example/@mayor/7"])


def test_what_is_not_for_everybody_is_left_out_though_a_token_shows_it() -> None:
    server = MastodonServer(page=2)
    for visibility in ("public", "private", "direct", "mutuals_only", "unlisted", "private", "private"):
        server.post(f"<p>{visibility}</p>", visibility=visibility)
    assert sorted(texts(on(server, lambda reader: reader.round()))) == ["public", "unlisted"]


def test_the_language_that_the_server_names_counts_where_the_words_do_not_tell() -> None:
    server = town("Halt")
    server.statuses[0]["language"] = "de"
    [post] = on(server, lambda reader: reader.round())
    assert post.language == "de"


def test_each_version_that_the_server_keeps_is_a_version_here_and_only_once() -> None:
    server = town("The bridge is open")
    native_id = server.statuses[0]["id"]

    async def work(reader: Rounds) -> list[list[str]]:
        rounds = [texts(await reader.round())]
        server.edit(native_id, "<p>The bridge is closed</p>")
        server.edit(native_id, "<p>The bridge is gone</p>")
        rounds.append(texts(await reader.round()))
        server.edit(native_id, "<p>The bridge is rebuilt</p>")
        rounds.append(texts(await reader.round()))
        rounds.append(texts(await reader.round()))
        return rounds

    assert on(server, work) == [
        ["The bridge is open"],
        ["The bridge is closed", "The bridge is gone"],
        ["The bridge is rebuilt"],
        ["The bridge is rebuilt"],
    ]
    fresh = on(server, lambda reader: reader.round())
    assert [post.edited for post in fresh] == [False, True, True, True]
    assert len({post.raw.data for post in fresh}) == 4


def test_versions_from_between_two_second_looks_are_stored_and_each_once(desk: Any) -> None:
    server = town("The bridge is open")
    native_id = server.statuses[0]["id"]

    async def work(reader: Rounds) -> None:
        desk.save(*await reader.round())
        for words in ("closed", "gone", None, "rebuilt", "open", None, None):
            if words is not None:
                server.edit(native_id, f"<p>The bridge is {words}</p>")
                continue
            checked = await reader.source.check(native_id)
            with desk.archive.writing() as writer:
                saving.save_check(writer, desk.rows("SELECT id FROM posts")[0][0], checked, NOW, apart=1)

    on(server, work)
    texts = [text for (text,) in desk.rows("SELECT text FROM revisions_readable ORDER BY number")]
    assert texts == [f"The bridge is {words}" for words in ("open", "closed", "gone", "rebuilt", "open")]
    asked = [path for path in server.asked if path.endswith("/history")]
    assert len(asked) == 3, "its last versions are asked for at each look, since no page shows them"


def test_an_edited_post_is_stored_where_the_server_keeps_no_versions() -> None:
    server = town("The bridge is open")
    server.edit(server.statuses[0]["id"], "<p>The bridge is closed</p>")
    server.versions.clear()
    assert texts(on(server, lambda reader: reader.round())) == ["The bridge is closed"]


def test_a_page_that_is_no_answer_of_the_server_is_no_absence() -> None:
    server = town("Notice 0", "Notice 1")

    async def work(reader: Rounds) -> None:
        await reader.round()
        server.answers["/api/v1/statuses"] = Answer(b"<h1>Not found</h1>", 404, {"Content-Type": "text/html"})
        await reader.source.check(server.statuses[0]["id"])

    with pytest.raises(Later):
        on(server, work)


def test_a_server_that_wants_a_sign_in_says_how_to_bring_a_token() -> None:
    server = town("Notice 0")
    server.answers["/api/v1/accounts"] = Answer(b'{"error": "This method requires an authenticated user"}', 401, JSON)
    with pytest.raises(Never) as raised:
        on(server, lambda reader: reader.round())
    assert raised.value.state == "sign-in required"
    assert "token_file" in raised.value.remedy


def test_the_token_goes_to_the_server_and_never_into_a_message(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("canary-of-the-token\n")
    token.chmod(0o600)

    async def go() -> tuple[str, str]:
        async with Peer() as peer, surrounded(tmp_path, peer.port) as tools:
            peer.answer = Answer(b'{"error": "The access token is invalid"}', 401, JSON)
            entry = {"name": "f", "kind": "mastodon", "account": peer.url("/@ferry_office"), "token_file": str(token)}
            source = Mastodon(Settings.model_validate(entry), tools)
            with pytest.raises(Never) as raised:
                await source.fetch(Want(), None)
            return peer.asked[0][1]["authorization"], f"{raised.value} {raised.value.remedy}"

    sent, said = asyncio.run(go())
    assert sent == "Bearer canary-of-the-token"
    assert "canary" not in said


def test_a_wait_that_the_server_names_as_a_time_is_obeyed() -> None:
    server = town("Notice 0")
    headers = JSON | {"X-RateLimit-Reset": "2026-11-22T10:34:00.000000Z"}
    server.answers["/api/v1/accounts"] = Answer(b'{"error": "Too many requests"}', 429, headers)
    with pytest.raises(Later) as raised:
        on(server, lambda reader: reader.round())
    assert (raised.value.obey, raised.value.retry_at) == (True, NOW + 240 * 1_000_000)


def test_a_name_that_belongs_to_somebody_else_now_is_not_followed() -> None:
    server = town("Notice 0")

    async def work(reader: Rounds) -> None:
        await reader.round()
        server.id = "109300000000000777"
        await reader.round()

    with pytest.raises(Never) as raised:
        on(server, work)
    assert raised.value.state == "renamed"


def test_an_account_that_is_gone_is_never_nothing_new() -> None:
    server = town("Notice 0")

    async def work(reader: Rounds) -> None:
        await reader.round()
        server.name, server.id = "other", "1"
        await reader.round()

    with pytest.raises(Never, match="knows no account"):
        on(server, work)


def test_an_account_that_suddenly_shows_nothing_though_it_counts_posts_is_an_error() -> None:
    server = town("Notice 0")

    async def work(reader: Rounds) -> None:
        await reader.round()
        server.answers["/api/v1/accounts/109300000000000001/statuses"] = Answer(b"[]", 200, JSON)
        await reader.round()

    with pytest.raises(Later, match="shows no posts any more"):
        on(server, work)


def test_a_move_is_reported_and_not_followed() -> None:
    server = town("Notice 0")

    async def work(reader: Rounds) -> list[str | None]:
        await reader.round()
        before = reader.last.moved_to
        server.account["moved"] = {"id": "2", "acct": "ferry@sea.example", "url": "https://sea.example/@ferry"}
        await reader.round()
        assert reader.last.channel_id == "https://town.example/users/ferry_office"
        return [before, reader.last.moved_to]

    assert on(server, work) == [None, "https://sea.example/@ferry"]


def test_the_server_that_the_name_leads_to_is_found_by_webfinger() -> None:
    server = town("Notice 0")
    server.answers["/api/v1/accounts/lookup"] = Answer(b"<p>nothing here</p>", 404)

    async def work(reader: Rounds) -> list[str]:
        actor = "http://127.0.0.1:9/users/ferry_office"
        finger = {"links": [{"rel": "self", "type": "application/activity+json", "href": actor}]}
        server.answers["/.well-known/webfinger"] = Answer(json.dumps(finger).encode(), 200, JSON)
        with pytest.raises((Later, Never)) as raised:
            await reader.round()
        return [str(raised.value), *server.asked]

    said, *asked = on(server, work)
    assert asked[1].startswith("/.well-known/webfinger?resource=acct%3Aferry_office%40127.0.0.1")
    assert "127.0.0.1" in said  # where it leads is held to public addresses


class Steps:
    """Random lives of an account."""

    step = st.one_of(
        st.tuples(st.just("post"), st.integers(1, 9)),
        st.tuples(st.just("edit"), st.integers(0, 99)),
        st.tuples(st.just("delete"), st.integers(0, 99)),
        st.tuples(st.just("round"), st.integers(0, 2)),
    )


@settings(max_examples=15, deadline=None)
@given(st.lists(Steps.step, max_size=14))
def test_whatever_an_account_does_every_post_seen_at_a_round_is_stored_with_every_version_since(
    steps: list[tuple[str, int]],
) -> None:
    """`round n`: the way down is cut off after n replies, and continued by the next round."""
    server = MastodonServer(page=3)
    stored: dict[str, list[str]] = {}

    def keep(posts: tuple[FetchedPost, ...]) -> None:
        for post in posts:
            versions = stored.setdefault(post.native_id, [])
            if not versions or versions[-1] != post.text:
                versions.append(post.text)

    async def work(reader: Rounds) -> None:
        count = 0
        for what, number in [*steps, ("round", 0), ("round", 0)]:
            if what == "post":
                for _ in range(number):
                    server.post(f"<p>{(count := count + 1)}</p>")
            elif what == "edit" and server.statuses:
                server.edit(server.statuses[number % len(server.statuses)]["id"], f"<p>{(count := count + 1)}</p>")
            elif what == "delete" and server.statuses:
                server.delete(server.statuses[number % len(server.statuses)]["id"])
            elif what == "round":
                left = number or 99
                more = True
                while more and left:
                    batch = await reader.source.fetch(Want(), reader.cursor)
                    reader.cursor, more, left = batch.cursor, batch.more, left - 1
                    keep(batch.posts)

    server.account["statuses_count"] = 0  # whatever is deleted, an empty page is the truth here
    on(server, work, backfill="all")
    assert {status["id"] for status in server.statuses} <= stored.keys()
    newest = [status["id"] for status in server.statuses[-3:]]
    for native_id in newest:
        versions = [version["content"][3:-4] for version in server.versions[native_id]]
        assert stored[native_id] == versions


def test_the_settings_know_their_account_under_each_of_its_names() -> None:
    entry: SourceSettings = Settings(name="f", kind="mastodon", account="@ferry@town.example")
    assert entry.is_meant_by("https://town.example/@Ferry")
    assert not entry.is_meant_by("https://town.example/@other")
    assert entry.server() == "town.example:443"
