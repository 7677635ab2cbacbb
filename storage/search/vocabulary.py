"""The words of the full-text index: which of them a pattern fits, or are a few letters away from a word."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from storage.archive.sqlite import sqlite3
from storage.language.distance import distance
from storage.language.fold import CLOSED
from storage.language.sequences import glob
from storage.language.words import irregular, plurals

if TYPE_CHECKING:
    from storage.archive.database import Reader

_MOST = 2_000  # words; a question with more takes longer than reading the posts


class Vocabulary:
    """The index's words, read when they are first asked for. Answers None where the index cannot help."""

    def __init__(self, reader: Reader, index: str) -> None:
        self._reader = reader
        self._table = f"words_of_{index}"
        self._index = index

    def like(self, pattern: str) -> list[str] | None:
        """Words that a pattern of letters, `*` and `?` fits, as singular or plural; compounds keep their mark."""
        first = pattern[0].strip("*?")  # a word and its plural have at least their first letter in common
        words = self._beginning_with(first) if first else self._all
        if words is None:
            return None
        found = _fitting(pattern, words)
        return found if len(found) <= _MOST else None

    def close_to(self, word: str, edits: int) -> dict[str, int] | None:
        """Words at most so many edits away, each with its distance."""
        if self._all is None:
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

    def _beginning_with(self, lead: str) -> list[str] | None:
        if not self._there:
            return None
        asked = {f"low{number}": mark + lead for number, mark in enumerate(("", CLOSED))}
        asked |= {f"high{number}": mark + lead + "\U0010ffff" for number, mark in enumerate(("", CLOSED))}
        words: list[str] = []
        for number in range(2):  # an OR would read the whole index
            words += self._reader.column(
                f"SELECT term FROM temp.{self._table} WHERE term >= :low{number} AND term < :high{number}", asked
            )
        return words

    @cached_property
    def _all(self) -> list[str] | None:
        return self._reader.column(f"SELECT term FROM temp.{self._table}") if self._there else None

    @cached_property
    def _there(self) -> bool:
        """Whether the table of words could be made: it lives beside the file, and only as long as the connection."""
        ask = self._reader.execute
        forbidden = self._reader.value("PRAGMA query_only")
        try:
            ask("PRAGMA query_only = OFF")
            ask(f"CREATE VIRTUAL TABLE IF NOT EXISTS temp.{self._table} USING fts5vocab(main, {self._index}, row)")
        except sqlite3.OperationalError:  # another program's connection, which may forbid it: then posts are read
            return False
        finally:
            ask(f"PRAGMA query_only = {int(forbidden)}")
        return True


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
