"""The one guarded HTTP client: deadlines, size caps, redirects, Retry-After, address guard, proxy, politeness."""

from typing import TYPE_CHECKING

from bot.lazily import lazily

if TYPE_CHECKING:
    from bot.http.addresses import PORTS
    from bot.http.client import Http
    from bot.http.rate_limit import IN_ALL
    from bot.http.values import HttpRules, Reply, check_busy, check_limited

__all__ = ["IN_ALL", "PORTS", "Http", "HttpRules", "Reply", "check_busy", "check_limited"]
__getattr__ = lazily(
    __name__,
    rate_limit="IN_ALL",
    addresses="PORTS",
    client="Http",
    values="HttpRules Reply check_busy check_limited",
)
