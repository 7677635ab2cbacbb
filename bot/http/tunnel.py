"""Asks a SOCKS5 or HTTP proxy for a connection to a name, over whatever stream leads to the proxy."""

import re
from base64 import b64encode
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from bot.http.addresses import read_address
from storage.frozen import dataclass

Read = Callable[[int], Awaitable[bytes]]  # exactly so many bytes
Write = Callable[[bytes], Awaitable[None]]

_LONGEST_ANSWER = 16_384
_OPEN, _PASSWORD = 0, 2  # methods of RFC 1928
_SOCKS_REPLIES = {
    1: "general failure",
    2: "not allowed by its rules",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused by the server",
    6: "timed out",
    7: "command not supported",
    8: "address type not supported",
}


class UnusableProxy(Exception):
    """What the proxy does that no tunnel can be made with; the text completes "the proxy cannot be used: …"."""


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

    @property
    def login(self) -> str:
        """The user name and the password as HTTP carries them (RFC 7617)."""
        return f"Basic {b64encode(f'{self.user}:{self.password}'.encode()).decode('ascii')}"

    @property
    def wrong_password(self) -> str:
        """What to say when the proxy refuses the password that it was given, or was not given."""
        return "it does not accept the user name and password" if self.user else "it requires a user name and password"


def parse_proxy(written: str) -> Proxy | None:
    """Read `http://`, `socks5://` or `socks5h://` with a host and a port; None for anything else."""
    try:
        parts = urlsplit(written)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "socks5", "socks5h"} or not host or not port:
        return None
    scheme = "http" if parts.scheme == "http" else "socks5"
    return Proxy(scheme, host, port, unquote(parts.username or ""), unquote(parts.password or ""))


async def open_tunnel(proxy: Proxy, host: str, port: int, read: Read, write: Write) -> str:
    """Ask for a connection to `host`, which the proxy resolves; the answer is why there is none, or "".

    Raises UnusableProxy, and whatever `read` and `write` raise.
    """
    ask = _socks5 if proxy.scheme == "socks5" else _connect
    return await ask(proxy, host, port, read, write)


async def _socks5(proxy: Proxy, host: str, port: int, read: Read, write: Write) -> str:
    """RFC 1928, and 1929 for the password."""
    offered = bytes((_OPEN, _PASSWORD) if proxy.user else (_OPEN,))
    await write(bytes((5, len(offered))) + offered)
    version, method = await read(2)
    if version != 5:
        raise UnusableProxy("it does not speak SOCKS5")
    if method not in offered:
        raise UnusableProxy("it refuses to let us in" if proxy.user else proxy.wrong_password)
    if method == _PASSWORD:
        await write(b"\x01" + _counted(proxy.user) + _counted(proxy.password))
        if (await read(2))[1] != 0:
            raise UnusableProxy(proxy.wrong_password)
    await write(b"\x05\x01\x00" + _socks_address(host) + port.to_bytes(2, "big"))
    version, reply, _, kind = await read(4)
    if version != 5 or reply != 0:
        return _SOCKS_REPLIES.get(reply, f"SOCKS error {reply}")
    length = {1: 4, 4: 16}.get(kind) or (await read(1))[0]
    await read(length + 2)
    return ""


async def _connect(proxy: Proxy, host: str, port: int, read: Read, write: Write) -> str:
    """CONNECT of RFC 9110 9.3.6."""
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {where} HTTP/1.1", f"Host: {where}"]
    if proxy.user:
        lines.append(f"Proxy-Authorization: {proxy.login}")
    await write("\r\n".join((*lines, "", "")).encode())
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _LONGEST_ANSWER:
        head += await read(1)  # byte by byte: what follows the answer belongs to the tunnel
    status = re.match(rb"HTTP/1\.[01] ([0-9]{3})", head)
    if not status:
        raise UnusableProxy("it does not speak HTTP")
    if status[1] == b"407":
        raise UnusableProxy(proxy.wrong_password)
    return "" if status[1].startswith(b"2") else f"it answers {head.splitlines()[0][:80].decode('latin-1')!a}"


def _socks_address(host: str) -> bytes:
    """A host as SOCKS5 names it: an address by its bytes, anything else by its letters."""
    literal = read_address(host)
    if literal is None:
        return b"\x03" + _counted(host)
    ip = ip_address(literal)
    return (b"\x01" if ip.version == 4 else b"\x04") + ip.packed


def _counted(text: str) -> bytes:
    data = text.encode()[:255]
    return len(data).to_bytes(1, "big") + data
