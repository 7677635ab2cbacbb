"""PURE: many rules against one post in one pass: the words of all in one automaton, then only the rules they call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.rules.cycles import order_rules
from bot.rules.literals import choose_options, find_options
from storage.language.hits import find_hits
from storage.language.match import Document, PreparedDocument, holds
from storage.language.query import Query
from storage.language.tree import KINDS
from storage.rows import Hit

if TYPE_CHECKING:
    from ahocorasick_rs import AhoCorasick

MEDIA_RULE = "media:"  # begins the rule name of alerts on files, which ends with the name of the source


@dataclass(frozen=True, slots=True)
class Rule:
    """A saved search on posts of the named sources and of sources with one of the tags; of all where none is named."""

    name: str
    query: Query
    version: str
    tags: Sequence[str] = ()
    sources: Sequence[str] = ()


@dataclass(slots=True, eq=False)
class RuleMatch:
    """A rule that holds on a post; where, is worked out when it is asked for."""

    loaded: Rule
    reading: PreparedDocument

    @property
    def rule(self) -> str:
        """Its name."""
        return self.loaded.name

    @property
    def version(self) -> str:
        """What it said when it was loaded."""
        return self.loaded.version

    @property
    def hits(self) -> tuple[Hit, ...]:
        """The places of the rule's words in the post's texts."""
        return find_hits(self.loaded.query, self.reading)


class RuleSet:
    """Compiled rules, never changed: a reload makes another one and swaps the reference. Made by `compile_rules`."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self._numbers = {rule.name: number for number, rule in enumerate(self.rules)}
        self._scopes = [(frozenset(rule.sources), frozenset(rule.tags)) for rule in self.rules]
        self._late = order_rules([(rule.name, rule.query.root) for rule in self.rules])
        late = set(self._late)
        needed = choose_options(
            [[] if number in late else find_options(rule.query.root) for number, rule in enumerate(self.rules)]
        )
        self._always = [number for number, found in enumerate(needed) if found is None and number not in late]
        literals: dict[str, _Literal] = {}
        for number, found in enumerate(needed):
            for text in sorted(found.any_of) if found else ():
                literal = literals.setdefault(text, _Literal(text))
                enough = found and found.enough and not any(self._scopes[number])
                (literal.sure if enough else literal.called).append(number)
        self._automaton = _automaton(list(literals.values()))

    def match(self, document: Document) -> tuple[RuleMatch, ...]:
        """The rules that hold on a post, in their order.

        A rule that asks for `rule:` is decided after those it asks for, and sees their matches on this post beside the
        stored ones.
        """
        reading = PreparedDocument(document)
        found: set[int] = set()
        tried = set(self._always)
        if self._automaton:
            there: list[_Literal] = self._automaton.find_matches_as_strings(  # type: ignore[assignment]  # our own back
                _words(reading), overlapping=True
            )
            for literal in set(there):
                found.update(literal.sure)
                tried.update(literal.called)
        found.update([number for number in tried - found if self._holds(number, reading)])
        if self._late:
            names = document.rules.union(self.rules[number].name for number in found)
            for number in self._late:
                reading.document = replace(document, rules=names)
                if self._holds(number, reading):
                    found.add(number)
                    names |= {self.rules[number].name}
        return tuple([RuleMatch(self.rules[number], reading) for number in sorted(found)])

    def in_order(self, names: Iterable[str]) -> list[Rule]:
        """The rules of these names in their order; names of others are left out."""
        return [self.rules[number] for number in sorted(self._numbers[name] for name in names if name in self._numbers)]

    def _holds(self, number: int, reading: PreparedDocument) -> bool:
        sources, tags = self._scopes[number]
        if sources or tags:
            document = reading.document
            if document.source not in sources and tags.isdisjoint(document.tags):
                return False
        return holds(self.rules[number].query.root, reading)


class _Literal(str):
    """A string in a post's words, and the rules that its occurrence calls."""

    __slots__ = ("called", "sure")

    def __init__(self, _: str) -> None:
        self.sure: list[int] = []  # these hold,
        self.called: list[int] = []  # and these have to be tried


def compile_rules(rules: Sequence[Rule]) -> RuleSet:
    """One set of all rules. Ten thousand take a fraction of a second."""
    return RuleSet(rules)


def _automaton(literals: list[_Literal]) -> AhoCorasick | None:
    if not literals:
        return None
    from ahocorasick_rs import AhoCorasick

    return AhoCorasick(literals, store_patterns=True)  # a hit is then the very object, without places


def _words(reading: PreparedDocument) -> str:
    """Every text that a query ranges over by itself, in its plain and closed form, in one string."""
    sheets = reading.sheets
    if len(sheets) == 1 and sheets[0].kind in KINDS and not sheets[0].hyphens:
        return sheets[0].plain
    texts: list[str] = []
    for sheet in sheets:
        if sheet.kind in KINDS:
            texts.append(sheet.plain)
            if sheet.hyphens:
                texts.append(sheet.closed)
    return "\n".join(texts)


__all__ = ["Rule", "RuleMatch", "RuleSet", "compile_rules"]
