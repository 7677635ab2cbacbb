"""Reads Chinese and English pictures with RapidOCR (https://github.com/RapidAI/RapidOCR).

Better than Tesseract on Chinese. It knows neither Burmese nor Thai, returns rubbish for both, and needs ten times the
memory: limit its scope to Chinese sources.
"""

import importlib.util
from collections.abc import Sequence
from typing import Any, Literal

from bot.contracts.engine import MB, Bounds, EngineSettings, EngineTools, EnrichResult, Made, MediaFile, Never
from bot.enrich import layout
from bot.enrich.loading import loading
from storage.records import MediaKind

INSTALL = "pip install 'communique[rapidocr]'"
_UNRELIABLE = 0.6
_KNOWN = frozenset({"zh", "en", "ja"})
_PARAMETERS = {
    "Global.log_level": "critical",
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,  # else one per core, too many for the limits of a job
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
}


class Settings(EngineSettings):
    """An `[[engines]]` entry of kind "rapidocr"; its models come with the package."""

    kind: Literal["rapidocr"]


class RapidOcr:
    """Reads one picture."""

    makes: Made = "ocr"
    reads: frozenset[MediaKind] = frozenset({"photo"})
    remote = False

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def ready(self) -> None:
        if importlib.util.find_spec("rapidocr") is None or importlib.util.find_spec("onnxruntime") is None:
            raise Never("cannot read pictures: the package rapidocr is missing", remedy=INSTALL)

    def bounds(self, media: MediaFile) -> Bounds:  # noqa: ARG002  the cost depends on the pixels, whose number is limited
        return Bounds(cpu_s=240, memory=6144 * MB, written=64 * MB)

    def read(self, media: MediaFile) -> EnrichResult:
        with loading("rapidocr"):
            import cv2
            import numpy as np
            from rapidocr import RapidOCR

            cv2.setNumThreads(1)
            reader = RapidOCR(params=_PARAMETERS)
        from bot.enrich.image import sheet

        page = sheet(media).convert("L").convert("RGB")
        found: Any = reader(np.asarray(page))
        texts, scores = tuple(found.txts or ()), tuple(found.scores or ())
        boxes = () if found.boxes is None else found.boxes.tolist()
        words = [_word(text, box, score) for text, box, score in zip(texts, boxes, scores, strict=True) if text.strip()]
        confidence = layout.confidence(words) / 100
        foreign = bool(media.languages) and not _KNOWN & set(media.languages)
        return EnrichResult(
            layout.rebuilt(words),
            None,
            confidence,
            "rapidocr",
            "bundled",
            unreliable=confidence < _UNRELIABLE or foreign,
        )


def _word(text: str, box: Sequence[Sequence[float]], score: float) -> layout.Word:
    """One line as a word in its upright box; each is a fragment of its own."""
    lefts, tops = [corner[0] for corner in box], [corner[1] for corner in box]
    left, top = round(min(lefts)), round(min(tops))
    width, height = round(max(lefts)) - left, round(max(tops)) - top
    return layout.Word(text.strip(), left, top, width, height, 100 * score, (str(left), str(top), text))


def build(settings: Settings, _: EngineTools) -> RapidOcr:
    """Make the engine behind a checked `[[engines]]` entry."""
    return RapidOcr(settings)
