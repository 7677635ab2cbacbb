"""PURE: finds Burmese written in the Zawgyi encoding and turns it into Unicode.

Detection is myanmartools (it leaves Shan, Mon and Karen alone), conversion the rules of paraencoder; both are imported
at the first text that looks like Zawgyi at all, which most never do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache

_CONSONANTS = "\u1000-\u1021\u1025\u103f\u105a-\u105d\u1061\u1065\u1066\u106e-\u1070\u1075-\u1081\u108e"
_PROBE = 400  # Myanmar letters that the detector looks at
_ENOUGH = 20  # Myanmar letters from which its verdict is safe at even odds


@cache
def _signs() -> tuple[re.Pattern[str], ...]:
    """What only Zawgyi writes, or hardly anything else: each is cheap, and without one no text is looked at closer."""
    return (
        re.compile(f"\u1039(?![{_CONSONANTS}])"),
        re.compile("[\u1033\u1034\u1060-\u1097]"),
        re.compile("(?:^|[^\u1000-\u109f])[\u1031\u103b\u107e-\u1084]"),
    )


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


@lru_cache(maxsize=256)
def is_zawgyi(text: str) -> bool:
    """Whether a text as a whole is written in Zawgyi; short ones only where there is hardly a doubt."""
    if text.isascii() or not any(sign.search(text) for sign in _signs()):
        return False
    letters = ""
    for run in _runs().finditer(text):
        letters += run[0][:_PROBE]
        if len(letters) >= _PROBE:
            break
    letters = letters[:_PROBE]
    return _detector()(letters) > (0.5 if len(letters) >= _ENOUGH else 0.95)


def convert(text: str) -> str:
    """The same text in Unicode. Runs of Myanmar letters are converted, everything between stays as it is."""
    out: list[str] = []
    done = 0
    for start, end, new in conversions(text):
        out += (text[done:start], new)
        done = end
    return "".join((*out, text[done:]))


def conversions(text: str) -> Iterator[tuple[int, int, str]]:
    """Each run of Myanmar letters with its conversion."""
    spans = [match.span() for match in _runs().finditer(text)]
    yield from zip(
        (start for start, _ in spans),
        (end for _, end in spans),
        _convert([text[start:end] for start, end in spans]),
        strict=True,
    )


def fine_conversions(text: str) -> Iterator[tuple[int, int, str]]:
    """The same, cut into syllables wherever a run converts alike in pieces and as a whole."""
    for start, end, whole in conversions(text):
        spans = [match.span() for match in _syllables().finditer(text[start:end]) if match.end() > match.start()]
        pieces = _convert([text[start + low : start + high] for low, high in spans])
        if "".join(pieces) != whole:
            yield start, end, whole
            continue
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
