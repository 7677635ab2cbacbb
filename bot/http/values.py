"""The settings of the HTTP client, its replies, and the wait that a reply asks for."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from bot.clock import DAY, SECOND
from bot.errors import Later
from bot.http.masking import hidden_values, mask_address, strike_secrets
from storage.frozen import dataclass
from storage.records import Fetch
from storage.state_names import FAILING, RATE_LIMITED

# Between two requests to a host, in microseconds. t.me answers faster polling with pages that look like an end.
BUILT_IN_INTERVALS = {"t.me": 2_500_000}
_NOTHING: Mapping[str, int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class HttpRules:
    """The `[http]` part of the config, as the client needs it.

    `proxy` is `http://host:port`, `socks5://` or `socks5h://` (names are always resolved by the proxy); one that
    cannot be used means no traffic at all. `private` holds the (lower-case host, port) pairs that the user wrote and
    whose private addresses are allowed. `intervals` maps a host to the microseconds between two requests to it; 0 is
    none, and it beats the built-in interval (t.me: 2.5 s). `ca_file` is a PEM file of authorities to trust besides the
    well-known ones.
    """

    user_agent: str
    proxy: str | None = None
    private: frozenset[tuple[str, int]] = frozenset()
    intervals: Mapping[str, int] = field(default_factory=lambda: _NOTHING)
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply, whatever its status.

    `url` is where it came from in the end, host as punycode, without credentials. `headers` have lower-case names,
    repeated ones are joined by ", ". `body` is decompressed. `moved_to` is the address that an unbroken chain of
    permanent redirects (301, 308) from the asked URL leads to; None where there was none.
    """

    status: int
    url: str
    headers: Mapping[str, str]
    body: bytes
    moved_to: str | None = None
    status_line: str = ""
    certificate: str | None = None  # SHA-256 of the server's, as hex; None without TLS

    def recorded(self, method: str) -> Fetch:
        """What is kept of this reply beside its body; what may be a secret in the address is hidden."""
        secrets = hidden_values(self.url)
        headers = tuple((name, strike_secrets(value, *secrets)) for name, value in self.headers.items())
        return Fetch(method, self.status_line, mask_address(self.url), headers, self.certificate)

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


def join_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """By lower-case name; as Latin-1, which gives back the same bytes when a value is sent to the server again."""
    found: dict[str, str] = {}
    for name, value in raw:
        key, words = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}, {words}" if key in found else words
    return found


def check_busy(reply: Reply, now: int, longest: int = DAY) -> Later | None:
    """Read the failure that a busy or broken server means (429, 5xx, any error with Retry-After), None for the rest.

    `now` is in microseconds UTC. Where the server names a time (Retry-After, in seconds or as a date) it is obeyed,
    up to `longest`.
    """
    wait = _retry_after(reply.headers.get("retry-after", ""), now) if reply.status >= 400 else None
    if reply.status != HTTPStatus.TOO_MANY_REQUESTS and reply.status < 500 and wait is None:
        return None
    host = urlsplit(reply.url).hostname
    try:
        phrase = " " + HTTPStatus(reply.status).phrase
    except ValueError:
        phrase = ""
    state = RATE_LIMITED if reply.status == HTTPStatus.TOO_MANY_REQUESTS else FAILING
    if wait is None:
        return Later(f"{host} answered {reply.status}{phrase}", state=state)
    wait = min(max(wait, SECOND), longest)
    reason = f"{host} answered {reply.status}{phrase} and asks to wait {wait // SECOND} s"
    return Later(reason, retry_at=now + wait, state=state, obey=True)


def check_limited(reply: Reply, reset_at: int | None, now: int) -> Later | None:
    """The wait that a reply of 429 asks for by naming when its limit is reset; None where that is not within a day."""
    if reply.status != HTTPStatus.TOO_MANY_REQUESTS or "retry-after" in reply.headers:
        return None
    if reset_at is None or not now < reset_at <= now + DAY:
        return None
    wait = -(-(reset_at - now) // SECOND)
    reason = f"{urlsplit(reply.url).hostname} asks to wait {wait} s"
    return Later(reason, retry_at=reset_at, state=RATE_LIMITED, obey=True)


def _retry_after(value: str, now: int) -> int | None:
    """Microseconds from now that RFC 9110 10.2.3 asks for; None if the header is missing or cannot be read."""
    value = value.strip()
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", value):
        return round(float(value) * SECOND)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError, TypeError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * SECOND) - now
