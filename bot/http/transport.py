"""What httpx sends through: connections to checked addresses alone, certificates that hold, no way around the proxy."""

import logging
import ssl
from http import HTTPStatus
from pathlib import Path

import h11

from bot.errors import Later, Never
from bot.http.addresses import PORTS
from bot.http.body import UnusableBody
from bot.http.connections import Connection, Guard, Resolve, Resolver
from bot.http.library import httpx
from bot.http.pool import Place, Pool, Way
from bot.http.proxy import Tunnel, read_proxy
from bot.http.values import HttpRules
from bot.http.wire import Wire
from storage.state_names import PROXY_DOWN

_MOST_HEADERS = 2_000


class GuardedTransport(httpx.AsyncBaseTransport):
    """The pools of connections below `httpx.AsyncClient`. Failures come out as h11, the pool and the guard raise them.

    `httpx.AsyncHTTPTransport` has no place for a check between a name and its address. Cookies are left out of replies.
    """

    def __init__(self, rules: HttpRules, resolve: Resolve | None, in_all: int) -> None:
        logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs every URL; a bot token is part of one
        self._proxy = read_proxy(rules.proxy, rules.private) if rules.proxy else None
        self._resolver = Resolver()
        self._guard = Guard(rules.private, resolve or self._resolver, proxy=str(self._proxy or ""))
        self._way_out = Tunnel(self._guard, self._proxy) if self._proxy else self._guard
        self._ca_file = rules.ca_file
        self._context = _tls(rules.ca_file)
        self._context.set_alpn_protocols(["http/1.1"])
        self._pool = Pool(self._open, in_all)
        self._forward = Pool(self._open_proxy, in_all)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it and read the head of the reply. Raises Later and UnusableBody too.

        Its extension "way" is a `Way`, which learns how far it comes.
        """
        url, headers, stream = request.url, request.headers.raw, request.stream
        assert isinstance(stream, httpx.AsyncByteStream)
        place = (url.scheme, url.raw_host.decode("ascii"), url.port or PORTS[url.scheme])
        target = url.raw_path
        # Many HTTP proxies open tunnels to port 443 only, and forward the rest themselves.
        forwards = self._proxy is not None and self._proxy.scheme == "http" and url.scheme == "http"
        if self._proxy and forwards:
            place, target = ("http", self._proxy.host, self._proxy.port), b"http://" + url.netloc + url.raw_path
            if self._proxy.user:
                headers = [*headers, (b"Proxy-Authorization", self._proxy.login.encode("ascii"))]
        head = h11.Request(method=request.method, target=target, headers=headers)
        pool = self._forward if forwards else self._pool
        reply, body = await pool.ask(place, head, stream, request.extensions["way"])
        problem: Exception | None = None
        if self._proxy and forwards and reply.status_code == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            reason = f"the proxy {self._proxy} cannot be used: {self._proxy.wrong_password}"
            problem = Later(reason, state=PROXY_DOWN)
        elif len(reply.headers) > _MOST_HEADERS:
            problem = UnusableBody(f"{len(reply.headers):,} headers")
        if problem:
            await body.aclose()
            raise problem
        extensions = {
            "http_version": b"HTTP/" + reply.http_version,
            "reason_phrase": reply.reason,
            "certificate": body.certificate,
        }
        kept = [(name, value) for name, value in reply.headers.raw_items() if name.lower() != b"set-cookie"]
        return httpx.Response(reply.status_code, headers=kept, stream=body, extensions=extensions)

    async def connect(self, host: str, port: int) -> Wire:
        """Open a connection for another protocol. Raises Later."""
        return Wire(await self._way_out.connect(host, port), lambda ca_file: _tls(self._ca_file, ca_file))

    def explain_wait(self, host: str, deadline: float, way: Way) -> str:
        """Who did not do what within `deadline` seconds; what happens behind a proxy is seen only by an answer."""
        if self._proxy is None or way.answered:
            return f"{host} did not finish within {deadline:g} s"
        if way.sent:
            return f"{host} gave no answer within {deadline:g} s through the proxy {self._proxy}"
        return f"the proxy {self._proxy} did not connect to {host} within {deadline:g} s, so nothing was sent"

    async def aclose(self) -> None:
        await self._pool.aclose()
        await self._forward.aclose()
        self._resolver.close()

    async def _open(self, place: Place) -> Connection:
        scheme, host, port = place
        connection = await self._way_out.connect(host, port)
        if scheme == "https":
            await connection.start_tls(self._context)
        return connection

    async def _open_proxy(self, place: Place) -> Connection:
        return await self._guard.connect(place[1], place[2])


def _tls(*ca_files: Path | None) -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    for ca_file in filter(None, ca_files):
        try:
            context.load_verify_locations(ca_file)
        except OSError as error:
            remedy = "it must be a PEM file of certificates"
            raise Never(f"ca_file {str(ca_file)!a} cannot be read", remedy=remedy) from error
    return context
