"""The translator against a server on a real socket, and which words are sent to it at all."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bot.contracts.engine import EngineTools, EnrichResult, MediaFile, Unfit
from bot.enrich.engines import build
from bot.enrich.engines.translate import Settings
from bot.http import HttpRules
from tests.engine_server import Server, serving

SAID = "တိုင်းစစ်ဌာနချုပ် ကျဆုံးသွားပြီ"
MEANT = "The regional command has fallen."


@pytest.fixture
def server() -> Iterator[Server]:
    with serving({"choices": [{"message": {"role": "assistant", "content": f" {MEANT} "}}]}) as kept:
        yield kept


def settings(**given: Any) -> Settings:
    return Settings.model_validate(
        {"name": "translator", "kind": "translate", "url": "http://127.0.0.1:9", "model": "m", **given}
    )


@pytest.fixture
def translate(server: Server, around: EngineTools, tmp_path: Path) -> Callable[..., EnrichResult]:
    """Have a text translated: `translate("words", "my", protocol="libretranslate")`."""

    def translated(text: str, language: str, **given: Any) -> EnrichResult:
        path = tmp_path / "words"
        path.write_text(text, encoding="utf-8")
        rules = HttpRules("communique-test", private=frozenset({("127.0.0.1", server.port)}))
        engine = build(settings(url=server.url, **given), replace(around, http=rules))
        return engine.read(MediaFile(path, "document", "text/plain", path.stat().st_size, languages=(language,)))

    return translated


def test_a_chat_server_is_given_the_words_as_words_and_not_as_orders(
    server: Server, translate: Callable[..., EnrichResult]
) -> None:
    found = translate(SAID, "my")
    assert (found.text, found.language, found.engine, found.model) == (MEANT, "en", "translate", "m")
    assert server.paths == ["/v1/chat/completions"]
    [asked] = server.asked
    assert [message["role"] for message in asked["messages"]] == ["system", "user"]
    assert asked["messages"][1]["content"] == SAID
    assert asked["temperature"] == 0


def test_libretranslate_is_asked_in_its_own_words(
    server: Server, translate: Callable[..., EnrichResult], tmp_path: Path
) -> None:
    server.answers = [(200, {"translatedText": MEANT})]
    key = tmp_path / "key"
    key.write_text("libre-key")
    key.chmod(0o600)
    found = translate(SAID, "my", protocol="libretranslate", model="", key_file=key, into="en")
    assert (found.text, found.model) == (MEANT, "libretranslate")
    assert server.paths == ["/v1/translate"]
    assert server.asked == [{"q": SAID, "source": "my", "target": "en", "format": "text", "api_key": "libre-key"}]
    assert "authorization" not in server.headers[0]


@pytest.mark.parametrize("answer", [{}, {"choices": []}, {"choices": [{"message": {"content": None}}]}, {"choices": 7}])
def test_an_answer_without_a_translation_is_a_failure(
    answer: Any, server: Server, translate: Callable[..., EnrichResult]
) -> None:
    server.answers = [(200, answer)]
    with pytest.raises(RuntimeError, match="no translation"):
        translate(SAID, "my")


def test_a_text_without_end_is_not_sent(server: Server, translate: Callable[..., EnrichResult]) -> None:
    with pytest.raises(Unfit, match="too long"):
        translate(SAID * 1_000, "my")
    assert server.asked == []


def test_only_words_in_other_languages_are_translated() -> None:
    assert [code for code in ("my", "shn", "en", "und") if settings().wants_translated(code)] == ["my", "shn"]
    assert [code for code in ("my", "shn", "en", "und") if settings(languages=["my"]).wants_translated(code)] == ["my"]


def test_a_chat_server_needs_the_name_of_a_model() -> None:
    with pytest.raises(ValidationError, match="needs a model"):
        settings(model="")
