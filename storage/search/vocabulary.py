"""The words of the full-text index: which of them a pattern fits, or are a few letters away from a word."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from storage.archive.packed_words import FOLDED
from storage.language.distance import distance, pieces
from storage.language.fold import CLOSED
from storage.language.sequences import glob
from storage.language.version import FOLD_VERSION
from storage.language.words import PLURAL, POSSESSIVE, irregular, plurals

if TYPE_CHECKING:
    from storage.archive.database import Reader

_Found = TypeVar("_Found")
_Key: TypeAlias = tuple[str, str, int]

_MOST_BEGINNING = 1_000  # words; more are gathered faster by the index itself
_MOST = 2_000  # words; a question with more takes longer than reading the posts
_SAMPLED, _USUAL = 200, 24  # texts whose words are counted, and how many words of them are asked for
_MOST_NEAR = 10_000  # words that are tried one by one


class Vocabulary:
    """The index's words, read when they are first asked for. Answers None where the index cannot help.

    Numbers are not among them. `thorough` says whether all words may be read, or only those with a certain beginning;
    `gathers` whether the index may gather very many.
    """

    def __init__(
        self, reader: Reader, *, thorough: bool = True, gathers: bool = False, known: dict[_Key, Any] | None = None
    ) -> None:
        self._reader = reader
        self._thorough = thorough
        self.gathers = gathers
        self._known: dict[_Key, Any] = {} if known is None else known

    def limited(self, *, thorough: bool = True, gathers: bool = False) -> Vocabulary:
        """The same words within other limits: what one of both has found, the other need not look for."""
        return Vocabulary(self._reader, thorough=thorough, gathers=gathers, known=self._known)

    def _once(self, find: Callable[..., _Found], what: str, more: int = 0) -> _Found:
        key = (find.__name__, what, more)
        if key not in self._known:
            self._known[key] = find(what, more) if more else find(what)
        found: _Found = self._known[key]
        return found

    def beginning_with(self, lead: str) -> list[str] | None:
        """Words with this beginning; compounds keep their mark."""
        if lead.isdecimal():
            return None
        found = self._once(self._beginning_with, lead)
        return found if len(found) <= _MOST_BEGINNING else None

    @cached_property
    def _newest_texts(self) -> list[str]:
        return self._reader.column(_NEWEST, {"most": _SAMPLED, "version": FOLD_VERSION})

    def usual_with(self, lead: str) -> list[str]:
        """The words with this beginning that the newest texts use most; no compounds."""
        return self._once(self._usual_with, lead)

    def _usual_with(self, lead: str) -> list[str]:
        counts: Counter[str] = Counter()
        for text in self._newest_texts:
            words = (word.rstrip(PLURAL + POSSESSIVE) for word in text.replace("-", " ").split())
            counts.update({word for word in words if word.startswith(lead)})
        return [word for word, _ in counts.most_common(_USUAL)]

    def like(self, pattern: str) -> list[str] | None:
        """Words that a pattern of letters, `*` and `?` fits, as singular or plural; compounds keep their mark."""
        if not self._thorough or not re.search(r"[^*?\d]", pattern):
            return None
        found = self._once(self._like, pattern)
        return found if len(found) <= _MOST else None

    def _like(self, pattern: str) -> list[str]:
        near = self._like_one_of(_forms(pattern))
        return _fitting(pattern, near) if len(near) <= _MOST_NEAR else near

    def _like_one_of(self, patterns: set[str]) -> list[str]:
        """Words that one of the patterns fits, at least: SQLite tells most of them."""
        asked = {f"p{number}": pattern for number, pattern in enumerate(sorted(patterns))}
        fits = " OR ".join(f"word GLOB :{name}" for name in asked)
        irregulars = ", ".join(f"'{mark}{word}'" for word in irregular().values() for mark in ("", CLOSED))
        return self._reader.column(f"SELECT word FROM words WHERE {fits} OR word IN ({irregulars})", asked)

    def close_to(self, word: str, edits: int) -> dict[str, int] | None:
        """Words at most so many edits away, each with its distance."""
        if not self._thorough or sum(not char.isdecimal() for char in word) <= edits:
            return None
        return self._once(self._close_to, word, edits)

    def _close_to(self, word: str, edits: int) -> dict[str, int] | None:
        letters, size = set(word), len(word)
        asked: dict[str, object] = {"low": size - edits, "high": size + edits, "closed": CLOSED}
        known = {f"piece{number}": piece for number, piece in enumerate(pieces(word, edits + 1))}
        has_one = " OR ".join(f"instr(word, :{name})" for name in known)
        found: dict[str, int] = {}
        for other in self._reader.column(_OF_LENGTH.format(has_one or "TRUE"), asked | known):
            plain = other.removeprefix(CLOSED)
            theirs = set(plain)
            if len(letters - theirs) <= edits and len(theirs - letters) <= edits:
                apart = distance.__wrapped__(word, plain, edits)
                if apart <= edits:
                    found[other] = apart
        return found if len(found) <= _MOST else None

    def _beginning_with(self, lead: str) -> list[str]:
        words: list[str] = []
        for mark in ("", CLOSED):
            asked = {"low": mark + lead, "high": mark + lead + "\U0010ffff", "most": _MOST_BEGINNING + 1}
            words += self._reader.column(
                "SELECT word FROM words WHERE word >= :low AND word < :high ORDER BY word LIMIT :most + 0", asked
            )
        return words


_NEWEST = (
    f"SELECT {FOLDED.format('')} FROM texts WHERE current = 1 AND +fold_version = :version "
    "ORDER BY id DESC LIMIT :most + 0"
)
_OF_LENGTH = "SELECT word FROM words WHERE ({}) AND length(replace(word, :closed, '')) BETWEEN :low AND :high"


def _forms(pattern: str) -> set[str]:
    """The patterns of the words of which the pattern fits the word itself or a plural, and of some others."""
    plural_s = _without(pattern, "s")
    plural_es = {shorter for one in plural_s for shorter in _without(one, "e")}
    plural_ies = {shorter + "?" for one in plural_es for shorter in _without(one, "i")}
    open_ = {pattern, *plural_s, *plural_es, *plural_ies} - {""}
    return open_ | {CLOSED + one for one in open_ if one[0] != "*"}


def _without(pattern: str, last: str) -> set[str]:
    """The patterns that fit a word if this one fits the word with one letter more."""
    if pattern.endswith("*"):
        return {pattern, *_without(pattern.rstrip("*"), last)}
    return {pattern[:-1]} if pattern.endswith((last, "?")) else set()


def _fitting(pattern: str, words: list[str]) -> list[str]:
    """Those of the words that a pattern fits, or a plural of which it fits."""
    odd = {word for plural, word in irregular().items() if glob(pattern, plural)}
    return [word for word in words if _fits(pattern, word.removeprefix(CLOSED), odd)]


def _fits(pattern: str, word: str, odd: set[str]) -> bool:
    return glob(pattern, word) or word in odd or any(glob(pattern, plural) for plural in plurals(word))
