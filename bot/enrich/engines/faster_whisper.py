"""Transcribes recordings on this machine with a Whisper model (https://github.com/SYSTRAN/faster-whisper).

Good for English and other languages with much speech on the web. Stock Whisper of any size fails on Burmese.
"""

import importlib.util
import math
from typing import ClassVar, Literal

from bot.clock import SECOND
from bot.contracts.engine import MB, Bounds, EngineSettings, EngineTools, EnrichResult, Made, MediaFile, Never
from bot.contracts.settings import ConfigPath
from bot.enrich import audio
from bot.enrich.loading import loading
from bot.enrich.transcript import result
from bot.enrich.whisper import Ear
from storage.records import MediaKind

INSTALL = "pip install 'communique[speech]'"
_FILES = ("model.bin", "config.json", "tokenizer.json")  # it would try to download a missing tokenizer


class Settings(EngineSettings):
    """An `[[engines]]` entry of kind "faster_whisper"; `model` is a directory with a CTranslate2 model in it."""

    weak_languages: ClassVar[frozenset[str]] = frozenset({"my", "shn", "kac", "mnw", "ksw"})

    kind: Literal["faster_whisper"]
    model: ConfigPath
    threads: int = 1


class FasterWhisper:
    """Reads one recording; its memory is free again when the process of the job ends."""

    makes: Made = "transcript"
    reads: frozenset[MediaKind] = frozenset({"voice", "audio", "round", "video"})
    remote = False

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def ready(self) -> None:
        if importlib.util.find_spec("faster_whisper") is None:
            raise Never("cannot transcribe: the package faster-whisper is missing", remedy=INSTALL)
        missing = [name for name in _FILES if not (self.settings.model / name).is_file()]
        if missing:
            remedy = "download a CTranslate2 conversion of Whisper and write its directory in `model`"
            raise Never(f"{self.settings.model} has no {missing[0]}", remedy=remedy)
        audio.ready()

    def bounds(self, media: MediaFile) -> Bounds:
        seconds = media.duration_s if media.duration_s and media.duration_s > 0 else self.settings.longest / SECOND
        wanted = 120 + 10 * min(seconds, self.settings.longest / SECOND)
        model = self.settings.model / "model.bin"
        weights = model.stat().st_size if model.is_file() else 0
        return Bounds(
            cpu_s=math.ceil(wanted * self.settings.threads) + 10,
            memory=3072 * MB + 4 * weights,
            written=64 * MB,
        )

    def read(self, media: MediaFile) -> EnrichResult:
        pcm = audio.samples(media, self.settings.longest)
        with loading(str(self.settings.model)):
            import numpy as np
            from faster_whisper import WhisperModel

            model = WhisperModel(
                str(self.settings.model),
                device="cpu",
                compute_type="int8",
                cpu_threads=self.settings.threads,
                local_files_only=True,
            )
        sound = np.frombuffer(pcm, np.int16).astype(np.float32) / 32768.0
        speech = Ear(model, media.languages, media.hotwords).hear(sound)
        return result(speech, language=None, engine="faster_whisper", model=self.settings.model.name)


def build(settings: Settings, _: EngineTools) -> FasterWhisper:
    """Make the engine behind a checked `[[engines]]` entry."""
    return FasterWhisper(settings)
