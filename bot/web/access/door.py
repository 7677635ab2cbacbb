"""How the reading room is reached: over which addresses, through which proxy, and by which names."""

import ipaddress
from collections.abc import Sequence
from typing import TYPE_CHECKING

from storage.frozen import dataclass

if TYPE_CHECKING:
    from starlette.datastructures import Headers

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Door:
    """`local`: only this machine reaches it, so that one-time addresses open it. `secure`: only over TLS.

    `trusted` are the proxies that may say in `user_header` who somebody is.
    """

    port: int
    local: bool
    secure: bool
    behind_proxy: bool = False
    trusted: tuple[Network, ...] = ()
    user_header: str = "Remote-User"

    @property
    def cookie(self) -> str:
        """The name of the cookie; two reading rooms on one machine do not sign each other out."""
        return f"__Host-communique-{self.port}" if self.secure else f"communique-{self.port}"

    def trusts(self, peer: str) -> bool:
        """Whether this peer may say who somebody is."""
        return contains(self.trusted, peer)

    def name_of(self, peer: str) -> str | None:
        """Who a peer is among others: its network; None for a proxy and this machine, which are many people."""
        return None if self._is_proxy(peer) or is_loopback(peer) else _written(peer)

    def _is_proxy(self, peer: str) -> bool:
        return self.trusts(peer) or (self.behind_proxy and _is_near(peer))

    def client_of(self, peer: str, headers: "Headers") -> str:
        """The address of whoever asks: behind a proxy what that one has added, else the peer.

        Of IPv6 the network: whoever has one address of a /64 has all of it (RFC 6177). A proxy that is not named is
        believed only from a private address: nobody in the world is then a proxy of their own.
        """
        if self._is_proxy(peer):
            forwarded = ",".join(headers.getlist("x-forwarded-for")).rpartition(",")[2].strip()
            if _address(forwarded) is not None:
                return _written(forwarded)
        return _written(peer)


def contains(networks: Sequence[Network], peer: str) -> bool:
    """Whether an address is in one of the networks."""
    found = _address(peer)
    return found is not None and any(found in network for network in networks)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    found = _address(host)
    return host.lower() == "localhost" or (found is not None and found.is_loopback)


def _written(address: str) -> str:
    found = _address(address)
    if found is None or found.version == 4:
        return address if found is None else str(found)
    return str(ipaddress.ip_network((found, 64), strict=False))


def _is_near(peer: str) -> bool:
    found = _address(peer)
    return found is not None and (found.is_private or found.is_loopback)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
