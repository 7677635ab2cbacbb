"""Listens with a Whisper model, stretch by stretch: each has its own language, and its own second try."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.enrich.audio import RATE
from bot.enrich.transcript import LEAST_LANGUAGE, Speech, echoes, is_stuck
from storage.frozen import dataclass

LONGEST_S = 28.0  # seconds of one stretch; the model hears 30 at once
_PAUSES = ((2.0, 5.0), (1.0, 10.0))  # a pause of so many seconds ends a stretch of so many
_LEAST_NAMED = 0.2  # probability of a language that the source is known to use
_PENALTY = 1.15  # on what was said before; measured on speech over a telephone


@dataclass(frozen=True, slots=True)
class _Guess:
    """The likeliest language of a stretch and its probability; and the probability of every language."""

    language: str
    sure: float
    every: Mapping[str, float]

    def among(self, expected: Collection[str]) -> tuple[str, bool]:
        """The language, and whether it is known: one that is expected, unless another is clearer."""
        named = [code for code in expected if code in self.every]
        if not named or self.sure >= LEAST_LANGUAGE:
            return self.language, self.sure >= LEAST_LANGUAGE
        likeliest = max(named, key=lambda code: self.every[code])
        return likeliest, self.every[likeliest] >= _LEAST_NAMED


@dataclass(frozen=True, slots=True)
class Ear:
    """A loaded model; the languages of the source, if they are known; the words that the rules look for."""

    model: Any
    languages: Sequence[str] = ()
    hotwords: Sequence[str] = ()

    def hear(self, sound: Any) -> list[Speech]:
        """What is said in samples at RATE, an array of float32."""
        from faster_whisper.vad import VadOptions, get_speech_timestamps

        options = VadOptions(min_silence_duration_ms=500, max_speech_duration_s=LONGEST_S)
        voiced = [(one["start"] / RATE, one["end"] / RATE) for one in get_speech_timestamps(sound, options)]
        return self.hear_stretches(
            [(start, sound[round(start * RATE) : round(end * RATE)]) for start, end in stretches(voiced)]
        )

    def hear_stretches(self, cut: Sequence[tuple[float, Any]]) -> list[Speech]:
        """What is said in pieces of sound, each with the second at which it begins."""
        guesses = [self._guess(piece) for _, piece in cut]
        expected = {*self.languages, *(guess.language for guess in guesses if guess.sure >= LEAST_LANGUAGE)}
        heard: list[Speech] = []
        for (start, piece), guess in zip(cut, guesses, strict=True):
            language, known = guess.among(expected)
            heard += self._hear_stretch(piece, start, language, known=known)
        return heard

    def _hear_stretch(self, sound: Any, start_s: float, language: str, *, known: bool) -> list[Speech]:
        speech = self._decode(sound, start_s, language)
        if self.hotwords and echoes(speech, self.hotwords):
            speech = self._decode(sound, start_s, language, hotwords=())
        stuck = is_stuck(speech)
        if stuck:
            again = self._decode(sound, start_s, language, penalty=_PENALTY)
            stuck = is_stuck(again)
            speech = speech if stuck else again
        return [replace(one, language=language, doubtful=stuck or not known) for one in speech]

    def _guess(self, sound: Any) -> "_Guess":
        if not self.model.model.is_multilingual:
            return _Guess("en", 1.0, {})
        language, sure, every = self.model.detect_language(sound)
        return _Guess(language, float(sure), dict(every))

    def _decode(
        self, sound: Any, start_s: float, language: str, *, hotwords: Sequence[str] | None = None, penalty: float = 1
    ) -> list[Speech]:
        hot = self.hotwords if hotwords is None else hotwords
        found, _ = self.model.transcribe(
            sound,
            language=language,
            beam_size=5,
            temperature=0,  # more tries at other temperatures make a bad recording ten times as slow
            condition_on_previous_text=False,
            hotwords=", ".join(hot) or None,
            repetition_penalty=penalty,
            word_timestamps=True,
        )
        return [
            Speech(
                float(start_s + one.start),
                float(start_s + one.end),
                one.text,
                one.avg_logprob,
                tuple((float(start_s + word.start), word.word) for word in one.words or ()),
            )
            for one in found
        ]


def stretches(voiced: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Where somebody speaks, in seconds -> what is heard at once: up to a pause, at most LONGEST_S."""
    found: list[tuple[float, float]] = []
    for start, end in voiced:
        if found:
            first, last = found[-1]
            ends = any(start - last >= pause and last - first >= length for pause, length in _PAUSES)
            if not ends and end - first <= LONGEST_S:
                found[-1] = (first, end)
                continue
        found.append((start, end))
    return found
