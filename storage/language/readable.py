"""PURE: a text with what hides, splits or disguises its letters put right, and the way back to what was written."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, TypeAlias
from unicodedata import lookup, name, normalize, numeric

from storage.language import syllables, zawgyi
from storage.language.places import Trail, rewrite

if TYPE_CHECKING:
    from storage.language.regex import Pattern

Change: TypeAlias = Callable[[re.Match[str]], str]

PRIVATE = "\ue000-\ue00f"  # characters that folding uses as marks

_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff"
    "\u0332-\u0338\u0488\u0489\u1abe\u20d0-\u20f0\ua670-\ua672"  # lines through letters, rings and keycaps around them
)
_JAMO = "[\u1100-\u1112][\u1161-\u1175][\u11a8-\u11c2]?"
_LONE_JAMO = (  # as on a keyboard, one after the other; what stands before a vowel begins the next syllable
    "[\u3131-\u314e\uffa1-\uffbe][\u314f-\u3163\uffc2-\uffdc]"
    "(?:[\u3131-\u314e\uffa1-\uffbe](?![\u314f-\u3163\uffc2-\uffdc]))?"
)
_NO_FINAL = "\u3138\u3143\u3149\uffa8\uffb3\uffb9"  # consonants that end no syllable
_VOICED = "[\u3041-\u30fe][\u3099-\u309c]"
_HALF_WIDTH = "[\uff66-\uff9d][\uff9e\uff9f]?"
_LONG_MARK = "(?<=[\u30a1-\u30fa\u30fc])[\u2212\uff0d](?!\\d)"  # a minus where ー was meant
_RINGED_DIGITS = "[\u2460-\u2468\u24ea\u24f5-\u24fd\u24ff\u2776-\u277e\u2780-\u2788\u278a-\u2792]{1,64}"
_RINGED = (
    "[\u2469-\u249b\u24eb-\u24f4\u24fe\u277f\u2789\u2793\u3200-\u33ff\U0001f100-\U0001f10c\U0001f200-\U0001f251"
    "\U0001f51f]"
)
# Where none of these stands, there is nothing to put right in any script but Burmese.
_UNUSUAL = (
    f"[{_INVISIBLE}\u0300-\u036f\u1100-\u1112\u3099-\u309c\u3131-\u3163\uff66-\uffdc"
    "\u2212\uff0d\u2460-\u249b\u24ea-\u24ff\u2776-\u2793\u3200-\u33ff\U0001f100-\U0001f10c\U0001f200-\U0001f251\U0001f51f]"
)
_PUT_RIGHT = f"{_UNUSUAL[:-1]}\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f\ud800-\udfff{PRIVATE}]"  # and in a legible text
_SHORT = 4 * zawgyi.SHORT  # bytes
_KILLED = f"[{syllables.FINALS}]\u1037*\u103a"
# A digit written for the letter that looks like it: ၀ for ဝ, ၇ for ရ, ၄ for ၎; and what stands for it.
_MISTAKEN = (
    f"[\u1040\u1044\u1047](?:(?<=\u1044)(?=\u1004\u103a\u1038)"
    f"|(?<!\u1044)(?<![\u1040-\u1049].)(?=[{syllables.SIGNS}]|{_KILLED})"
    f"|(?<=[{syllables.FINALS}{syllables.SIGNS}]\u1040)(?=[\u1000-\u1021]))"
)
# And the other way: ဝ for ၀ and ရ for ၇ inside a number, where no sign makes a syllable of it.
_IN_NUMBER = f"(?<=[\u1040-\u1049])(?:\u101d+(?![{syllables.SIGNS}]|{_KILLED})|\u101b(?=[\u1040-\u1049]))"
_LETTER_OF = {"\u1040": "\u101d", "\u1047": "\u101b", "\u1044": "\u104e"}
_SPELLINGS = {"\u100b\u1039\u100c": "\u100c", "\u101e\u1039\u101e": "\u103f"}
_BROKEN = (
    "-\n",
    "-\r\n",
    "- \n",
    "\u2010\n",
    "\u2010\r\n",
    "\u2011\n",
    "\u2011\r\n",
    "\u00ad\n",
    "\u00ad\r\n",
    "\u00ac\n",
)


@cache
def _pattern(source: str) -> re.Pattern[str]:
    return re.compile(source)


def readable(text: str, trails: list[Trail] | None = None) -> str:
    """The text without invisible characters, composed, out of Zawgyi, with the letters that digits were typed for.

    `trails` takes the ways back, first step first.
    """
    if _pattern(_UNUSUAL).search(text):
        for source, change in _STEPS:
            text = _rewritten(text, source, change, trails)
    if _pattern("[\u1000-\u109f]").search(text):
        conversions = list(zawgyi.conversions(text, fine=trails is not None))
        if conversions:
            text, trail = rewrite(text, conversions)
            if trails is not None:
                trails.append(trail)
        if _pattern("[\u1040-\u1049][\u101d\u101b]").search(text):
            text = _pattern(_IN_NUMBER).sub(_digits, text)
        if "\u1040" in text or "\u1047" in text or "\u1044" in text:
            text = _pattern(_MISTAKEN).sub(lambda digit: _LETTER_OF[digit[0]], text)
    return text


def _nothing(_: re.Match[str]) -> str:
    return ""


def _first_four(found: re.Match[str]) -> str:
    return found[0][:4]


def _composed(found: re.Match[str]) -> str:
    return normalize("NFC", found[0])


def _voiced(found: re.Match[str]) -> str:
    mark = "\u3099" if found[0][1] in "\u3099\u309b" else "\u309a"
    whole = normalize("NFC", found[0][0] + mark)
    return whole if len(whole) == 1 else found[0]


def _syllable(found: re.Match[str]) -> str:
    first, vowel, *last = tuple(found[0])
    final = [
        lookup(f"HANGUL JONGSEONG {name(letter).rpartition(' ')[2]}") for letter in last if letter not in _NO_FINAL
    ]
    rest = "".join(letter for letter in last if letter in _NO_FINAL)
    return normalize("NFC", normalize("NFKC", first + vowel) + "".join(final)) + rest


def _full_width(found: re.Match[str]) -> str:
    return normalize("NFKC", found[0])


def _long_mark(_: re.Match[str]) -> str:
    return "\u30fc"


def _ringed_digits(found: re.Match[str]) -> str:
    return f" {''.join(str(int(numeric(digit))) for digit in found[0])} "


def _ringed(found: re.Match[str]) -> str:
    """A number or letters in a ring, in brackets or in a square: what is inside."""
    number = 10 if found[0] == "\U0001f51f" else numeric(found[0], None)  # no name of that keycap says ten
    if number is not None and not re.match("[\u3220-\u3247\u3280-\u32b0]", found[0]):  # Chinese numbers stay Chinese
        return f" {int(number)} "
    return f" {normalize('NFKC', found[0]).replace('(', ' ').replace(')', ' ')} "


def _digits(letters: re.Match[str]) -> str:
    return letters[0].replace("\u101d", "\u1040").replace("\u101b", "\u1047")


_STEPS = (
    (f"[{_INVISIBLE}]+", _nothing),
    ("[\u0300-\u036f]{5,}", _first_four),
    (_JAMO, _composed),
    (_LONE_JAMO, _syllable),
    (_HALF_WIDTH, _full_width),
    (_VOICED, _voiced),
    (_LONG_MARK, _long_mark),
    (_RINGED_DIGITS, _ringed_digits),
    (_RINGED, _ringed),
)


def unbroken(text: str, trails: list[Trail] | None = None) -> str:
    """The text with words whole that were broken at the end of a line, and hashtags of several words parted."""
    if "\n" in text and any(end in text for end in _BROKEN):
        text = _rewritten(
            text, "(?<=[^\\W\\d_])[-\u2010\u2011\u00ad\u00ac][ \t]?(?:\r?\n[ \t]*){1,2}(?=[^\\W\\d_])", _hyphen, trails
        )
    if "#" in text:
        text = _rewritten(text, r"(?<=#)\w{3,100}", _parted, trails)
    return text


def respelled(text: str, trails: list[Trail] | None = None) -> str:
    """The text with one spelling where many people know another of a Burmese word: ဥက္ကဋ္ဌ, ပြသ္သနာ."""
    if "\u1039" in text and any(two in text for two in _SPELLINGS):
        return _rewritten(text, "|".join(_SPELLINGS), _spelling, trails)
    return text


def _spelling(found: re.Match[str]) -> str:
    return _SPELLINGS[found[0]]


def _hyphen(_: re.Match[str]) -> str:
    return "-"


def _parted(tag: re.Match[str]) -> str:
    """#RegionalCommand as regional-command, which is found as one word too."""
    word = tag[0]
    return "".join(
        f"-{char}" if before.islower() and char.isupper() else char
        for before, char in zip(" " + word, word, strict=False)
    )


