"""Jetstream: announcements of posts, for all accounts of one list of hosts (github.com/bluesky-social/jetstream)."""

import asyncio
import json
from collections.abc import Callable, Sequence
from urllib.parse import quote, urlsplit

from bot.clock import DAY, MINUTE, SECOND, Clock
from bot.contracts.audience import Audience
from bot.contracts.source import SourceTools
from bot.errors import Later, Never
from bot.foreign import json as foreign_json
from bot.http import Http
from bot.http.websocket import Refused, WebSocket
from bot.sources.bluesky.posts import POST, REPOST

HOSTS = (
    "wss://jetstream1.us-east.bsky.network",
    "wss://jetstream2.us-east.bsky.network",
    "wss://jetstream1.us-west.bsky.network",
    "wss://jetstream2.us-west.bsky.network",
)
_SILENCE_S = 120.0
_REWIND = 30 * SECOND
_OLDEST = 18_000 * DAY  # 2019: a smaller number counts something else than microseconds since 1970
_AHEAD = 5 * MINUTE  # that a host's clock may be before ours
_CAP = 1 << 20
_IN_ADDRESS = 100  # accounts; more are named in a message


class Jetstream:
    """What the accounts of an audience announce, from one host at a time.

    A host that fails, or is silent for two minutes, is replaced by the next one. The next connection begins 30 seconds
    before the last announcement. Hosts number their events by the time at which they saw them, so that this time is
    good for all of them; what a host holds no longer, a round finds.
    """

    def __init__(self, hosts: Sequence[str], http: Http, clock: Clock) -> None:
        self._hosts = hosts
        self._http = http
        self._clock = clock
        self._turn = 0  # of the hosts
        self._heard_to = 0  # microseconds since 1970, as the hosts count them

    @classmethod
    def audience(cls, hosts: Sequence[str], tools: SourceTools) -> Audience:
        """The one audience of these hosts."""
        found = tools.audiences.get(key := ("jetstream", *hosts))
        if found is None:
            stream = cls(hosts, tools.http, tools.clock)
            found = tools.audiences[key] = Audience(stream.follow, by_name=True)
        return found

    async def follow(self, audience: Audience) -> None:
        """Listen, to one host after the other. Raises Later and Never."""
        resumed = False
        while True:
            try:
                await self._hear(self._hosts[self._turn % len(self._hosts)], audience, resumed=resumed)
            except Refused as problem:
                if problem.status == 400:  # it may not like where we want to begin
                    self._heard_to = 0
                self._turn += 1
                raise
            except (Later, Never) as problem:
                self._turn += 1
                if len(self._hosts) > 1 and isinstance(problem, Later):
                    raise Later(problem.reason) from None  # a wait that it asks for is none for the next host
                raise
            self._turn += 1
            resumed = True

    async def _hear(self, host: str, audience: Audience, *, resumed: bool) -> None:
        """Listen to this host until it is silent for too long. Raises Later and Never."""
        wanted = sorted(audience.subjects)
        socket = await WebSocket.open(self._http, _address(host, wanted, self._heard_to), cap=_CAP)
        try:
            if len(wanted) > _IN_ADDRESS:
                await socket.send(_options(wanted))
            self._heard_to = self._heard_to or self._clock.now()
            audience.note_connection(resumed=resumed)
            while True:
                async with asyncio.timeout(_SILENCE_S):
                    message = await socket.receive()
                self._take(message, audience.ring)
        except TimeoutError:
            return
        finally:
            await socket.aclose()

    def _take(self, message: bytes, ring: Callable[[str], None]) -> None:
        try:
            event = foreign_json.read(message.decode("utf-8"))
        except ValueError:
            return
        if not isinstance(event, dict):
            return
        at, subject = event.get("time_us"), event.get("did")
        if isinstance(at, int) and _OLDEST <= at <= self._clock.now() + _AHEAD:
            self._heard_to = max(self._heard_to, at)
        if isinstance(subject, str):
            ring(subject)


def _address(host: str, wanted: Sequence[str], heard_to: int) -> str:
    named = [f"wantedDids={quote(one, safe=':')}" for one in wanted] if len(wanted) <= _IN_ADDRESS else []
    asked = [f"wantedCollections={POST}", f"wantedCollections={REPOST}", *(named or ["requireHello=true"])]
    if heard_to:
        asked.append(f"cursor={heard_to - _REWIND}")
    path = "" if urlsplit(host).path.strip("/") else "/subscribe"
    return f"{host.rstrip('/')}{path}?{'&'.join(asked)}".replace("ws", "http", 1)


def _options(wanted: Sequence[str]) -> str:
    named = {"wantedCollections": [POST, REPOST], "wantedDids": list(wanted), "maxMessageSizeBytes": _CAP}
    return json.dumps({"type": "options_update", "payload": named})
