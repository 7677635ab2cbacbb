"""What a Mastodon server announces to the owner of a token (docs.joinmastodon.org/methods/streaming)."""

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from bot.contracts.audience import Audience
from bot.contracts.secrets import mask_secrets, read_secret
from bot.contracts.settings import SecretFile
from bot.contracts.source import SourceTools
from bot.errors import Later, Never
from bot.http import Http
from bot.http.event_stream import EventStream
from bot.sources.mastodon.posts import Owner, read_object

if TYPE_CHECKING:
    from bot.http.stream import Stream

_STREAMS = ("user", "public/local")  # boosts and unlisted posts are in the first only, if the owner follows the account
_NEWS = ("update", "status.update")
_REFUSALS = (400, 401, 403, 404, 410, 501)
_SILENCE_S = 120.0  # servers write a comment every 15 seconds
_CAP = 1 << 20


class Streaming:
    """The streams of one server. What they carry is only a hint: whose post it is, and no word of it."""

    def __init__(self, server: str, token_file: SecretFile, http: Http) -> None:
        self._server = server
        self._token_file = token_file
        self._http = http

    @classmethod
    def audience(cls, server: str, token_file: SecretFile, tools: SourceTools) -> Audience:
        """The one audience of this server for this token."""
        found = tools.audiences.get(key := ("mastodon", server, str(token_file.path)))
        if found is None:
            found = tools.audiences[key] = Audience(cls(server, token_file, tools.http).follow)
        return found

    async def follow(self, audience: Audience) -> None:
        """Listen to both streams; one that is refused leaves the other. Raises Later and Never."""
        place = await self._find_place()
        try:
            async with asyncio.TaskGroup() as group:
                hearing = [group.create_task(self._hear(f"{place}/{name}", audience)) for name in _STREAMS]
        except BaseExceptionGroup as problems:
            raise problems.exceptions[0] from None
        raise hearing[-1].result()

    async def _hear(self, url: str, audience: Audience) -> Never:
        """Listen to one stream until it breaks (Later); gives back why the server refuses it."""
        token = read_secret(self._token_file)
        headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream"}
        try:
            stream = await self._http.open(url, headers=headers, foreign=not self._is_own(url))
            try:
                if stream.head.status in _REFUSALS:
                    return _refusal(stream)
                await _ring_for_each(stream, audience)
            finally:
                await stream.aclose()
        except (Later, Never) as problem:
            raise mask_secrets(problem, token) from None

    def _is_own(self, url: str) -> bool:
        """Whether an address is of the server itself: one that only begins like it may be anywhere."""
        return urlsplit(url)[:2] == urlsplit(self._server)[:2]

    async def _find_place(self) -> str:
        """Where the streams are: some servers have a host of their own for them, and name it."""
        reply = await self._http.get(f"{self._server}/api/v2/instance", cap=_CAP, deadline=30)
        named = await asyncio.to_thread(_read_place, reply.body) if reply.ok else None
        if named is not None and urlsplit(named).scheme == urlsplit(self._server).scheme.replace("http", "ws"):
            return f"{named.replace('ws', 'http', 1).rstrip('/')}/api/v1/streaming"
        return f"{self._server}/api/v1/streaming"


async def _ring_for_each(stream: "Stream", audience: Audience) -> NoReturn:
    """Ring for the owner of each post. Ends by Later, where the stream breaks."""
    events = EventStream(stream, cap=_CAP, silence_s=_SILENCE_S)
    audience.note_connection()
    while True:
        kind, data = await events.next()
        owner = _read_owner(data) if kind in _NEWS else None
        if owner is not None:
            audience.ring(owner)


def _read_owner(data: bytes) -> str | None:
    try:
        status = read_object(data)
    except ValueError:
        return None
    owner = Owner.of(status.get("account")) if isinstance(status, dict) else None
    return owner.id if owner is not None else None


def _read_place(body: bytes) -> str | None:
    try:
        found = read_object(body)
    except ValueError:
        return None
    for key in ("configuration", "urls", "streaming"):
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, str) else None


def _refusal(stream: "Stream") -> Never:
    if stream.head.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        remedy = 'give its token the scope "read", or remove live = true'
    else:
        remedy = "it may have no streams of events: remove live = true"
    return Never(f"{stream.host} refuses to announce posts ({stream.head.status})", remedy=remedy)
