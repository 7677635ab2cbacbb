"""The way to Telegram's servers: straight, or through a SOCKS5, HTTP or MTProto proxy and then nowhere else."""

import asyncio
import errno
import ipaddress
import socket
from base64 import b64encode
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from telethon.network.connection import ConnectionTcpFull, ConnectionTcpMTProxyRandomizedIntermediate

from bot.errors import Later, Never
from storage.state_names import PROXY_DOWN, UNREACHABLE

_SECRET = 32  # hexadecimal digits
_LONGEST_ANSWER = 16_384
_NOT_ACCEPTED = "it does not accept the user name and password"
_PLAIN = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "it cut the connection",
    errno.EHOSTUNREACH: "no route to the host",
    errno.ENETUNREACH: "no route to the network",
    errno.ETIMEDOUT: "no answer",
}
_SOCKS_REPLIES = {
    1: "general failure",
    2: "not allowed by its rules",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused by the server",
}


def choose_connection(proxy: str | None) -> tuple[type[Any], tuple[str, int, str] | None]:
    """The class that connects, and what Telethon calls the proxy. Raises Never for a proxy that cannot be used."""
    if proxy is None:
        return _Direct, None
    parts = urlsplit(proxy)
    if parts.scheme in ("http", "socks5", "socks5h"):
        return type("Tunnelled", (_Tunnel,), {"proxy_parts": parts}), None
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

    proxy_parts: Any

    async def _connect(self, timeout: float | None = None, ssl: object = None) -> None:  # noqa: ARG002 - Telethon's
        parts = self.proxy_parts
        try:
            async with asyncio.timeout(timeout):
                self._reader, self._writer = await asyncio.open_connection(parts.hostname, parts.port)
                shake = _http if parts.scheme == "http" else _socks
                try:
                    await shake(self._reader, self._writer, parts, str(self._ip), int(self._port))
                except BaseException:
                    self._writer.close()
                    raise
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as problem:
            raise _down(f"{parts.hostname}:{parts.port}", problem) from problem
        self._codec = self.packet_codec(self)
        self._init_conn()
        await self._writer.drain()


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


async def _socks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, parts: Any, host: str, port: int) -> None:
    """RFC 1928 and 1929. Raises ValueError with the reason, OSError and EOFError."""
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    offered = bytes((0, 2)) if user else bytes((0,))
    writer.write(bytes((5, len(offered))) + offered)
    version, method = await reader.readexactly(2)
    if version != 5:
        raise ValueError("it does not speak SOCKS5")
    if method not in offered:
        raise ValueError("it refuses to let us in" if user else "it requires a user name and password")
    if method == 2:
        writer.write(b"\x01" + _counted(user) + _counted(password))
        if (await reader.readexactly(2))[1] != 0:
            raise ValueError(_NOT_ACCEPTED)
    writer.write(b"\x05\x01\x00" + _named(host) + port.to_bytes(2, "big"))
    version, reply, _, kind = await reader.readexactly(4)
    if version != 5 or reply != 0:
        raise ValueError(_SOCKS_REPLIES.get(reply, f"SOCKS error {reply}"))
    await reader.readexactly(({1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0]) + 2)


async def _http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, parts: Any, host: str, port: int) -> None:
    """CONNECT. Raises ValueError with the reason, OSError and EOFError."""
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {where} HTTP/1.1", f"Host: {where}"]
    if parts.username:
        given = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        lines.append(f"Proxy-Authorization: Basic {b64encode(given.encode()).decode()}")
    writer.write("\r\n".join((*lines, "", "")).encode())
    head = await reader.readuntil(b"\r\n\r\n")
    status = head[:_LONGEST_ANSWER].split(b" ", 2)
    if len(status) < 2 or not status[0].startswith(b"HTTP/1."):
        raise ValueError("it does not speak HTTP")
    if status[1] == b"407":
        raise ValueError(_NOT_ACCEPTED if parts.username else "it requires a user name and password")
    if status[1] != b"200":
        raise ValueError(f"it answered {head.splitlines()[0][:80].decode('latin-1')!r}")


def _named(host: str) -> bytes:
    """A host as SOCKS5 names it: an address by its bytes, anything else by its letters."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return b"\x03" + _counted(host)
    return (b"\x04" if address.version == 6 else b"\x01") + address.packed


def _counted(text: str) -> bytes:
    data = text.encode()[:255]
    return len(data).to_bytes(1, "big") + data
