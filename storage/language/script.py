"""PURE: the language of a text as far as its letters tell.

ISO 639-1 codes where there is one, else 639-3: my shn ksw mnw kac th lo km zh ja ko ar uk ru el he ka hy hi bn ta.
Latin letters are Kachin by its commonest words, else what `latin` takes them for. Arabic letters are `ar` unless
letters of Persian or Urdu stand among them (`fa`); Cyrillic ones `ru`, or `uk` where a letter of Ukrainian stands and
none of Russian.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from functools import cache

from storage.language import latin, zawgyi

_PROBE = 4000
_FIRST_WORDS = 400  # characters in which the commonest words of Kachin show, if it is Kachin
_SCRIPTS = {
    "my": "\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f",
    "latin": "A-Za-z\u00c0-\u024f\u1e00-\u1eff",
    "th": "\u0e01-\u0e4e",
    "zh": "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff",
    "ja": "\u3040-\u30ff",
    "ko": "\u1100-\u11ff\uac00-\ud7af",
    "ru": "\u0400-\u052f",
    "ar": "\u0620-\u065f\u066e-\u06d3\u06fa-\u06ff\ufb50-\ufdff\ufe70-\ufefc",
    "lo": "\u0e81-\u0edf",
    "km": "\u1780-\u17d3",
    "el": "\u0370-\u03ff\u1f00-\u1fff",
    "he": "\u0590-\u05ff",
    "ka": "\u10a0-\u10ff",
    "hy": "\u0530-\u058f",
    "hi": "\u0900-\u0963",
    "bn": "\u0980-\u09e5",
    "ta": "\u0b80-\u0bd7",
}
# Weights make a syllable of each writing count about alike.
_WEIGHTS = {"zh": 2.0, "ja": 2.0, "ko": 2.0, "latin": 0.5, "ru": 0.5, "el": 0.5}
_NEIGHBOURS = {  # letters that Burmese has not
    "shn": "\u1075-\u108d\u1090-\u1099\u109e\u109f\uaa60-\uaa7a",
    "ksw": "\u1061-\u1068\u106e-\u1070",
    "mnw": "\u1028\u1033\u1034\u105a-\u1060",
}
_SHARES = {"shn": 0.12, "ksw": 0.06, "mnw": 0.04}  # of all letters, from which it is that language
_KACHIN = (
    "anhte dai dan dap dau gaw gun grai hkrum hku hpe hpyen hpung hta hte jinghpaw kaw lam lu mare masha matu mung "
    "mungdan myen nga ngu ni ndai nna poi rai rawng sai sha shanhte shani shi tsun wa wan wunpawng"
)


@cache
def _kachin() -> frozenset[str]:
    return frozenset(_KACHIN.split())


@cache
def _set(characters: str) -> re.Pattern[str]:
    return re.compile(f"[{characters}]")


@cache
def _script(char: str) -> str | None:
    """The key of the script that a letter is of."""
    return next((code for code, characters in _SCRIPTS.items() if _set(characters).match(char)), None)


@cache
def _neighbour_letter(char: str) -> str | None:
    """The key of the neighbour of Burmese that a letter is of."""
    return next((code for code, characters in _NEIGHBOURS.items() if _set(characters).match(char)), None)


def _counted(letters: Counter[str], key: Callable[[str], str | None]) -> Counter[str]:
    """How many letters of each key there are."""
    counts: Counter[str] = Counter()
    for char, times in letters.items():
        if code := key(char):
            counts[code] += times
    return counts


def language(text: str) -> str:
    """The code of the language of most letters; `und` where they tell none. The first 4,000 are read."""
    text = text[:_PROBE]
    if text.isascii():
        return "kac" if _is_kachin(text) else latin.language(text)
    letters = Counter(text)
    counts = _counted(letters, _script)
    top = max(_SCRIPTS, key=lambda code: counts[code] * _WEIGHTS.get(code, 1.0))
    if not counts[top] or top == "latin":
        return "kac" if _is_kachin(text) else latin.language(text)
    if top == "my":
        return _neighbour(Counter(zawgyi.convert(text)) if zawgyi.has_signs(text) else letters, counts["my"])
    if top == "zh" and counts["ja"] * 10 > counts["zh"]:
        return "ja"
    if top == "ru":
        return "uk" if not letters.keys().isdisjoint("іїєґІЇЄҐ") and letters.keys().isdisjoint("ыэъёЫЭЪЁ") else "ru"
    if top == "ar":
        return "ar" if letters.keys().isdisjoint("پچژگٹڈڑے") else "fa"
    return top


def _neighbour(letters: Counter[str], burmese: int) -> str:
    counts = _counted(letters, _neighbour_letter)
    return next((code for code, share in _SHARES.items() if counts[code] > share * burmese), "my")


def _is_kachin(text: str) -> bool:
    text = text[:_FIRST_WORDS].lower()
    if _kachin().isdisjoint(text.split()):
        return False
    words = re.findall("[a-z]+", text)
    return len(words) >= 3 and sum(word in _kachin() for word in words) >= 0.3 * len(words)
