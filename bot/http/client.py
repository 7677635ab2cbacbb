"""Sends one request at a time to its end: politeness, redirects, deadline, cap, and every failure as Later or Never."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType

from bot.clock import Clock
from bot.http.values import HttpRules, Reply

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Http:
    """The process's only HTTP client; one per event loop, closed by its maker.

    `resolve` maps (host, port) to IP addresses as text; the system's resolver is the default.
    """

    def __init__(self, rules: HttpRules, clock: Clock, *, resolve: Resolve | None = None) -> None:
        self._rules = rules
        self._clock = clock
        self._resolve = resolve

    async def get(
        self, url: str, *, cap: int, deadline: float, headers: Mapping[str, str] = _NO_HEADERS, foreign: bool = False
    ) -> Reply:
        """Fetch the reply to a GET, whatever its status, at most `cap` bytes long.

        `deadline` is in seconds and covers all but the wait for politeness. `foreign` marks a URL that did not come
        from the config: credentials in it are dropped and only ports 80 and 443 (or ports written in the config) are
        visited. Raises Later and Never.
        """
        raise NotImplementedError

    async def post(
        self,
        url: str,
        *,
        content: bytes,
        headers: Mapping[str, str] = _NO_HEADERS,
        cap: int = 1 << 20,
        deadline: float = 30,
    ) -> Reply:
        """Send `content`; the reply comes back whatever its status. Raises Later (`unsure` once it went out) and Never."""
        raise NotImplementedError

    def slow_down(self, host: str) -> None:
        """Double the interval of a host that throttles without saying so; good replies bring it back down."""
        raise NotImplementedError

    async def aclose(self) -> None:
        """Close every connection; the client is of no use afterwards."""
