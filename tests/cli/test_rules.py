import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Program = Callable[..., subprocess.CompletedProcess[str]]
RULES = """
[[sources]]
name = "spokesman"
kind = "feed"
url = "https://example.org/feed.xml"
tags = ["junta"]

[[rules]]
name = "command"
query = '"regional command" OR တိုင်းစစ်ဌာနချုပ်'
tags = ["junta"]
targets = ["desk"]

[[rules]]
name = "bridge"
query = "bridge NOT river"

[[targets]]
name = "desk"
kind = "console"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(RULES)
    return path


def test_rules_are_listed_with_where_they_look_and_whom_they_tell(program: Program, config: Path) -> None:
    listed = json.loads(program("rules", "list", "--json", config=config).stdout)
    assert [(rule["name"], rule["tags"], rule["targets"]) for rule in listed] == [
        ("command", ["junta"], ["desk"]),
        ("bridge", [], []),
    ]
    assert listed[0]["matches_7d"] == 0
    assert "a saved search" in program("rules", "list", config=config).stdout


def test_a_text_is_tested_against_a_rule_and_the_place_is_shown(program: Program, config: Path) -> None:
    ran = program("rules", "test", "command", "They lost the Regional Command.", config=config)
    assert ran.returncode == 0
    assert "«Regional Command»" in ran.stdout
    assert "from letter 15" in ran.stdout


def test_a_text_that_does_not_match_is_exit_3(program: Program, config: Path) -> None:
    ran = program("rules", "test", "command", "Nothing of the kind.", config=config)
    assert ran.returncode == 3
    assert "does not match" in ran.stdout


def test_a_text_comes_on_stdin_as_bytes_of_any_kind(program: Program, config: Path) -> None:
    assert program("rules", "test", "command", "-", stdin="တိုင်းစစ်ဌာနချုပ်ကို တိုက်", config=config).returncode == 0
    assert program("rules", "test", "bridge", stdin="a bridge \x00\x1b[2J over", config=config).returncode == 0
    assert program("rules", "test", "-", stdin="a bridge over a river", config=config).returncode == 3


def test_a_query_is_tested_without_any_config(program: Program) -> None:
    ran = program("rules", "test", "--query", "bridge", "-", "--json", stdin="the bridge held")
    [result] = json.loads(ran.stdout)
    assert result["matches"] is True
    assert [(hit["text"], hit["start"], hit["end"]) for hit in result["matched"]] == [("bridge", 4, 10)]


def test_without_a_text_on_a_terminal_there_is_usage_and_no_silent_wait(
    on_a_terminal: Callable[..., tuple[int, str]],
) -> None:
    code, sent = on_a_terminal("rules", "test", "--query", "bridge")
    assert code == 2
    assert "Usage:" in sent


def test_a_mistyped_rule_gets_a_suggestion(program: Program, config: Path) -> None:
    ran = program("rules", "test", "comand", "text", config=config)
    assert ran.returncode == 2
    assert 'did you mean "command"?' in ran.stderr


def test_a_query_that_cannot_be_read_is_pointed_at(program: Program) -> None:
    ran = program("rules", "test", "--query", 'bridge "unfinished', "text")
    assert ran.returncode == 2
    assert ran.stderr.rstrip().endswith("^")


def test_a_name_and_a_query_together_are_wrong_usage(program: Program, config: Path) -> None:
    assert program("rules", "test", "command", "text", "--query", "bridge", config=config).returncode == 2


def test_explain_shows_what_is_exact_near_in_order_and_what_must_not_be_beside_it(program: Program) -> None:
    ran = program("rules", "explain", "--query", '(=US OR "comm* lost") ONEAR/3 army "army fell"~2')
    assert [line.strip() for line in ran.stdout.splitlines()[4:7]] == [
        "all of",
        "near each other “US or comm* lost” | “army” in this order with at most 3 other words between",
        "near each other “army” | “fell” with at most 2 other words between",
    ]


def test_explain_shows_words_of_scripts_without_spaces_as_they_were_written(program: Program) -> None:
    query = '"တပ်မ ၁၀၁" OR စစ်ဌာနချုပ်* OR 北部 NEAR/5 "東北 司令部" NOT กองบัญชาการ OR ပါတီ Regional'
    ran = program("rules", "explain", "--query", query)
    shown = [line.strip() for line in ran.stdout.splitlines()]
    for words in ("တပ်မ ၁၀၁", "စစ်ဌာနချုပ်*", "北部” | “東北 司令部", "กองบัญชาการ", "ပါတီ", "regional"):
        assert any(f"“{words}”" in line for line in shown[4:]), (words, shown)
