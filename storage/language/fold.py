"""PURE: text -> the tokens that search and rules compare, and where each token is in the raw text.

A folded text is a line of tokens: words of alphabets, syllables of Burmese and its neighbours, clusters of Thai, Lao
and Khmer, single Chinese characters, numbers. What is between two tokens says more than a space, and no index
sees it: `+` after a token says that it was written as a plural, `'` as a possessive, and `-` in place of the space
that a hyphen joined two words. Such compounds are once more at the end, closed, each behind CLOSED.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import TypeAlias
from unicodedata import decimal, normalize

from storage.language import syllables, words
from storage.language.chinese import simplified
from storage.language.chunks import LONGEST, LONGEST_NUMBER, ascii_words, chunks, word_start
from storage.language.places import Trail
from storage.language.readable import readable, respelled, unbroken

CLOSED = "\ue000"  # private use: a token character for the index, never one of a text
_CLOSED_MAX = 64
_MEMO = 1 << 15
_LONGEST_LINE, _REMEMBERED = 1_000, 1 << 20  # characters of lines that are remembered: some megabytes at most
_BESIDE = 100  # characters: about what the memory of a line costs beside its own
_Places: TypeAlias = tuple[tuple[int, int], ...] | None
_Cut: TypeAlias = tuple[str, _Places]


@cache
def _table() -> bytes:
    """ASCII with small letters, and a space for whatever is part of no word or number."""
    return bytes(
        ord(char.lower()) if (char := chr(code)).isalnum() or char in "'`-.," else 32 for code in range(128)
    ) + bytes(128)


@cache
def _compass() -> re.Pattern[str]:
    return re.compile(r"\b(north|south)[ -](east|west)(ern|erly)?\b")


class _Memo(dict[str, _Cut]):
    """Chunks that were cut before; all are forgotten when they grow too many.

    An `lru_cache` moves every word that it finds to the front, which takes longer than finding it.
    """

    def __missing__(self, chunk: str) -> _Cut:
        if len(self) >= _MEMO:
            self.clear()
        folded, places = _tokens(chunk)
        self[chunk] = cut = folded, None if places == ((0, len(chunk)),) else places
        return cut


@cache
def _cuts() -> Callable[[str], _Cut]:
    """The tokens of a chunk, joined, and their places in it; None for one token that is the whole chunk."""
    return _Memo().__getitem__


def _tokens(chunk: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    if chunk.isascii():
        return _ascii_tokens(chunk)
    first = chunk[0]
    if first.isdecimal():
        return _number(chunk)
    if first < "\u0e00":
        return words.cut(chunk)
    if "\u1000" <= first <= "\u109f" or "\ua9e0" <= first <= "\ua9ff" or "\uaa60" <= first <= "\uaa7f":
        return syllables.myanmar(chunk), ((0, len(chunk)),)
    if first < "\u0f00" or "\u1780" <= first <= "\u17ff":
        folded = syllables.thai(chunk)
        return folded, ((0, len(chunk)),) * (folded.count(" ") + 1 if folded else 0)
    if _is_chinese(first):
        return simplified(normalize("NFKC", chunk).casefold()), ((0, len(chunk)),)
    return words.cut(chunk)


def _ascii_tokens(piece: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """What is between two spaces: often a word, or several with signs around and between them."""
    if piece.isalpha():
        return words.cut(piece)
    if piece.isdigit() and len(piece) <= LONGEST_NUMBER:
        return _number(piece)
    has_digits = any(map(str.isdigit, piece))
    found = list((chunks() if has_digits else ascii_words()).finditer(piece))
    if len(found) == 1 and found[0].span() == (0, len(piece)):
        return _number(piece) if piece[0].isdigit() else words.cut(piece)
    cuts = [_cuts()(match[0]) for match in found]
    spans = _parted([match.span() for match in found], [places for _, places in cuts])
    return " ".join([tokens for tokens, _ in cuts if tokens]), tuple(spans)


def _number(written: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """A number without the marks between its thousands, and with one for an ending: 16s, 33rd."""
    bare = written.rstrip("sSnNdDrRtThH").rstrip("'’")
    ending = words.PLURAL if len(bare) < len(written) else ""
    groups = re.split(r"\D", bare)
    if len(groups) > 1 and not decimal(bare[0]):  # 0.125 and 007,000 are no thousands
        places = [found.span() for found in re.finditer(r"\d+", bare)]
        return " ".join(map(_digits, groups)) + ending, (*places[:-1], (places[-1][0], len(written)))
    return _digits("".join(groups)) + ending, ((0, len(written)),)


def _digits(digits: str) -> str:
    return digits if digits.isascii() else "".join(str(decimal(digit)) for digit in digits)


@cache
def _chinese() -> re.Pattern[str]:
    return re.compile(syllables.CHINESE)


def _is_chinese(char: str) -> bool:
    return _chinese().match(char) is not None


def fold(text: str) -> str:
    """The folded form of a text, as `texts.folded` holds it. Any string will do, and its length costs linearly."""
    return _fold(text) if "\n" in text or len(text) > _LONGEST_LINE else _folded()[text]


def remember(text: str, folded: str) -> None:
    """Take the folded form of a text from where it is stored, so that the next who needs it need not fold."""
    if "\n" not in text and len(text) <= _LONGEST_LINE:
        _folded().keep(text, folded)


def is_remembered(text: str) -> bool:
    """Whether the folded form of a text is in memory, for example as it has just been stored."""
    return text in _folded()


def _fold(text: str) -> str:
    text = unbroken(text)
    if text.isascii() and not _overlong(plain := _plain(text)):
        folded = _tokens_of(plain.split())
    else:
        folded = " ".join(filter(None, map(_lines(), respelled(readable(text)).split("\n"))))
    return _with_compounds(_joined(folded))


class _Lines(dict[str, str]):
    """What was made of single lines: many posts begin and end alike, and each text is read for several purposes.

    All are forgotten when they grow too many.
    """

    def __init__(self, make: Callable[[str], str]) -> None:
        super().__init__()
        self._make = make
        self._room = _REMEMBERED

    def __missing__(self, line: str) -> str:
        made = self._make(line)
        if len(line) <= _LONGEST_LINE:
            self.keep(line, made)
        return made

    def keep(self, line: str, made: str) -> None:
        self._room -= len(line) + len(made) + _BESIDE
        if self._room < 0:
            self.clear()
            self._room = _REMEMBERED
        self[line] = made


@cache
def _lines() -> Callable[[str], str]:
    """The tokens of a line of a text: no chunk reaches across a line, or depends on another one."""
    return _Lines(_tokens_of_line).__getitem__


@cache
def _folded() -> _Lines:
    """The folded form of a text of one line."""
    return _Lines(_fold)


def _tokens_of_line(line: str) -> str:
    return _tokens_of(chunks().findall(line))


def _tokens_of(pieces: list[str]) -> str:
    return " ".join([tokens for tokens, _ in map(_cuts(), pieces) if tokens])


def fold_with_places(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The folded form without the closed compounds, and the raw text's code points that each of its tokens covers."""
    trails: list[Trail] = []
    text = unbroken(text, trails)
    if text.isascii() and not _overlong(plain := _plain(text)):
        cuts, spans = _words_with_places(plain)
    else:
        found = list(chunks().finditer(respelled(readable(text, trails), trails)))
        cuts, spans = [_cuts()(match[0]) for match in found], list(map(_span, found))
        places = [places for _, places in cuts]
        if places.count(None) != len(places):
            spans = _parted(spans, places)
    for trail in reversed(trails):
        spans = trail.back(spans)
    return _joined_with_places(" ".join([tokens for tokens, _ in cuts if tokens]), spans)


