"""PURE: what RSS-Bridge and RSSHub put into a feed that nobody posted: an error as an entry, an answer that is old.

The shapes: RSS-Bridge's actions/DisplayAction.php and bridges/FeedMergeBridge.php, RSSHub's lib/views/rss.tsx and
lib/middleware/cache.ts. docs/sources/bridges.md says what a user sees of them.
"""

import re
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from bot.clock import HOUR, MINUTE
from bot.foreign.feed.parsed import ParsedEntry, ParsedFeed, one_line_of
from bot.http.masking import hidden_values, mask_address, strike_secrets

_TITLE = re.compile(r"(Bridge returned error \S{1,20}!) \([^()]{1,40}\)")  # code, and the number of the day
_MERGED = "RSS-Bridge: "
_MESSAGE = re.compile(r"^[ \t]{0,20}Message:(.+)$", re.MULTILINE)
_ADDRESS = re.compile(r"https?://\S+")
_LONGEST = 240
_MOST = 4_000  # characters of an error that are looked at: its message comes before its trace


def take_out_errors(reading: ParsedFeed, address: str) -> tuple[ParsedFeed, str]:
    """The feed at `address` without the entries that report an error, and what the first of them reports, else ""."""
    errors: list[ParsedEntry] = []
    left: list[ParsedEntry] = []
    for entry in reading["entries"]:
        (errors if _is_error(entry, address) else left).append(entry)
    if not errors:
        return reading, ""
    words = strike_secrets(_words_of(errors[0]), *hidden_values(address))
    rest = reading.copy()
    rest["entries"], rest["total"] = left, reading["total"] - len(errors)
    return rest, f"the bridge reports: {_ADDRESS.sub(lambda found: mask_address(found[0]), words)[:_LONGEST]}"


def is_of_rss_bridge(address: str) -> bool:
    """Whether the address asks an RSS-Bridge for a feed."""
    try:
        return "bridge" in parse_qs(urlsplit(address).query)
    except ValueError:
        return False


def find_expiry(reading: ParsedFeed) -> int:
    """When RSSHub must have made this answer again (microseconds UTC); 0 where that cannot be known.

    Its date is that of the making only while it has a cache, which a `ttl` of 1 says it has not. What is in between may
    keep an answer as long again, so three times that and six hours are no false alarm.
    """
    built, ttl = reading["built"], reading["ttl"] or 0
    if reading["generator"] != "RSSHub" or built is None or ttl < 2:
        return 0
    return built + 3 * ttl * MINUTE + 6 * HOUR


def describe_stale(expires: int) -> str:
    """The sentence for an answer that was to be made again by `expires`."""
    due = datetime.fromtimestamp(expires // 1_000_000, UTC)
    return f"the bridge gives an old answer: a new one was due before {due:%Y-%m-%d %H:%M} UTC"


def _is_error(entry: ParsedEntry, address: str) -> bool:
    """An error has a title of its own kind, and leads to the bridge or nowhere: a post leads to where it was posted."""
    if _TITLE.fullmatch(entry["title"]):
        return not entry["link"] or is_of_rss_bridge(entry["link"]) or _host(entry["link"]) == _host(address)
    merged = entry["title"].startswith(_MERGED)  # one of the feeds that FeedMerge puts together
    return merged and not (entry["link"] or entry["text"] or entry["files"])


def _words_of(error: ParsedEntry) -> str:
    """Its title without the day, which would be news each day, and the message that its text holds."""
    title = _TITLE.fullmatch(error["title"])
    if title is None:
        return error["title"].removeprefix(_MERGED)[:_MOST]
    text = error["text"][:_MOST]
    message = _MESSAGE.search(text)
    said = message[1] if message else next(filter(None, map(str.strip, text.splitlines())), "")
    return one_line_of(f"{title[1]} {said}")


def _host(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None
