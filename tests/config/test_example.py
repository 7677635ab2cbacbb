import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bot import sources
from bot.alerts import targets
from bot.config import load
from bot.config.environment import Environment
from bot.config.locate import KeyPath, inside, scan
from bot.config.model import HostConfig, RuleConfig, TagMedia, TermConfig
from bot.config.pairs import PairConfig
from bot.config.reading import LISTS, SECTIONS
from bot.config.schema import schema
from bot.enrich import engines
from bot.listing.kinds import every_kind

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"


@pytest.fixture
def example() -> dict[str, Any]:
    return tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))


def leaves(data: Any, path: KeyPath = ()) -> list[tuple[KeyPath, Any]]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else None
    return [(path, data)] if items is None else [leaf for key, value in items for leaf in leaves(value, (*path, key))]


def test_the_example_is_a_config_without_mistakes_or_warnings(example: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    shutil.copy(EXAMPLE, path)
    for keys, value in leaves(example):
        if str(keys[-1]).endswith("_file"):
            secret = tmp_path / value
            secret.parent.mkdir(exist_ok=True)
            written = {"url_file": "https://example.org/s3cret", "template_file": '{"text": {{ text|tojson }}}'}
            secret.write_text(written.get(str(keys[-1]), "s3cret"))
            secret.chmod(0o600)
    config = load(path, Environment(), kinds=every_kind())
    unused = "no rule uses the target"  # the example shows every kind, its one rule needs two of them
    assert [warning for warning in config.warnings if unused not in warning] == []
    assert {source.kind for source in config.sources} == set(sources.kinds())
    assert {target.kind for target in config.targets} == set(targets.kinds())
    assert {engine.kind for engine in config.engines} == set(engines.kinds())


def test_the_example_shows_every_key_of_every_section_and_kind(example: dict[str, Any]) -> None:
    shown: dict[str, set[str]] = {name: set(example[name]) for name in SECTIONS}
    shown["hosts"] = {key for host in example["http"]["hosts"].values() for key in host}
    shown["rules"] = {key for rule in example["rules"] for key in rule}
    known: dict[str, set[str]] = {name: set(model.model_fields) for name, model in SECTIONS.items()}
    shown["tags"] = {key for tag in example["media"]["tags"].values() for key in tag}
    known |= {"hosts": set(HostConfig.model_fields), "rules": set(RuleConfig.model_fields)}
    known |= {"tags": set(TagMedia.model_fields)}
    shown["terms"] = {key for term in example["terms"] for key in term}
    known["terms"] = {*TermConfig.model_fields, "en", "my"}
    shown["pairs"] = {key for pair in example["pairs"] for key in pair}
    known["pairs"] = set(PairConfig.model_fields)
    for part, package in (("sources", sources), ("targets", targets), ("engines", engines)):
        for kind in package.kinds():
            name = f"{part} {kind}"
            shown[name] = {key for entry in example[part] if entry["kind"] == kind for key in entry}
            fields = package.settings_of(kind).model_fields
            known[name] = {field.alias or key for key, field in fields.items()}
    assert shown == known
    assert set(example) == {*SECTIONS, *LISTS}


def test_every_leaf_of_the_example_is_located(example: dict[str, Any]) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    places = scan(text)
    for path, value in leaves(example):
        here = text[places[path].value :]
        if isinstance(value, str):
            assert text[inside(text, places[path].value, 0) :].startswith(value), path
        else:
            assert here.startswith(json.dumps(value)), path
        if isinstance(path[-1], str):
            assert text[places[path].key :].startswith(path[-1]), path


def test_the_schema_knows_every_section_and_kind_and_writes_defaults_as_people_do(example: dict[str, Any]) -> None:
    described = schema(every_kind())
    assert set(described["properties"]) == set(example)
    assert described["properties"]["defaults"]["properties"]["every"]["default"] == "2m"
    forms = described["properties"]["sources"]["items"]["oneOf"]
    assert [form["properties"]["kind"]["const"] for form in forms] == list(sources.kinds())
    for form in forms:
        assert form["additionalProperties"] is False
        assert {"name", "kind"} <= set(form["required"])
        assert form["properties"]["every"]["pattern"]
    text = json.dumps(described)
    assert "$ref" not in text
    assert "null" not in text
