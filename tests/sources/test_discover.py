"""An address that a person has: which kind reads it, by asking real servers."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from bot import sources
from bot.cli.sources.add import make_name
from bot.cli.sources.discover import Discovery, discover
from bot.clock import Clock
from bot.config.document import ConfigFile
from bot.config.environment import Environment
from bot.config.reading import settle
from bot.errors import CommuniqueError, Later, UserError
from bot.http import Http, HttpRules
from bot.listing.kinds import every_kind
from tests.sources.loopback_server import NOW, Answer, Peer
from tests.sources.mastodon_server import MastodonServer
from tests.sources.town_site import HTML, TownSite

RSS = (
    b'<rss version="2.0"><channel><title>Town</title><item><guid>1</guid><title>Ferry</title>'
    b"<pubDate>Sun, 22 Nov 2026 08:00:00 GMT</pubDate></item></channel></rss>"
)


def at(reply: Callable[[str], Answer], path: str) -> Discovery:
    """What is found at this path of a server that answers so."""

    async def go() -> Discovery:
        async with Peer() as peer:
            peer.reply = reply
            clock = Clock(now=lambda: NOW)
            private = frozenset({("127.0.0.1", peer.port)})
            http = Http(HttpRules(user_agent="t", private=private, intervals={"127.0.0.1": 0}), clock)
            config = settle(ConfigFile(name="", path=None, directory=Path()), Environment.of({}), every_kind())
            try:
                return await discover(peer.url(path), config, http, clock)
            finally:
                await http.aclose()

    return asyncio.run(go())


def test_the_profile_of_an_account_is_that_account() -> None:
    server = MastodonServer()
    server.post("<p>Notice</p>")
    found = at(server.reply, "/@ferry_office")
    assert (found.kind, found.batch.title) == ("mastodon", "Ferry Office")


def test_a_feed_is_a_feed() -> None:
    found = at(lambda _: Answer(RSS, 200), "/news.xml")
    assert (found.kind, found.batch.title) == ("feed", "Town")


def test_a_page_that_names_a_feed_is_that_feed_and_not_the_one_of_its_comments() -> None:
    def reply(path: str) -> Answer:
        if path == "/good.xml":
            return Answer(RSS, 200)
        page = (
            '<html><head><link rel="alternate" type="application/rss+xml" title="Comments" href="/comments.xml">'
            '<link rel="alternate" type="application/rss+xml" href="good.xml"></head><body><p>Welcome</p></body></html>'
        )
        return Answer(page.encode(), 200, HTML)

    found = at(reply, "/")
    assert found.kind == "feed"
    assert str(found.keys["url"]).endswith("/good.xml")


def test_a_page_without_a_feed_is_a_list() -> None:
    site = TownSite()
    for number in range(4):
        site.publish(f"Notice number {number} of the ferry office")
    pytest.importorskip("trafilatura")
    found = at(site.reply, "/statements")
    assert found.kind == "website"
    assert len(found.batch.posts) == 3


def test_of_a_page_without_a_feed_it_says_what_a_person_can_do() -> None:
    site = TownSite()
    for number in range(4):
        site.publish(f"Notice number {number} of the ferry office")
    site.robots = Answer(b"User-agent: *\nDisallow: /statements\n", 200, {"Content-Type": "text/plain"})
    with pytest.raises(CommuniqueError, match=r"robots\.txt forbids"):
        at(site.reply, "/statements")


@pytest.mark.parametrize(
    ("html", "said"),
    [
        ("<title>Sailings</title><p>The ferry sails at nine.</p>", 'mode = "page"'),
        ("<h1>Before you continue</h1><form><button>Accept all</button></form>", "consent page"),
    ],
)
def test_of_a_page_with_neither_feed_nor_list_it_says_what_works(html: str, said: str) -> None:
    page = Answer(f"<html><body>{html}</body></html>".encode(), 200, HTML)
    with pytest.raises(Later, match=said):
        at(lambda path: page if path == "/sailings" else Answer(b"", 404), "/sailings")


def test_what_is_none_of_these_is_the_first_reason() -> None:
    with pytest.raises(CommuniqueError):
        at(lambda _: Answer(b"", 404), "/nothing")


@pytest.mark.parametrize(
    ("address", "kind", "key"),
    [
        ("https://t.me/s/example_channel", "telegram_web", "channel"),
        ("t.me/example_channel/12", "telegram_web", "channel"),
        ("@ferry@town.example", "mastodon", "account"),
        ("https://bsky.app/profile/ferry.town.example", "bluesky", "actor"),
        ("https://staging.bsky.app/profile/ferry.town.example/post/3kabc", "bluesky", "actor"),
        ("https://any.example/profile/did:plc:ferryofficetownaaaaaaaa2", "bluesky", "actor"),
        ("at://ferry.town.example/app.bsky.feed.post/3kabc", "bluesky", "actor"),
        ("did:plc:ferryofficetownaaaaaaaa2", "bluesky", "actor"),
        ("@ferry.town.example", "bluesky", "actor"),
        ("https://www.youtube.com/@ferry_office", "youtube", "channel"),
    ],
)
def test_what_is_sure_needs_no_question(address: str, kind: str, key: str) -> None:
    found, recognised = sources.recognise(address)[0]
    assert (found, recognised.rank, list(recognised.keys)) == (kind, 0, [key])


def test_a_name_that_may_be_a_site_or_an_account_is_tried_last_as_an_account() -> None:
    assert [(kind, one.rank) for kind, one in sources.recognise("ferry.town.example")][-1] == ("bluesky", 4)
    elsewhere = sources.recognise("https://town.example/profile/ferry.town.example")
    assert next((kind, one.rank) for kind, one in elsewhere) == ("bluesky", 1)


def test_a_bare_name_is_asked_for_as_an_account_and_not_called_a_bad_address() -> None:
    async def go() -> None:
        clock = Clock(now=lambda: NOW)
        http = Http(HttpRules(user_agent="t", proxy="http://127.0.0.1:1"), clock)
        config = settle(ConfigFile(name="", path=None, directory=Path()), Environment.of({}), every_kind())
        try:
            await discover("ferry.town.example", config, http, clock)
        finally:
            await http.aclose()

    with pytest.raises(CommuniqueError, match="proxy"):
        asyncio.run(go())


@pytest.mark.parametrize("address", ["ferry", "", "http://", "file:///etc/passwd", "@ferry"])
def test_what_is_no_address_is_recognised_by_nobody(address: str) -> None:
    assert sources.recognise(address) == []


@pytest.mark.parametrize("address", ["https://t.me/+AbCdEfGhIjKlMnOp", "t.me/joinchat/AAAA", "tg://join?invite=AbC"])
def test_an_invitation_is_said_to_need_an_account_and_nobody_is_asked(address: str) -> None:
    with pytest.raises(UserError, match="which only an account that has joined it can read"):
        asyncio.run(discover(address, *(None,) * 3))  # type: ignore[arg-type]


def test_places_that_are_closed_name_the_nearest_thing_that_works() -> None:
    with pytest.raises(UserError, match="RSSHub"):
        asyncio.run(discover("https://x.com/someone", *(None,) * 3))  # type: ignore[arg-type]


@pytest.mark.parametrize("address", ["imaps://mail.example.org:993/INBOX", "mailto:desk@example.org"])
def test_of_a_mailbox_it_says_what_to_write(address: str) -> None:
    with pytest.raises(UserError, match=r'write it by hand: kind = "mail", .* docs/sources/mail\.md'):
        asyncio.run(discover(address, None, None, None))  # type: ignore[arg-type]  # nobody is asked


def test_names_are_made_of_the_first_words_and_are_free() -> None:
    assert make_name("@ferry_office@town.example", set()) == "ferry_office-town-example"
    assert make_name("https://www.town.example/a", {"town-example-a"}) == "town-example-a-2"
    assert make_name("ဆိပ်ကမ်း ရုံး", set()) == "ဆိပ်ကမ်း-ရုံး"
    assert make_name("ข่าว / ท่าเรือ", set()) == "ข่าว-ท่าเรือ"
    assert make_name("တိ" * 30, set()) == "တိ" * 20, "no letter is cut apart"
    assert make_name("\x1b[2J", set()) == "2j"
