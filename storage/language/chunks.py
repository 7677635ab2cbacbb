"""PURE: where a text is cut: into words, numbers, syllables and clusters, each of which folds by itself.

Initials with dots (K.I.A, U.S.-led) and Hebrew ones with a quotation mark are one word; 10,000 is one number, and so is
the 16s of F-16s.
"""

from __future__ import annotations

import re
from functools import cache

from storage.language import syllables
from storage.language.words import APOSTROPHES, HYPHENS

LONGEST = 400  # no chunk is much longer, so that the memos stay small
LONGEST_NUMBER = 64  # digits

# Every character that can be a letter of a word, cut generously: storage.language.words looks closer.
WORD = (
    "A-Za-z\u00aa\u00b2\u00b3\u00b5\u00b9\u00ba\u00bc-\u00be\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u0dff\u0f00-\u0fff"
    "\u10a0-\u10ff\u1200-\u177f\u1800-\u1fff\u2070-\u209c\u2100-\u218f\u249c-\u24e9\u2c00-\u2dff\ua000-\ua95f"
    "\ua980-\ua9df\uaa00-\uaa5f\uaa80-\uabff\ufb00-\ufdff\ufe70-\ufefc\uff21-\uff3a\uff41-\uff5a"
    "\U00010000-\U0001efff\U0001f110-\U0001f189"
)
_JOINTS = APOSTROPHES + HYPHENS.replace("-", r"\-")
_HEBREW = "\u05d0-\u05ea"
_GERSHAYIM = f'(?<=[{_HEBREW}])["“”](?=[{_HEBREW}](?![{_HEBREW}]))'  # a quotation mark before the last letter: initials
# Marks that are part of a letter: accents, points of Hebrew and Arabic, vowel signs of India.
_MARKS = (
    "\u0300-\u036f\u0591-\u05bd\u064b-\u065f\u0900-\u0903\u093a-\u094f\u0981-\u0983\u09bc-\u09cd\u0a01-\u0a03\u0a3c-\u0a4d"
    "\u0a81-\u0a83\u0abc-\u0acd\u0b01-\u0b03\u0b3c-\u0b57\u0b82\u0bbe-\u0bcd\u0c00-\u0c04\u0c3c-\u0c56\u0c81-\u0c83\u0cbc-\u0cd6"
    "\u0d00-\u0d03\u0d3b-\u0d4d\u0d81-\u0d83\u0dca-\u0ddf"
)
_DOTS = ".\uff0e\u2024"
# A dot after a single letter, before a single letter or a hyphen or an apostrophe; and such a quotation mark.
_SINGLE = (
    f"(?:(?<![\\w{APOSTROPHES}{_MARKS}].)(?<=[^\\W\\d_])|(?<![\\w{APOSTROPHES}{_MARKS}]..)(?<=[^\\W\\d_][{_MARKS}]))"
)
_INSIDE = f"[{_DOTS}](?<={_SINGLE}.)(?=[^\\W\\d_][{_MARKS}]?(?![\\w{_MARKS}])|[{_JOINTS}][^\\W\\d_])|{_GERSHAYIM}"
_WORDS = (
    f"[{WORD}](?<!\\d)[{WORD}{_JOINTS}]{{0,{LONGEST - 1}}}(?:(?:{_INSIDE})[{WORD}{_JOINTS}]{{1,{LONGEST}}}){{0,20}}"
)
_SEPARATORS = (",\uff0c\u066c\u060c\u104a", r"\.", "'’", "\u00a0\u2009\u202f")  # of thousands, as people write them
# Each pattern begins with the plain set of its first characters: then the next one is tried at once where that fails.
_THOUSANDS = "|".join(rf"\d{{0,2}}(?:[{mark}]\d{{3}}){{1,9}}(?![{mark}]?\d)" for mark in _SEPARATORS)
_INDIAN = r"\d?(?:,\d\d){1,5},\d{3}(?!,?\d)"  # 1,00,000: a lakh
_ENDING = "(?:['’]?[sS]|[sS][tT]|[nN][dD]|[rR][dD]|[tT][hH])(?!\\w)"  # F-16s, the 33rd
# Most numbers are a run of digits, behind which neither thousands nor an ending may begin: these are found at once.
_PLAIN_NUMBER = rf"\d{{1,{LONGEST_NUMBER}}}+(?![{''.join(_SEPARATORS)}]\d|['’]?[sSnNrRtT])"
_NUMBERS = rf"{_PLAIN_NUMBER}|\d(?:(?<!\d[.,'’].)(?:{_THOUSANDS}|{_INDIAN})|\d{{0,63}})(?:{_ENDING})?"


@cache
def chunks() -> re.Pattern[str]:
    """What folds by itself, whatever is before and after it. It has no groups."""
    return re.compile(
        f"{_WORDS}|{syllables.MYANMAR}|{syllables.CHINESE}|{_NUMBERS}"
        f"|{syllables.THAI}|{syllables.LAO}|{syllables.KHMER}"
    )


@cache
def ascii_words() -> re.Pattern[str]:
    """The same for an ASCII text without digits: a command compiles it in a fifth of the time."""
    joints = "'`-"
    single = f"(?<![\\w{joints[:2]}].)(?<=[A-Za-z])"
    inside = f"\\.(?<={single}.)(?=[A-Za-z](?!\\w)|[{joints}][A-Za-z])"
    return re.compile(f"[A-Za-z][A-Za-z{joints}]{{0,{LONGEST - 1}}}(?:{inside}[A-Za-z{joints}]{{1,{LONGEST}}}){{0,20}}")


@cache
def word_start() -> re.Pattern[str]:
    """What a word begins with."""
    return re.compile(f"[{WORD}]")
