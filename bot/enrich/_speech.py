"""PURE: stretches of speech that an engine heard -> one text, its time codes, and whether it can be believed."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.enrich._contract import EnrichResult
from storage.records import Segment

LEAST_LANGUAGE = 0.5  # probability of the language that the speech was taken for
_LEAST_LOGPROB = -1.0  # mean over tokens; below it the words are guesses
_MOST_COMPRESSION = 2.4  # repetition, the sign of a model that has lost the thread
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

    `logprob` is the mean over tokens, `compression` how much shorter the text is when it is compressed.
    """

    start_s: float
    end_s: float
    text: str
    logprob: float | None = None
    compression: float | None = None


def result(
    heard: Sequence[Heard],
    *,
    language: str | None,
    engine: str,
    model: str,
    probability: float | None = None,
    confidence: float | None = None,
) -> EnrichResult:
    """Put the stretches together. Silence is believed; words are not where any of what is known speaks against them.

    `language` is what the engine took the speech for, `probability` how likely it found that.
    """
    text, segments = joined((one.start_s, one.end_s, one.text) for one in heard)
    if not text:
        return EnrichResult("", None, None, engine, model)
    logprob = _mean([(one.logprob, len(one.text)) for one in heard if one.logprob is not None])
    unreliable = (
        (probability is not None and not probability >= LEAST_LANGUAGE)
        or (logprob is not None and not logprob >= _LEAST_LOGPROB)
        or any(one.compression > _MOST_COMPRESSION for one in heard if one.compression is not None)
        or (language in _IN_MYANMAR_LETTERS and not _MYANMAR.search(text))
    )
    if confidence is None and logprob is not None:
        confidence = math.exp(min(logprob, 0.0)) if math.isfinite(logprob) else 0.0
    return EnrichResult(text, language, confidence, engine, model, unreliable, segments)


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
