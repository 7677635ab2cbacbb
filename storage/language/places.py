"""PURE: text that was rewritten in places, and the way back from its offsets to those of the original."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence


class Trail:
    """How one text became another: kept stretches are as they were, each replaced one answers for its whole."""

    __slots__ = ("_ends", "_kept", "_outs", "_starts")

    def __init__(self) -> None:
        self._outs: list[int] = []  # where each stretch begins in the new text
        self._starts: list[int] = []  # and where it began and ended in the old one
        self._ends: list[int] = []
        self._kept: list[bool] = []

    def add(self, out: int, start: int, end: int, *, kept: bool) -> None:
        """Append a stretch: where it begins in the new text, what it was in the old one."""
        self._outs.append(out)
        self._starts.append(start)
        self._ends.append(end)
        self._kept.append(kept)

    def back(self, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """Non-empty spans of the new text as spans of the old one."""
        return [(self._at(start)[0], self._at(end - 1)[1]) for start, end in spans]

    def _at(self, place: int) -> tuple[int, int]:
        number = bisect_right(self._outs, place) - 1
        start = self._starts[number]
        if not self._kept[number]:
            return start, self._ends[number]
        start += place - self._outs[number]
        return start, start + 1


def rewrite(text: str, changes: Iterable[tuple[int, int, str]]) -> tuple[str, Trail]:
    """The text with each (start, end, replacement) carried out, ascending and apart, and the way back."""
    trail = Trail()
    parts: list[str] = []
    done = out = 0
    for start, end, new in changes:
        if start > done:
            trail.add(out, done, start, kept=True)
            parts.append(text[done:start])
            out += start - done
        if new:
            trail.add(out, start, end, kept=False)
            parts.append(new)
            out += len(new)
        done = end
    if done < len(text) or not parts:
        trail.add(out, done, len(text), kept=True)
        parts.append(text[done:])
    return "".join(parts), trail
