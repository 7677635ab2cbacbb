"""Many rules on one post: each is found that holds, and no other."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rules import Rule, compile_rules
from storage.language.fold import fold
from storage.language.hits import evaluate
from storage.language.match import Document, DocumentText
from storage.language.query import parse

Build = Callable[..., Document]


@pytest.fixture
def post() -> Build:
    def build(
        *texts: str, source: str = "spokesman", tags: frozenset[str] = frozenset(), kind: str = "body"
    ) -> Document:
        made = tuple(DocumentText(number, kind, text, fold(text), "und", None) for number, text in enumerate(texts))
        return Document(7, source, tags, None, None, None, "und", frozenset(), 0, made)

    return build


def rule(query: str, name: str = "", **scope: tuple[str, ...]) -> Rule:
    return Rule(name or query, parse(query), "1", **scope)


def names(rules: list[Rule], document: Document) -> list[str]:
    return [match.rule for match in compile_rules(rules).match(document)]


def test_rules_are_found_in_their_order_with_their_places(post: Build) -> None:
    rules = [rule("fell"), rule("navy"), rule('"regional command"'), rule("cease-fire"), rule("-navy"), rule("/f.ll/")]
    found = compile_rules(rules).match(post("The regional commands fell; ceasefire over"))
    assert [match.rule for match in found] == ["fell", '"regional command"', "cease-fire", "-navy", "/f.ll/"]
    assert [[hit.form for hit in match.hits] for match in found] == [
        ["fell"],
        ["regional commands"],
        ["ceasefire"],
        [],
        ["fell"],
    ]


def test_rules_that_are_named_come_in_their_own_order() -> None:
    loaded = compile_rules([rule("fell", "b"), rule("navy", "a"), rule("hill", "c")])
    assert [found.name for found in loaded.in_order(["c", "a", "no rule any more", "b", "a"])] == ["b", "a", "a", "c"]


def test_neighbouring_keywords_share_the_space_between_them(post: Build) -> None:
    assert names([rule("regional"), rule("command"), rule('"regional command"')], post("regional command")) == [
        "regional",
        "command",
        '"regional command"',
    ]


def test_a_rule_sees_posts_of_its_sources_and_tags_only(post: Build) -> None:
    rules = [
        rule("army", "everywhere"),
        rule("army", "one source", sources=("deskwire",)),
        rule("army", "one tag", tags=("junta",)),
        rule("army", "either", sources=("deskwire",), tags=("junta",)),
        rule("army -navy", "structure", tags=("junta",)),
    ]
    assert names(rules, post("army")) == ["everywhere"]
    assert names(rules, post("army", source="deskwire")) == ["everywhere", "one source", "either"]
    assert names(rules, post("army", tags=frozenset({"junta"}))) == ["everywhere", "one tag", "either", "structure"]


def test_a_rule_may_ask_for_the_matches_of_others(post: Build) -> None:
    rules = [rule("rule:first fell", "second"), rule("army", "first"), rule("rule:nobody", "third")]
    assert names(rules, post("the army fell")) == ["second", "first"]


def test_translations_are_read_by_rules_that_ask_for_them(post: Build) -> None:
    rules = [rule("army"), rule("in:translation army"), rule("in:transcript army")]
    assert names(rules, post("army", kind="translation")) == ["in:translation army"]
    assert names(rules, post("army", kind="transcript")) == ["army", "in:transcript army"]


def test_no_rules_match_nothing(post: Build) -> None:
    assert compile_rules([]).match(post("army")) == ()
    assert names([rule("army")], post()) == []


def test_bad_input_59_five_thousand_rules_find_theirs(post: Build) -> None:
    rules = [rule(f'"word{chr(97 + number % 26)} w{number}" OR unit{number}') for number in range(5_000)]
    assert names(rules, post("wordc w4188; unit17")) == [rules[17].name, rules[4188].name]


WORDS = [
    "army",
    "armies",
    "army's",
    "cease-fire",
    "ceasefire",
    "cease fire",
    "တပ်",
    "တပ်မတော်",
    "北",
    "F-16",
    "fell",
    "north east",
]
QUERIES = [
    *WORDS,
    "=army",
    "=armies",
    "armi*",
    "a?m*",
    '"army fell"~2',
    "army~",
    "/arm/",
    "-army",
    "in:text fell",
    "(fell OR 北)",
]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(QUERIES), min_size=1, max_size=3).map(" ".join), max_size=12),
    st.lists(st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join), max_size=3),
)
def test_together_rules_match_what_each_matches_alone(queries: list[str], texts: list[str]) -> None:
    made = tuple(DocumentText(number, "body", text, fold(text), "und", None) for number, text in enumerate(texts))
    document = Document(7, "spokesman", frozenset(), None, None, None, "und", frozenset(), 0, made)
    rules = [rule(query, str(number)) for number, query in enumerate(queries)]
    alone = [made.name for made in rules if evaluate(made.query, document) is not None]
    assert names(rules, document) == alone
