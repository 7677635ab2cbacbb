"""Statements spoken into voice notes and heard by the engine on this machine; and what is believed of what was heard."""

import asyncio
import math
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.speech import error
from bot.contracts.engine import EngineTools, MediaFile, Never, Unfit
from bot.enrich.engines import build
from bot.enrich.engines.faster_whisper import Settings
from bot.enrich.sandbox.run import Sandbox
from bot.enrich.transcript import Speech, code, joined, result
from bot.enrich.whisper import Ear, stretches
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


@pytest.mark.long
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


def test_one_doubtful_stretch_does_not_condemn_the_others() -> None:
    sure = Speech(0.0, 4.0, "The command has fallen.", -0.3)
    doubted = [
        Speech(4.0, 9.0, "la " * 60, -0.2),
        Speech(4.0, 9.0, "he came to tea", -1.3),
        Speech(4.0, 9.0, "he came to tea", -0.2, doubtful=True),
    ]
    for other in doubted:
        for speech in ([sure, other], [other, sure]):
            found = result(speech, language="en", engine="e", model="m")
            assert [one.unreliable for one in found.segments] == [one is other for one in speech]
            assert not found.unreliable
            assert found.confidence == pytest.approx(math.exp(-0.3))


@pytest.mark.parametrize(("times", "believed"), [(2, True), (3, True), (4, False), (9, False)])
def test_the_same_passage_again_and_again_is_a_loop(times: int, believed: bool) -> None:
    speech = [CLEAR, *(Speech(4.0 + at, 5.0 + at, "What else is this?", -0.4) for at in range(times))]
    found = result(speech, language="en", engine="e", model="m")
    assert [one.unreliable for one in found.segments] == [False] + [not believed] * times


def test_a_stretch_in_another_language_is_marked_and_the_text_has_the_one_that_is_spoken_most() -> None:
    speech = [
        Speech(0.0, 2.0, "Guten Morgen.", -0.3, language="de"),
        Speech(2.0, 9.0, "The regional command has fallen today.", -0.3, language="en"),
    ]
    found = result(speech, language=None, engine="e", model="m")
    assert found.language == "en"
    assert [one.language for one in found.segments] == ["de", None]


def test_each_word_has_its_own_second_and_its_place_in_the_text() -> None:
    words = ((3.5, " The"), (3.9, " command"), (4.6, " has"), (5.2, " fallen."))
    speech = [CLEAR, Speech(3.5, 6.0, " The command  has fallen.", -0.3, words)]
    found = result(speech, language="en", engine="e", model="m")
    assert [(found.text[place:][:3], second) for place, second in found.segments[1].words] == [
        ("The", 3.5), ("com", 3.9), ("has", 4.6), ("fal", 5.2),
    ]  # fmt: skip


def test_a_recording_is_heard_in_stretches_that_end_at_pauses() -> None:
    assert stretches([]) == []
    assert stretches([(0, 4), (4.6, 9)]) == [(0, 9)]
    assert stretches([(0, 6), (8.5, 12)]) == [(0, 6), (8.5, 12)]
    assert stretches([(0, 12), (13.2, 20)]) == [(0, 12), (13.2, 20)]
    assert stretches([(0, 15), (15.5, 27), (27.5, 40)]) == [(0, 27), (27.5, 40)]
    assert stretches([(at, at + 1) for at in range(0, 300, 2)])[-1][1] == 299


class Stuck:
    """A model that says what it is given: by the language and whether it may repeat itself."""

    is_multilingual = True

    def __init__(self, *, loops: bool, sure: float) -> None:
        self.model = self
        self.asked: list[tuple[str, float, str | None]] = []
        self._loops, self._sure = loops, sure

    def detect_language(self, _: object) -> tuple[str, float, list[tuple[str, float]]]:
        return "fi", self._sure, [("fi", self._sure), ("en", 0.3), ("th", 0.1)]

    def transcribe(self, _: object, **asked: Any) -> tuple[list[Any], None]:
        self.asked.append((asked["language"], asked["repetition_penalty"], asked["hotwords"]))
        if asked["repetition_penalty"] == 1 and self._loops:
            return [passage("what else is this? " * 20)], None
        hot = asked["hotwords"]
        return [passage(hot if hot and not self._loops else "The command has fallen.")], None


def passage(text: str) -> Any:
    return SimpleNamespace(start=0.0, end=3.0, text=text, avg_logprob=-0.4, words=())


def heard(model: Stuck, **known: Any) -> Any:
    ear = Ear(model, **known)
    return result(ear.hear_stretches([(0.0, b"")]), language=None, engine="e", model="m")


