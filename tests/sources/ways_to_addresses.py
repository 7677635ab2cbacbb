"""Every way on which an answer can lead a source to an address, tried with addresses that must not be visited.

Run as a program in a network namespace of its own, where something listens on each of these addresses and counts: it
writes what was visited, and what became of each way, as JSON.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bot import sources
from bot.clock import Clock
from bot.contracts.source import Source, SourceTools, Want
from bot.errors import Later, Never
from bot.http import Http, HttpRules
from tests.sources.living_peers import LIVING, LivingBluesky, LivingChannel, LivingList, LivingMastodon, LivingPeer
from tests.sources.loopback_server import NOW, Answer, Peer

# PROMISES 26 to 32 and 34: loopback, its other spellings, addresses inside addresses, metadata services, other schemes
TARGETS = (
    *(
        "http://127.0.0.1",
        "http://localhost.",
        "http://localhost",
        "http://[::1]",
        "http://0.0.0.0",
        "http://0x7f000001",
    ),
    *(
        "http://2130706433",
        "http://127.1",
        "http://017700000001",
        "http://[::ffff:127.0.0.1]",
        "http://[64:ff9b::7f00:1]",
    ),
    *("http://[2002:7f00:1::]", "http://169.254.169.254", "http://metadata.google.internal", "http://10.0.0.1"),
    *("http://good.example@127.0.0.1", "http://127.0.0.1:22", "http://127.0.0.1\r\nX-A: b", "https://127.0.0.1"),
    *("file:///etc/passwd", "gopher://127.0.0.1", "ftp://127.0.0.1", "/etc/passwd:80"),
)
PORTS = (80, 443, 22)
Try = Callable[["Setting"], Awaitable[None]]


class Setting:
    """A source of a kind on a living peer, whose server is the only address that is open."""

    def __init__(self, living: LivingPeer, peer: Peer, place: Path, opened: frozenset[tuple[str, int]]) -> None:
        self.living, self.peer = living, peer
        self.entry = living.keys(peer, place)
        for number in range(4):
            living.say(f"Notice {number} of the ferry office.")
        clock = Clock(now=lambda: NOW)
        rules = HttpRules(user_agent="t", private=opened | {("127.0.0.1", peer.port)}, intervals={"127.0.0.1": 0})
        self.tools = SourceTools(Http(rules, clock), clock, place)
        self.place = place
        self.target = ""
        self.medium = ""

    def build(self, **keys: Any) -> Source:
        entry = {name: value for name, value in {**self.entry, **keys}.items() if value is not None}
        checked = sources.settings_of(self.living.kind).model_validate(entry, context={"directory": self.place})
        return sources.build(checked, self.tools)

    async def bring_files(self, source: Source) -> None:
        """Fetch the files of what it shows, as bot.intake.media does."""
        batch = await source.fetch(Want(), None)
        for file in (file for post in batch.posts for file in post.media):
            if file.url is not None:
                await self.tools.http.get(file.url, cap=1000, deadline=5, foreign=True)


async def entry(setting: Setting) -> None:
    """The address of the entry itself, which [http] allow_private_addresses does not open."""
    old, new = setting.peer.url(""), setting.target
    keys = {name: value.replace(old, new) for name, value in setting.entry.items() if isinstance(value, str)}
    await setting.build(**keys).fetch(Want(), None)


async def redirect(setting: Setting) -> None:
    setting.peer.reply = lambda _: Answer(status=302, headers={"Location": f"{setting.target}/x"})
    await setting.build().fetch(Want(), None)


async def moved(setting: Setting) -> None:
    """It has moved for good, and the next fetch asks there."""
    source = setting.build()
    cursor = (await source.fetch(Want(), None)).cursor
    setting.peer.reply = lambda _: Answer(status=301, headers={"Location": f"{setting.target}/x"})
    try:
        cursor = (await source.fetch(Want(), cursor)).cursor
    finally:
        await source.fetch(Want(), cursor)


async def redirected_check(setting: Setting) -> None:
    source = setting.build()
    batch = await source.fetch(Want(), None)
    setting.peer.reply = lambda _: Answer(status=302, headers={"Location": f"{setting.target}/x"})
    await source.check(batch.posts[0].native_id)


async def replaced(setting: Setting) -> None:
    """A part of each answer is replaced by the address: a link, a file, a server."""
    show = setting.living.show

    def reply(path: str) -> Answer:
        found = show(path)
        return Answer(found.body.replace(setting.medium.encode(), setting.target.encode()), found.status, found.headers)

    setting.peer.reply = reply
    await setting.bring_files(setting.build())


async def listed(setting: Setting) -> None:
    setting.medium = 'href="/statements'
    setting.target = f'href="{setting.target}'
    await replaced(setting)


async def website_media(setting: Setting) -> None:
    assert isinstance(setting.living, LivingList)
    setting.living.say("A notice with a picture.")
    setting.medium = "</p>"
    setting.target = f'</p><img src="{setting.target}/a.png">'
    await replaced(setting)


async def mastodon_media(setting: Setting) -> None:
    assert isinstance(setting.living, LivingMastodon)
    file = {"id": "1", "type": "image", "url": f"{setting.target}/a.png"}
    setting.living.server.post("<p>A notice</p>", media_attachments=[file])
    await setting.bring_files(setting.build())


async def mastodon_finger(setting: Setting) -> None:
    finger = {"links": [{"rel": "self", "type": "application/activity+json", "href": f"{setting.target}/users/x"}]}

    def reply(path: str) -> Answer:
        return Answer(json.dumps(finger).encode()) if "webfinger" in path else Answer(b'{"error": "none"}', 404)

    setting.peer.reply = reply
    await setting.build().fetch(Want(), None)


async def mastodon_stream(setting: Setting) -> None:
    secret = setting.place / "token"
    secret.touch(mode=0o600)
    secret.write_text("secret")
    show = setting.living.show
    named = {"configuration": {"urls": {"streaming": setting.target.replace("http", "ws", 1)}}}
    setting.peer.reply = lambda path: Answer(json.dumps(named).encode()) if "instance" in path else show(path)
    source: Any = setting.build(token_file=str(secret), live=True)
    await source.fetch(Want(), None)
    async with asyncio.timeout(5):
        await source.listen(lambda: None)


async def bluesky_document(setting: Setting) -> None:
    """The account's own server is where the DID document says."""
    assert isinstance(setting.living, LivingBluesky)
    setting.living.server.url = setting.target
    source = setting.build(pds_url=None)
    batch = await source.fetch(Want(), None)
    await source.check(batch.posts[0].native_id)


