"""Which addresses may be visited: pure decisions about schemes, hosts, ports and IP addresses."""

import re
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from storage.frozen import dataclass

PORTS = {"http": 80, "https": 443}
_LABEL = "[a-z0-9_-]{1,63}"  # longer or empty ones (a..b) cannot be sent to a resolver or in a TLS handshake
_HOST = re.compile(rf"(?=[a-z0-9_].{{0,252}}$){_LABEL}(\.{_LABEL})*\.?|(?=[^:]*:)[0-9a-f:.]{{2,45}}")
_HOME_NAMES = ("localhost", "local", "internal", "home.arpa")
_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")  # the IPv4-compatible form of RFC 4291, long deprecated, still parsed
_OPEN = "set allow_private_addresses = true in [http] if you mean it"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a URL is not visited, and what a person can do about it ("" where nothing would help)."""

    reason: str
    remedy: str = ""


def find_refusal(
    scheme: str, host: str, port: int, *, foreign: bool, private: frozenset[tuple[str, int]] = frozenset()
) -> Refusal | None:
    """Decide from the words of a URL alone whether it may be visited; None means yes.

    `host` is lower-case and punycode. A name that passes must still be resolved, and every address it has must be
    public. `foreign` URLs come from somebody's content or redirect, not from the config.
    """
    if scheme not in PORTS:
        what = f"{scheme[:20]}: addresses are not visited" if scheme else "not a web address"
        return Refusal(what, "use http:// or https://")
    if not _HOST.fullmatch(host) or not 0 < port < 65_536:
        return Refusal("the address has no readable host and port", "write it as https://host/path")
    if (host.rstrip("."), port) in private:
        return None
    if foreign and port not in PORTS.values():
        return Refusal(f"port {port} of {host} is not visited, because the address came from outside")
    literal = read_address(host)
    if literal is not None and not is_public(literal):
        return Refusal(f"{host} is a private address", _OPEN)
    if literal is None and _stays_home(host):
        return Refusal(f"{host} is a private name", _OPEN)
    return None


def read_address(host: str) -> str | None:
    """Read the IP address that a host spells out, in any form that a resolver takes for one; None for a name.

    Resolvers also read `127.1`, `0x7f000001`, `2130706433` and `017700000001` (inet_aton).
    """
    host = host.rstrip(".")
    try:
        return str(ip_address(host))
    except ValueError:
        pass
    try:
        return str(IPv4Address(socket.inet_aton(host)))
    except OSError:
        return None


def is_public(address: str) -> bool:
    """Whether an IP address is one of the open internet, including one that hides an IPv4 address inside IPv6."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv4Address):
        return ip.is_global and not ip.is_multicast
    hidden = _hidden(ip)
    if hidden is not None:
        return all(one.is_global and not one.is_multicast for one in hidden)
    return ip in _UNICAST and ip.is_global


def _hidden(ip: IPv6Address) -> tuple[IPv4Address, ...] | None:
    """The IPv4 addresses that a packet to this IPv6 address ends up at: mapped, 6to4, Teredo, NAT64, compatible."""
    if ip.ipv4_mapped is not None:
        return (ip.ipv4_mapped,)
    if ip.sixtofour is not None:
        return (ip.sixtofour,)
    if ip.teredo is not None:
        return ip.teredo
    if ip in _NAT64 or ip in _COMPATIBLE:
        return (IPv4Address(int(ip) & 0xFFFFFFFF),)
    return None


def _stays_home(host: str) -> bool:
    """Names that never belong to the open internet: single labels and the special-use domains of RFC 6762 and 8375."""
    host = host.rstrip(".")
    return "." not in host or any(host == name or host.endswith("." + name) for name in _HOME_NAMES)
