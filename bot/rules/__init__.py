"""PURE: many rules against one post in one pass: the words of all in one automaton, then only the rules they call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from bot.rules.literals import Literals, asks_for_rules, literals
from storage.language.match import Document, Reading, hits, holds
from storage.language.query import Query
from storage.language.tree import KINDS
from storage.records import Hit

if TYPE_CHECKING:
    from ahocorasick_rs import AhoCorasick


@dataclass(frozen=True, slots=True)
class Rule:
    """A saved search on posts of the named sources and of sources with one of the tags; of all where none is named."""

    name: str
    query: Query
    version: str
    tags: Sequence[str] = ()
    sources: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class RuleMatch:
    """A rule that holds on a post; where, is worked out when it is asked for."""

    rule: str
    version: str
    _query: Query = field(repr=False, compare=False)
    _reading: Reading = field(repr=False, compare=False)

    @property
    def hits(self) -> tuple[Hit, ...]:
        return hits(self._query, self._reading)


class RuleSet:
    """Compiled rules, never changed: a reload makes another one and swaps the reference. Made by `compile_rules`."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = tuple(rules)
        self._scopes = [(frozenset(rule.sources), frozenset(rule.tags)) for rule in self._rules]
        self._always: list[int] = []  # rules without a word that must occur
        self._late = [number for number, rule in enumerate(self._rules) if asks_for_rules(rule.query.root)]
        called: dict[str, list[tuple[int, bool]]] = {}
        late = set(self._late)
        for number, rule in enumerate(self._rules):
            needed = None if number in late else literals(rule.query.root)
            if needed is None:
                self._always += [number] if number not in late else []
            else:
                for literal in needed.any_of:
                    called.setdefault(literal, []).append((number, needed.enough))
        self._calls = [tuple(numbers) for numbers in called.values()]
        self._automaton = _automaton(list(called))

    def match(self, document: Document) -> tuple[RuleMatch, ...]:
        """The rules that hold on a post, in their order. A rule that asks for `rule:` sees the others' matches too."""
        reading = Reading(document)
        found = {number for number in self._always if self._holds(number, reading)}
        sure, called = self._called(reading)
        found.update(number for number in sure if self._in_scope(number, document))
        found.update(number for number in called - sure if self._holds(number, reading))
        if self._late:
            names = frozenset(self._rules[number].name for number in found)
            later = Reading(replace(document, rules=document.rules | names))
            found.update(number for number in self._late if self._holds(number, later))
        rules = self._rules
        return tuple(
            RuleMatch(rules[number].name, rules[number].version, rules[number].query, reading)
            for number in sorted(found)
        )

    def _called(self, reading: Reading) -> tuple[set[int], set[int]]:
        """Rules of which a word occurs: those for which that is enough, and the others."""
        sure: set[int] = set()
        called: set[int] = set()
        if self._automaton is None:
            return sure, called
        text = _words(reading)
        for pattern in {match[0] for match in self._automaton.find_matches_as_indexes(text, overlapping=True)}:
            for number, enough in self._calls[pattern]:
                (sure if enough else called).add(number)
        return sure, called

    def _in_scope(self, number: int, document: Document) -> bool:
        sources, tags = self._scopes[number]
        return not (sources or tags) or document.source in sources or not tags.isdisjoint(document.tags)

    def _holds(self, number: int, reading: Reading) -> bool:
        return self._in_scope(number, reading.document) and holds(self._rules[number].query.root, reading)


def compile_rules(rules: Sequence[Rule]) -> RuleSet:
    """One set of all rules. Ten thousand take a fraction of a second."""
    return RuleSet(rules)


def _automaton(words: list[str]) -> AhoCorasick | None:
    if not words:
        return None
    from ahocorasick_rs import AhoCorasick

    return AhoCorasick(words, store_patterns=False)


def _words(reading: Reading) -> str:
    """Every text that a query ranges over by itself, in its plain and closed form, in one string."""
    sheets = reading.sheets
    if len(sheets) == 1 and sheets[0].kind in KINDS and sheets[0].closed is sheets[0].plain:
        return sheets[0].plain
    texts: list[str] = []
    for sheet in sheets:
        if sheet.kind in KINDS:
            texts.append(sheet.plain)
            if sheet.closed is not sheet.plain:
                texts.append(sheet.closed)
    return "\n".join(texts)


__all__ = ["Literals", "Rule", "RuleMatch", "RuleSet", "compile_rules"]