async def bluesky_records(setting: Setting) -> None:
    assert isinstance(setting.living, LivingBluesky)
    setting.living.server.url = setting.target
    source = setting.build(pds_url=None)
    cursor = (await source.fetch(Want(), None)).cursor
    setting.living.server.answers["getAuthorFeed"] = Answer(b"{}", 502)
    await source.fetch(Want(), cursor)


async def bluesky_media(setting: Setting) -> None:
    assert isinstance(setting.living, LivingBluesky)
    setting.living.server.url = setting.target
    blob = {"ref": {"$link": "bafyfile"}, "mimeType": "image/png"}
    embed = {"$type": "app.bsky.embed.images", "images": [{"image": blob, "alt": ""}]}
    setting.living.server.post("A notice", embed=embed)
    await setting.bring_files(setting.build(pds_url=None))


async def bluesky_web_did(setting: Setting) -> None:
    """The AppView says that the account is the one of a name, whose document says where it is."""
    did = f"did:web:{setting.target.partition('//')[2].replace(':', '%3A')}"
    setting.peer.reply = lambda _: Answer(json.dumps({"did": did}).encode())
    await setting.build(actor="ferry.town.example", pds_url=None).fetch(Want(), None)


async def jetstream(setting: Setting) -> None:
    source: Any = setting.build(live=True, jetstream_urls=[f"{setting.target.replace('http', 'ws', 1)}/subscribe"])
    await source.fetch(Want(), None)
    async with asyncio.timeout(5):
        await source.listen(lambda: None)


