"""Follows one request to its end: politeness, redirects that are checked at every hop, and what is asked along."""

import asyncio
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from bot.clock import Clock
from bot.errors import Later, Never
from bot.http.addresses import Refusal, find_refusal
from bot.http.rate_limit import IN_ALL, PER_SERVER, RateLimits
from bot.http.values import HttpRules, Reply, check_busy

if TYPE_CHECKING:  # httpx costs a tenth of a second, and many commands make no request
    from httpx import URL

    from bot.http.connections import Resolve
    from bot.http.exchange import Exchange, Sending
    from bot.http.spool import Spool
    from bot.http.stream import Stream
    from bot.http.wire import Wire

_HOPS = 5
_REMEMBERED = 1_000  # addresses
_PERMANENT = {301, 308}
_REPEATING = {307, 308}  # the method and the body stay
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Http:
    """An HTTP client for one group of users (sources, targets, files), closed by its maker.

    Each group has its own, so that none waits for the connections, the names or the pauses of another.

    `resolve` maps (host, port) to IP addresses as text; the system's resolver is the default.
    """

    def __init__(
        self,
        rules: HttpRules,
        clock: Clock,
        *,
        resolve: "Resolve | None" = None,
        per_server: int = PER_SERVER,
        in_all: int = IN_ALL,
    ) -> None:
        self._rules = rules
        self._clock = clock
        self._resolve = resolve
        self._limits = RateLimits(rules.intervals, clock, per_server, in_all)
        self._in_all = in_all
        self._exchange: Exchange | None = None
        self._loading = asyncio.Lock()

    async def get(
        self,
        url: str,
        *,
        cap: int,
        deadline: float,
        headers: Mapping[str, str] = _NO_HEADERS,
        foreign: bool = False,
        sink: Callable[[bytes], object] | None = None,
    ) -> Reply:
        """Fetch the reply to a GET, whatever its status, at most `cap` bytes long.

        `deadline` is in seconds and covers all but the wait for politeness. `foreign` marks a URL that did not come
        from the config: credentials in it are dropped and only ports 80 and 443 (or ports written in the config) are
        visited. `sink` takes the body of a good reply (2xx) piece by piece as it comes, also of one that breaks off;
        then `Reply.body` is empty. Raises Later (state TOO_BIG for a reply over the cap) and Never.
        """
        await self._engine()
        sending = self._sending("GET", url, headers, b"", cap, deadline, foreign=foreign)
        return await self._follow(replace(sending, sink=sink) if sink else sending, foreign)

    async def post(
        self,
        url: str,
        *,
        content: "bytes | Spool",
        headers: Mapping[str, str] = _NO_HEADERS,
        cap: int = 1 << 20,
        deadline: float = 30,
        method: Literal["POST", "PUT"] = "POST",
    ) -> Reply:
        """Send `content`; the reply comes back whatever its status. Raises Later (`unsure` once it went out), Never."""
        await self._engine()
        return await self._follow(self._sending(method, url, headers, content, cap, deadline, foreign=False), False)

    async def connect(self, host: str, port: int, *, foreign: bool = False) -> "Wire":
        """Open a connection for another protocol, such as SMTP: checked as any other, and through the proxy.

        `host` is lower-case and punycode; the deadline is the caller's. `foreign`: see `get`. Raises Later and Never.
        """
        refused = find_refusal("https", host, port, foreign=foreign, private=self._rules.private)
        if refused:
            raise Never(refused.reason, remedy=refused.remedy)
        return await (await self._engine()).connect(host, port)

    async def touch(self, url: str) -> None:
        """Connect to where a URL leads, with TLS for https, and hang up: nothing is asked. Raises Later and Never."""
        wire = await self._reach(self._sending("GET", url, _NO_HEADERS, b"", 0, 0, foreign=False))
        await wire.aclose()

    async def open(
        self, url: str, *, headers: Mapping[str, str] = _NO_HEADERS, deadline: float = 30, foreign: bool = False
    ) -> "Stream":
        """The reply to a GET that does not end, on a connection of its own, which the caller closes.

        `deadline` is in seconds, until the head of the reply is there. A redirect is not followed. Raises Later, also
        for a busy server, and Never.
        """
        from bot.http.stream import Stream

        sending = self._sending("GET", url, headers, b"", 0, deadline, foreign=foreign)
        sending = replace(sending, headers={**sending.headers, "accept-encoding": "identity"})
        try:
            async with asyncio.timeout(deadline):
                wire = await self._reach(sending, foreign=foreign)
                try:
                    stream = await Stream.open(wire, sending)
                    self._expect_free(stream.head)
                except BaseException:
                    await wire.aclose()
                    raise
        except TimeoutError:
            way = " through the proxy" if self._rules.proxy else ""
            raise Later(f"{sending.host} did not answer within {deadline:g} s{way}", unreached=True) from None
        return stream

    def _expect_free(self, head: Reply) -> None:
        if busy := check_busy(head, self._clock.now()):
            raise busy

    async def _reach(self, sending: "Sending", *, foreign: bool = False) -> "Wire":
        """A connection to where a request goes, with TLS for https."""
        if refused := self._refusal(sending, foreign=foreign):
            raise Never(refused.reason, remedy=refused.remedy)
        wire = await (await self._engine()).connect(sending.host, sending.port)
        try:
            if sending.url.scheme == "https":
                await wire.start_tls(None)
        except BaseException:
            await wire.aclose()
            raise
        return wire

    def has_pause(self, url: str) -> bool:
        """Whether a pause is kept between two requests to the host of this URL."""
        return self._limits.has_pause(urlsplit(url).hostname or "")

    def slow_down(self, host: str) -> None:
        """Double the interval of a host that throttles without saying so; good replies bring it back down."""
        self._limits.slow_down(host)

    async def aclose(self) -> None:
        """Close every connection."""
        if self._exchange:
            await self._exchange.aclose()
            self._exchange = None

    async def _follow(self, sending: "Sending", foreign: bool) -> Reply:
        asked_host, left = sending.host, sending.deadline
        moved_to: str | None = None
        permanent = True
        refused = self._refusal(sending, foreign=foreign)
        if refused:
            raise Never(refused.reason, remedy="" if foreign else refused.remedy)
        for _ in range(_HOPS + 1):
            async with self._limits.wait_turn(sending.host, sending.port, str(sending.url)):
                began = self._clock.monotonic()
                reply, location = await self._answer(sending, left)
                left -= self._clock.monotonic() - began
            if location is None:
                self._adjust_limits(sending.host, reply.status)
                return replace(reply, moved_to=moved_to) if moved_to else reply
            following = _redirected(sending, reply.status, location)
            refused = self._refusal(following, foreign=foreign or following.host != asked_host)
            if refused:
                raise Later(f"{sending.host} redirects to an address that is not allowed: {refused.reason}")
            permanent = permanent and reply.status in _PERMANENT
            moved_to = str(following.url) if permanent else moved_to
            sending = following
        raise Later(f"{asked_host} redirects more than {_HOPS} times")

    async def _answer(self, sending: "Sending", left: float) -> "tuple[Reply, URL | None]":
        url, answered, engine = str(sending.url), False, await self._engine()
        try:
            found = await engine.exchange(sending, left)
            answered = True
            return found
        finally:
            self._limits.note_answer(url, answered=answered)

    def _refusal(self, sending: "Sending", *, foreign: bool) -> Refusal | None:
        return find_refusal(
            sending.url.scheme, sending.host, sending.port, foreign=foreign, private=self._rules.private
        )

    def _adjust_limits(self, host: str, status: int) -> None:
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            self._limits.slow_down(host)
        elif status < 400:
            self._limits.recover(host)

    async def _engine(self) -> "Exchange":
        """The engine, which takes half a second to load the first time: beside everything else."""
        if self._exchange is not None:
            return self._exchange
        async with self._loading:
            if self._exchange is None:
                self._exchange = await asyncio.to_thread(self._load)
            return self._exchange

    def _load(self) -> "Exchange":
        from bot.http.exchange import Exchange

        return Exchange(self._rules, self._resolve, self._in_all)

    def _sending(
        self,
        method: Literal["GET", "POST", "PUT"],
        url: str,
        extra: Mapping[str, str],
        content: "bytes | Spool",
        cap: int,
        deadline: float,
        *,
        foreign: bool,
    ) -> "Sending":
        """Read the URL (raises Never) and take the credentials out of it; the config's own become a header."""
        from bot.http.exchange import Sending

        address, login = _read_address(url) if foreign else _read_known(url)
        headers = {"user-agent": self._rules.user_agent, "accept": "*/*"}
        if login and not foreign:
            headers["authorization"] = login
        headers |= {name.lower(): value for name, value in extra.items()}
        headers["accept-encoding"] = "gzip"
        return Sending(method, address, headers, content, cap, deadline)


