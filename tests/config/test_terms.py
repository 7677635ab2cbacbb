"""Terms in the config: what they may be, what is told of mistakes in them, and who reads them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.alerts.loaded_rules import LoadedRules
from bot.config import Config
from bot.config.environment import Environment
from bot.config.terms import phrases
from bot.errors import UserError
from storage.language.query import parse

Read = Callable[..., Config]
Write = Callable[[str], Path]
Mistakes = Callable[..., list[str]]

LASHIO = '[[terms]]\nname = "lashio"\nen = ["Lashio"]\nmy = ["လားရှိုး"]\nshn = ["လႃႈသဵဝ်ႈ"]\n'


def test_a_term_has_phrases_in_any_language_and_rules_call_it(read: Read) -> None:
    config = read(
        f'{LASHIO}[[rules]]\nname = "r"\nquery = "@lashio -navy"\nmatches = ["လားရှိုးမြို့", "at Lashio"]\n'
        'not_matches = ["the navy at Lashio"]\n'
    )
    assert config.phrases() == {"lashio": ("Lashio", "လားရှိုး", "လႃႈသဵဝ်ႈ")}
    assert config.counts() == "0 sources, 1 rule, 0 targets, 1 term"


def test_every_mistake_in_terms_and_rules_is_told_at_once_with_its_place(mistakes: Mistakes) -> None:
    text = (
        '[[terms]]\nname = "no spaces"\nen = ["x"]\n'
        '[[terms]]\nname = "lashio"\nburmese = ["လားရှိုး"]\n'
        '[[terms]]\nname = "lashio"\nen = ["Lashio", "!?"]\n'
        '[[terms]]\nname = "empty"\n'
        '[[terms]]\nname = "no-list"\nen = "x"\n'
        '[[rules]]\nname = "a"\nquery = "army @lasho"\n'
        '[[rules]]\nname = "b"\nquery = "@lashio OR @no-list"\nmatches = ["nothing of it"]\n'
        '[[rules]]\nname = "c"\nquery = "(never closed"\n'
    )
    refused = 'there is no term @lasho: did you mean @lashio? To look for it as text, quote "@lasho"'
    assert mistakes(text) == [
        '2:8 terms[0].name: a term has 1 to 64 letters and digits, and "-", "_" and "." between them: @regional-command',
        "6:1 terms[1].burmese: unknown key; a language is written as its ISO 639 code, such as en or my",
        '8:8 terms[2].name: "lashio" is already the name of terms[1]',
        "9:17 terms[2].en[1]: contains no letter or digit",
        '10:1 terms[3]: the term "empty" has no phrase: add en = ["…"], my = ["…"]',
        '14:6 terms[4].en: expected a list, got "x"; for example: en = ["north-eastern command", "NE command"]',
        f'17:15 rules[0].query: in the rule "a": {refused}',
        '24:10 rules[2].query: in the rule "c": this parenthesis is never closed',
    ]


def test_rules_that_ask_for_each_other_are_refused(mistakes: Mistakes) -> None:
    rules = {"first": "rule:second army", "second": "navy OR rule:thi*", "third": "-rule:first", "fine": "rule:first"}
    text = "".join(f'[[rules]]\nname = "{name}"\nquery = "{query}"\n' for name, query in rules.items())
    [mistake] = mistakes(text)
    assert "depends on its own matches through rule:" in mistake
    assert mistake.count('"first"') >= 1
    assert '"fine"' not in mistake


def test_a_rule_that_asks_for_itself_is_refused(mistakes: Mistakes) -> None:
    [mistake] = mistakes('[[rules]]\nname = "r"\nquery = "army -rule:r"\n')
    assert mistake.endswith('the rule "r" depends on its own matches through rule: "r" -> "r"')


def test_a_rule_that_asks_for_a_rule_that_is_not_there_warns(read: Read) -> None:
    config = read(
        '[[rules]]\nname = "army"\nquery = "army"\n[[rules]]\nname = "r"\nquery = "rule:amry rule:ARMY rule:a*"\n'
    )
    assert [warning.partition("query: ")[2] for warning in config.warnings] == [
        'no rule in this config is called "amry"; did you mean "army"?'
    ]


def test_names_and_slips_in_rules_that_make_them_silent_are_warned_of(read: Read) -> None:
    config = read(
        '[[sources]]\nkind = "feed"\nname = "desk"\nurl = "https://example.org/feed"\ntags = ["press"]\nside = "left"\n'
        '[[rules]]\nname = "r"\nquery = "army or source:dekc tag:pres side:lift source:d* -tag:PRESS"\n'
    )
    said = [warning.partition("query: ")[2] for warning in config.warnings if "query: " in warning]
    assert said == [
        '"or" is looked for as a word: write OR to join terms, or quote the word',
        'no source in this config is called "dekc"; did you mean "desk"?',
        'no source in this config has the tag "pres"; did you mean "press"?',
        'no source in this config has the side "lift"; did you mean "left"?',
    ]


def test_another_meaning_of_a_term_makes_another_version_of_the_rules_that_use_it(read: Read) -> None:
    rules = '[[rules]]\nname = "r"\nquery = "@lashio"\n[[rules]]\nname = "s"\nquery = "lashio"\n'
    before = LoadedRules.of(read(LASHIO + rules)).loaded
    after = LoadedRules.of(read(LASHIO.replace('"Lashio"', '"Lashio", "Lasho"') + rules)).loaded
    assert before[0][:1] == after[0][:1]
    assert before[0][1] != after[0][1]
    assert before[1] == after[1]


def test_rules_are_loaded_from_the_queries_that_were_checked_and_these_know_every_term(read: Read) -> None:
    config = read(f'{LASHIO}[[rules]]\nname = "r"\nquery = "@lashio -navy"\n[[rules]]\nname = "s"\nquery = "lost"\n')
    checked = {rule.query: parse(rule.query, terms=config.phrases()) for rule in config.rules}
    assert config.queries == checked
    assert {rule.name: rule.query for rule in LoadedRules.of(config).ruleset.rules} == {
        rule.name: checked[rule.query] for rule in config.rules
    }


def test_search_reads_the_same_terms_without_the_rest(read: Read, write: Write) -> None:
    config = read(LASHIO)
    assert phrases(config.path, Environment()) == config.phrases()
    assert phrases(write(f"{LASHIO}[[rules]]\nnonsense = 1\n"), Environment()) == config.phrases()


@pytest.mark.parametrize(
    "text",
    ["terms = 1\n", "[terms]\nx = 1\n", '[[terms]]\nname = "a"\nen = "x"\n', '[[terms]]\nen = ["x"]\n', LASHIO * 2],
)
def test_terms_that_cannot_be_read_are_not_half_read(write: Write, text: str) -> None:
    with pytest.raises(UserError, match="config check"):
        phrases(write(text), Environment())


def test_what_a_phrase_must_not_stand_beside_is_read_checked_and_part_of_the_version(
    read: Read, write: Write, mistakes: Mistakes
) -> None:
    rules = '[[rules]]\nname = "r"\nquery = "@lashio"\nmatches = ["at Lashio"]\nnot_matches = ["New Lashio", "Lashio Road"]\n'
    guards = 'kind = "town"\nnot_after = ["New"]\nnot_before = ["Road"]\n'
    config = read(LASHIO + guards + rules)
    assert phrases(config.path, Environment())["lashio"].not_after == ("New",)
    assert config.phrases()["lashio"].not_before == ("Road",)
    with_guards = LoadedRules.of(config).loaded[0][1]
    plain = '[[rules]]\nname = "r"\nquery = "@lashio"\n'
    assert with_guards != LoadedRules.of(read(LASHIO + plain)).loaded[0][1]
    assert phrases(write(LASHIO + guards), Environment())["lashio"] == ("Lashio", "လားရှိုး", "လႃႈသဵဝ်ႈ")
    assert mistakes(LASHIO + 'not_befor = ["x"]\nnot_after = ["!"]\n') == [
        '6:1 terms[0].not_befor: unknown key; did you mean "not_before"?',
        "7:14 terms[0].not_after[0]: contains no letter or digit",
    ]
