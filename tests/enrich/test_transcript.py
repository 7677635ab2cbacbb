"""Statements spoken into voice notes and heard by the engine on this machine; and what is believed of what was heard."""

import asyncio
import math
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.speech import error
from bot.contracts.engine import EngineTools, MediaFile, Never, Unfit
from bot.enrich.engines import build
from bot.enrich.engines.faster_whisper import Settings
from bot.enrich.sandbox.run import Sandbox
from bot.enrich.transcript import Speech, code, joined, result
from bot.http import HttpRules
from tests import voice_notes
from tests.statements import BURMESE, CHINESE, ENGLISH, HOT_WORDS, SPOKEN, THAI, Statement

MakeMedia = Callable[..., MediaFile]
CLEAR = Speech(0.0, 3.5, " The regional command has fallen.", -0.3)


def test_an_english_statement_is_heard_with_its_names_and_the_time_of_each_passage(
    weights: Path, around: EngineTools, media: MakeMedia, tmp_path: Path
) -> None:
    path = voice_notes.speak(SPOKEN[1], tmp_path / "note.ogg")
    engine = build(Settings(name="ears", kind="faster_whisper", model=weights), around)
    engine.ready()
    found = engine.read(media(path, hotwords=HOT_WORDS))
    assert error(SPOKEN[1], found.text) <= 0.10
    assert "Lashio" in found.text
    assert "Hsenwi" in found.text
    assert found.language == "en"
    assert not found.unreliable
    assert found.segments
    passage = next(one for one in found.segments if "Hsenwi" in found.text[one.start : one.end])
    assert 10 < passage.end_s < 30


@pytest.mark.parametrize(
    "source",
    [
        "anullsrc=r=48000:cl=mono:d=30",
        "anoisesrc=color=pink:amplitude=0.3:r=48000:seed=3:duration=6",
        "anoisesrc=color=white:amplitude=0.5:r=48000:seed=1:duration=10",
        "sine=frequency=440:duration=10",
        "aevalsrc=0.2*sin(2*PI*262*t)*lt(mod(t\\,0.5)\\,0.4)+0.2*sin(2*PI*330*t)+0.2*sin(2*PI*392*t):d=10",
    ],
    ids=["silence", "pink noise", "white noise", "tone", "music"],
)
def test_sound_without_a_voice_has_no_words(
    source: str, weights: Path, around: EngineTools, media: MakeMedia, tmp_path: Path
) -> None:
    path = tmp_path / "sound.ogg"
    made(source, path)
    found = build(Settings(name="ears", kind="faster_whisper", model=weights), around).read(
        media(path, hotwords=HOT_WORDS)
    )
    assert (found.text, found.unreliable, found.segments) == ("", False, ())


def test_words_that_a_model_makes_of_a_howl_are_not_believed(
    weights: Path, around: EngineTools, media: MakeMedia, tmp_path: Path
) -> None:
    path = tmp_path / "howl.ogg"
    made("aevalsrc=0.4*sin(2*PI*(200+300*sin(t))*t):d=30", path)
    found = build(Settings(name="ears", kind="faster_whisper", model=weights), around).read(media(path))
    assert found.unreliable or not found.text


