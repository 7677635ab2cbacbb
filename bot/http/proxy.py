"""Goes through the proxy and nowhere else: SOCKS5 and HTTP tunnels, where the proxy resolves the names."""

from bot.errors import Later, Never
from bot.http.addresses import find_refusal
from bot.http.connections import Broken, Connection, Guard, describe_error
from bot.http.tunnel import Proxy, UnusableProxy, open_tunnel, parse_proxy
from storage.state_names import PROXY_DOWN


def read_proxy(written: str, private: frozenset[tuple[str, int]]) -> Proxy:
    """Read the proxy of the config and check its address. Raises Never: no proxy, no traffic."""
    proxy = parse_proxy(written)
    if proxy is None:
        remedy = "write [http] proxy as http://host:port or socks5://host:port"
        raise Never("the proxy cannot be used", remedy=remedy)
    refused = find_refusal("http", proxy.host, proxy.port, foreign=False, private=private)
    if refused:
        raise Never(f"the proxy cannot be used, because {refused.reason}", remedy=refused.remedy)
    return proxy


class Tunnel:
    """Connects through the proxy, which is given the name and resolves it; there is no other way out."""

    def __init__(self, guard: Guard, proxy: Proxy) -> None:
        self._guard = guard
        self._proxy = proxy

    async def connect(self, host: str, port: int) -> Connection:
        proxy = self._proxy
        connection = await self._guard.connect(proxy.host, proxy.port)
        try:
            refused = await open_tunnel(proxy, host, port, connection.read_exactly, connection.write)
        except BaseException as error:
            await connection.aclose()
            if isinstance(error, Broken | UnusableProxy):
                reason = f"the proxy {proxy} cannot be used, so nothing was sent: {describe_error(error)}"
                raise Later(reason, state=PROXY_DOWN, unreached=True) from error
            raise
        if refused:
            await connection.aclose()
            raise Later(f"{host} cannot be reached through the proxy {proxy}: {refused}", unreached=True)
        connection.host = host
        return connection
