"""Of every kind: a post without a usable time has none, and what a post quotes lends it neither words nor a time."""

import json
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import pytest

from bot import sources
from bot.clock import Clock
from bot.world import World
from bot.world.answers import Request, answer
from storage.records import FetchedPost
from tests.certificates import make_authority
from tests.sources.bluesky_server import DID, OTHER, BlueskyServer
from tests.sources.loopback_server import NOW, Answer, Peer
from tests.sources.mailbox_double import MailboxDouble
from tests.sources.mastodon_server import MastodonServer
from tests.sources.rounds import Rounds, on_server
from tests.sources.town_site import HTML, TownSite
from tests.sources.youtube_server import YouTubeServer

Keys = dict[str, Any]
Reply = Callable[[str], Answer]
Prepared = tuple[Reply, Callable[[Peer], Keys]]
OWN, THEIRS = "Our own words.", "FOREIGN words of theirs."
LATER = "2026-11-22T09:59:59Z"  # when those said theirs; what carries it is older
UNUSABLE = [
    "at the time of high water",
    "2099-12-31T00:00:00+00:00",
    pytest.param("", marks=pytest.mark.long),
    pytest.param("1970-01-01T00:00:00+00:00", marks=pytest.mark.long),
]


def posts_of(prepared: Prepared) -> list[FetchedPost]:
    reply, keys = prepared

    async def work(rounds: Rounds) -> list[FetchedPost]:
        return await rounds.round()

    return on_server(reply, keys, work)


def mailbox(place: Path, *letters: str) -> Prepared:
    def keys(peer: Peer) -> Keys:
        authority = make_authority(place)
        peer.tls = authority.server("127.0.0.1")
        peer.speaks = MailboxDouble([one.replace("\n", "\r\n").encode() for one in letters]).talk
        secret = place / "password"
        secret.touch(mode=0o600)
        secret.write_text("secret")
        entry = {"password_file": str(secret), "ca_file": str(authority.ca_file), "user": "desk"}
        return {"kind": "mail", "server": f"imaps://127.0.0.1:{peer.port}", "from": ["@ferry.example"], **entry}

    return lambda _: Answer(), keys


def letter(date: str, rest: str) -> str:
    return f"From: press@ferry.example\nMessage-ID: <1@ferry.example>\nSubject: Notice\nDate: {date}\n{rest}"


def feed(item: str, head: str = "") -> Prepared:
    document = f'<rss version="2.0" {head}><channel><title>Ferry</title>{item}</channel></rss>'
    return lambda _: Answer(document.encode()), lambda peer: {"kind": "feed", "url": peer.url()}


def website(site: TownSite, **more: Any) -> Prepared:
    keys = {"kind": "website", "body": ".body", **more}
    return site.reply, lambda peer: {**keys, "url": peer.url("/statements"), "item": "li.row", "link": "h2 a"}


def telegram(world: World, change: Callable[[bytes], bytes] = lambda page: page) -> Prepared:
    def reply(path: str) -> Answer:
        found = answer(world, Request(path, {}))
        return Answer(change(found.body), found.status, found.headers)

    return reply, lambda peer: {"kind": "telegram_web", "channel": "ferry_office", "base_url": peer.url("")}


def replay(place: Path, **document: Any) -> Prepared:
    path = place / "posts.jsonl"
    path.write_text(json.dumps({"native_id": "1", "text": OWN, **document}) + "\n")
    return lambda _: Answer(), lambda _: {"kind": "replay", "path": str(path)}


# Times ----------------------------------------------------------------------------------------------------------------


