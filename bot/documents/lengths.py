"""PURE: a length of time in words."""

from bot.clock import DAY, HOUR, MINUTE, SECOND


def format_length(length: int) -> str:
    """A length of time in one unit: `12 s`, `5 min`, `3 h`, `2 d`."""
    for unit, name, most in ((SECOND, "s", 120), (MINUTE, "min", 120), (HOUR, "h", 48)):
        if abs(length) < most * unit:
            return f"{int(length / unit)} {name}"
    return f"{int(length / DAY)} d"
