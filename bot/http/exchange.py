"""One request, one reply: httpx on the guarded transport, the deadline, the cap, and what a failure means."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Literal

import h11

from bot.errors import Later, Never
from bot.http.addresses import PORTS
from bot.http.body import Body, TooBig, UnusableBody
from bot.http.connections import Broken, Resolve, describe_error
from bot.http.library import httpx
from bot.http.masking import secret_parts, strike_secrets
from bot.http.pool import Way
from bot.http.spool import Spool
from bot.http.transport import GuardedTransport
from bot.http.values import HttpRules, Reply, join_headers
from bot.http.wire import Wire
from storage.frozen import dataclass
from storage.state_names import TOO_BIG

SECRET_HEADERS = {"authorization", "cookie", "proxy-authorization"}
_ENDED = httpx.ByteStream(b"")


@dataclass(frozen=True, slots=True)
class Sending:
    """A request as it leaves.

    `headers` have lower-case names; `deadline` is the seconds of the whole journey; the body of a good reply goes to
    `sink` where there is one.
    """

    method: Literal["GET", "POST", "PUT"]
    url: httpx.URL
    headers: Mapping[str, str]
    content: bytes | Spool
    cap: int
    deadline: float
    sink: Callable[[bytes], object] | None = None

    @property
    def host(self) -> str:
        return self.url.raw_host.decode("ascii")

    @property
    def port(self) -> int:
        return self.url.port or PORTS.get(self.url.scheme, 0)


class Exchange:
    """One httpx client: it takes nothing from the environment, follows no redirect and keeps no cookie."""

    def __init__(self, rules: HttpRules, resolve: Resolve | None, in_all: int) -> None:
        self._transport = GuardedTransport(rules, resolve, in_all)
        self._client = _Client(
            transport=self._transport,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(None),  # the deadline of a request covers all of it
        )

    async def exchange(self, sending: Sending, left: float) -> tuple[Reply, httpx.URL | None]:
        """Send and read within `left` seconds; where the reply redirects to, its body is not read.

        Raises Later (`unsure` if a POST went out unanswered) and Never.
        """
        host, way = sending.host, Way(sending.method != "GET")
        try:
            async with asyncio.timeout(left):
                return await self._answer_past_idle(sending, way)
        except TimeoutError:
            reason = self._transport.explain_wait(host, sending.deadline, way)
        except TooBig as error:
            raise Later(f"{host} sent {error}", state=TOO_BIG, unsure=way.unsure) from None
        except UnusableBody as error:
            reason = f"{host} sent {error}"
        except h11.LocalProtocolError as error:
            raise Never(f"the request to {host} cannot be written: {describe_error(error)}") from error
        except h11.RemoteProtocolError as error:
            reason = f"{host} violates HTTP: {_without_request(str(error), sending)}"
            way.answered = True
        except (Broken, OSError) as error:
            reason = f"the connection to {host} broke: {describe_error(error)}"
        raise Later(reason, unsure=way.unsure, unreached=not way.answered)

    async def connect(self, host: str, port: int) -> Wire:
        """Open a connection for another protocol. Raises Later."""
        return await self._transport.connect(host, port)

    async def aclose(self) -> None:
        await self._client.aclose()

    async def _answer_past_idle(self, sending: Sending, way: Way) -> tuple[Reply, httpx.URL | None]:
        """Servers close idle connections, often just as the next request leaves: a GET is then sent once more."""
        try:
            return await self._answer(sending, _written(sending, way))
        except (Broken, h11.RemoteProtocolError):
            if sending.method != "GET" or way.connected or way.answered:
                raise
        return await self._answer(sending, _written(sending, way))

    async def _answer(self, sending: Sending, request: httpx.Request) -> tuple[Reply, httpx.URL | None]:
        response = await self._send(request)
        try:
            if response.next_request:
                return _reply(response, b""), response.next_request.url
            sink = sending.sink if response.is_success else None
            return _reply(response, await _read_body(response, sending.cap, sink)), None
        finally:
            await response.aclose()
            response.stream = _ENDED  # httpx's own refers back to its reply: a ring that holds everything

    async def _send(self, request: httpx.Request) -> httpx.Response:
        """Raises Later for a Location that cannot be read: httpx reads it before it hands out the reply."""
        try:
            return await self._client.send(request, stream=True)
        except (httpx.RemoteProtocolError, httpx.InvalidURL, ValueError):  # the transport raises none of these
            raise Later(f"{request.url.host} redirects to an address that cannot be read") from None


class _NoCookies(httpx.Cookies):
    def extract_cookies(self, response: httpx.Response) -> None:
        """Keep none: even to look for them costs as much as to write the request."""


class _Client(httpx.AsyncClient):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._cookies = _NoCookies()


def _written(sending: Sending, way: Way) -> httpx.Request:
    try:
        headers = httpx.Headers({n: v.strip() for n, v in sending.headers.items()}, encoding="latin-1")
    except UnicodeEncodeError as error:
        raise Never(f"the request to {sending.host} cannot be written: a header is not Latin-1 text") from error
    content: bytes | AsyncIterator[bytes] | None
    if isinstance(sending.content, Spool):
        headers["content-length"] = str(sending.content.size)
        content = sending.content.stream()
    else:
        content = sending.content or None
    return httpx.Request(sending.method, sending.url, headers=headers, content=content, extensions={"way": way})


def _reply(response: httpx.Response, body: bytes) -> Reply:
    line = f"{response.http_version} {response.status_code} {response.reason_phrase}".rstrip()
    headers = join_headers(response.headers.raw)
    certificate = response.extensions["certificate"]
    return Reply(response.status_code, str(response.url), headers, body, status_line=line, certificate=certificate)


def _without_request(words: str, sending: Sending) -> str:
    """What the server sent, in the engine's words, without what it repeats of the request: that may hold a secret."""
    secrets = (sending.headers.get(name, "") for name in SECRET_HEADERS)
    return strike_secrets(words, *secret_parts(str(sending.url)), *secrets)[:100]


async def _read_body(response: httpx.Response, cap: int, sink: Callable[[bytes], object] | None) -> bytes:
    body = Body(cap, response.headers, sink)
    assert isinstance(response.stream, httpx.AsyncByteStream)
    async for chunk in response.stream:
        body.feed(chunk)
    return body.finish()
