"""[[pairs]] in a config: what is right, and each mistake with its place and what was probably meant."""

from typing import Any

import pytest

from bot.clock import DAY, HOUR

SOURCES = """
[[sources]]
name = "spokesman"
kind = "telegram_web"
channel = "junta_spokesman"
side = "junta"
[[sources]]
name = "rangers"
kind = "telegram_web"
channel = "hill_rangers"
side = "resistance"
[[rules]]
name = "regional-command"
query = "command"
targets = []
[[pairs]]
"""


def test_a_pair_names_a_rule_two_sides_and_a_time(read: Any) -> None:
    config = read(SOURCES + 'rule = "regional-command"\nsides = ["junta", "resistance"]\nwithin = "36h"\n')
    assert [(pair.rule, pair.sides, pair.within) for pair in config.pairs] == [
        ("regional-command", ("junta", "resistance"), 36 * HOUR)
    ]
    assert config.warnings == ()
    assert read(SOURCES + 'rule = "regional-command"\nsides = ["junta", "resistance"]').pairs[0].within == 3 * DAY


@pytest.mark.parametrize(
    ("pair", "mistake"),
    [
        (
            'rule = "regional-comand"\nsides = ["junta", "resistance"]',
            '17:8 pairs[0].rule: there is no rule "regional-comand"; did you mean "regional-command"?',
        ),
        (
            'rule = "regional-command"\nsides = ["junta", "resistence"]',
            '18:19 pairs[0].sides[1]: no source has the side "resistence"; did you mean "resistance"?',
        ),
        (
            'rule = "regional-command"\nsides = ["junta"]',
            '18:9 pairs[0].sides: expected the names of two sides, such as ["junta", "resistance"]',
        ),
        (
            'rule = "regional-command"\nsides = ["junta", "junta"]',
            '18:9 pairs[0].sides: expected the names of two sides, such as ["junta", "resistance"]',
        ),
        (
            'rule = "regional-command"\nside = ["junta", "resistance"]',
            '18:1 pairs[0].side: unknown key; did you mean "sides"?',
        ),
        (
            'rule = "regional-command"\nsides = ["junta", "resistance"]\nwithin = "0s"',
            "19:10 pairs[0].within: no two statements face each other within no time",
        ),
    ],
)
def test_each_mistake_is_one_sentence_with_its_place(mistakes: Any, pair: str, mistake: str) -> None:
    assert mistake in mistakes(SOURCES + pair)
