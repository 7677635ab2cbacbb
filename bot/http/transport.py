"""What httpx sends through: connections to checked addresses alone, certificates that hold, no way around the proxy."""

import logging
import ssl
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import httpcore
import httpx

from bot.errors import Later, Never
from bot.http.body import UnusableBody
from bot.http.connections import Connection, Guard, Resolve, Resolver
from bot.http.proxy import Tunnel, read_proxy
from bot.http.tunnel import Proxy
from bot.http.values import HttpRules
from bot.http.wire import Wire
from storage.state_names import PROXY_DOWN

_IDLE = 20
_IDLE_SECONDS = 5.0
_MOST_HEADERS = 2_000


class GuardedTransport(httpx.AsyncBaseTransport):
    """The pools of connections below `httpx.AsyncClient`. Failures come out as httpcore and the guard raise them.

    `httpx.AsyncHTTPTransport` has no place for a check between a name and its address. Cookies are left out of replies.
    """

    def __init__(self, rules: HttpRules, resolve: Resolve | None, in_all: int) -> None:
        # httpx logs every URL (a bot token is part of one), httpcore every reply's headers (a Location can hold one).
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        self._proxy = read_proxy(rules.proxy, rules.private) if rules.proxy else None
        self._resolver = Resolver()
        guard = Guard(rules.private, resolve or self._resolver, proxy=str(self._proxy or ""))
        self._way_out = Tunnel(guard, self._proxy) if self._proxy else guard
        self._ca_file = rules.ca_file
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=_tls(rules.ca_file),
            network_backend=self._way_out,
            max_connections=in_all,
            max_keepalive_connections=_IDLE,
            keepalive_expiry=_IDLE_SECONDS,
        )
        forwards = self._proxy is not None and self._proxy.scheme == "http"
        self._forward = _forwarding(self._proxy, guard, in_all) if self._proxy and forwards else None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it and read the head of the reply. Raises Later and UnusableBody too."""
        url, stream = request.url, request.stream
        assert isinstance(stream, httpx.AsyncByteStream)
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        written = httpcore.Request(
            request.method, target, headers=request.headers.raw, content=stream, extensions=request.extensions
        )
        forward = self._forward if url.scheme == "http" else None
        reply = await (forward or self._pool).handle_async_request(written)
        problem: Exception | None = None
        if self._proxy and forward and reply.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            reason = f"the proxy {self._proxy} cannot be used: {self._proxy.wrong_password}"
            problem = Later(reason, state=PROXY_DOWN)
        elif len(reply.headers) > _MOST_HEADERS:
            problem = UnusableBody(f"{len(reply.headers):,} headers")
        if problem:
            await reply.aclose()
            raise problem
        headers = [(name, value) for name, value in reply.headers if name.lower() != b"set-cookie"]
        return httpx.Response(reply.status, headers=headers, stream=_Arriving(reply), extensions=reply.extensions)

    async def connect(self, host: str, port: int) -> Wire:
        """Open a connection for another protocol. Raises Later."""
        return Wire(await self._way_out.connect_tcp(host, port), lambda ca_file: _tls(self._ca_file, ca_file))

    async def aclose(self) -> None:
        await self._pool.aclose()
        if self._forward:
            await self._forward.aclose()
        self._resolver.close()


class _Arriving(httpx.AsyncByteStream):
    """The body of a reply as it comes. Raises UnusableBody where there is more of it than was announced."""

    def __init__(self, reply: httpcore.Response) -> None:
        self._reply = reply

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunk = b""
        async for chunk in self._reply.aiter_stream():
            yield chunk
        announced = any(name.lower() == b"content-length" for name, _ in self._reply.headers)
        connection = self._reply.extensions.get("network_stream")
        # The engine would take bytes behind the announced end for the reply to the next request on this connection.
        if announced and isinstance(connection, Connection) and not connection.last.endswith(chunk):
            await connection.aclose()
            raise UnusableBody("more bytes than it announced")

    async def aclose(self) -> None:
        await self._reply.aclose()


def _tls(*ca_files: Path | None) -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    for ca_file in filter(None, ca_files):
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:
            remedy = "it must be a PEM file of certificates"
            raise Never(f"ca_file {str(ca_file)!a} cannot be read", remedy=remedy) from error
    return context


def _forwarding(proxy: Proxy, guard: Guard, in_all: int) -> httpcore.AsyncHTTPProxy:
    """For http:// addresses: many HTTP proxies open tunnels to port 443 only, and forward the rest themselves."""
    return httpcore.AsyncHTTPProxy(
        proxy_url=f"http://{proxy}",
        proxy_auth=(proxy.user, proxy.password) if proxy.user else None,
        network_backend=guard,
        max_connections=in_all,
        max_keepalive_connections=_IDLE,
        keepalive_expiry=_IDLE_SECONDS,
    )
