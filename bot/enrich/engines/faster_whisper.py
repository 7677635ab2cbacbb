"""Words in recordings, heard on this machine by a Whisper model (https://github.com/SYSTRAN/faster-whisper).

Good for English and other languages with much speech on the web. Stock Whisper of no size hears Burmese.
"""

import importlib.util
import math
from typing import ClassVar, Literal

from bot.clock import SECOND
from bot.contracts.engine import MB, Bounds, EngineSettings, EngineTools, EnrichResult, Made, MediaFile, Never
from bot.contracts.settings import ConfigPath
from bot.enrich import audio
from bot.enrich.loading import loading
from bot.enrich.transcript import Heard, result
from storage.records import MediaKind

INSTALL = "pip install 'communique[speech]'"
_FILES = ("model.bin", "config.json", "tokenizer.json")  # a missing tokenizer would be looked for on the network


class Settings(EngineSettings):
    """An `[[engines]]` entry of kind "faster_whisper"; `model` is a directory with a CTranslate2 model in it."""

    weak_languages: ClassVar[frozenset[str]] = frozenset({"my", "shn", "kac", "mnw", "ksw"})

    kind: Literal["faster_whisper"]
    model: ConfigPath
    threads: int = 1


class FasterWhisper:
    """One recording at a time, in a process that ends with it, so that its memory is free again."""

    makes: Made = "transcript"
    reads: frozenset[MediaKind] = frozenset({"voice", "audio", "round", "video"})
    remote = False

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def ready(self) -> None:
        if importlib.util.find_spec("faster_whisper") is None:
            raise Never("recordings are not heard: the package faster-whisper is missing", remedy=INSTALL)
        missing = [name for name in _FILES if not (self.settings.model / name).is_file()]
        if missing:
            remedy = "download a CTranslate2 conversion of Whisper, and name its directory as `model`"
            raise Never(f"there is no {missing[0]} in {self.settings.model}", remedy=remedy)
        audio.ready()

    def bounds(self, media: MediaFile) -> Bounds:
        seconds = media.duration_s if media.duration_s and media.duration_s > 0 else self.settings.longest / SECOND
        wanted = 120 + 10 * min(seconds, self.settings.longest / SECOND)
        model = self.settings.model / "model.bin"
        weights = model.stat().st_size if model.is_file() else 0
        return Bounds(
            seconds=wanted,
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
        found, about = model.transcribe(
            sound,
            beam_size=5,
            temperature=0,  # a second and third try at other temperatures makes a bad recording ten times as slow
            condition_on_previous_text=False,
            vad_filter=True,
            hotwords=", ".join(media.hotwords) or None,
        )
        heard = [Heard(one.start, one.end, one.text, one.avg_logprob) for one in found]
        return result(
            heard,
            language=about.language,
            probability=about.language_probability,
            engine="faster_whisper",
            model=self.settings.model.name,
            expected=media.hotwords,
        )


def build(settings: Settings, _: EngineTools) -> FasterWhisper:
    """Make the engine behind a checked `[[engines]]` entry."""
    return FasterWhisper(settings)
