"""PURE: pieces of speech from an engine -> one text, its time codes, and whether it is reliable."""

import math
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.contracts.engine import EnrichResult
from storage.records import Segment

LEAST_LANGUAGE = 0.5  # probability of the detected language
_LEAST_LOGPROB = -1.0  # mean over tokens; below it the words are guesses
_MOST_REPETITION = 2.4  # more means that the model is stuck in a loop
_WINDOW = 600  # characters; a whole statement repeats itself more than a part of it
_UNSURE_LOGPROB = math.log(0.5)
_ECHO, _SOME_ECHO = 0.9, 0.5  # share of hot words in the text; the lower limit is for an engine that is unsure
_MYANMAR = re.compile("[\u1000-\u109f]")
_IN_MYANMAR_LETTERS = frozenset({"my", "shn", "mnw", "ksw"})
_NAMES = {
    "arabic": "ar", "bengali": "bn", "burmese": "my", "cantonese": "zh", "chinese": "zh", "dutch": "nl",
    "english": "en", "french": "fr", "german": "de", "hindi": "hi", "indonesian": "id", "italian": "it",
    "japanese": "ja", "khmer": "km", "korean": "ko", "lao": "lo", "malay": "ms", "mandarin": "zh", "myanmar": "my",
    "portuguese": "pt", "russian": "ru", "shan": "shn", "spanish": "es", "thai": "th", "turkish": "tr",
    "ukrainian": "uk", "urdu": "ur", "vietnamese": "vi",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Speech:
    """One piece of speech: its seconds in the recording; `logprob`, the mean over tokens, if the engine gives it."""

    start_s: float
    end_s: float
    text: str
    logprob: float | None = None


def result(
    speech: Sequence[Speech],
    *,
    language: str | None,
    engine: str,
    model: str,
    probability: float | None = None,
    expected: Sequence[str] = (),
) -> EnrichResult:
    """Join the pieces, and mark the text as unreliable if any sign speaks against it. Silence is reliable.

    `language` is the one that the engine detected, with its `probability`. `expected` are the hot words that it was
    given: in noise a model makes them up.
    """
    text, segments = joined((one.start_s, one.end_s, one.text) for one in speech)
    if not text:
        return EnrichResult("", None, None, engine, model)
    logprob = _mean([(one.logprob, len(one.text)) for one in speech if one.logprob is not None])
    unreliable = (
        (probability is not None and not probability >= LEAST_LANGUAGE)
        or (logprob is not None and not logprob >= _LEAST_LOGPROB)
        or any(repetition(one.text) > _MOST_REPETITION for one in speech)
        or (language in _IN_MYANMAR_LETTERS and not _MYANMAR.search(text))
        or _echoes(text, expected, unsure=logprob is not None and logprob < _UNSURE_LOGPROB)
    )
    confidence = None
    if logprob is not None:
        confidence = math.exp(min(logprob, 0.0)) if math.isfinite(logprob) else 0.0
    return EnrichResult(text, language, confidence, engine, model, unreliable, segments)


def repetition(text: str) -> float:
    """Length of a text divided by its compressed length, in the window of 600 characters where that is largest.

    Whisper measures this on UTF-8, where Burmese, three bytes per letter, always looks repetitive. Here a letter of any
    script counts as one.
    """
    most = 0.0
    for start in range(0, len(text), _WINDOW):
        window = text[start : start + _WINDOW]
        numbers = {letter: number & 0xFF for number, letter in enumerate(dict.fromkeys(window))}
        most = max(most, len(window) / len(zlib.compress(bytes(map(numbers.__getitem__, window)))))
    return most


def _echoes(text: str, expected: Sequence[str], *, unsure: bool) -> bool:
    """Whether the text is mostly hot words: several different ones, and hardly a word between them."""
    words = _words(text)
    hot = {word for phrase in expected for word in _words(phrase)}
    echoed = [word for word in words if word in hot]
    share = len(echoed) / len(words) if words else 0.0
    return len(set(echoed)) >= 3 and share >= (_SOME_ECHO if unsure else _ECHO)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def joined(pieces: Iterable[tuple[float, float, str]]) -> tuple[str, tuple[Segment, ...]]:
    """One text from (start, end, text), joined by spaces, and each piece's place in it; empty pieces are left out."""
    text, segments = "", []
    for start_s, end_s, words in pieces:
        words = " ".join(words.split())
        if words:
            text += " " if text else ""
            segments.append(Segment(start_s, end_s, len(text), len(text) + len(words)))
            text += words
    return text, tuple(segments)


def code(language: object) -> str | None:
    """The ISO 639 code of a server's name for a language: "my", "my-MM", "burmese"; None if it is no language."""
    if not isinstance(language, str):
        return None
    word = language.strip().lower()
    short = re.split("[-_]", word)[0]
    return _NAMES.get(word) or (short if re.fullmatch("[a-z]{2,3}", short) else None)


def _mean(weighted: Sequence[tuple[float, int]]) -> float | None:
    total = sum(max(1, weight) for _, weight in weighted)
    return sum(value * max(1, weight) for value, weight in weighted) / total if weighted else None