def _read_address(url: str) -> "tuple[URL, str]":
    """The address without its credentials, and these as a header, "" if there are none. Raises Never."""
    from bot.http.library import httpx

    try:
        parsed = httpx.URL(url)
        bare = parsed.copy_with(userinfo=b"", fragment=None)
        _ = bare.host  # raises ValueError for letters behind xn-- that are none
    except (httpx.InvalidURL, ValueError):
        raise Never("the address cannot be read", remedy="write it as https://host/path") from None
    pair = f"{parsed.username}:{parsed.password}".encode()
    return bare, f"Basic {b64encode(pair).decode('ascii')}" if parsed.userinfo else ""


@lru_cache(_REMEMBERED)
def _read_known(url: str) -> "tuple[URL, str]":
    """The same of one that we made, and will ask again."""
    return _read_address(url)


def _redirected(sending: "Sending", status: int, location: "URL") -> "Sending":
    """Work out the request for the next hop. Raises Later where it leads nowhere good, Never for a POST that moved."""
    from bot.http.exchange import SECRET_HEADERS

    host = sending.host
    url = location.copy_with(userinfo=b"", fragment=None)
    following = replace(sending, url=url)
    if sending.method != "GET" and (status not in _REPEATING or following.host != host):
        raise Never(f"{host} redirects messages to {following.host!a}", remedy="write the new address in the config")
    if (sending.url.scheme, url.scheme) == ("https", "http"):
        raise Later(f"{host} redirects from https to http, which is not followed")
    if following.host == host and (following.port == sending.port or (sending.port, following.port) == (80, 443)):
        return following
    return replace(following, headers={n: v for n, v in sending.headers.items() if n not in SECRET_HEADERS})