def timed(kind: str, written: str, place: Path) -> Prepared:
    """A source of this kind with one post, whose time is written so."""
    if kind == "mastodon":
        mastodon = MastodonServer()
        mastodon.post(OWN, created_at=written)
        return mastodon.reply, lambda peer: {"kind": kind, "account": peer.url("/@ferry_office")}
    if kind == "bluesky":
        bluesky = BlueskyServer()
        bluesky.post(OWN, createdAt=written)
        bluesky.entries[0]["post"]["indexedAt"] = written
        return bluesky.reply, bluesky_keys
    if kind == "youtube":
        youtube = YouTubeServer()
        youtube.publish(OWN)

        def reply(path: str) -> Answer:
            found = youtube.reply(path)
            begin, end = found.body.find(b"<published>") + 11, found.body.find(b"</published>")
            return Answer(found.body[:begin] + written.encode() + found.body[end:]) if end > 0 else found

        return reply, lambda peer: {"kind": kind, "channel": peer.url("/@ferry_office")}
    if kind == "website":
        site = TownSite()
        site.publish("A notice of the ferry office", f"<p>{OWN}</p>", time=written or " ")
        return website(site)
    if kind == "mail":
        return mailbox(place, letter(written, f"\n{OWN}\n"))
    if kind == "feed":
        return feed(f"<item><guid>1</guid><title>{OWN}</title><pubDate>{written}</pubDate></item>")
    if kind == "replay":
        return replay(place, posted_at=None, posted_raw=written)
    world = World(Clock(now=lambda: NOW), gzip=False)
    world.open_channel("ferry_office", "Ferry Office", first_id=5)
    world.publish("ferry_office", OWN, at=NOW - 1)
    shown = b"2026-11-22T10:29:59+00:00"
    return telegram(world, lambda page: page.replace(shown, written.encode()))


def bluesky_keys(peer: Peer) -> Keys:
    here = peer.url("")
    return {"kind": "bluesky", "actor": DID, "base_url": here, "plc_url": here, "pds_url": here}


WITHOUT_ACCOUNT = [kind for kind in sources.kinds() if kind != "telegram"]  # its own servers set the time, as a number


@pytest.mark.parametrize("written", UNUSABLE)
@pytest.mark.parametrize("kind", WITHOUT_ACCOUNT)
def test_a_post_without_a_usable_time_keeps_what_was_written_and_has_none(
    kind: str, written: str, tmp_path: Path
) -> None:
    [post] = posts_of(timed(kind, written, tmp_path))
    assert OWN in (post.title, post.text)
    assert post.posted_at is None, "it would make the source look alive"
    assert post.posted_raw.strip() == written


# Words ----------------------------------------------------------------------------------------------------------------

TWEET = (
    f'<blockquote class="twitter-tweet"><p>{THEIRS}</p>&mdash; Harbour Watch '
    f'<a href="https://x.example/watch/status/1">{LATER}</a><time datetime="{LATER}">now</time></blockquote>'
)


def mastodon_quotes(place: Path) -> Prepared:
    server = MastodonServer()
    other = {"id": "7", "url": "https://sea.example/@watch/7", "content": THEIRS, "created_at": LATER, "account": {}}
    server.post(f"<p>{OWN}</p>", quote={"state": "accepted", "quoted_status": other}, in_reply_to_id="9")
    return server.reply, lambda peer: {"kind": "mastodon", "account": peer.url("/@ferry_office")}


def bluesky_quotes(place: Path) -> Prepared:
    server = BlueskyServer()
    there: dict[str, Any] = {"uri": f"at://{OTHER}/app.bsky.feed.post/3kharbour", "cid": "cid"}
    server.post(OWN, embed={"$type": "app.bsky.embed.record", "record": there}, reply={"parent": there, "root": there})
    said = {"$type": "app.bsky.feed.post", "text": THEIRS, "createdAt": LATER}
    view = there | {"record": said, "value": said, "author": {"did": OTHER}, "indexedAt": LATER}
    server.entries[0]["post"]["embed"] = {"$type": "app.bsky.embed.record#view", "record": view}
    server.entries[0]["reply"] = {"root": view, "parent": view}
    return server.reply, bluesky_keys


def youtube_lists(place: Path) -> Prepared:
    server = YouTubeServer()
    server.publish("A notice", OWN)
    group = f"<media:group><media:description>{THEIRS}</media:description></media:group>"
    other = f"<related><published>{LATER}</published><title>{THEIRS}</title>{group}</related>"

    def reply(path: str) -> Answer:
        found = server.reply(path)
        return Answer(found.body.replace(b"<published>", f"{other}<published>".encode()), found.status, found.headers)

    return reply, lambda peer: {"kind": "youtube", "channel": peer.url("/@ferry_office")}


def page_embeds(place: Path, **keys: Any) -> Prepared:
    site = TownSite()
    path = site.publish("A notice of the ferry office")
    aside = (
        f'<aside><ul><li><time datetime="{LATER}">now</time><a href="/9">Another one of theirs</a></li></ul></aside>'
    )
    teaser = f'<article><h2><a href="/8">{THEIRS}</a></h2><time datetime="{LATER}">now</time></article>'
    schema = {"@type": "NewsArticle", "mentions": [{"@type": "SocialMediaPosting", "datePublished": LATER}]}
    site.answers[f"{path}?utm_source=list"] = Answer(
        f'<html><head><script type="application/ld+json">{json.dumps(schema)}</script></head><body>{aside}<main>'
        f"<h1>A notice of the ferry office</h1><div class='body'><p>{OWN} {'It sails at eight. ' * 20}</p>{TWEET}</div>"
        f'<footer><time datetime="2026-11-03">3 November</time></footer>{teaser}</main></body></html>'.encode(),
        200,
        HTML,
    )
    return website(site, time=".none", **keys)


