"""PURE: the words of digests: titles, times to the minute, and counted things."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.foreign.graphemes import clip
from bot.foreign.text import one_line

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAME = 60  # UTF-16 units of a name
TITLES = {
    "quiet": "held during quiet hours",
    "limit": "held by a limit",
    "late": "missed while blind",
    "scheduled": "digest",
}


def count(number: int, one: str, more: str) -> str:
    """Write "1 post", "2,000 posts"."""
    return f"{number:,} {one if number == 1 else more}"


def short(text: str) -> str:
    """A name of others, safe and on one line."""
    return clip(one_line(text[: 20 * _NAME]), _NAME)


def short_time(at: int, zone: ZoneInfo) -> str:
    """One moment to the minute in `zone`, which the digest names."""
    try:
        return f"{(_EPOCH + timedelta(microseconds=at)).astimezone(zone):%Y-%m-%d %H:%M}"
    except (OverflowError, ValueError):
        return f"{at} microseconds after 1970"
