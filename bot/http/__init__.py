"""The one guarded HTTP client: deadlines, size caps, redirects, Retry-After, address guard, proxy, politeness."""

from bot.http.client import Http
from bot.http.values import HttpRules, Reply, waits

__all__ = ["Http", "HttpRules", "Reply", "waits"]
