"""PURE: the nearest known name, for a person who mistyped one."""

from collections.abc import Iterable


def nearest(wrong: str, known: Iterable[str]) -> str | None:
    """The known name that is nearest to the wrong one; None where none is near. Case makes the least difference."""
    from difflib import get_close_matches  # slow to import, and only needed after a mistake

    known = sorted(known)
    for name in known:
        if name.casefold() == wrong.casefold():
            return name
    return next(iter(get_close_matches(wrong, known, n=1, cutoff=0.6)), None)
