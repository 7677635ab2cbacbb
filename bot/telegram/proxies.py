"""The way to Telegram's servers: straight, or through a SOCKS5, HTTP or MTProto proxy and then nowhere else."""

import asyncio
import errno
import socket
from typing import Any
from urllib.parse import parse_qs, urlsplit

from telethon.network.connection import ConnectionTcpFull, ConnectionTcpMTProxyRandomizedIntermediate

from bot.errors import Later, Never
from bot.http.tunnel import Proxy, UnusableProxy, open_tunnel, parse_proxy
from storage.state_names import PROXY_DOWN, UNREACHABLE

_SECRET = 32  # hexadecimal digits
_PLAIN = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "it cut the connection",
    errno.EHOSTUNREACH: "no route to the host",
    errno.ENETUNREACH: "no route to the network",
    errno.ETIMEDOUT: "no answer",
}


def choose_connection(proxy: str | None) -> tuple[type[Any], tuple[str, int, str] | None]:
    """The class that connects, and what Telethon calls the proxy. Raises Never for a proxy that cannot be used."""
    if proxy is None:
        return _Direct, None
    tunnel = parse_proxy(proxy)
    if tunnel is not None:
        return type("Tunnelled", (_Tunnel,), {"through": tunnel}), None
    found = read_mtproxy(proxy)
    if found is None:
        raise Never("the proxy to Telegram cannot be used", remedy="correct [telegram] proxy", state=PROXY_DOWN)
    return type("MTProxied", (_MTProxied,), {}), found


def read_mtproxy(written: str) -> tuple[str, int, str] | None:
    """Host, port and secret of "mtproxy://SECRET@host:port", "tg://proxy?…" or "https://t.me/proxy?…".

    The secret begins with "dd", as Telethon wants it: one of 16 bytes that begins so by chance would lose its first.
    """
    try:
        parts = urlsplit(written)
        if parts.scheme == "mtproxy":
            host, port, secret = parts.hostname, parts.port, parts.username
        elif (parts.scheme, parts.netloc) == ("tg", "proxy") or (parts.netloc, parts.path) == ("t.me", "/proxy"):
            given = {name: values[0] for name, values in parse_qs(parts.query).items()}
            host, port, secret = given.get("server"), int(given.get("port", "0")), given.get("secret")
        else:
            return None
    except ValueError:
        return None
    return (host, port, f"dd{secret[-_SECRET:]}") if host and port and secret else None


class _Direct(ConnectionTcpFull):  # type: ignore[misc]  # Telethon has no types
    """Telethon's own connection, with the reason of a failure: Telethon itself only counts failures."""

    async def _connect(self, timeout: float | None = None, ssl: object = None) -> None:
        try:
            await super()._connect(timeout=timeout, ssl=ssl)
        except (OSError, TimeoutError) as problem:
            where = f"[{self._ip}]:{self._port}" if ":" in self._ip else f"{self._ip}:{self._port}"
            raise Later(f"{where} cannot be reached: {_describe(problem)}", state=UNREACHABLE, unsure=True) from problem


class _MTProxied(ConnectionTcpMTProxyRandomizedIntermediate):  # type: ignore[misc]  # Telethon has no types
    """Telethon's own connection, with failures that name the proxy."""

    async def _connect(self, timeout: float | None = None, ssl: object = None) -> None:
        try:
            await super()._connect(timeout=timeout, ssl=ssl)
        except (OSError, TimeoutError, ValueError) as problem:
            raise _down(f"{self._ip}:{self._port}", problem) from problem


class _Tunnel(ConnectionTcpFull):  # type: ignore[misc]  # Telethon has no types
    """A connection through a SOCKS5 or HTTP proxy that is given the server's name: nothing is looked up here."""

    through: Proxy

    async def _connect(self, timeout: float | None = None, ssl: object = None) -> None:  # noqa: ARG002 - Telethon's
        try:
            async with asyncio.timeout(timeout):
                self._reader, self._writer = await asyncio.open_connection(self.through.host, self.through.port)
                try:
                    await self._open_tunnel()
                except BaseException:
                    self._writer.close()
                    raise
        except (OSError, EOFError, UnusableProxy) as problem:
            raise _down(str(self.through), problem) from problem
        self._codec = self.packet_codec(self)
        self._init_conn()
        await self._writer.drain()

    async def _open_tunnel(self) -> None:
        async def write(data: bytes) -> None:
            self._writer.write(data)

        refused = await open_tunnel(self.through, str(self._ip), int(self._port), self._reader.readexactly, write)
        if refused:
            raise UnusableProxy(refused)


def _down(proxy: str, problem: BaseException) -> Later:
    return Later(f"the proxy {proxy} cannot be used, so nothing was sent: {_describe(problem)}", state=PROXY_DOWN)


def _describe(problem: BaseException) -> str:
    """What went wrong with a connection, without numbers and addresses."""
    if isinstance(problem, OSError) and problem.errno in _PLAIN:
        return _PLAIN[problem.errno]
    if isinstance(problem, socket.gaierror):
        return "its name cannot be resolved"
    if isinstance(problem, EOFError):
        return "it closed the connection"
    if isinstance(problem, OSError) and "Multiple exceptions" in str(problem):  # asyncio's, for a name with several
        return "connection refused at all of its addresses"
    return str(problem) or ("no answer" if isinstance(problem, TimeoutError) else type(problem).__name__)