def made(source: str, path: Path) -> None:
    """A recording of what ffmpeg's filter makes."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", source, "-c:a", "libopus", "-b:a", "24k"]
    subprocess.run([*command, str(path)], check=True)


def test_burmese_heard_by_a_stock_model_is_never_believed(
    weights: Path, around: EngineTools, media: MakeMedia, tmp_path: Path
) -> None:
    path = voice_notes.speak("တိုင်းစစ်ဌာနချုပ် ကျဆုံးသွားပြီ", tmp_path / "note.ogg", voice="my")
    found = build(Settings(name="ears", kind="faster_whisper", model=weights), around).read(media(path))
    assert found.unreliable or not found.text


def test_a_model_that_is_not_there_is_one_sentence_with_what_to_do(around: EngineTools, tmp_path: Path) -> None:
    pytest.importorskip("faster_whisper", reason="faster-whisper is missing; make setup-media brings it")
    with pytest.raises(Never, match=r"has no model\.bin: download a CTranslate2 conversion"):
        build(Settings(name="ears", kind="faster_whisper", model=tmp_path), around).ready()


@pytest.mark.usefixtures("ffmpeg")
def test_a_model_that_has_gone_since_the_start_stops_the_engine_and_not_the_daemon(
    weights: Path, around: EngineTools, media: MakeMedia, tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    made("sine=frequency=440:duration=2", tmp_path / "tone.ogg")
    engine = build(Settings(name="ears", kind="faster_whisper", model=tmp_path / "model"), around)
    with pytest.raises(Never, match=r"engine ears: .*model cannot be loaded"):
        asyncio.run(Sandbox(tmp_path, HttpRules("test")).run(engine, media(tmp_path / "tone.ogg")))


def test_a_model_without_its_tokenizer_is_refused_for_the_library_would_fetch_one(
    weights: Path, around: EngineTools, tmp_path: Path
) -> None:
    for name in ("model.bin", "config.json"):
        (tmp_path / name).symlink_to(weights / name)
    with pytest.raises(Never, match=r"no tokenizer\.json"):
        build(Settings(name="ears", kind="faster_whisper", model=tmp_path), around).ready()


@pytest.mark.usefixtures("ffmpeg")
def test_a_recording_longer_than_is_read_is_refused_before_it_is_heard(
    weights: Path, around: EngineTools, media: MakeMedia, tmp_path: Path
) -> None:
    path = voice_notes.speak(SPOKEN[1], tmp_path / "note.ogg")
    short = Settings(name="ears", kind="faster_whisper", model=weights, longest="10s")  # type: ignore[arg-type]  # as written
    with pytest.raises(Unfit, match="too long: at most 10 s"):
        build(short, around).read(media(path))


def test_what_is_sure_is_believed_and_silence_too() -> None:
    found = result([CLEAR], language="en", probability=0.98, engine="e", model="m")
    assert (found.unreliable, found.text) == (False, "The regional command has fallen.")
    assert found.confidence == pytest.approx(math.exp(-0.3))
    nothing = result([], language="en", probability=0.1, engine="e", model="m")
    assert (nothing.text, nothing.unreliable, nothing.language) == ("", False, None)


@pytest.mark.parametrize(
    ("speech", "language", "probability"),
    [
        (CLEAR, "en", 0.34),
        (CLEAR, "en", math.nan),
        (Speech(0, 1, "words", -1.4), "en", 0.98),
        (Speech(0, 1, "words", math.nan), "en", 0.98),
        (Speech(0, 1, "la " * 30, -0.2), "en", 0.98),
        (Speech(0, 1, "Let's see how it goes", -0.4), "my", 0.9),
        (Speech(0, 1, "Let's see how it goes"), "my", None),
    ],
    ids=["language", "language NaN", "words", "words NaN", "loops", "Latin Burmese", "Latin Burmese of a server"],
)
def test_what_speaks_against_itself_is_not_believed(speech: Speech, language: str, probability: float | None) -> None:
    found = result([speech], language=language, probability=probability, engine="e", model="m")
    assert found.unreliable
    assert found.text
    assert found.confidence is None or 0 <= found.confidence <= 1


@pytest.mark.parametrize("said", [BURMESE, ENGLISH, THAI, CHINESE], ids=lambda said: said.language)
def test_a_plain_statement_repeats_itself_in_no_script_and_a_loop_does_in_each(said: Statement) -> None:
    found = result([Speech(0, 30, said.text, -0.2)], language=said.language, engine="e", model="m")
    assert not found.unreliable
    for keyword in said.keywords:
        loop = Speech(0, 30, f"{keyword} " * 30, -0.2)
        assert result([Speech(0, 9, said.text, -0.2), loop], language=said.language, engine="e", model="m").unreliable


@pytest.mark.parametrize(
    ("text", "logprob", "believed"),
    [
        ("Lashio, Hsenwi, Regional Command", -0.1, False),  # the hot words alone, however sure
        ("The queer drone strike Lashio Hsenwi drone", -1.0, False),
        ("The queer drone strike Lashio Hsenwi drone", -0.2, True),
        ("Lashio and Hsenwi have fallen, and the regional command too", -0.9, True),
        ("Hsenwi", -0.9, True),
    ],
)
def test_hot_words_that_a_model_says_by_itself_are_not_believed(text: str, logprob: float, believed: bool) -> None:
    expected = ("Regional Command", "Lashio", "Hsenwi", "Drone Strike")
    heard = Speech(0.0, 4.0, text, logprob)
    found = result([heard], language="en", probability=0.98, engine="e", model="m", expected=expected)
    assert found.unreliable is not believed


@given(st.lists(st.tuples(st.floats(0, 9), st.floats(9, 20), st.text(max_size=20))))
def test_every_passage_stands_where_its_place_says(stretches: list[tuple[float, float, str]]) -> None:
    text, segments = joined(stretches)
    said = [" ".join(words.split()) for _, _, words in stretches if words.split()]
    assert [text[one.start : one.end] for one in segments] == said


def test_servers_name_languages_in_many_ways() -> None:
    assert [code(name) for name in ("my", "Burmese", "my-MM", "zh_CN", "shn", "english", "", None, 7, "<b>", "klingon")] == [
        "my", "my", "my", "zh", "shn", "en", None, None, None, None, None,
    ]  # fmt: skip


def test_sound_is_cut_where_it_is_quiet() -> None:
    numpy = pytest.importorskip("numpy", reason="numpy is missing; make setup-media brings it")
    from bot.enrich.audio import RATE
    from bot.enrich.engines.sherpa_onnx import pieces

    loud = numpy.full(70 * RATE, 8_000, numpy.int16)
    for second in (27, 52):
        loud[second * RATE : second * RATE + RATE // 2] = 0
    cuts = list(pieces(loud.tobytes()))
    assert [cuts[0][0], cuts[-1][1]] == [0, 70 * RATE]
    assert all(end - start <= 30 * RATE for start, end in cuts)
    assert all(before[1] == after[0] for before, after in pairwise(cuts))
    assert [round(end / RATE) for _, end in cuts[:2]] == [27, 52]


def test_the_local_engines_name_what_is_missing(around: EngineTools, tmp_path: Path) -> None:
    from bot.enrich.engines.sherpa_onnx import Settings as Sherpa

    with pytest.raises(Never, match=r"pip install 'communique\[sherpa\]'|no model\.int8\.onnx"):
        build(Sherpa(name="ears", kind="sherpa_onnx", model=tmp_path), around).ready()
