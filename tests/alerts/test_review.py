"""Judging what a rule found, one event after the other, and what follows from it."""

import io
import json
import time
from pathlib import Path
from typing import Any

import pytest

CONFIG = """
[[targets]]
name = "desk"
kind = "console"
[[rules]]
name = "fire"
query = "command OR army"
targets = ["desk"]
"""
USEFUL = ("the command fell", "the command is surrounded")
NOISE = ("the command won the football match", "football: army lost 1:2", "army football today")


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let the next command read this from its standard input."""
    return lambda lines: monkeypatch.setattr("sys.stdin", io.StringIO(lines))


@pytest.fixture
def alerts(line: Any, tmp_path: Path) -> list[int]:
    (tmp_path / "config.toml").write_text(CONFIG, encoding="utf-8")
    line.now = time.time_ns() // 1000 - 60_000_000
    return [
        line.match(line.post(text, str(number)), word=text.split()[0]) for number, text in enumerate((*USEFUL, *NOISE))
    ]


def listed(program: Any) -> dict[str, int]:
    found: dict[str, int] = json.loads(program("rules", "list", "--json")[1])[0]["verdicts_30d"]
    return found


def test_a_walk_stores_each_answer_and_can_be_taken_up_again(program: Any, typed: Any, alerts: list[int]) -> None:
    typed("n\nN oise\nwhat?\ns\nq\n")
    code, out, err = program("rules", "review", "fire", "--by", "anna")
    assert code == 0
    assert f"1 of 5: alert {alerts[-1]}" in out
    assert "«army» football today" in out
    assert err.count("[u/n/s/q]") == 5, "a line that is no answer is asked about again"
    assert err.endswith("0 useful, 2 noise, 1 skipped; 2 events left\n")
    assert listed(program) == {"useful": 0, "noise": 2, "unjudged": 3}
    typed("n\nu\nu\n")
    assert "1 of 3" in program("rules", "review", "fire", "--by", "anna")[1]
    assert "2 useful, 3 noise, 0 unjudged" in program("rules", "list")[1]
    assert "nothing to judge" in program("rules", "review", "fire")[2]


def test_the_end_of_the_input_ends_the_walk(program: Any, typed: Any, alerts: list[int]) -> None:
    typed("u\n")
    assert program("rules", "review", "fire")[2].endswith("1 useful, 0 noise, 0 skipped; 4 events left\n")


def test_foreign_text_cannot_act_on_the_terminal(program: Any, typed: Any, line: Any, alerts: list[int]) -> None:
    line.match(line.post("army \x1b[2J\u202ecod", "9"), word="army")
    typed("q\n")
    out = program("rules", "review", "fire")[1]
    assert "\x1b" not in out
    assert "\u202e" not in out


def test_a_rule_that_does_not_exist_is_named(program: Any, alerts: list[int]) -> None:
    for command in ("review", "suggest"):
        code, _, err = program("rules", command, "fier")
        assert code == 2
        assert 'did you mean "fire"' in err


def test_words_are_suggested_with_what_would_remain(program: Any, line: Any, alerts: list[int]) -> None:
    for number, alert in enumerate(alerts):
        program("alerts", "verdict", str(alert), "useful" if number < len(USEFUL) else "noise", "--by", "anna")
    code, out, err = program("rules", "suggest", "fire")
    assert (code, err) == (0, "")
    assert out.splitlines()[:2] == [
        "adding -football would drop 3 of 3 noise and 0 of 2 useful",
        "    rules replay --since 90d would find 2 posts instead of 5",
    ]
    told = json.loads(program("rules", "suggest", "fire", "--json")[1])
    assert (told["useful"], told["noise"], told["posts"]) == (2, 3, 5)
    assert told["words"][0] == {"word": "football", "term": "-football", "noise": 3, "useful": 0, "posts": 2}
    [now] = [json.loads(program("rules", "replay", "--query", "(command OR army) -football", "--json")[1])]
    assert now["posts"] == 2


def test_without_noise_there_is_nothing_to_suggest(program: Any, alerts: list[int]) -> None:
    code, _, err = program("rules", "suggest", "fire")
    assert code == 3
    assert "was judged noise" in err


def test_what_the_rule_no_longer_finds_counts_no_more(program: Any, alerts: list[int], tmp_path: Path) -> None:
    for alert in alerts[2:]:
        program("alerts", "verdict", str(alert), "noise")
    (tmp_path / "config.toml").write_text(CONFIG.replace("army", "navy"), encoding="utf-8")
    assert json.loads(program("rules", "suggest", "fire", "--json")[1])["noise"] == 1
