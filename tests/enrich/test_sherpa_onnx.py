"""The real library on real sound, with a model of ours that hears tones as words: weights of speech are not to be had."""

import asyncio
import importlib.util
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from bot.contracts.engine import EngineTools, EnrichResult, MediaFile, Never
from bot.enrich.engines import build
from bot.enrich.engines.sherpa_onnx import Settings
from bot.enrich.sandbox.run import Sandbox
from bot.http import HttpRules
from tests import tone_model

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("sherpa_onnx") is None, reason="sherpa-onnx is missing; make setup-media brings it"
    ),
    pytest.mark.usefixtures("ffmpeg"),
]
WORDS = {400: "တိုင်း", 800: "စစ်", 1200: "ဌာ", 1600: "န"}
Hear = Callable[..., EnrichResult]


@pytest.fixture
def hear(tmp_path: Path, media: Callable[..., MediaFile]) -> Hear:
    """Have tones heard as the worker would: `hear([(400, 0.5)], languages=("my",))`."""
    folder = tmp_path / "model"
    folder.mkdir()
    tone_model.write(folder, WORDS)

    def heard(said: list[tuple[int, float]], **fields: object) -> EnrichResult:
        path = tmp_path / "said.wav"
        path.write_bytes(tone_model.speech(said))
        engine = build(Settings(name="ears", kind="sherpa_onnx", model=folder), EngineTools(tmp_path))
        engine.ready()
        return asyncio.run(Sandbox(tmp_path, HttpRules("test")).run(engine, media(path, **fields)))

    return heard


def test_what_the_model_hears_is_the_text(hear: Hear) -> None:
    found = hear([(400, 0.3), (0, 0.2), (800, 0.3), (1200, 0.3), (0, 0.1), (1600, 0.2)], languages=("my",))
    assert (found.text, found.language, found.unreliable) == ("တိုင်းစစ်ဌာန", "my", False)
    assert (found.engine, found.model) == ("sherpa_onnx", "model")
    assert hear([(0, 2)]).text == ""


def test_a_long_recording_is_heard_in_pieces_that_are_cut_in_silence(hear: Hear) -> None:
    found = hear([(400, 26), (0, 2), (800, 25), (0, 2), (1200, 5)])
    assert found.text == "တိုင်း စစ် ဌာ"
    assert [found.text[one.start : one.end] for one in found.segments] == ["တိုင်း", "စစ်", "ဌာ"]
    assert all(before.end_s == after.start_s for before, after in pairwise(found.segments))
    ends = [one.end_s for one in found.segments]
    assert 26 <= ends[0] <= 28
    assert 53 <= ends[1] <= 55
    assert ends[2] == 60


def test_a_model_that_cannot_be_loaded_is_no_fault_of_the_file(hear: Hear, tmp_path: Path) -> None:
    (tmp_path / "model" / "model.int8.onnx").write_bytes(b"no model")
    with pytest.raises(Never, match=r"engine ears: .*model cannot be loaded"):
        hear([(400, 1)])
