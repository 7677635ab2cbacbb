"""PURE: the language of a text in Latin letters, by fastText's model lid.176.

The model is a file beside this one (its licence too): nothing is fetched. It is loaded at the first text that is long
enough to tell.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

MODEL = Path(__file__).with_name("lid.176.ftz")
_PROBE = 120  # letters that the model is asked about: more say the same and take longer
_LOOKED_AT = 1200  # characters in which so many letters are looked for
_MOSTLY_ENOUGH = 160  # characters in which so many letters mostly are
_LEAST_LETTERS = 12
_LEAST_LIKELY = 0.6
_LOOKED_FOR = 0.59  # what is less likely the model need not find
_NOT_WORDS = re.compile(r"https?://\S+|[@#]\w+|[^\w\s'-]|[\d_]")


def language(text: str) -> str:
    """The ISO 639 code of what these Latin letters write, `und` where that is not clear."""
    text = text[:_LOOKED_AT]
    words = _words(text[:_MOSTLY_ENOUGH])
    if len(words) < _PROBE and len(text) > _MOSTLY_ENOUGH:
        words = _words(text)
    words = words[:_PROBE]
    if len(words) - words.count(" ") < _LEAST_LETTERS:
        return "und"
    code, likely = _detector()(words.lower())  # what is in capitals is taken for English
    return code if likely >= _LEAST_LIKELY else "und"


def _words(text: str) -> str:
    if text.isascii() and not any(mark in text for mark in ("://", "@", "#")):
        return " ".join(text.encode().translate(_ascii()).decode().split())
    return " ".join(_NOT_WORDS.sub(" ", text).split())


@cache
def _ascii() -> bytes:
    """ASCII with a space for all that is not of words."""
    return bytes(code if (char := chr(code)).isalpha() or char in "'-" else 32 for code in range(128)) + bytes(128)


@cache
def _detector() -> Callable[[str], tuple[str, float]]:
    import fasttext

    model = fasttext.load_model(str(MODEL))

    def detected(words: str) -> tuple[str, float]:
        labels, scores = model.predict(words, k=1, threshold=_LOOKED_FOR)
        return (labels[0].removeprefix("__label__"), float(scores[0])) if labels else ("und", 0.0)

    return detected
