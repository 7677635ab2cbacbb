"""PURE: "did you mean": the nearest known name, as the end of a sentence. Cheap to import."""

from collections.abc import Iterable


def nearest(wrong: str, known: Iterable[str]) -> str | None:
    """The known name that is nearest to the wrong one; None where none is near."""
    from difflib import get_close_matches  # slow to import, and only needed after a mistake

    return next(iter(get_close_matches(wrong, sorted(known), n=1, cutoff=0.6)), None)


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Name the nearest known name, as the end of a sentence; nothing where none is near."""
    near = nearest(wrong, known)
    return f'; did you mean "{near}"?' if near else ""
