import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Program = Callable[..., subprocess.CompletedProcess[str]]
PAGE = (Path(__file__).parents[2] / "docs" / "json-output.md").read_text(encoding="utf-8")
WORDS = set(re.findall(r"`(\w+)`", PAGE))


def names(value: object) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {name for part in value.values() for name in names(part)}
    if isinstance(value, list):
        return {name for part in value for name in names(part)}
    return set()


@pytest.mark.parametrize(
    "arguments",
    [
        ("search", "bridge OR command"),
        ("show", "desk/guid/7", "--history"),
        ("show", "spokesman/1", "--history"),
        ("status",),
        ("media", "list"),
        ("sources", "list"),
        ("stats", "--since", "2025-10-31", "--until", "2025-11-02"),
        ("rules", "test", "--query", "bridge", "a bridge"),
        ("rules", "explain", "--query", '=bridge "a lost"~3 army~ in:ocr'),
        ("rules", "replay", "--query", "bridge", "--since", "2025-10-31", "--until", "2025-11-30"),
    ],
    ids=" ".join,
)
def test_every_field_stands_in_the_contract(program: Program, arguments: tuple[str, ...]) -> None:
    found = names(json.loads(program(*arguments, "--json").stdout))
    assert found
    assert found <= WORDS