def is_legible(text: str) -> bool:
    """Whether its legible form is surely the text itself: so it is of nearly all texts but short ones in Burmese."""
    if text.isascii():
        return True
    found = _pattern(_PUT_RIGHT).search(text)
    if found is None:
        return True
    if len(text) <= zawgyi.SHORT or not "\u1000" <= found[0] <= "\u109f":
        return False
    try:
        return _doubts().search(text) is None
    except UnicodeEncodeError:  # half a character
        return False


def are_legible(texts: list[bytes]) -> bool:
    """The same of some texts in UTF-8, which are looked through at once: that takes a third of the time."""
    unusual = [text for text in texts if not text.isascii()]
    if any(len(text) <= _SHORT for text in unusual):
        return all(is_legible(text.decode(errors="replace")) for text in unusual)
    return _doubts().search(b"\n".join(unusual)) is None


@cache
def _doubts() -> Pattern:
    """What is put right in longer texts, and a little more: RE2 looks for all of it at once."""
    from storage.language.regex import compiled  # here, for whoever only folds does not need it

    others = _PUT_RIGHT.replace("\u1000-\u109f", "").replace("\ud800-\udfff", "")
    digits = (
        f"[\u1040-\u1049][\u101d\u101b]|[\u1040\u1044\u1047](?:[{syllables.SIGNS}]|{_KILLED})"
        f"|[{syllables.FINALS}{syllables.SIGNS}]\u1040[\u1000-\u1021]"
    )
    return compiled(f"(?-i){others}|{digits}|{zawgyi.doubts()}|{syllables.DISORDER}")


def legible(text: str, trails: list[Trail] | None = None) -> str:
    """The readable text with letters composed and Myanmar signs in order: what regular expressions are tried on."""
    if text.isascii():
        return text
    text = _pattern(f"[\ud800-\udfff{PRIVATE}]").sub("\ufffd", readable(text, trails))
    if _pattern("[\u0300-\u036f]").search(text):
        text = _rewritten(text, "[^\u0300-\u036f]?[\u0300-\u036f]+", _composed, trails)
    if not syllables.is_in_order(text):
        text = _rewritten(text, syllables.SIGN_RUNS, syllables.sorted_signs, trails)
    return text


def _rewritten(text: str, source: str, change: Change, trails: list[Trail] | None) -> str:
    changes = [(*found.span(), new) for found in _pattern(source).finditer(text) if (new := change(found)) != found[0]]
    if changes:
        text, trail = rewrite(text, changes)
        if trails is not None:
            trails.append(trail)
    return text
