"""FollowTheMoney entities as its own package reads and checks them."""

import json
from pathlib import Path
from typing import Any

import pytest

from bot.export.languages import _FTM, find_ftm, find_iso
from tests.export.exported import Exports

WHY = "followthemoney is missing; make setup-web brings it"


def _entities(exports: Exports, path: Path) -> list[dict[str, Any]]:
    lines = exports.make("ftm", path).path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line]


@pytest.fixture(params=["exports", "hostile"])
def entities(request: pytest.FixtureRequest, tmp_path: Path) -> list[dict[str, Any]]:
    return _entities(request.getfixturevalue(request.param), tmp_path / "ftm.json")


def test_every_entity_is_valid_and_loses_nothing_when_it_is_cleaned(entities: list[dict[str, Any]]) -> None:
    ftm = pytest.importorskip("followthemoney", reason=WHY)
    for entity in entities:
        schema = ftm.model.get(entity["schema"])
        schema.validate(entity)
        assert set(entity["properties"]) <= set(schema.properties)
        assert set(schema.required) <= set(entity["properties"])
        proxy = ftm.model.get_proxy(entity, cleaned=False)
        for name in ("language", "publishedAt", "sourceUrl", "mimeType", "fileName"):
            assert len(proxy.get(name, quiet=True)) == len(entity["properties"].get(name, []))


def test_ids_are_unique_and_what_links_name_is_there(exports: Exports, tmp_path: Path) -> None:
    found = _entities(exports, tmp_path / "ftm.json")
    ids = [entity["id"] for entity in found]
    assert len(set(ids)) == len(ids)
    for entity in found:
        for name in ("document", "entity", "subject"):
            assert set(entity["properties"].get(name, [])) <= set(ids)
    assert {"Article", "Image", "Audio", "Documentation", "UnknownLink"} <= {entity["schema"] for entity in found}


def test_languages_have_three_letters(exports: Exports, tmp_path: Path) -> None:
    found = {code for one in _entities(exports, tmp_path / "x") for code in one["properties"].get("language", ())}
    assert {"eng", "mya", "zho"} <= found
    assert (find_iso("shn"), find_ftm("shn"), find_iso("und"), find_iso("zh-Hant")) == ("shn", None, None, "zho")


def test_the_languages_are_those_of_the_package() -> None:
    ftm = pytest.importorskip("followthemoney.types", reason=WHY)
    assert set(ftm.registry.language.LANGUAGES) == _FTM | {"mul"}  # several languages at once: no text has it here
    from bot.export.languages import _ISO

    for two, three in _ISO.items():
        assert ftm.registry.language.clean(two) in (three if three in _FTM else None, None), two
