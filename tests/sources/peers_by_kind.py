"""One peer for each kind of source, alive or failing: what the contract suite runs on.

A new kind adds one entry to `PEERS`: the config keys that lead to its peer, and the replies that the peer gives.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bot.clock import Clock
from bot.world import World
from bot.world.answers import Request, answer
from tests.certificates import make_authority
from tests.sources.bluesky_server import BlueskyServer
from tests.sources.loopback_server import NOW, Answer, Peer
from tests.sources.mailbox_double import MailboxDouble
from tests.sources.mastodon_server import MastodonServer
from tests.sources.town_site import TownSite
from tests.sources.youtube_server import YouTubeServer

State = Literal["alive", "refused", "hangs", "500", "garbage", "nothing"]
Keys = dict[str, object]

GARBAGE = bytes(range(256)) * 40
FAILURES: dict[State, Answer] = {
    "hangs": Answer(hangs=True),
    "500": Answer(b"<h1>Internal error</h1>", status=500),
    "garbage": Answer(GARBAGE),
    "nothing": Answer(b""),
}


def _feed(state: State, peer: Peer, directory: Path) -> Keys:
    golden = Path(__file__).parent / "golden" / "feed" / "rss.xml"
    peer.answer = FAILURES.get(state) or Answer(golden.read_bytes(), headers={"Content-Type": "application/rss+xml"})
    return {"url": peer.url()}


def _telegram_web(state: State, peer: Peer, directory: Path) -> Keys:
    world = World(Clock(now=lambda: NOW), gzip=False)
    world.open_channel("old_ferry_town", "Old Ferry Town")
    for hour in range(5, 0, -1):
        world.publish("old_ferry_town", f"Notice {hour}", at=NOW - hour * 3_600_000_000)
    page = answer(world, Request("/s/old_ferry_town", {}))
    peer.answer = FAILURES.get(state) or Answer(page.body, page.status, page.headers)
    return {"channel": "old_ferry_town", "base_url": peer.url("")}


def _replay(state: State, peer: Peer, directory: Path) -> Keys:
    path = directory / "posts.jsonl"
    if state == "hangs":
        os.mkfifo(path)
    elif state == "500":
        path.mkdir()
    elif state == "garbage":
        path.write_bytes(GARBAGE)
        os.utime(path, ns=(0, 0))  # nobody is still at work on it
    elif state != "refused":
        days = ("21", "20", "22") if state == "alive" else ()
        path.write_text(
            "".join(f'{{"native_id": {day}, "posted_at": "2026-11-{day}T00:00:00Z", "text": "t"}}\n' for day in days)
        )
    return {"path": str(path)}


def _mail(state: State, peer: Peer, directory: Path) -> Keys:
    async def fails(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if state == "hangs":
            await asyncio.Event().wait()
        writer.write(GARBAGE if state == "garbage" else b"* BYE internal error\r\n" if state == "500" else b"")

    place = directory / "mail"
    place.mkdir(exist_ok=True)
    authority = make_authority(place)
    letters = [
        f"From: press@ferry.example\r\nMessage-ID: <{hour}@ferry.example>\r\nSubject: Notice {hour}\r\n"
        f"Date: Sun, 22 Nov 2026 0{hour}:00:00 +0000\r\n\r\nThe ferry leaves at {hour}.\r\n".encode()
        for hour in range(1, 6)
    ]
    peer.tls = authority.server("127.0.0.1")
    peer.speaks = MailboxDouble(letters).talk if state == "alive" else fails
    secret = place / "password"
    secret.touch(mode=0o600)
    secret.write_text("secret")
    return {
        "server": f"imaps://127.0.0.1:{peer.port}",
        "user": "desk",
        "password_file": str(secret),
        "ca_file": str(authority.ca_file),
        "from": ["@ferry.example"],
    }


def _mastodon(state: State, peer: Peer, directory: Path) -> Keys:
    server = MastodonServer()
    for hour in range(5):
        server.post(f"<p>Notice {hour}</p>")
    peer.reply = server.reply if state == "alive" else None
    peer.answer = FAILURES.get(state, peer.answer)
    return {"account": peer.url("/@ferry_office")}


def _bluesky(state: State, peer: Peer, directory: Path) -> Keys:
    server = BlueskyServer()
    for hour in range(5):
        server.post(f"Notice {hour}")
    peer.reply = server.reply if state == "alive" else None
    peer.answer = FAILURES.get(state, peer.answer)
    here = peer.url("")
    return {"actor": server.handle, "base_url": here, "plc_url": here, "pds_url": here}


def _youtube(state: State, peer: Peer, directory: Path) -> Keys:
    server = YouTubeServer()
    for hour in range(5):
        server.publish(f"Notice {hour}")
    peer.reply = server.reply if state == "alive" else None
    peer.answer = FAILURES.get(state, peer.answer)
    return {"channel": peer.url("/@ferry_office")}


def _website(state: State, peer: Peer, directory: Path) -> Keys:
    site = TownSite()
    for number in range(5):
        site.publish(f"Notice number {number} of the ferry office")
    peer.reply = site.reply if state == "alive" else None
    peer.answer = FAILURES.get(state, peer.answer)
    return {"url": peer.url("/statements"), "body": ".body"}


PEERS: dict[str, Callable[[State, Peer, Path], Keys]] = {
    "bluesky": _bluesky,
    "feed": _feed,
    "mail": _mail,
    "mastodon": _mastodon,
    "replay": _replay,
    "telegram": _telegram_web,  # nobody is signed in: its public pages stand in; tests/telegram has the account
    "telegram_web": _telegram_web,
    "website": _website,
    "youtube": _youtube,
}


@dataclass
class Speaker:
    """Somebody who speaks at a place that is read page by page: says something, takes it back; both by its id.

    `pages`: a page shows three posts, and the others are behind it.
    """

    reply: Callable[[str], Answer]
    keys: Callable[[Peer], Keys]
    say: Callable[[str], str]
    take_back: Callable[[str], None]
    pages: bool = True


def _mastodon_speaker() -> Speaker:
    server = MastodonServer(page=3)
    keys = {"kind": "mastodon"}
    return Speaker(
        server.reply,
        lambda peer: {**keys, "account": peer.url("/@ferry_office")},
        lambda words: server.post(f"<p>{words}</p>"),
        server.delete,
    )


def _bluesky_speaker() -> Speaker:
    server = BlueskyServer(page=3)

    def keys(peer: Peer) -> Keys:
        here = peer.url("")
        return {"kind": "bluesky", "actor": server.handle, "base_url": here, "plc_url": here, "pds_url": here}

    return Speaker(server.reply, keys, server.post, server.delete)


def _youtube_speaker() -> Speaker:
    server = YouTubeServer()
    keys = {"kind": "youtube"}
    return Speaker(
        server.reply,
        lambda peer: {**keys, "channel": peer.url("/@ferry_office")},
        lambda words: server.publish("Notice", words),
        server.remove,
        pages=False,
    )


SPEAKERS: dict[str, Callable[[], Speaker]] = {
    "bluesky": _bluesky_speaker,
    "mastodon": _mastodon_speaker,
    "youtube": _youtube_speaker,
}
