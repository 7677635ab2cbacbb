"""Goes through the proxy and nowhere else: SOCKS5 and HTTP tunnels, where the proxy resolves the names.

The tunnels are our own because httpcore 1.0.9 gives up a place in its pool for good when a handshake in one of its own
fails or is cancelled.
"""

import re
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

import httpcore

from bot.errors import Later, Never
from bot.http.addresses import find_refusal, read_address
from bot.http.connections import Connection, Guard, describe_error
from storage.state_names import PROXY_DOWN

_LONGEST_ANSWER = 16_384
_UNKNOWN_USER = "it does not accept the user name and password"
_SOCKS_REPLIES = {
    1: "general failure",
    2: "not allowed by its rules",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "timed out",
    7: "command not supported",
    8: "address type not supported",
}


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where all traffic goes: `scheme` is http or socks5. `str()` shows it without the password."""

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = ""

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_proxy(written: str, private: frozenset[tuple[str, int]]) -> Proxy:
    """Read `http://`, `socks5://` or `socks5h://` with a host and a port. Raises Never: no proxy, no traffic."""
    remedy = "write [http] proxy as http://host:port or socks5://host:port"
    try:
        parts = urlsplit(written)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise Never("the proxy cannot be used", remedy=remedy) from None
    if parts.scheme not in {"http", "socks5", "socks5h"} or port is None:
        raise Never("the proxy cannot be used", remedy=remedy)
    refused = find_refusal("http", host, port, foreign=False, private=private)
    if refused:
        raise Never(f"the proxy cannot be used, because {refused.reason}", remedy=refused.remedy)
    scheme = "http" if parts.scheme == "http" else "socks5"
    return Proxy(scheme, host, port, unquote(parts.username or ""), unquote(parts.password or ""))


class Tunnel(httpcore.AsyncNetworkBackend):
    """Connects through the proxy, which is given the name and resolves it; there is no other way out."""

    def __init__(self, guard: Guard, proxy: Proxy) -> None:
        self._guard = guard
        self._proxy = proxy

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> Connection:
        proxy = self._proxy
        connection = await self._guard.connect_tcp(proxy.host, proxy.port, timeout, local_address, socket_options)
        shake = _socks5 if proxy.scheme == "socks5" else _connect
        try:
            refused = await shake(connection, proxy, host, port)
        except BaseException as error:
            await connection.aclose()
            if isinstance(error, httpcore.NetworkError | httpcore.ProxyError):
                reason = f"the proxy {proxy} cannot be used, so nothing was sent: {describe_error(error)}"
                raise Later(reason, state=PROXY_DOWN, unreached=True) from error
            raise
        if refused:
            await connection.aclose()
            raise Later(f"{host} cannot be reached through the proxy {proxy}: {refused}", unreached=True)
        connection.host = host
        return connection


async def _socks5(connection: Connection, proxy: Proxy, host: str, port: int) -> str:
    """Ask a SOCKS5 proxy (RFC 1928, 1929) for a connection to a *name*; the answer is why there is none, or ""."""
    method = 2 if proxy.user else 0
    await connection.write(bytes((5, 1, method)))
    if await _exactly(connection, 2) != bytes((5, method)):
        raise httpcore.ProxyError(_UNKNOWN_USER if proxy.user else "it is not an open SOCKS5 proxy")
    if proxy.user:
        await connection.write(b"\x01" + _counted(proxy.user.encode()) + _counted(proxy.password.encode()))
        if (await _exactly(connection, 2))[1] != 0:
            raise httpcore.ProxyError(_UNKNOWN_USER)
    await connection.write(b"\x05\x01\x00" + _socks_address(host) + port.to_bytes(2, "big"))
    version, reply, _, kind = await _exactly(connection, 4)
    if version != 5 or reply != 0:
        return _SOCKS_REPLIES.get(reply, f"SOCKS error {reply}")
    length = {1: 4, 4: 16}.get(kind) or (await _exactly(connection, 1))[0]
    await _exactly(connection, length + 2)
    return ""


async def _connect(connection: Connection, proxy: Proxy, host: str, port: int) -> str:
    """Ask an HTTP proxy (RFC 9110 9.3.6) for a connection to a *name*; the answer is why there is none, or ""."""
    name = f"[{host}]" if ":" in host else host
    ask = f"CONNECT {name}:{port} HTTP/1.1\r\nHost: {name}:{port}\r\n"
    if proxy.user:
        ask += f"Proxy-Authorization: Basic {b64encode(f'{proxy.user}:{proxy.password}'.encode()).decode()}\r\n"
    await connection.write(ask.encode() + b"\r\n")
    answer = b""
    while b"\r\n\r\n" not in answer and len(answer) < _LONGEST_ANSWER:
        answer += await _exactly(connection, 1)  # byte by byte: what follows the answer belongs to the tunnel
    status = re.match(rb"HTTP/1\.[01] ([0-9]{3})", answer)
    if not status:
        raise httpcore.ProxyError("it does not speak HTTP")
    if status[1] == b"407":
        raise httpcore.ProxyError(_UNKNOWN_USER)
    return "" if status[1].startswith(b"2") else f"it answers {int(status[1])}"


async def _exactly(connection: Connection, count: int) -> bytes:
    data = b""
    while len(data) < count:
        chunk = await connection.read(count - len(data))
        if not chunk:
            raise httpcore.ReadError("it closed the connection")
        data += chunk
    return data


def _counted(data: bytes) -> bytes:
    return len(data[:255]).to_bytes(1, "big") + data[:255]


def _socks_address(host: str) -> bytes:
    literal = read_address(host)
    if literal is None:
        return b"\x03" + _counted(host.encode("ascii"))
    ip = ip_address(literal)
    return (b"\x01" if ip.version == 4 else b"\x04") + ip.packed
