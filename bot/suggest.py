"""PURE: "did you mean": the nearest known name, as the end of a sentence. Cheap to import."""

from collections.abc import Iterable

from storage.language.nearest import nearest


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Name the nearest known name, as the end of a sentence; nothing where none is near."""
    near = nearest(wrong, known)
    return f'; did you mean "{near}"?' if near else ""