def test_a_stretch_in_which_the_model_is_stuck_is_heard_once_more_and_may_not_repeat_itself() -> None:
    model = Stuck(loops=True, sure=0.9)
    found = heard(model)
    assert (found.text, found.unreliable, found.language) == ("The command has fallen.", False, "fi")
    assert [penalty > 1 for _, penalty, _ in model.asked] == [False, True]


@pytest.mark.parametrize(
    ("languages", "sure", "language", "believed"),
    [
        ((), 0.4, "fi", False),
        (("en",), 0.4, "en", True),  # the source uses it
        (("th", "en"), 0.4, "en", True),
        (("th",), 0.4, "th", False),  # so unlikely that the words would be guesses
        (("en",), 0.9, "fi", True),  # a clear voice in another language
        (("xx",), 0.4, "fi", False),
    ],
)
def test_the_languages_of_a_source_decide_where_the_sound_does_not(
    languages: tuple[str, ...], sure: float, language: str, believed: bool
) -> None:
    found = heard(Stuck(loops=False, sure=sure), languages=languages)
    assert (found.language, not found.unreliable) == (language, believed)


def test_words_that_were_only_hinted_at_are_heard_again_without_the_hint() -> None:
    model = Stuck(loops=False, sure=0.9)
    assert heard(model, hotwords=HOT_WORDS).text == "The command has fallen."
    assert [hint is None for _, _, hint in model.asked] == [False, True]


@pytest.mark.long
@pytest.mark.parametrize("languages", [(), ("en",), ("my", "en")])
def test_a_note_over_a_telephone_is_heard_and_believed(
    languages: tuple[str, ...], weights: Path, around: EngineTools, media: MakeMedia, tmp_path: Path
) -> None:
    path = telephone(voice_notes.speak(SPOKEN[1], tmp_path / "note.ogg"), tmp_path / "call.ogg")
    engine = build(Settings(name="ears", kind="faster_whisper", model=weights), around)
    found = engine.read(media(path, hotwords=HOT_WORDS, languages=languages))
    assert error(SPOKEN[1], found.text) <= 0.35
    assert "regional command" in found.text.casefold()
    assert not found.unreliable
    last = found.segments[-1]
    assert len(last.words) > 5
    assert last.start_s <= last.words[0][1] < last.words[-1][1] <= last.end_s


@pytest.mark.long
def test_a_note_in_two_languages_marks_the_other_one(
    weights: Path, around: EngineTools, media: MakeMedia, tmp_path: Path
) -> None:
    first = voice_notes.speak(SPOKEN[1], tmp_path / "first.ogg", seconds=12)
    german = "Heute Morgen haben unsere Truppen die Stadt und das Hauptquartier eingenommen."
    second = voice_notes.speak(german, tmp_path / "second.ogg", voice="de")
    path = tmp_path / "both.ogg"
    joined_files = "[0:a]apad=pad_dur=2[a];[a][1:a]concat=n=2:v=0:a=1"
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(first), "-i", str(second), "-filter_complex"]
    subprocess.run([*command, joined_files, "-c:a", "libopus", str(path)], check=True)
    found = build(Settings(name="ears", kind="faster_whisper", model=weights), around).read(media(path))
    assert found.language == "en"
    assert {one.language for one in found.segments} == {None, "de"}


def telephone(note: Path, path: Path) -> Path:
    """The note as a telephone carries it: 300 to 3,400 Hz, 8,000 samples a second."""
    band = "highpass=f=300,lowpass=f=3400,aresample=8000"
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(note), "-af", band, "-c:a", "libopus", "-b:a", "12k"]
    subprocess.run([*command, str(path)], check=True)
    return path


@pytest.mark.parametrize("said", [BURMESE, ENGLISH, THAI, CHINESE], ids=lambda said: said.language)
def test_a_plain_statement_repeats_itself_in_no_script_and_a_loop_does_in_each(said: Statement) -> None:
    found = result([Speech(0, 30, said.text, -0.2)], language=said.language, engine="e", model="m")
    assert not found.unreliable
    for keyword in said.keywords:
        loop = Speech(0, 30, f"{keyword} " * 30, -0.2)
        found = result([Speech(0, 9, said.text, -0.2), loop], language=said.language, engine="e", model="m")
        assert [one.unreliable for one in found.segments] == [False, True]
        assert not found.unreliable
        assert result([loop], language=said.language, engine="e", model="m").unreliable


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
    text, segments = joined(Speech(start_s, end_s, words) for start_s, end_s, words in stretches)
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
