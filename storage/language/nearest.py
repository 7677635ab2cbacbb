"""PURE: the nearest known name, for a person who mistyped one."""

from collections.abc import Iterable


def nearest(wrong: str, known: Iterable[str]) -> str | None:
    """The known name that is nearest to the wrong one; None where none is near."""
    from difflib import get_close_matches  # slow to import, and only needed after a mistake

    return next(iter(get_close_matches(wrong, sorted(known), n=1, cutoff=0.6)), None)