_span = re.Match.span


def _plain(text: str) -> str:
    """An ASCII text with nothing but words, numbers and spaces, each where it stood."""
    return text.encode().translate(_table()).decode().replace(". ", "  ").replace(", ", "  ")


def _overlong(plain: str) -> bool:
    """Whether a word of such a text may be longer than a chunk: some stretch of half a chunk has no space."""
    half = LONGEST // 2
    return any(plain.find(" ", start, start + half) < 0 for start in range(0, len(plain) - half + 1, half))


def _words_with_places(plain: str) -> tuple[list[_Cut], list[tuple[int, int]]]:
    """The words of such a text as `_cuts` gives them, and where their tokens are."""
    pieces = plain.split(" ")
    cuts = list(map(_cuts(), pieces))
    spans: list[tuple[int, int]] = []
    end = -1
    for piece, (_, places) in zip(pieces, cuts, strict=True):
        start = end + 1
        end = start + len(piece)
        if places is None:
            spans.append((start, end))
        elif places:
            spans += [(start + low, start + high) for low, high in places]
    return cuts, spans


def _parted(spans: list[tuple[int, int]], places: list[_Places]) -> list[tuple[int, int]]:
    """The spans of tokens, where some chunks hold none or several."""
    found: list[tuple[int, int]] = []
    done = 0
    for number, place in enumerate(places):
        if place is not None:
            found += spans[done:number]
            start = spans[number][0]
            found += [(start + low, start + high) for low, high in place]
            done = number + 1
    return found + spans[done:]


def _joined(folded: str) -> str:
    """Make north eastern and north-eastern northeastern: the one compound that is closed without a hyphen too."""
    if "north" in folded or "south" in folded:
        return _compass().sub(r"\1\2\3", folded)
    return folded


def _joined_with_places(folded: str, spans: list[tuple[int, int]]) -> tuple[str, list[tuple[int, int]]]:
    joined = _joined(folded)
    if joined == folded:
        return folded, spans
    whole: list[tuple[int, int]] = []
    done = token = 0
    for match in _compass().finditer(folded):
        until = token + folded.count(" ", done, match.start()) + folded.count("-", done, match.start())
        whole += spans[token:until]
        whole.append((spans[until][0], spans[until + 1][1]))
        token, done = until + 2, match.end() + 1
    return joined, whole + spans[token:]


def _with_compounds(folded: str) -> str:
    """Add the closed forms; a chain too long to be a word is no compound."""
    if "-" not in folded:
        return folded
    tokens = folded.split(" ")
    tail: dict[str, None] = {}
    for place, token in enumerate(tokens):
        if "-" in token:
            whole = closed(token)
            if len(whole) <= _CLOSED_MAX:
                tail[CLOSED + whole] = None
            else:
                tokens[place] = token.replace("-", " ")
    return " ".join((*tokens, *sorted(tail)))


def closed(compound: str) -> str:
    """A hyphenated compound as one word."""
    return compound.replace("-", "").replace(words.PLURAL, "").replace(words.POSSESSIVE, "")


def surface(text: str) -> str:
    """The tokens of a query's word as written: no plural folding, no marks. For wildcards and fuzzy terms."""
    pieces = chunks().findall(respelled(readable(unbroken(text))))
    return _joined(" ".join(filter(None, map(_surface, pieces))))


def _surface(piece: str) -> str:
    if word_start().match(piece) and not piece[0].isdecimal():
        return words.surface(piece)
    return _cuts()(piece)[0].replace(words.PLURAL, "")
