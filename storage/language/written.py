"""PURE: the tokens of a text as they were written: what `=` compares, and what stands between two of them."""

from __future__ import annotations

import re
from functools import cache

from storage.language.fold import fold_with_places
from storage.language.places import Trail
from storage.language.readable import is_legible, legible
from storage.language.words import APOSTROPHES

Span = tuple[int, int]


class Written:
    """A text cut into its tokens, each as it was written.

    How it is encoded does not count: invisible characters, Zawgyi, composed letters, the shape of an apostrophe, a word
    that was divided at the end of a line.
    """

    def __init__(self, raw: str) -> None:
        self._trails: list[Trail] = []
        self._text = legible(raw, self._trails)
        self._spans = fold_with_places(self._text)[1]
        self.tokens = [_token(self._text[start:end]) for start, end in self._spans]

    @property
    def form(self) -> str:
        """The tokens between spaces."""
        return f" {' '.join(self.tokens)} "

    def together(self, number: int) -> bool:
        """Whether nothing but a space or a hyphen stands between a token and the next: no sign, no new line."""
        return not _sign().search(self._text[self._spans[number][1] : self._spans[number + 1][0]])

    def places(self, tokens: list[str]) -> list[Span]:
        """Where these tokens are in a row in the raw text."""
        size = len(tokens)
        spans = [
            (self._spans[start][0], self._spans[start + size - 1][1])
            for start in range(len(self.tokens) - size + 1)
            if self.tokens[start : start + size] == tokens
        ]
        for trail in reversed(self._trails):
            spans = trail.back(spans)
        return spans


def _token(written: str) -> str:
    """One token without what a line's end or a keyboard did to it, and without spaces inside it."""
    if not _changed().search(written):
        return written
    return re.sub(r"\s+", "\u2060", _divided().sub("", written)).translate(_apostrophes())


def may_hold(raw: str, form: str) -> bool:
    """Whether a text may hold tokens, in a row between spaces; false only where it surely does not."""
    if not is_legible(raw) or _divided().search(raw):
        return True
    return all(token in raw for token in form.split(" ") if not _changed().search(token))


@cache
def _changed() -> re.Pattern[str]:
    """What is never in a token as `_token` leaves it, or may be put there by it."""
    return re.compile(rf"[\s\-\u2010\u00ad\u2060'{''.join(map(re.escape, APOSTROPHES))}]")


@cache
def _divided() -> re.Pattern[str]:
    return re.compile(r"[-\u2010\u00ad]\s*\n\s*")


@cache
def _apostrophes() -> dict[int, str]:
    return str.maketrans(dict.fromkeys(APOSTROPHES, "'"))


@cache
def _sign() -> re.Pattern[str]:
    return re.compile(r"[^\S \t\u00a0]|[^\s\-\u2010\u2011]")
