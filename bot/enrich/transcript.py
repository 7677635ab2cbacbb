"""PURE: stretches of speech that an engine heard -> one text, its time codes, and whether it can be believed."""

import math
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.contracts.engine import EnrichResult
from storage.records import Segment

LEAST_LANGUAGE = 0.5  # probability of the language that the speech was taken for
_LEAST_LOGPROB = -1.0  # mean over tokens; below it the words are guesses
_MOST_REPETITION = 2.4  # the sign of a model that has lost the thread
_WINDOW = 600  # characters; whole statements repeat themselves more than a stretch of one does
_UNSURE_LOGPROB = math.log(0.5)
_ECHO, _SOME_ECHO = 0.9, 0.5  # share of words that were only expected; the lower one where the engine is unsure
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
class Heard:
    """One stretch of speech: seconds in the recording, and what the engine says of its own work, where it does.

    `logprob` is the mean over tokens.
    """

    start_s: float
    end_s: float
    text: str
    logprob: float | None = None


def result(
    heard: Sequence[Heard],
    *,
    language: str | None,
    engine: str,
    model: str,
    probability: float | None = None,
    expected: Sequence[str] = (),
) -> EnrichResult:
    """Put the stretches together. Silence is believed; words are not where any of what is known speaks against them.

    `language` is what the engine took the speech for, `probability` how likely it found that. `expected` are the hot
    words that it was given: in noise a model says them by itself.
    """
    text, segments = joined((one.start_s, one.end_s, one.text) for one in heard)
    if not text:
        return EnrichResult("", None, None, engine, model)
    logprob = _mean([(one.logprob, len(one.text)) for one in heard if one.logprob is not None])
    unreliable = (
        (probability is not None and not probability >= LEAST_LANGUAGE)
        or (logprob is not None and not logprob >= _LEAST_LOGPROB)
        or any(repetition(one.text) > _MOST_REPETITION for one in heard)
        or (language in _IN_MYANMAR_LETTERS and not _MYANMAR.search(text))
        or _echoes(text, expected, unsure=logprob is not None and logprob < _UNSURE_LOGPROB)
    )
    confidence = None
    if logprob is not None:
        confidence = math.exp(min(logprob, 0.0)) if math.isfinite(logprob) else 0.0
    return EnrichResult(text, language, confidence, engine, model, unreliable, segments)


def repetition(text: str) -> float:
    """How much shorter a text is when it is compressed, in its window of 600 characters that repeats itself most.

    Whisper measures this on UTF-8, where Burmese, three bytes a letter, repeats itself in every plain statement. Here a
    letter of any script counts as one.
    """
    most = 0.0
    for start in range(0, len(text), _WINDOW):
        window = text[start : start + _WINDOW]
        numbers = {letter: number & 0xFF for number, letter in enumerate(dict.fromkeys(window))}
        most = max(most, len(window) / len(zlib.compress(bytes(map(numbers.__getitem__, window)))))
    return most


def _echoes(text: str, expected: Sequence[str], *, unsure: bool) -> bool:
    """Whether the text is little but hot words: several of them, and hardly a word between that makes a sentence."""
    words = _words(text)
    hot = {word for phrase in expected for word in _words(phrase)}
    said = [word for word in words if word in hot]
    share = len(said) / len(words) if words else 0.0
    return len(set(said)) >= 3 and share >= (_SOME_ECHO if unsure else _ECHO)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def joined(stretches: Iterable[tuple[float, float, str]]) -> tuple[str, tuple[Segment, ...]]:
    """One text of (start, end, text), a space between, and where each stretch stands in it; empty ones are left out."""
    text, segments = "", []
    for start_s, end_s, words in stretches:
        words = " ".join(words.split())
        if words:
            text += " " if text else ""
            segments.append(Segment(start_s, end_s, len(text), len(text) + len(words)))
            text += words
    return text, tuple(segments)


def code(language: object) -> str | None:
    """The ISO 639 code of what a server calls a language: "my", "my-MM", "burmese"; None where that is no language."""
    if not isinstance(language, str):
        return None
    word = language.strip().lower()
    short = re.split("[-_]", word)[0]
    return _NAMES.get(word) or (short if re.fullmatch("[a-z]{2,3}", short) else None)


def _mean(weighted: Sequence[tuple[float, int]]) -> float | None:
    total = sum(max(1, weight) for _, weight in weighted)
    return sum(value * max(1, weight) for value, weight in weighted) / total if weighted else None
