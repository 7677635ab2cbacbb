"""PURE: pieces of speech from an engine -> one text, its time codes, and whether it is reliable."""

import itertools
import math
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from bot.contracts.engine import EnrichResult
from storage.frozen import dataclass
from storage.records import Segment

LEAST_LANGUAGE = 0.5  # probability of the detected language
_LEAST_LOGPROB = -1.0  # mean over tokens; below it the words are guesses
_MOST_REPETITION = 2.4  # more means that the model is stuck in a loop
_LOOP = 4  # equal pieces in a row; people repeat a sentence three times
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
    """One piece of speech: its seconds in the recording; `logprob`, the mean over tokens, if the engine gives it.

    `words` are each word with its second; `language` is set where it is not that of the recording. `doubtful`: the
    engine has a reason of its own not to believe the piece.
    """

    start_s: float
    end_s: float
    text: str
    logprob: float | None = None
    words: tuple[tuple[float, str], ...] = ()
    language: str | None = None
    doubtful: bool = False


def result(
    speech: Sequence[Speech],
    *,
    language: str | None,
    engine: str,
    model: str,
    probability: float | None = None,
    expected: Sequence[str] = (),
) -> EnrichResult:
    """Join the pieces; mark each that speaks against itself, and the whole text if nothing in it is to be believed.

    `language` is the one that the engine detected, with its `probability`. `expected` are the hot words that it was
    given: in noise a model makes them up. Silence is reliable.
    """
    language = language or _most_spoken(speech)
    loops = _loops(speech)
    judged = [
        replace(
            one,
            doubtful=loop or _is_doubtful(one, one.language or language),
            language=None if one.language == language else one.language,
        )
        for one, loop in zip(speech, loops, strict=True)
    ]
    text, segments = joined(judged)
    if not text:
        return EnrichResult("", None, None, engine, model)
    believed = [one for one in judged if not one.doubtful and one.text.strip()]
    logprob = _mean([(one.logprob, len(one.text)) for one in believed or judged if one.logprob is not None])
    unreliable = (
        not believed or (probability is not None and not probability >= LEAST_LANGUAGE) or echoes(believed, expected)
    )
    confidence = None
    if logprob is not None:
        confidence = math.exp(min(logprob, 0.0)) if math.isfinite(logprob) else 0.0
    return EnrichResult(text, language, confidence, engine, model, unreliable, segments)


def _is_doubtful(one: Speech, language: str | None) -> bool:
    return (
        one.doubtful
        or (one.logprob is not None and not one.logprob >= _LEAST_LOGPROB)
        or repetition(one.text) > _MOST_REPETITION
        or (language in _IN_MYANMAR_LETTERS and not _MYANMAR.search(one.text))
    )


def _most_spoken(speech: Sequence[Speech]) -> str | None:
    """The language with the most letters, of pieces that have one; those that are doubtful count last."""
    letters: Counter[str] = Counter()
    for one in speech:
        if one.language is not None:
            letters[one.language] += len(one.text) * (1 if one.doubtful else 1_000)
    return max(letters, key=letters.__getitem__, default=None)


def _loops(speech: Sequence[Speech]) -> list[bool]:
    """Which pieces say the same as their neighbours, at least four in a row: the model is stuck."""
    found: list[bool] = []
    for _, same in itertools.groupby(speech, key=lambda one: _words(one.text)):
        times = len(list(same))
        found += [times >= _LOOP] * times
    return found


def is_stuck(speech: Sequence[Speech]) -> bool:
    """Whether a model was stuck in a loop somewhere in these neighbouring pieces."""
    return any(_loops(speech)) or repetition(" ".join(one.text for one in speech)) > _MOST_REPETITION


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


def echoes(speech: Sequence[Speech], expected: Sequence[str]) -> bool:
    """Whether the words are mostly hot words: several different ones, and hardly a word between them."""
    logprob = _mean([(one.logprob, len(one.text)) for one in speech if one.logprob is not None])
    words = [word for one in speech for word in _words(one.text)]
    hot = {word for phrase in expected for word in _words(phrase)}
    echoed = [word for word in words if word in hot]
    share = len(echoed) / len(words) if words else 0.0
    unsure = logprob is not None and logprob < _UNSURE_LOGPROB
    return len(set(echoed)) >= 3 and share >= (_SOME_ECHO if unsure else _ECHO)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def joined(speech: Iterable[Speech]) -> tuple[str, tuple[Segment, ...]]:
    """One text, joined by spaces, and each piece's place in it; empty pieces are left out."""
    text, segments = "", []
    for one in speech:
        piece = " ".join(one.text.split())
        if piece:
            text += " " if text else ""
            start, end, words = len(text), len(text) + len(piece), tuple(_placed(one.words, piece, len(text)))
            segments.append(Segment(one.start_s, one.end_s, start, end, one.language, one.doubtful, words))
            text += piece
    return text, tuple(segments)


def _placed(words: Iterable[tuple[float, str]], piece: str, start: int) -> Iterator[tuple[int, float]]:
    """Where each word of a piece is in the text; one that is not in the piece is left out."""
    at = 0
    for second, word in words:
        place = piece.find(word.strip(), at)
        if word.strip() and place >= 0:
            yield start + place, round(second, 2)
            at = place + len(word.strip())


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
