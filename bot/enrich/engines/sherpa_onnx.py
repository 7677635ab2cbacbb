"""Transcribes recordings on this machine with Omnilingual ASR (https://github.com/k2-fsa/sherpa-onnx).

Its CTC models (300M and 1B, int8) understand Burmese, Shan, Kachin and 1,600 more languages on a plain processor. They
give no punctuation and no confidence, so their words are marked as machine text and nothing more.
"""

import importlib.util
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from bot.clock import SECOND
from bot.contracts.engine import MB, Bounds, EngineSettings, EngineTools, EnrichResult, Made, MediaFile, Never
from bot.contracts.settings import ConfigPath
from bot.enrich import audio
from bot.enrich.loading import loading
from bot.enrich.transcript import Speech, result
from storage.records import MediaKind

INSTALL = "pip install 'communique[sherpa]'"
_PIECE_S = 30  # the models accept less than 40 s at once
_QUIET_S = 0.1  # length of the windows whose loudness is compared
_SEARCH_S = 6  # at the end of a piece, where it may be cut


class Settings(EngineSettings):
    """An `[[engines]]` entry of kind "sherpa_onnx"; `model` is a directory with model.int8.onnx and tokens.txt."""

    kind: Literal["sherpa_onnx"]
    model: ConfigPath
    threads: int = 1


class SherpaOnnx:
    """Reads one recording, cut at quiet moments."""

    makes: Made = "transcript"
    reads: frozenset[MediaKind] = frozenset({"voice", "audio", "round", "video"})
    remote = False

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def ready(self) -> None:
        if importlib.util.find_spec("sherpa_onnx") is None or importlib.util.find_spec("numpy") is None:
            raise Never("cannot transcribe: the package sherpa-onnx is missing", remedy=INSTALL)
        if self._weights() is None or not (self.settings.model / "tokens.txt").is_file():
            remedy = "unpack sherpa-onnx-omnilingual-asr-…-ctc-…-int8 there (github.com/k2-fsa/sherpa-onnx/releases)"
            raise Never(f"{self.settings.model} has no model.int8.onnx with its tokens.txt", remedy=remedy)
        audio.ready()

    def bounds(self, media: MediaFile) -> Bounds:
        longest = self.settings.longest / SECOND
        wanted = 180 + 10 * min(media.duration_s or longest, longest)
        weights = self._weights()
        return Bounds(
            cpu_s=math.ceil(wanted * self.settings.threads) + 10,
            memory=3072 * MB + 3 * (weights.stat().st_size if weights else 0),
            written=64 * MB,
        )

    def read(self, media: MediaFile) -> EnrichResult:
        pcm = audio.samples(media, self.settings.longest)
        with loading(str(self.settings.model)):
            import numpy as np
            import sherpa_onnx

            recogniser = sherpa_onnx.OfflineRecognizer.from_omnilingual_asr_ctc(
                model=str(self._weights()),
                tokens=str(self.settings.model / "tokens.txt"),
                num_threads=self.settings.threads,
            )
        speech = []
        for start, end in pieces(pcm):
            sound = np.frombuffer(pcm[start * 2 : end * 2], np.int16).astype(np.float32) / 32768.0
            stream = recogniser.create_stream()
            stream.accept_waveform(audio.RATE, sound)
            recogniser.decode_stream(stream)
            speech.append(Speech(start / audio.RATE, end / audio.RATE, str(stream.result.text)))
        language = media.languages[0] if len(media.languages) == 1 else None
        return result(speech, language=language, engine="sherpa_onnx", model=self.settings.model.name)

    def _weights(self) -> Path | None:
        names = ("model.int8.onnx", "model.onnx")
        return next((path for name in names if (path := self.settings.model / name).is_file()), None)


def pieces(pcm: bytes) -> Iterator[tuple[int, int]]:
    """Cut 16-bit samples into pieces of at most 30 s, each at the quietest moment in its last 6 s."""
    import numpy as np

    sound = np.abs(np.frombuffer(pcm, np.int16).astype(np.int32))
    most, window, search = _PIECE_S * audio.RATE, round(_QUIET_S * audio.RATE), _SEARCH_S * audio.RATE
    start = 0
    while len(sound) - start > most:
        tail = sound[start + most - search : start + most]
        loudness = tail[: len(tail) // window * window].reshape(-1, window).sum(axis=1)
        end = start + most - search + (int(loudness.argmin()) * window) + window // 2
        yield start, end
        start = end
    yield start, len(sound)


def build(settings: Settings, _: EngineTools) -> SherpaOnnx:
    """Make the engine behind a checked `[[engines]]` entry."""
    return SherpaOnnx(settings)
