"""One request, one reply: the connection pools, the deadline, the cap, and what a failure on the way means."""

import asyncio
import logging
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal

import httpcore
import httpx

from bot.errors import Later, Never
from bot.http.addresses import PORTS
from bot.http.body import Body, TooBig, UnusableBody
from bot.http.connections import Connection, Guard, Resolve, Resolver, describe_error
from bot.http.proxy import Proxy, Tunnel, read_proxy
from bot.http.values import TOO_BIG, HttpRules
from storage.state_names import PROXY_DOWN

_CONNECTIONS = 50
_IDLE = 20
_IDLE_SECONDS = 5.0
_MOST_HEADERS = 2_000
_REDIRECTS = {301, 302, 303, 307, 308}


@dataclass(frozen=True, slots=True)
class Sending:
    """A request as it leaves.

    `headers` have lower-case names; `deadline` is the seconds of the whole journey; the body of a good reply goes to
    `sink` where there is one.
    """

    method: Literal["GET", "POST"]
    url: httpx.URL
    headers: Mapping[str, str]
    content: bytes
    cap: int
    deadline: float
    sink: Callable[[bytes], object] | None = None

    @property
    def host(self) -> str:
        return self.url.raw_host.decode("ascii")

    @property
    def port(self) -> int:
        return self.url.port or PORTS.get(self.url.scheme, 0)


