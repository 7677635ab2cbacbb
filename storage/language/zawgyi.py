"""PURE: finds Burmese written in the Zawgyi encoding and turns it into Unicode.

Detection is myanmartools (it leaves Shan, Mon and Karen alone), conversion the rules of paraencoder; both are imported
at the first text that looks like Zawgyi at all, which most never do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache

from storage.language import syllables
from storage.language.places import rewrite

_PROBE = 400  # Myanmar letters of a sentence that the detector looks at
_ENOUGH = 20  # Myanmar letters from which its verdict is safe at even odds
SHORT = 100  # characters of a text that may have no clearer sign
_SURELY, _SURELY_NOT = 0.95, 0.05  # of fewer letters
# Consonants that Burmese writes one under the other: those of one row, and some pairs of Pali, Sanskrit and English.
_ROWS = (
    "\u1000\u1001\u1002\u1003\u1004",
    "\u1005\u1006\u1007\u1008\u1009",
    "\u100b\u100c\u100d\u100e\u100f",
    "\u1010\u1011\u1012\u1013\u1014",
    "\u1015\u1016\u1017\u1018\u1019",
)
_PAIRS = "လလ သသ ယယ ဝဝ ဠဠ ညည လဟ မဟ တမ ဒမ"


@cache
def _stacks() -> frozenset[str]:
    return frozenset(
        (
            *_PAIRS.split(),
            *(upper + lower for row in _ROWS for upper in (row[0], row[4]) for lower in row[:2]),
            *(upper + lower for row in _ROWS for upper in (row[2], row[4]) for lower in row[2:4]),
            *(row[4] * 2 for row in _ROWS),
        )
    )


@cache
def _signs() -> re.Pattern[str]:
    """What hardly anything but Zawgyi writes, found in one pass.

    Signs that Unicode begins no run of letters with, and the vowel ေ, which it puts behind no other vowel; letters
    that Burmese writes in Zawgyi only (other languages have them too), the last eight beside letters of Burmese.
    """
    first = "(?<=[\u1031\u103b])(?:(?<![\u1000-\u109f].)|(?<=[\u102b-\u1030\u1032\u1038]\u1031))"
    last = "(?<=[\u1090-\u1097])(?:(?<=[\u1000-\u103f].)|(?=[\u1000-\u103f]))"
    return re.compile(f"[\u1031\u103b\u1033\u1034\u1060-\u1097](?:{first}|(?<=[\u1033\u1034\u1060-\u108f])|{last})")


@cache
def _odd_medials() -> re.Pattern[str]:
    """The sign ြ, which is another one in Zawgyi, behind letters that have it in hardly any word."""
    return re.compile("\u103c(?<=[\u1005-\u1010\u1011\u1013\u1014\u101a\u101b-\u1021].)")


def has_signs(text: str) -> bool:
    """Whether a text has what hardly anything but Zawgyi writes: without it no sentence is looked at closer."""
    if _signs().search(text):
        return True
    if len(text) <= SHORT and _odd_medials().search(text):
        return True
    return "\u1039" in text and any(
        text[place - 1 : place] + text[place + 1 : place + 2] not in _stacks() and text[place - 1 : place] != "\u103a"
        for place in _stacked(text)
    )


def doubts() -> str:
    """What a text longer than SHORT has in which `has_signs` is true, for RE2, which looks neither ahead nor behind."""
    lower = {pair[0]: "".join(other[1] for other in _stacks() if other[0] == pair[0]) for pair in _stacks()}
    stacks = "|".join(f"{upper}\u1039(?:[^{letters}]|$)" for upper, letters in lower.items())
    first = "(?:^|[^\u1000-\u109f])[\u1031\u103b]|[\u102b-\u1030\u1032\u1038]\u1031"
    return f"{first}|[\u1033\u1034\u1060-\u1097]|{stacks}|(?:^|[^\u103a{''.join(lower)}])\u1039"


def _stacked(text: str) -> Iterator[int]:
    place = text.find("\u1039")
    while place >= 0:
        yield place
        place = text.find("\u1039", place + 1)


@cache
def _runs() -> re.Pattern[str]:
    return re.compile("[\u1000-\u109f]+")


@cache
def _syllables() -> re.Pattern[str]:
    """Stretches of Zawgyi that convert alike alone and in their run: from one unkilled letter to the next."""
    return re.compile(
        "[\u1031\u103b\u107e-\u1084]*(?:[\u1000-\u102a\u103f\u1040-\u1049\u104e\u106a\u106b\u106e\u106f\u1086\u108f-\u1092\u1097]"
        "(?![\u1039\u1064]))?[^\u1000-\u102a\u103f\u1031\u103b\u107e-\u1084]*"
        "(?:[\u1000-\u102a][\u1037\u1094\u1095]?\u1039[^\u1000-\u102a\u103f\u1031\u103b\u107e-\u1084]*)*"
    )


@cache
def _detector() -> Callable[[str], float]:
    import warnings

    from myanmartools import ZawgyiDetector

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it opens its model by a call that Python 3.11 deprecates
        probability: Callable[[str], float] = ZawgyiDetector().get_zawgyi_probability
    return probability


def _probability(letters: str) -> float:
    return _likely(letters[:_PROBE])


@lru_cache(maxsize=1 << 12)
def _likely(letters: str) -> float:
    return _detector()(letters)


def is_zawgyi(sentence: str) -> bool:
    """Whether a sentence as a whole is written in Zawgyi; a short one only where there is hardly a doubt."""
    if sentence.isascii() or not has_signs(sentence):
        return False
    letters = "".join(_runs().findall(sentence))
    if len(letters) >= _ENOUGH:
        return _probability(letters) > 0.5
    likely = _probability(letters)
    return likely > _SURELY or (likely > 0.5 and not _is_burmese(letters) and _is_burmese("".join(_convert([letters]))))


@cache
def _burmese() -> re.Pattern[str]:
    return re.compile(f"(?:{syllables.MYANMAR}|[\u1040-\u1049])+")


def _is_burmese(letters: str) -> bool:
    """Whether letters are well-formed Burmese in Unicode: whole syllables, no stacks or signs of other languages."""
    return not has_signs(letters) and _burmese().fullmatch(letters) is not None


def convert(text: str) -> str:
    """The same text with its sentences in Zawgyi turned into Unicode; everything else stays as it is."""
    return rewrite(text, conversions(text, fine=False))[0]


def conversions(text: str, *, fine: bool) -> Iterator[tuple[int, int, str]]:
    """Each run of Myanmar letters in Zawgyi with its conversion; `fine`: cut into syllables wherever that is the same.

    Each sentence is judged by itself, and in it each run of letters between spaces: a post that quotes another one has
    both encodings.
    """
    if not has_signs(text):
        return
    spans = [
        (sentence.start() + run.start(), sentence.start() + run.end())
        for sentence in _sentences().finditer(text)
        if has_signs(sentence[0])
        for run in _chosen(sentence[0])
    ]
    whole = _convert([text[start:end] for start, end in spans])
    for (start, end), new in zip(spans, whole, strict=True):
        if fine:
            yield from _by_syllable(text, start, end, new)
        else:
            yield start, end, new


@cache
def _sentences() -> re.Pattern[str]:
    return re.compile("[^\u104a\u104b\n]+")


def _chosen(sentence: str) -> Iterator[re.Match[str]]:
    """The runs of a sentence that are Zawgyi."""
    inside = is_zawgyi(sentence)
    for run in _runs().finditer(sentence):
        letters = run[0]
        if _shan_number().fullmatch(letters):
            continue
        if _is_zawgyi_inside(letters) if inside else is_zawgyi(letters):
            yield run


def _is_zawgyi_inside(letters: str) -> bool:
    """The same of a run in a sentence that is Zawgyi as a whole: there a run is, unless it speaks for Unicode."""
    likely = _probability(letters)
    return likely > 0.5 or (likely > _SURELY_NOT and not _is_burmese(letters))


@cache
def _shan_number() -> re.Pattern[str]:
    return re.compile("[\u1090-\u1099]{2,}")


def _by_syllable(text: str, start: int, end: int, whole: str) -> Iterator[tuple[int, int, str]]:
    spans = [match.span() for match in _syllables().finditer(text[start:end]) if match.end() > match.start()]
    pieces = _convert([text[start + low : start + high] for low, high in spans])
    if "".join(pieces) != whole:
        yield start, end, whole
        return
    for (low, high), piece in zip(spans, pieces, strict=True):
        yield start + low, start + high, piece


def _convert(pieces: list[str]) -> list[str]:
    """Many pieces in one pass of the rules: no rule reaches across a line feed."""
    if not pieces:
        return []
    from para.convert import zg_to_unicode

    converted: list[str] = zg_to_unicode("\n".join(pieces), force=True).split("\n")
    assert len(converted) == len(pieces)
    return converted
