"""PURE: text -> the tokens that search and rules compare, and where each token stands in the raw text.

A folded text is a line of tokens: words of alphabets, syllables of Burmese and its neighbours, clusters of Thai, Lao
and Khmer, single Chinese characters, numbers. What stands between two tokens tells more than a space, and no index
sees it: `+` after a token says that it was written as a plural, `'` as a possessive, and `-` in place of the space
that a hyphen joined two words. Such compounds stand once more at the end, closed, each behind CLOSED.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import TypeAlias
from unicodedata import decimal, normalize

from storage.language import syllables, words, zawgyi
from storage.language.places import Trail, rewrite

FOLD_VERSION = 2  # raised with every change of what is folded: texts of other versions are folded again
CLOSED = "\ue000"  # private use: a token character for the index, never one of a text
_CLOSED_MAX = 64
_MEMO = 1 << 15
_Places: TypeAlias = tuple[tuple[int, int], ...] | None
_Cut: TypeAlias = tuple[str, _Places]
_CHUNK = 400  # no chunk is longer, so that the memos stay small

# Every character that can be a letter of a word, cut generously: storage.language.words looks closer.
_WORD = (
    "A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u0dff\u0f00-\u0fff\u10a0-\u177f\u1800-\u1fff"
    "\u2071-\u209c\u2100-\u214f\u2160-\u218f\u24b6-\u24e9\u2c00-\u2dff\ua000-\ua95f\ua980-\ua9df\uaa00-\uaa5f"
    "\uaa80-\uabff\ufb00-\ufdff\ufe70-\ufefc\uff21-\uff3a\uff41-\uff5a\U00010000-\U0001efff\U0001f130-\U0001f189"
)
_INVISIBLE = (
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_KILLED = f"[{syllables.FINALS}]\u1037?\u103a"
# A digit written for the letter that looks like it: ၀ for ဝ, ၇ for ရ, ၄ for ၎; and what stands for it.
_MISTAKEN = (
    f"(?<![\u1040-\u1049])\u1040(?=[{syllables.SIGNS}]|{_KILLED})|(?<=[{syllables.FINALS}{syllables.SIGNS}])\u1040(?=[\u1000-\u1021])"
    f"|(?<![\u1040-\u1049])\u1047(?=[{syllables.SIGNS}]|{_KILLED})|\u1044(?=\u1004\u103a\u1038)"
)
# And the other way: ဝ for ၀ and ရ for ၇ inside a number, where no sign makes a syllable of it.
_IN_NUMBER = f"(?<=[\u1040-\u1049])(?:\u101d+(?![{syllables.SIGNS}]|{_KILLED})|\u101b(?=[\u1040-\u1049]))"
_LETTER_OF = {"\u1040": "\u101d", "\u1047": "\u101b", "\u1044": "\u104e"}


@cache
def _table() -> bytes:
    """ASCII with small letters, and a space for whatever stands in no word."""
    return bytes(
        ord(char.lower()) if (char := chr(code)).isalnum() or char in "'`-" else 32 for code in range(128)
    ) + bytes(128)


@cache
def _chunks() -> re.Pattern[str]:
    """What folds by itself, whatever stands before and after it."""
    joints = words.APOSTROPHES + words.HYPHENS.replace("-", r"\-")
    return re.compile(
        f"[{_WORD}][{_WORD}{joints}]{{0,{_CHUNK - 1}}}|{syllables.MYANMAR}|\\d{{1,64}}"
        f"|{syllables.CHINESE}|{syllables.THAI}|{syllables.LAO}|{syllables.KHMER}"
    )


@cache
def _invisible() -> re.Pattern[str]:
    return re.compile(_INVISIBLE)


@cache
def _piled() -> re.Pattern[str]:
    return re.compile("[\u0300-\u036f][\u0300-\u036f]{3}([\u0300-\u036f]+)")


@cache
def _mistaken() -> re.Pattern[str]:
    return re.compile(_MISTAKEN)


@cache
def _numbers() -> re.Pattern[str]:
    return re.compile("[\u1040-\u1049][\u101d\u101b]")


@cache
def _in_number() -> re.Pattern[str]:
    return re.compile(_IN_NUMBER)


def _digits(letters: re.Match[str]) -> str:
    return letters[0].replace("\u101d", "\u1040").replace("\u101b", "\u1047")


@cache
def _has_myanmar() -> re.Pattern[str]:
    return re.compile("[\u1000-\u109f]")


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
        return words.cut(chunk)
    first = chunk[0]
    if chunk.isdecimal():
        return "".join(str(decimal(digit)) for digit in chunk), ((0, len(chunk)),)
    if first < "\u0e00":
        return words.cut(chunk)
    if "\u1000" <= first <= "\u109f" or "\ua9e0" <= first <= "\ua9ff" or "\uaa60" <= first <= "\uaa7f":
        return syllables.myanmar(chunk), ((0, len(chunk)),)
    if first < "\u0f00" or "\u1780" <= first <= "\u17ff":
        folded = syllables.thai(chunk)
        return folded, ((0, len(chunk)),) * (folded.count(" ") + 1 if folded else 0)
    if _is_chinese(first):
        return normalize("NFKC", chunk).casefold(), ((0, len(chunk)),)
    return words.cut(chunk)


@cache
def _chinese() -> re.Pattern[str]:
    return re.compile(syllables.CHINESE)


def _is_chinese(char: str) -> bool:
    return _chinese().match(char) is not None


def fold(text: str) -> str:
    """The folded form of a text, as `texts.folded` holds it. Any string will do, and its length costs linearly."""
    if text.isascii() and not _overlong(plain := _plain(text)):
        chunks = plain.split()
    else:
        chunks = _chunks().findall(readable(text))
    return _with_compounds(_joined(" ".join([tokens for tokens, _ in map(_cuts(), chunks) if tokens])))


def fold_with_places(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The folded form without the closed compounds, and the raw text's code points that each of its tokens covers."""
    trails: list[Trail] = []
    if text.isascii() and not _overlong(plain := _plain(text)):
        cuts, spans = _words_with_places(plain)
    else:
        found = list(_chunks().finditer(readable(text, trails)))
        cuts, spans = [_cuts()(match[0]) for match in found], list(map(_span, found))
        places = [places for _, places in cuts]
        if places.count(None) != len(places):
            spans = _parted(spans, places)
    for trail in reversed(trails):
        spans = trail.back(spans)
    return _joined_with_places(" ".join([tokens for tokens, _ in cuts if tokens]), spans)


