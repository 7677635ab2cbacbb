"""PURE: durations and sizes as a config writes them. Cheap: no pydantic."""

import re

from bot.clock import DAY, HOUR, MINUTE, SECOND

_UNITS = {"ms": SECOND // 1000, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
DURATION = re.compile(r"([0-9]{1,13}(?:\.[0-9]{1,9})?)\s*(ms|s|m|h|d|w)")
SIZE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)\s*(KB|MB|GB|TB)")
_SIZES = {"KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
_LONGEST_DURATION = 36_525 * DAY


def duration(value: object) -> int:
    """Microseconds of "2.5s", "10m", "24h", "7d"; a bare 0 is allowed. Raises ValueError with the right form."""
    if value == 0 and not isinstance(value, bool):
        return 0
    found = DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        raise ValueError('expected a duration such as "90s", "2m", "24h" or "7d"')
    microseconds = round(float(found[1]) * _UNITS[found[2]])
    if microseconds > _LONGEST_DURATION:
        raise ValueError("a duration is at most 100 years")
    return microseconds


def written(microseconds: int) -> str:
    """Write a duration as the config does; `duration` reads it back to the same number."""
    for unit in ("d", "h", "m", "s", *(("ms",) if microseconds < SECOND else ())):
        if microseconds and microseconds % _UNITS[unit] == 0:
            return f"{microseconds // _UNITS[unit]}{unit}"
    return f"{microseconds / SECOND:.6f}".rstrip("0").rstrip(".") + "s"


def size(value: object) -> int:
    """Bytes of "20MB", "1.5GB"; a bare 0 is allowed. Raises ValueError with the right form."""
    if value == 0 and not isinstance(value, bool):
        return 0
    found = SIZE.fullmatch(value.strip().upper()) if isinstance(value, str) else None
    if not found:
        raise ValueError('expected a size such as "500KB", "20MB" or "1.5GB"')
    return round(float(found[1]) * _SIZES[found[2]])


def size_written(count: int) -> str:
    """Write a size as the config does; a number of bytes that came from `size` reads back to the same."""
    for unit in ("TB", "GB", "MB", "KB"):
        if count and count % _SIZES[unit] == 0:
            return f"{count // _SIZES[unit]}{unit}"
    return f"{count / 1024:.3f}KB"
