"""The remote engine against a server on a real socket: what it sends, and what it makes of every answer."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.contracts.engine import EngineTools, EnrichResult, Later, MediaFile, Never, Unfit
from bot.enrich.engines import build
from bot.enrich.engines.openai import Settings
from bot.http import HttpRules
from tests import voice_notes
from tests.engine_server import Server, serving

MakeMedia = Callable[..., MediaFile]
KEY = "sk-very-secret-0123456789"
HEARD = {
    "text": "The regional command has fallen. Officers were arrested.",
    "language": "english",
    "duration": 6.2,
    "segments": [
        {"start": 0.0, "end": 3.1, "text": " The regional command has fallen.", "avg_logprob": -0.2},
        {"start": 3.1, "end": 6.2, "text": " Officers were arrested.", "avg_logprob": -0.3},
    ],
}  # fmt: skip


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(HEARD) as kept:
        yield kept


@pytest.fixture
def hear(server: Server, around: EngineTools, tmp_path: Path, media: MakeMedia) -> Callable[..., EnrichResult]:
    """Have a small Ogg file heard: `hear(languages=("my",), send="wav")`."""
    key = tmp_path / "key"
    key.write_text(KEY + "\n")
    key.chmod(0o600)
    rules = HttpRules("communique-test", private=frozenset({("127.0.0.1", server.port), ("127.0.0.1", 9)}))

    def heard(path: Path | None = None, *, keyed: bool = True, **given: Any) -> EnrichResult:
        of_media = {name: given.pop(name) for name in ("languages", "hotwords") if name in given}
        if path is None:
            path = tmp_path / "..evil name\r\n.ogg"
            path.write_bytes(b"OggS" + bytes(200))
        settings = Settings.model_validate(
            {"name": "gpu", "kind": "openai", "url": server.url + "/", "model": "omni", **given}
            | ({"key_file": key} if keyed else {})
        )
        engine = build(settings, replace(around, http=rules))
        engine.ready()
        return engine.read(media(path, **of_media))

    return heard


def test_the_recording_goes_out_as_the_protocol_wants_it(server: Server, hear: Callable[..., EnrichResult]) -> None:
    found = hear(languages=("my",), hotwords=("Lashio", "Hsenwi"))
    assert server.paths == ["/v1/audio/transcriptions"]
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    form = server.forms[0]
    assert form.pop("file") == ("recording.ogg", b"OggS" + bytes(200))
    assert {name: value.decode() for name, (_, value) in form.items()} == {
        "model": "omni",
        "language": "my",
        "prompt": "Lashio, Hsenwi",
        "response_format": "verbose_json",
        "temperature": "0",
    }
    assert found.text == HEARD["text"]
    assert found.language == "en"
    assert [found.text[one.start : one.end] for one in found.segments][1] == "Officers were arrested."
    assert found.segments[1].start_s == 3.1
    assert not found.unreliable


def test_a_language_is_sent_only_if_the_source_has_one(server: Server, hear: Callable[..., EnrichResult]) -> None:
    hear(languages=("my", "en"), keyed=False)
    assert "language" not in server.forms[0]
    assert "authorization" not in server.headers[0]


def test_a_server_that_knows_no_verbose_json_is_asked_for_json(
    server: Server, hear: Callable[..., EnrichResult]
) -> None:
    server.answers = [(400, {"error": {"message": "response_format must be json"}}), (200, {"text": "ကျဆုံးသွားပြီ"})]
    found = hear(languages=("my",))
    assert [form["response_format"][1] for form in server.forms] == [b"verbose_json", b"json"]
    assert (found.text, found.language, found.segments, found.unreliable) == ("ကျဆုံးသွားပြီ", "my", (), False)


def test_burmese_in_latin_letters_is_not_believed(server: Server, hear: Callable[..., EnrichResult]) -> None:
    server.answers = [(200, {"text": "Let's see how it goes", "language": "burmese"})]
    assert hear().unreliable


@pytest.mark.parametrize(
    ("status", "said", "raised", "words"),
    [
        (401, {"error": {"message": f"bad key {KEY}"}}, Never, "does not accept the key"),
        (404, {"error": "no such model"}, Never, "no such model"),
        (413, b"", Unfit, "too large for the server"),
        (429, b"", Later, "wait 120 s"),
        (503, b"", Later, "503"),
        (500, b"CUDA out of memory", RuntimeError, "CUDA out of memory"),
        (400, {"error": {"message": f"cannot decode {KEY}"}}, Unfit, "cannot decode"),
        (400, f"{'refused ' * 24}{KEY}".encode(), Unfit, "refused"),  # the cut falls into the key
        (200, b"<html>", RuntimeError, "not a JSON object"),
        (200, b"[1]", RuntimeError, "not a JSON object"),
        (200, b"[" * 100_000, RuntimeError, "not a JSON object"),
    ],
)
def test_every_refusal_is_sorted_by_who_must_act(
    status: int, said: Any, raised: type[Exception], words: str, server: Server, hear: Callable[..., EnrichResult]
) -> None:
    server.answers = [(status, said)]
    with pytest.raises(raised) as caught:
        hear()
    assert words in str(caught.value)
    assert KEY[:8] not in str(caught.value)


def test_a_server_that_is_down_is_tried_later(server: Server, hear: Callable[..., EnrichResult]) -> None:
    with pytest.raises(Later):
        hear(url="http://127.0.0.1:9/v1")


@pytest.mark.parametrize(
    "answer",
    [
        {"text": "words", "segments": [{"start": -1, "end": 1, "text": "words"}]},
        {"text": "words", "segments": [{"start": 5, "end": 1, "text": "words"}, 7, None, {"text": 3}]},
        {"text": "words", "segments": {"start": 0}, "language": ["my"]},
        {"text": "words", "segments": [{"start": 0, "end": 1, "text": "other words"}]},
        {"text": "words", "segments": [{"start": 0, "end": 10**400, "text": "words"}]},
    ],
)
def test_an_answer_that_contradicts_itself_keeps_its_words_and_no_times(
    answer: dict[str, Any], server: Server, hear: Callable[..., EnrichResult]
) -> None:
    server.answers = [(200, answer)]
    found = hear()
    assert (found.text, found.segments, found.language) == ("words", (), None)


def test_an_answer_without_words_is_silence(server: Server, hear: Callable[..., EnrichResult]) -> None:
    for nothing in ({}, {"text": None}, {"text": "  ", "segments": []}):
        server.answers = [(200, nothing)]
        assert hear().text == ""


def test_a_file_that_the_server_would_not_take_is_not_sent(
    server: Server, hear: Callable[..., EnrichResult], tmp_path: Path
) -> None:
    path = tmp_path / "large.ogg"
    path.write_bytes(b"OggS" + bytes(3 << 20))
    with pytest.raises(Unfit, match=r"too large: 3\.0 MB, the server takes 2\.0"):
        hear(path, largest="2MB")
    assert server.forms == []


@pytest.mark.usefixtures("voice")
def test_a_server_that_reads_only_wav_is_sent_wav(
    server: Server, hear: Callable[..., EnrichResult], tmp_path: Path
) -> None:
    hear(voice_notes.speak("The command has fallen.", tmp_path / "note.ogg"), send="wav")
    name, data = server.forms[0]["file"]
    assert name == "recording.wav"
    assert data[:4] + data[8:12] == b"RIFFWAVE"


def test_what_is_no_recording_leaves_this_machine_never(
    server: Server, hear: Callable[..., EnrichResult], tmp_path: Path
) -> None:
    path = tmp_path / "voice.ogg"
    path.write_text("#EXTM3U\nfile:///etc/passwd\n")
    with pytest.raises(Unfit):
        hear(path)
    assert server.forms == []