async def feed_media(setting: Setting) -> None:
    setting.medium = "<pubDate>"
    setting.target = f'<enclosure url="{setting.target}/a.mp3" type="audio/mpeg"/><pubDate>'
    await replaced(setting)


async def telegram_media(setting: Setting) -> None:
    assert isinstance(setting.living, LivingChannel)
    from bot.world.state import WorldFile

    setting.living.world.publish("ferry_office", "photo", at=NOW - 1, attachments=[WorldFile("photo", "a.png")])
    setting.medium = f"{setting.peer.url('')}/file"
    await replaced(setting)


WAYS: dict[str, dict[str, Try]] = {
    "bluesky": {
        "entry": entry, "redirect": redirect, "redirected check": redirected_check, "DID document": bluesky_document,
        "records": bluesky_records, "files": bluesky_media, "did:web": bluesky_web_did, "Jetstream": jetstream,
    },
    "feed": {"entry": entry, "redirect": redirect, "moved": moved, "files": feed_media},
    "mastodon": {
        "entry": entry, "redirect": redirect, "redirected check": redirected_check, "files": mastodon_media,
        "WebFinger": mastodon_finger, "streaming": mastodon_stream,
    },
    "telegram_web": {"entry": entry, "redirect": redirect, "redirected check": redirected_check, "files": telegram_media},
    "website, list": {
        "entry": entry, "redirect": redirect, "redirected check": redirected_check, "links": listed, "files": website_media,
    },
    "website, page": {"entry": entry, "redirect": redirect},
    "youtube": {"entry": entry, "redirect": redirect, "redirected check": redirected_check},
}  # fmt: skip


async def try_all(each: int) -> dict[str, Any]:
    """What was visited, what ended otherwise than in Later, Never or a refused entry, and how many were tried.

    Each way is tried with every `each`-th address, and once with one that is open: `dead` ways do not even lead there.
    """
    visited: list[str] = []
    odd: list[str] = []
    dead: list[str] = []
    tried = 0

    async def count(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visited.append(now)
        writer.close()

    async def go(attempt: Try, target: str, opened: frozenset[tuple[str, int]] = frozenset()) -> None:
        with tempfile.TemporaryDirectory() as place:
            async with Peer() as peer:
                setting = Setting(LIVING[kind](), peer, Path(place), opened)
                setting.target = target
                try:
                    await attempt(setting)
                except (Later, Never, ValueError, TimeoutError):
                    pass  # ValueError: the entry is refused before anything is asked
                except Exception as problem:  # noqa: BLE001 - all of them are shown
                    odd.append(f"{now}: {type(problem).__name__}: {problem}")
                finally:
                    await setting.tools.aclose()

    traps = [await asyncio.start_server(count, host, port) for host in ("0.0.0.0", "::") for port in PORTS]
    every_way = [(kind, way, attempt) for kind, ways in WAYS.items() for way, attempt in ways.items()]
    for number, (kind, way, attempt) in enumerate(every_way):
        for target in TARGETS[number % each :: each]:
            now, tried = f"{kind}, {way}, {target}", tried + 1
            await go(attempt, target)
        before, now = len(visited), f"{kind}, {way}, open"
        await go(attempt, "http://127.0.0.1", frozenset({("127.0.0.1", 80), ("127.0.0.1", 443)}))
        dead += [now] if len(visited) == before else []
        del visited[before:]
    for trap in traps:
        trap.close()
    return {"visited": visited, "odd": odd, "dead": dead, "tried": tried}


if __name__ == "__main__":
    json.dump(asyncio.run(try_all(int(sys.argv[1]))), sys.stdout)
