"""Rules that ask for what other rules match."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rules import Rule, compile_rules
from bot.rules.cycles import find_circle, order_rules
from storage.language.fold import fold
from storage.language.match import Document, DocumentText
from storage.language.query import parse

Asked = Callable[[dict[str, str]], list[str]]


@pytest.fixture
def matched() -> Asked:
    """The rules that hold on the post "the army fell"."""

    def match(queries: dict[str, str]) -> list[str]:
        text = "the army fell"
        body = DocumentText(0, "body", text, fold(text), "en", None)
        stored = frozenset({"stored before"})
        post = Document(7, "spokesman", frozenset(), None, None, None, "en", frozenset(), 0, (body,), stored)
        rules = [Rule(name, parse(query), "1") for name, query in queries.items()]
        return [found.rule for found in compile_rules(rules).match(post)]

    return match


def test_a_rule_sees_the_matches_of_rules_that_themselves_ask(matched: Asked) -> None:
    queries = {"third": "rule:second", "second": "rule:first fell", "first": "army", "not": "-rule:third", "no": "navy"}
    assert matched(queries) == ["third", "second", "first"]
    assert matched({"a": "rule:B", "B": "-rule:c", "c": "navy"}) == ["a", "B"]


def test_a_rule_sees_what_was_stored_before(matched: Asked) -> None:
    assert matched({"a": 'rule:"stored before" army', "b": "rule:stor*"}) == ["a", "b"]


def test_a_circle_is_named_and_still_answers(matched: Asked) -> None:
    queries = {"a": "rule:b army", "b": "rule:c", "c": "army OR rule:a", "d": "rule:a"}
    numbers = find_circle([(name, parse(query).root) for name, query in queries.items()])
    assert numbers[0] == numbers[-1]
    assert set(numbers) == {0, 1, 2}
    assert "c" in matched(queries)


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 7), max_size=3), min_size=1, max_size=8))
def test_what_is_asked_for_is_decided_before(asked: list[list[int]]) -> None:
    queries = [" OR ".join([*(f"rule:r{other}" for other in others), "army"]) for others in asked]
    rules = [(f"r{number}", parse(query).root) for number, query in enumerate(queries)]
    order = order_rules(rules)
    assert set(order) == {number for number, others in enumerate(asked) if others}
    if not find_circle(rules):
        for place, number in enumerate(order):
            assert {other for other in asked[number] if other in order} <= set(order[:place])
