"""Who a source is, as each kind shows it: a new name, title or picture is seen, and the same one is the same."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot import sources
from bot.cli.sources.check import look
from bot.contracts.source import Want
from bot.errors import Never
from storage.records import Batch, SourceRow
from tests.sources.bluesky_server import DID, BlueskyServer
from tests.sources.loopback_server import Answer, Peer, surrounded
from tests.sources.mastodon_server import MastodonServer
from tests.sources.rounds import Rounds, on_server
from tests.sources.youtube_server import YouTubeServer


async def twice(rounds: Rounds, change: Callable[[], None]) -> list[Batch]:
    """The last reply before a change and after it."""
    found = []
    await rounds.round()  # down to the end of the first contact
    for between in (change, lambda: None):
        await rounds.round()
        found.append(rounds.last)
        between()
    return found


def test_a_mastodon_account_that_is_renamed_is_the_same_account_under_another_name() -> None:
    server = MastodonServer(account={"avatar": "https://files.town.example/a/first.png?1"})
    server.post("<p>One.</p>")
    before: dict[str, str] = {}

    def rename() -> None:
        server.account |= {"acct": "Harbour_Office", "avatar": "https://files.town.example/a/second.png"}

    def keys(peer: Peer) -> dict[str, Any]:
        before["handle"] = peer.url("/@ferry_office").replace("http://", "").replace("/@ferry_office", "")
        return {"kind": "mastodon", "account": peer.url("/@ferry_office")}

    old, new = on_server(server.reply, keys, lambda rounds: twice(rounds, rename))
    host = before["handle"]
    assert (old.handle, new.handle) == (f"@ferry_office@{host}", f"@Harbour_Office@{host}")
    assert old.channel_id == new.channel_id
    assert (old.picture, new.picture) == (
        "https://files.town.example/a/first.png",
        "https://files.town.example/a/second.png",
    )


def test_a_check_finds_an_account_that_has_another_name_now() -> None:
    server = BlueskyServer()
    server.post("One.")

    def keys(peer: Peer) -> dict[str, Any]:
        server.url = here = peer.url("")
        return {"kind": "bluesky", "actor": server.handle, "base_url": here, "plc_url": here, "pds_url": here}

    async def check(rounds: Rounds) -> Batch:
        await rounds.round()
        server.handle = "pier.town.example"
        with pytest.raises(Never, match="not found"):
            await look(rounds.source, None)
        return await look(rounds.source, row(rounds.cursor, channel_id=DID))

    found = on_server(server.reply, keys, check)
    assert (found.channel_id, [post.text for post in found.posts]) == (DID, ["One."])


def test_a_check_refuses_another_account_at_the_address_of_the_known_one() -> None:
    server = MastodonServer()
    server.post("<p>One.</p>")

    async def check(rounds: Rounds) -> None:
        await rounds.round()
        known = row(rounds.cursor, channel_id=str(rounds.last.channel_id))
        assert (await look(rounds.source, known)).posts
        server.id = "109300000000000777"
        with pytest.raises(Never, match="belongs to another account"):
            await look(rounds.source, known)

    on_server(server.reply, lambda peer: {"kind": "mastodon", "account": peer.url("/@ferry_office")}, check)


def row(cursor: str | None, channel_id: str) -> SourceRow:
    return SourceRow(
        id=1, name="it", kind="bluesky", tags=(), side=None, state="ok", reason=None, state_since=0,
        channel_id=channel_id, handle=None, title=None, cursor=cursor, high_water=None, first_contact_at=1,
        next_poll_at=0, hold_until=None, failures=0, last_ok_at=7, last_post_at=5, paused=False,
    )  # fmt: skip


def test_an_account_of_a_server_whose_names_have_another_domain_is_not_renamed() -> None:
    server = MastodonServer(account={"acct": "Ferry_Office"})
    server.post("<p>One.</p>")
    keys = lambda peer: {"kind": "mastodon", "account": peer.url("/@ferry_office")}  # noqa: E731
    batch, _ = on_server(server.reply, keys, lambda rounds: twice(rounds, lambda: None))
    assert batch.handle is not None
    assert batch.handle.startswith("@ferry_office@127.0.0.1:")


def test_the_picture_of_a_youtube_channel_is_known_when_its_page_is_read() -> None:
    server = YouTubeServer()
    server.publish("One")

    def change() -> None:
        server.picture = "AIdro_second"
        server.answers["feeds/videos.xml"] = Answer(b"", 500)

    keys = lambda peer: {"kind": "youtube", "channel": peer.url("/@ferry_office")}  # noqa: E731
    old, new = on_server(server.reply, keys, lambda rounds: twice(rounds, change))
    assert (old.title, old.picture) == ("Ferry Office", "AIdro_first")
    assert (new.title, new.picture) == ("Ferry Office", "AIdro_second")
    assert new.method == "pages of the channel"


ITEM = "<item><guid>1</guid><title>One</title></item>"
PICTURES = {
    "rss": f"<rss><channel><title>T</title><image><url>{{}}</url><title>no</title></image>{ITEM}</channel></rss>",
    "atom": '<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title><logo>{}</logo>'
    "<entry><id>1</id><title>One</title></entry></feed>",
    "itunes": '<rss xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"><channel><title>T</title>'
    f'<itunes:image href="{{}}"/>{ITEM}</channel></rss>',
    "json": '{{"version": "https://jsonfeed.org/version/1.1", "title": "T", "icon": "{}", "items": [{{"id": "1",'
    ' "content_text": "One"}}]}}',
}


def feed_picture(document: str) -> str | None:
    async def go() -> str | None:
        async with Peer() as peer, surrounded(Path(), peer.port) as tools:
            peer.answer = Answer(document.encode())
            entry = {"name": "it", "kind": "feed", "url": peer.url()}
            source = sources.build(sources.settings_of("feed").model_validate(entry), tools)
            return (await source.fetch(Want(), None)).picture

    return asyncio.run(go())


@pytest.mark.parametrize("form", PICTURES)
def test_a_feed_is_known_by_the_address_of_its_picture(form: str) -> None:
    written = "https://town.example/logo-2026.png?" + ("v=8" if form == "json" else "v=8&amp;t=1")
    assert feed_picture(PICTURES[form].format(written)) == "https://town.example/logo-2026.png"


@pytest.mark.parametrize("written", ["", "javascript:alert(1)", "data:image/png;base64,AAAA", "http://[bad"])
def test_what_is_no_address_of_a_picture_is_none(written: str) -> None:
    assert feed_picture(PICTURES["rss"].format(written)) is None
