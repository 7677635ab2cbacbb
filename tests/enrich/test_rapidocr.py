"""Pictures read by RapidOCR with the models that its package brings."""

import asyncio
import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.ocr import error, keywords
from bot.contracts.engine import EngineTools, EnrichResult, MediaFile, Unfit
from bot.enrich.engines import build
from bot.enrich.engines.rapidocr import Settings
from bot.enrich.sandbox.run import Sandbox
from bot.http import HttpRules
from tests.statements import BURMESE, CHINESE, Statement

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("rapidocr") is None, reason="rapidocr is missing; make setup-media brings it"
    ),
    pytest.mark.usefixtures("fonts"),
]
Read = Callable[..., EnrichResult]


@pytest.fixture
def read(tmp_path: Path, media: Callable[..., MediaFile]) -> Read:
    """Have a page read as the worker would, in a process without network."""

    def done(statement: Statement, effect: str) -> EnrichResult:
        from tests import statement_pictures

        path = statement_pictures.save(statement_pictures.page(statement.text, statement.language), effect, tmp_path)
        engine = build(Settings(name="reader", kind="rapidocr"), EngineTools(tmp_path))
        engine.ready()
        found = media(path, "photo", languages=(statement.language,))
        return asyncio.run(Sandbox(tmp_path, HttpRules("test")).run(engine, found))

    return done


@pytest.mark.parametrize("effect", ["clean", "jpeg", "photo"])
def test_a_chinese_page_is_read(effect: str, read: Read) -> None:
    found = read(CHINESE, effect)
    assert error(CHINESE.text, found.text) <= 0.01
    assert keywords(CHINESE, found.text) == len(CHINESE.keywords)
    assert not found.unreliable
    assert found.confidence is not None
    assert 0.9 <= found.confidence <= 1


def test_what_it_makes_of_burmese_is_not_believed(read: Read) -> None:
    assert read(BURMESE, "clean").unreliable


def test_a_cut_picture_is_refused_by_the_same_check(tmp_path: Path, media: Callable[..., MediaFile]) -> None:
    from tests import statement_pictures

    whole = statement_pictures.save(statement_pictures.page(CHINESE.text, "zh"), "jpeg", tmp_path).read_bytes()
    path = tmp_path / "cut.jpg"
    path.write_bytes(whole[: len(whole) // 3])
    engine = build(Settings(name="reader", kind="rapidocr"), EngineTools(tmp_path))
    with pytest.raises(Unfit, match="damaged or cut off"):
        asyncio.run(Sandbox(tmp_path, HttpRules("test")).run(engine, media(path, "photo")))
