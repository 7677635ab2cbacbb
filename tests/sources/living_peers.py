"""Peers that live: they publish, edit, delete, hide and reorder on demand, each as its platform does, and fail on demand.

What a test asks of the archive afterwards it asks by what these peers know: every wording of every post.
"""

# ruff: noqa: ARG002 - each platform takes what it needs of the same questions

import asyncio
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, ClassVar

from bot.clock import Clock
from bot.world import World
from bot.world.answers import Request, answer
from tests.certificates import make_authority
from tests.sources.bluesky_server import DID, BlueskyServer
from tests.sources.loopback_server import NOW, Answer, Peer
from tests.sources.mailbox_double import MailboxDouble
from tests.sources.mastodon_server import MastodonServer
from tests.sources.town_site import HTML, TownSite
from tests.sources.youtube_server import CHANNEL, YouTubeServer

Keys = dict[str, Any]
MINUTE = 60_000_000
FAULTS = ("429", "500", "503", "cut", "redirect", "loop", "garbage", "nothing", "wall", "404")
WALL = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>"


@dataclass
class CutAnswer(Answer):
    """Half of a reply, though the whole was announced."""

    def wire(self) -> bytes:
        whole = super().wire()
        return whole[: len(whole) - len(self.body) // 2 - 1]


@dataclass
class LivingPeer:
    """One place where posts are published. Subclasses say how it shows them.

    `wordings` holds every wording of every post by its id, the last one is that of now; `gone` are deleted, `hidden`
    ones stay but are left out of lists. `window` is how many posts it shows at most, None: all, page by page.
    """

    kind = ""
    window: ClassVar[int | None] = None
    edits = deletes = True  # whether it can, and the source can see that
    lists_words = True  # of its newest posts as they are now; otherwise only re-checks look at them again
    wordings: dict[str, list[str]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    faults: deque[str] = field(default_factory=deque)
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    at: str = ""
    shuffled = False
    moods: ClassVar[tuple[str, ...]] = ()  # that it may be in; what they mean is its own
    mood: str = ""

    def keys(self, peer: Peer, place: Path) -> Keys:
        """Be reached at this peer; the keys of an entry that reads it."""
        self.at = peer.url("")
        peer.reply = self.reply
        return {"kind": self.kind, "name": "it", **self.entry(peer)}

    def say(self, words: str) -> str:
        native_id = self.publish(words)
        self.wordings[native_id] = [words]
        return native_id

    def change(self, native_id: str, words: str) -> None:
        self.wordings[native_id].append(words)
        self.edit(native_id, words)

    def remove(self, native_id: str) -> None:
        self.gone.add(native_id)
        self.delete(native_id)

    @property
    def standing(self) -> list[str]:
        """All posts that exist, oldest first."""
        return [one for one in self.wordings if one not in self.gone]

    @property
    def listed(self) -> list[str]:
        """Those that a visitor finds, oldest first."""
        return [one for one in self.standing if one not in self.hidden][-(self.window or 1 << 30) :]

    def shuffle(self, items: list[Any]) -> list[Any]:
        """The items, in an order of their own where the platform is in that mood."""
        return self.chance.sample(items, len(items)) if self.shuffled else items

    def reply(self, path: str) -> Answer:
        """What it answers to a GET, or the next fault."""
        if self.faults and self.meets(path, self.faults[0]):
            fault = self.faults.popleft()
            if fault == "cut":
                found = self.show(path)
                return CutAnswer(found.body or b"....", found.status, found.headers)
            return {
                "429": Answer(b"slow down", 429, {"Retry-After": "30"}),
                "500": Answer(b"<h1>Internal error</h1>", 500),
                "503": Answer(b"", 503),
                "redirect": Answer(status=302, headers={"Location": f"{self.at}{path}"}),
                "loop": Answer(status=302, headers={"Location": f"{self.at}{path}"}),
                "garbage": Answer(bytes(range(256)) * 20),
                "nothing": Answer(),
                "wall": Answer(WALL, 200, dict(HTML)),
                "404": Answer(b"<h1>Not found</h1>", 404, dict(HTML)),
            }[fault]
        return self.show(path)

    def meets(self, path: str, fault: str) -> bool:
        """Whether a request for this path meets the fault: that something is not there is said of lists only."""
        return fault != "404" or self.is_list(path)

    def calm(self, *, contacted: bool) -> None:
        """Nothing fails any more. `contacted`: it was read before."""
        self.faults.clear()

    def fail(self, fault: str) -> None:
        self.faults += [fault] * (8 if fault == "loop" else 1)

    # What a platform says of itself

    def entry(self, peer: Peer) -> Keys:
        raise NotImplementedError

    def publish(self, words: str) -> str:
        raise NotImplementedError

    def edit(self, native_id: str, words: str) -> None:
        raise NotImplementedError

    def delete(self, native_id: str) -> None:
        raise NotImplementedError

    def show(self, path: str) -> Answer:
        raise NotImplementedError

    def is_list(self, path: str) -> bool:
        raise NotImplementedError


@dataclass
class LivingMastodon(LivingPeer):
    kind = "mastodon"
    server: MastodonServer = field(default_factory=lambda: MastodonServer(page=7))

    def entry(self, peer: Peer) -> Keys:
        return {"account": peer.url("/@ferry_office")}

    def publish(self, words: str) -> str:
        return self.server.post(f"<p>{escape(words)}</p>")

    def edit(self, native_id: str, words: str) -> None:
        self.server.edit(native_id, f"<p>{escape(words)}</p>")

    def delete(self, native_id: str) -> None:
        self.server.delete(native_id)

    def is_list(self, path: str) -> bool:
        return "/accounts/" in path

    def show(self, path: str) -> Answer:
        if not self.is_list(path):
            return self.server.reply(path)
        everything = self.server.statuses
        self.server.statuses = [one for one in everything if one["id"] not in self.hidden]
        found = self.server.reply(path)
        self.server.statuses = everything
        return found


@dataclass
class LivingBluesky(LivingPeer):
    kind = "bluesky"
    server: BlueskyServer = field(default_factory=lambda: BlueskyServer(page=7))

    def entry(self, peer: Peer) -> Keys:
        return {"actor": DID, "base_url": self.at, "plc_url": self.at, "pds_url": self.at}

    def publish(self, words: str) -> str:
        return self.server.post(words)

    def edit(self, native_id: str, words: str) -> None:
        self.server.edit(native_id, words)

    def delete(self, native_id: str) -> None:
        self.server.delete(native_id)

    def is_list(self, path: str) -> bool:
        return "getAuthorFeed" in path

    def show(self, path: str) -> Answer:
        if not self.is_list(path):
            return self.server.reply(path)
        everything = self.server.entries
        self.server.entries = [one for one in everything if one["post"]["uri"].rpartition("/")[2] not in self.hidden]
        found = self.server.reply(path)
        self.server.entries = everything
        return found


@dataclass
class LivingYouTube(LivingPeer):
    kind = "youtube"
    window = 15
    server: YouTubeServer = field(default_factory=YouTubeServer)

    def entry(self, peer: Peer) -> Keys:
        return {"channel": peer.url(f"/channel/{CHANNEL}")}

    def publish(self, words: str) -> str:
        return self.server.publish("A film of the ferry office", words)

    def edit(self, native_id: str, words: str) -> None:
        self.server.edit(native_id, description=words)

    def delete(self, native_id: str) -> None:
        self.server.remove(native_id)

    def is_list(self, path: str) -> bool:
        return "/watch" not in path

    def show(self, path: str) -> Answer:
        if not self.is_list(path):
            return self.server.reply(path)
        everything = self.server.videos
        listed = [one for one in everything if one["id"] not in self.hidden]
        self.server.videos = listed[:-15] + self.shuffle(listed[-15:]) if "feeds" in path else listed
        found = self.server.reply(path)
        self.server.videos = everything
        return found


@dataclass
class LivingFeed(LivingPeer):
    kind = "feed"
    window = 12
    deletes = False

    def entry(self, peer: Peer) -> Keys:
        return {"url": peer.url("/feed")}

    def publish(self, words: str) -> str:
        return f"urn:ferry:{len(self.wordings) + 1}"

    def edit(self, native_id: str, words: str) -> None:
        """It is in the next document."""

    def delete(self, native_id: str) -> None:
        """It is not in the next document."""

    def is_list(self, path: str) -> bool:
        return True

    def show(self, path: str) -> Answer:
        places = {native_id: place for place, native_id in enumerate(self.wordings)}
        items = [
            f"<item><guid>{one}</guid><description>{escape(self.wordings[one][-1])}</description>"
            f"<pubDate>{_written(places[one])}</pubDate></item>"
            for one in self.shuffle(self.listed[::-1])
        ]
        body = f'<rss version="2.0"><channel><title>Ferry</title>{"".join(items)}</channel></rss>'.encode()
        return Answer(body, 200, {"ETag": f'"{hash(body)}"', "Content-Type": "application/rss+xml"})


@dataclass
class LivingList(LivingPeer):
    kind = "website"
    window = 12
    lists_words = False
    site: TownSite = field(default_factory=TownSite)

    def entry(self, peer: Peer) -> Keys:
        return {"url": peer.url("/statements"), "item": "li.row", "link": "h2 a", "body": ".body"}

    def publish(self, words: str) -> str:
        number = len(self.wordings) + 1
        title = f"Notice {number} of the ferry office"
        path = self.site.publish(title, f"<p>{escape(words)}</p>", _written(number))
        return f"{self.at}{path}"

    def edit(self, native_id: str, words: str) -> None:
        path = native_id.removeprefix(self.at)
        title, time, _ = self.site.statements[path]
        self.site.statements[path] = (title, time, f"<p>{escape(words)}</p>")

    def delete(self, native_id: str) -> None:
        self.site.answers[native_id.removeprefix(self.at)] = Answer(b"<h1>Gone</h1>", 404, dict(HTML))
        self.site.answers[f"{native_id.removeprefix(self.at)}?utm_source=list"] = Answer(b"<h1>Gone</h1>", 404)

    def is_list(self, path: str) -> bool:
        return path == "/statements"

    def show(self, path: str) -> Answer:
        if not self.is_list(path):
            return self.site.reply(path)
        everything = self.site.statements
        shown = [native_id.removeprefix(self.at) for native_id in self.shuffle(self.listed)]
        self.site.statements = {one: everything[one] for one in shown}
        found = self.site.reply(path)
        self.site.statements = everything
        return found


@dataclass
class LivingPage(LivingPeer):
    """One page: whatever is said replaces what it said before."""

    kind = "website"
    window = 1
    deletes = False
    site: TownSite = field(default_factory=TownSite)

    def entry(self, peer: Peer) -> Keys:
        self.say("The ferry sails at eight.")
        return {"url": peer.url("/sailings"), "mode": "page", "keep": "main p:not(.clock)"}

    def say(self, words: str) -> str:
        native_id = f"{self.at}/sailings"
        self.site.page = f"<p>{escape(words)}</p>"
        self.wordings.setdefault(native_id, []).append(words)
        return native_id

    def edit(self, native_id: str, words: str) -> None:
        self.site.page = f"<p>{escape(words)}</p>"

    def remove(self, native_id: str) -> None:
        """A page that is gone is a failure, not a deletion."""

    def is_list(self, path: str) -> bool:
        return path == "/sailings"

    def show(self, path: str) -> Answer:
        return self.site.reply(path)


@dataclass
class LivingChannel(LivingPeer):
    kind = "telegram_web"
    world: World = field(default_factory=lambda: World(Clock(now=lambda: NOW), gzip=False))

    def entry(self, peer: Peer) -> Keys:
        self.world.open_channel("ferry_office", "Ferry Office", first_id=2)
        return {"channel": "ferry_office", "base_url": self.at}

    def publish(self, words: str) -> str:
        at = NOW - (1000 - len(self.wordings)) * MINUTE
        return str(self.world.publish("ferry_office", words, at=at))

    def edit(self, native_id: str, words: str) -> None:
        self.world.edit("ferry_office", int(native_id), words)

    def delete(self, native_id: str) -> None:
        self.world.delete("ferry_office", int(native_id))

    def is_list(self, path: str) -> bool:
        return path.startswith("/s/")

    def show(self, path: str) -> Answer:
        messages = self.world.channel("ferry_office").messages
        away = {one: messages.pop(int(one)) for one in self.hidden - self.gone if self.is_list(path)}
        found = answer(self.world, Request(path, {"host": self.at.partition("//")[2]}))
        messages |= {int(one): message for one, message in away.items()}
        return Answer(found.body, found.status, found.headers)


@dataclass
class LivingMailbox(LivingPeer):
    kind = "mail"
    edits = deletes = False
    letters: dict[str, bytes] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    away: set[str] = field(default_factory=set)
    last: int = 0

    def keys(self, peer: Peer, place: Path) -> Keys:
        authority = make_authority(place)
        secret = place / "password"
        secret.touch(mode=0o600)
        secret.write_text("secret")
        peer.tls, peer.speaks = authority.server("127.0.0.1"), self.talk
        server = {"server": f"imaps://127.0.0.1:{peer.port}", "from": ["@ferry.example"], "user": "desk"}
        return {
            "kind": self.kind,
            "name": "it",
            "password_file": str(secret),
            "ca_file": str(authority.ca_file),
        } | server

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fault = self.faults.popleft() if self.faults else ""
        if fault in ("429", "500", "503"):
            writer.write(b"* BYE [UNAVAILABLE] too many connections\r\n")
        elif fault in ("garbage", "wall"):
            writer.write(WALL + b"\r\n")
        elif fault != "nothing":
            for native_id in sorted(self.away - self.hidden):  # moved back into the folder, and a number never returns
                self._number(native_id)
            self.away = {*self.hidden}
            shown = {self.numbers[one]: letter for one, letter in self.letters.items() if one not in self.hidden}
            double = MailboxDouble(dict(sorted(shown.items())), self.chance.randrange(3, 12) if fault else 1 << 30)
            double.next = self.last + 1
            await double.talk(reader, writer)

    def _number(self, native_id: str) -> None:
        self.last += 1
        self.numbers[native_id] = self.last

    def publish(self, words: str) -> str:
        number = len(self.wordings) + 1
        native_id = f"{number}@ferry.example"
        self.letters[native_id] = (
            f"From: press@ferry.example\r\nMessage-ID: <{native_id}>\r\nSubject: Notice {number}\r\n"
            f"Date: Sun, 22 Nov 2026 0{number % 10}:00:00 +0000\r\n\r\n{words}\r\n"
        ).encode()
        self._number(native_id)
        return native_id

    def delete(self, native_id: str) -> None:
        """The owner of the mailbox takes it out of the folder."""
        del self.letters[native_id]


LIVING: dict[str, Callable[[], LivingPeer]] = {
    "bluesky": LivingBluesky,
    "feed": LivingFeed,
    "mail": LivingMailbox,
    "mastodon": LivingMastodon,
    "telegram_web": LivingChannel,
    "website, list": LivingList,
    "website, page": LivingPage,
    "youtube": LivingYouTube,
}


def _written(place: int) -> str:
    from email.utils import formatdate

    return formatdate((NOW - (1000 - place) * MINUTE) // 1_000_000, usegmt=True)
