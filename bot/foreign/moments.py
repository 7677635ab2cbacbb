"""PURE: which moments can be when something was published. Cheap to import: `times` reads words in many languages."""

_DAY = 86_400_000_000  # microseconds
_YEAR_1971 = 365 * _DAY


def is_usable(at: int | None, now: int) -> bool:
    """Whether a moment (microseconds UTC) can be when something was published.

    It is not before 1971 (an unset clock), and not more than a day ahead.
    """
    return at is not None and _YEAR_1971 <= at <= now + _DAY
