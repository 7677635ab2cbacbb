"""PURE: the language of a text as far as its letters tell.

ISO 639-1 codes where there is one, else 639-3: my shn ksw mnw kac th lo km zh ja ko ar uk ru el he ka hy hi bn ta.
Latin letters are Kachin by its commonest words, else what `latin` takes them for. Arabic letters are `ar` unless
letters of Persian or Urdu are among them (`fa`); Cyrillic ones `ru`, or `uk` where a letter of Ukrainian is there and
none of Russian.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
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
_ASCII = re.compile("[\\x00-\\x7f]+")
_MOST_KNOWN = 1 << 14  # characters of which the script is remembered
_ASCII_LETTERS = re.compile("[A-Za-z]+")
# Weights make a syllable of each writing count about alike.
_WEIGHTS = {"zh": 2.0, "ja": 2.0, "ko": 2.0, "latin": 0.5, "ru": 0.5, "el": 0.5}
_NEIGHBOURS = {  # letters that Burmese has not
    "shn": "\u1075-\u108d\u1090-\u1099\u109e\u109f\uaa60-\uaa7a",
    "ksw": "\u1061-\u1068\u106e-\u1070",
    "mnw": "\u1028\u1033\u1034\u105a-\u1060",
}
_SHARES = {"shn": 0.12, "ksw": 0.06, "mnw": 0.04}  # of all letters, from which it is that language
_TAG = re.compile("([a-z]{2,3})(?:[-_]|$)")
_OTHER_LETTERS = (  # languages of which nobody writes a whole text in Latin letters
    "am ar be bg bn bo ckb dz el fa gu he hi hy ja ka kk km kn ko ksw ky lo mk ml mn mnw mr my ne or pa ps ru sd shn"
    " si ta te th ti tg ug uk und ur yi zh"
)
_KACHIN = (
    "anhte dai dan dap dau gaw gun grai hkrum hku hpe hpyen hpung hta hte jinghpaw kaw lam lu mare masha matu mung "
    "mungdan myen nga ngu ni ndai nna poi rai rawng sai sha shanhte shani shi tsun wa wan wunpawng"
)


@cache
def _kachin() -> frozenset[str]:
    return frozenset(_KACHIN.split())


class _KeyOf(dict[str, str]):
    """The key of the letters that a character is one of, "" if of none; looked up once for each character."""

    def __init__(self, ranges: Mapping[str, str]) -> None:
        self._sets = {key: re.compile(f"[{characters}]") for key, characters in ranges.items()}

    def __missing__(self, char: str) -> str:
        if len(self) >= _MOST_KNOWN:
            self.clear()
        self[char] = next((key for key, letters in self._sets.items() if letters.match(char)), "")
        return self[char]


@cache
def _scripts() -> _KeyOf:
    return _KeyOf(_SCRIPTS)


@cache
def _any_neighbour() -> re.Pattern[str]:
    return re.compile(f"[{''.join(_NEIGHBOURS.values())}]")


@cache
def _neighbours() -> _KeyOf:
    return _KeyOf(_NEIGHBOURS)


def language(text: str) -> str:
    """The code of the language of most letters; `und` where they tell none. The first 4,000 are read."""
    text = text[:_PROBE]
    if text.isascii():
        return _of_latin_letters(text)
    foreign = _ASCII.sub("", text)  # most English texts have a quotation mark and little more
    counts = _count_scripts(foreign)
    if counts.keys() <= {"", "latin"}:
        return _of_latin_letters(text)
    counts["latin"] += len(text) - len(_ASCII_LETTERS.sub("", text))
    top = max((code for code in _SCRIPTS if code in counts), key=lambda code: counts[code] * _WEIGHTS.get(code, 1.0))
    if top == "latin":
        return _of_latin_letters(text)
    if top == "my":
        return _neighbour(zawgyi.convert(text) if zawgyi.has_signs(text) else foreign, counts["my"])
    if top == "zh" and counts["ja"] * 10 > counts["zh"]:
        return "ja"
    if top == "ru":
        return "uk" if _has_any(text, "іїєґІЇЄҐ") and not _has_any(text, "ыэъёЫЭЪЁ") else "ru"
    if top == "ar":
        return "fa" if _has_any(text, "پچژگٹڈڑے") else "ar"
    return top


def _count_scripts(text: str) -> Counter[str]:
    """How many characters are of each script. Those of the script in the middle are counted in runs: mostly all."""
    middle = _scripts()[text[len(text) // 2]] if text else ""
    others = _run_of(middle).sub("", text) if middle else text
    counts = Counter(map(_scripts().__getitem__, others))
    if middle:
        counts[middle] = len(text) - len(others)
    return counts


@cache
def _run_of(script: str) -> re.Pattern[str]:
    return re.compile(f"[{_SCRIPTS[script]}]+")


def accept_said(said: str, text: str) -> str:
    """The language that a source says a text is in, where `language` finds none: `und` unless its letters allow that.

    Only Latin letters leave it open. `said` is a tag of BCP 47 such as "en-GB", of which the first part counts.
    """
    code = _TAG.match(said.casefold())
    latin_letters = any(_scripts()[char] == "latin" for char in text[:_PROBE])
    return code[1] if code and latin_letters and code[1] not in _OTHER_LETTERS.split() else "und"


def _has_any(text: str, letters: str) -> bool:
    return any(letter in text for letter in letters)


def _of_latin_letters(text: str) -> str:
    return "kac" if _is_kachin(text) else latin.language(text)


def _neighbour(text: str, burmese: int) -> str:
    if not _any_neighbour().search(text):
        return "my"
    counts = Counter(map(_neighbours().__getitem__, text))
    return next((code for code, share in _SHARES.items() if counts[code] > share * burmese), "my")


def _is_kachin(text: str) -> bool:
    text = text[:_FIRST_WORDS].lower()
    if _kachin().isdisjoint(text.split()):
        return False
    words = re.findall("[a-z]+", text)
    return len(words) >= 3 and sum(word in _kachin() for word in words) >= 0.3 * len(words)