_span = re.Match.span


def _plain(text: str) -> str:
    """An ASCII text with nothing but words and spaces, each where it stood."""
    return text.encode().translate(_table()).decode()


def _overlong(plain: str) -> bool:
    """Whether a word of such a text may be longer than a chunk: some stretch of half a chunk has no space."""
    half = _CHUNK // 2
    return any(plain.find(" ", start, start + half) < 0 for start in range(0, len(plain) - half + 1, half))


def _words_with_places(plain: str) -> tuple[list[_Cut], list[tuple[int, int]]]:
    """The words of such a text as `_cuts` gives them, and where their tokens stand."""
    words = plain.split(" ")
    cuts = list(map(_cuts(), words))
    spans: list[tuple[int, int]] = []
    end = -1
    for word, (_, places) in zip(words, cuts, strict=True):
        start = end + 1
        end = start + len(word)
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


def readable(text: str, trails: list[Trail] | None = None) -> str:
    """The text without invisible characters, out of Zawgyi, with the letters that digits were typed for.

    `trails` takes the ways back, first step first.
    """
    for pattern, group in ((_invisible(), 0), (_piled(), 1)):
        if pattern.search(text):
            text = _rewritten(text, [(*match.span(group), "") for match in pattern.finditer(text)], trails)
    if _has_myanmar().search(text):
        if zawgyi.is_zawgyi(text):
            if trails is None:
                text = zawgyi.convert(text)
            else:
                text, trail = rewrite(text, zawgyi.fine_conversions(text))
                trails.append(trail)
        if _numbers().search(text):
            text = _in_number().sub(_digits, text)
        if "\u1040" in text or "\u1047" in text or "\u1044" in text:
            text = _mistaken().sub(lambda digit: _LETTER_OF[digit[0]], text)
    return text


def legible(text: str, trails: list[Trail] | None = None) -> str:
    """The readable text with letters composed and Myanmar signs in order: what regular expressions are tried on."""
    if text.isascii():
        return text
    text = _unfit().sub("\ufffd", readable(text, trails))
    for pattern, change in ((_composable(), _composed), (syllables.sign_runs(), syllables.sorted_signs)):
        changes = [(*found.span(), new) for found in pattern.finditer(text) if (new := change(found)) != found[0]]
        if changes:
            text = _rewritten(text, changes, trails)
    return text


@cache
def _unfit() -> re.Pattern[str]:
    return re.compile(f"[\ud800-\udfff{CLOSED}]")


@cache
def _composable() -> re.Pattern[str]:
    return re.compile("[^\u0300-\u036f]?[\u0300-\u036f]+")


def _composed(found: re.Match[str]) -> str:
    return normalize("NFC", found[0])


def _rewritten(text: str, changes: list[tuple[int, int, str]], trails: list[Trail] | None) -> str:
    text, trail = rewrite(text, changes)
    if trails is not None:
        trails.append(trail)
    return text


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
    chunks = _chunks().findall(readable(text))
    return _joined(" ".join(filter(None, map(_surface, chunks))))


def _surface(chunk: str) -> str:
    return words.surface(chunk) if re.match(f"[{_WORD}]", chunk) else _cuts()(chunk)[0]