@dataclass(frozen=True, slots=True)
class HopReply:
    """What came back on one hop; a redirect's body is not read. Cookies are left out of `headers`."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    status_line: str
    certificate: str | None

    @property
    def redirect(self) -> str | None:
        """The Location of a redirect; servers write it in UTF-8 or Latin-1."""
        if self.status not in _REDIRECTS or "location" not in self.headers:
            return None
        raw = self.headers["location"].encode("latin-1")
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return raw.decode("latin-1")


class Exchange:
    """The pools of connections. It verifies every certificate, and has no way around the proxy where one is set."""

    def __init__(self, rules: HttpRules, resolve: Resolve | None) -> None:
        self._proxy = read_proxy(rules.proxy, rules.private) if rules.proxy else None
        self._resolver = Resolver()
        # At DEBUG httpcore logs every reply's headers, and a Location can hold a token.
        logging.getLogger("httpcore").setLevel(logging.INFO)
        guard = Guard(rules.private, resolve or self._resolver, proxy=str(self._proxy or ""))
        tls = _tls(rules.ca_file)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            network_backend=Tunnel(guard, self._proxy) if self._proxy else guard,
            max_connections=_CONNECTIONS,
            max_keepalive_connections=_IDLE,
            keepalive_expiry=_IDLE_SECONDS,
        )
        self._forward = _forwarding(self._proxy, guard) if self._proxy and self._proxy.scheme == "http" else None

    async def exchange(self, sending: Sending, left: float) -> HopReply:
        """Send and read within `left` seconds. Raises Later (`unsure` if a POST went out unanswered) and Never."""
        sent = answered = False

        async def trace(event: str, _: Mapping[str, Any]) -> None:
            nonlocal sent, answered
            answered = answered or event == "http11.receive_response_headers.complete"
            sent = sent or (sending.method == "POST" and event == "http11.send_request_headers.started")

        host = sending.host
        try:
            async with asyncio.timeout(left):
                return await self._answer(sending, _written(sending, trace))
        except TimeoutError:
            reason = f"{host} did not finish within {sending.deadline:g} s"
        except TooBig as error:
            raise Later(f"{host} sent {error}", state=TOO_BIG, unsure=sent) from None
        except UnusableBody as error:
            reason = f"{host} sent {error}"
        except httpcore.LocalProtocolError as error:
            raise Never(f"the request to {host} cannot be written: {describe_error(error)}") from error
        except httpcore.ProtocolError as error:
            reason = f"{host} violates HTTP: {describe_error(error)}"
            answered = answered or "without sending a response" not in str(error)
        except (httpcore.NetworkError, OSError) as error:
            reason = f"the connection to {host} broke: {describe_error(error)}"
        raise Later(reason, unsure=sent, unreached=not answered)

    async def aclose(self) -> None:
        await self._pool.aclose()
        if self._forward:
            await self._forward.aclose()
        self._resolver.close()

    async def _answer(self, sending: Sending, request: httpcore.Request) -> HopReply:
        forward = self._forward if sending.url.scheme == "http" else None
        response = await (forward or self._pool).handle_async_request(request)
        try:
            if forward and response.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
                reason = f"the proxy {self._proxy} cannot be used: it does not accept the user name and password"
                raise Later(reason, state=PROXY_DOWN)
            answer = HopReply(
                response.status, _read_headers(response.headers), b"", _status_line(response), _certificate(response)
            )
            if answer.redirect is not None:
                return answer
            sink = sending.sink if 200 <= response.status < 300 else None
            return replace(answer, body=await _read_body(response, answer.headers, sending.cap, sink))
        finally:
            await response.aclose()


def _written(sending: Sending, trace: Any) -> httpcore.Request:
    url = sending.url
    headers = {"host": url.netloc.decode("ascii"), **sending.headers}
    if sending.method == "POST":
        headers["content-length"] = str(len(sending.content))
    try:
        raw = [(name.encode("ascii"), value.strip().encode("latin-1")) for name, value in headers.items()]
    except UnicodeEncodeError as error:
        raise Never(f"the request to {sending.host} cannot be written: a header is not Latin-1 text") from error
    target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    return httpcore.Request(sending.method, target, headers=raw, content=sending.content, extensions={"trace": trace})


def _status_line(response: httpcore.Response) -> str:
    version = response.extensions.get("http_version", b"HTTP/1.1").decode("latin-1")
    return f"{version} {response.status} {response.extensions.get('reason_phrase', b'').decode('latin-1')}".rstrip()


def _certificate(response: httpcore.Response) -> str | None:
    """The SHA-256 of the certificate that the server showed, as hex."""
    stream = response.extensions.get("network_stream")
    tls = stream.get_extra_info("ssl_object") if stream else None
    shown = tls.getpeercert(binary_form=True) if tls else None
    return sha256(shown).hexdigest() if shown else None


def _read_headers(raw: list[tuple[bytes, bytes]]) -> Mapping[str, str]:
    if len(raw) > _MOST_HEADERS:
        raise UnusableBody(f"{len(raw):,} headers")
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        if key != "set-cookie":
            headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


async def _read_body(
    response: httpcore.Response, headers: Mapping[str, str], cap: int, sink: Callable[[bytes], object] | None
) -> bytes:
    body = Body(cap, headers, sink)
    chunk = b""
    async for chunk in response.aiter_stream():
        body.feed(chunk)
    connection = response.extensions.get("network_stream")
    # The engine would take bytes behind the announced end for the reply to the next request on this connection.
    if "content-length" in headers and isinstance(connection, Connection) and not connection.last.endswith(chunk):
        await connection.aclose()
        raise UnusableBody("more bytes than it announced")
    return body.finish()


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    if ca_file:
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:
            remedy = "it must be a PEM file of certificates"
            raise Never(f"[http] ca_file {str(ca_file)!a} cannot be read", remedy=remedy) from error
    return context


def _forwarding(proxy: Proxy, guard: Guard) -> httpcore.AsyncHTTPProxy:
    """For http:// addresses: many HTTP proxies open tunnels to port 443 only, and forward the rest themselves."""
    return httpcore.AsyncHTTPProxy(
        proxy_url=f"http://{proxy}",
        proxy_auth=(proxy.user, proxy.password) if proxy.user else None,
        network_backend=guard,
        max_connections=_CONNECTIONS,
        max_keepalive_connections=_IDLE,
        keepalive_expiry=_IDLE_SECONDS,
    )