def feed_embeds(place: Path) -> Prepared:
    nested = f"<source><title>{THEIRS}</title><pubDate>{LATER}</pubDate></source>"
    entry = f"<a:entry><a:title>{THEIRS}</a:title><a:updated>{LATER}</a:updated></a:entry>"
    words = escape(f'<p>{OWN}</p>{TWEET}<div class="rsshub-quote"><p>{THEIRS}</p></div>')
    item = f"<item><guid>1</guid>{nested}{entry}<description>{words}</description><pubDate>2026-11-03</pubDate></item>"
    return feed(item, 'xmlns:a="http://www.w3.org/2005/Atom"')


def json_feed_embeds(place: Path) -> Prepared:
    item: dict[str, Any] = {"id": "1", "content_html": f"<p>{OWN}</p>{TWEET}", "date_published": "2026-11-03T00:00:00Z"}
    item |= {"_quoted": {"content_text": THEIRS, "date_published": LATER}}
    document = json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": [item]})
    return lambda _: Answer(document.encode()), lambda peer: {"kind": "feed", "url": peer.url()}


def letter_carries(place: Path) -> Prepared:
    inner = f"From: watch@sea.example\nDate: {LATER}\nSubject: {THEIRS}\n\n{THEIRS}\n"
    parts = (
        f"Content-Type: text/plain\n\n{OWN}\n\nOn Sunday the watch wrote:\n> {THEIRS}\n> {LATER}\n",
        f"Content-Type: message/rfc822\n\n{inner}",
        f"Content-Type: text/html\n\n<p>{OWN}</p><blockquote type='cite'>{THEIRS}</blockquote>\n",
    )
    body = "".join(f"--x\n{part}" for part in parts)
    kind = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="x"'
    return mailbox(place, letter("Tue, 3 Nov 2026 00:00:00 +0000", f"{kind}\n\n{body}--x--\n"))


def channel_replies(place: Path) -> Prepared:
    world = World(Clock(now=lambda: NOW), gzip=False)
    world.open_channel("ferry_office", "Ferry Office", first_id=5)
    there = world.publish("ferry_office", THEIRS, at=NOW - 1_000_000)
    world.publish("ferry_office", OWN, at=NOW - 19 * 86_400_000_000, reply_to=there)
    return telegram(world)


def replay_quotes(place: Path) -> Prepared:
    texts = [{"kind": "quoted", "text": THEIRS}]
    return replay(place, posted_at="2026-11-03T00:00:00Z", texts=texts)


CARRYING = {
    "bluesky": bluesky_quotes,
    "feed": feed_embeds,
    "feed, JSON": json_feed_embeds,
    "mail": letter_carries,
    "mastodon": mastodon_quotes,
    "replay": replay_quotes,
    "telegram_web": channel_replies,
    "website": page_embeds,
    "website, found by itself": lambda place: page_embeds(place, body="auto"),
    "youtube": youtube_lists,
}


def test_every_kind_has_a_post_that_carries_words_of_others() -> None:
    assert {kind.partition(",")[0] for kind in CARRYING} == set(WITHOUT_ACCOUNT)


@pytest.mark.parametrize("kind", CARRYING)
def test_what_a_post_quotes_lends_it_neither_its_words_nor_its_time(kind: str, tmp_path: Path) -> None:
    if "by itself" in kind:
        pytest.importorskip("trafilatura", reason="trafilatura is missing; pip install 'communique[website]' brings it")
    post = next(one for one in posts_of(CARRYING[kind](tmp_path)) if OWN in one.text)
    said = (post.title or "", post.text, *(post.attached or ()), *post.cards, str(post.poll), str(post.preview))
    assert not [words for words in said if "FOREIGN" in words]
    assert post.posted_at is None or post.posted_at < NOW - 3_600_000_000, "that is the time of what it quotes"
    assert post.posted_at is not None or "2026-11-22" not in post.posted_raw
