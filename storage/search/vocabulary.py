"""The words of the full-text index: which of them a pattern fits, or are a few letters away from a word."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from storage.language.distance import distance
from storage.language.fold import CLOSED
from storage.language.sequences import glob
from storage.language.words import irregular, plurals

if TYPE_CHECKING:
    from storage.archive.database import Reader

_MOST_BEGINNING = 1_000  # words; more are gathered faster by the index itself
_MOST = 2_000  # words; a question with more takes longer than reading the posts


class Vocabulary:
    """The index's words, read when they are first asked for. Answers None where the index cannot help.

    Numbers are not among them. `thorough` says whether all words may be read, or only those with a certain beginning.
    """

    def __init__(self, reader: Reader, *, thorough: bool = True) -> None:
        self._reader = reader
        self._thorough = thorough

    def beginning_with(self, lead: str) -> list[str] | None:
        """Words with this beginning; compounds keep their mark."""
        if lead.isdecimal():
            return None
        found = self._beginning_with(lead, _MOST_BEGINNING + 1)
        return found if len(found) <= _MOST_BEGINNING else None

    def like(self, pattern: str) -> list[str] | None:
        """Words that a pattern of letters, `*` and `?` fits, as singular or plural; compounds keep their mark."""
        if not self._thorough or not re.search(r"[^*?\d]", pattern):
            return None
        first = pattern[0].strip("*?")  # a word and its plural have at least their first letter in common
        found = _fitting(pattern, self._beginning_with(first) if first else self._all)
        return found if len(found) <= _MOST else None

    def close_to(self, word: str, edits: int) -> dict[str, int] | None:
        """Words at most so many edits away, each with its distance."""
        if not self._thorough or sum(not char.isdecimal() for char in word) <= edits:
            return None
        letters, size = set(word), len(word)
        found: dict[str, int] = {}
        for other in self._all:
            plain = other.removeprefix(CLOSED)
            if abs(len(plain) - size) <= edits and len(letters.difference(plain)) <= edits:
                apart = distance.__wrapped__(word, plain, edits)
                if apart <= edits:
                    found[other] = apart
        return found if len(found) <= _MOST else None

    def _beginning_with(self, lead: str, most: int = -1) -> list[str]:
        words: list[str] = []
        for mark in ("", CLOSED):
            asked = {"low": mark + lead, "high": mark + lead + "\U0010ffff", "most": most}
            words += self._reader.column(
                "SELECT word FROM words WHERE word >= :low AND word < :high ORDER BY word LIMIT :most", asked
            )
        return words

    @cached_property
    def _all(self) -> list[str]:
        return self._reader.column("SELECT word FROM words")


def _fitting(pattern: str, words: list[str]) -> list[str]:
    """Those of the words that a pattern fits, or a plural of which it fits; most are told by their ends alone."""
    end = re.split(r"[*?]", pattern)[-1]
    odd = {word for plural, word in irregular().items() if glob(pattern, plural)}
    plurals_too = not end or end[-1] == "s"
    found = []
    for word in words:
        plain = word.removeprefix(CLOSED)
        if (
            (plain.endswith(end) and glob(pattern, plain))
            or plain in odd
            or (plurals_too and any(glob(pattern, plural) for plural in plurals(plain)))
        ):
            found.append(word)
    return found
