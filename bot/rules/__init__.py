"""PURE: many rules against one post in one pass: the words of all in one automaton, then only the rules they call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from bot.rules.circles import in_order
from bot.rules.literals import chosen, options
from storage.language.match import Document, Reading, hits, holds
from storage.language.query import Query
from storage.language.tree import KINDS
from storage.rows import Hit

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


class RuleMatch(NamedTuple):
    """A rule that holds on a post; where, is worked out when it is asked for."""

    rule: str
    version: str
    query: Query
    reading: Reading

    @property
    def hits(self) -> tuple[Hit, ...]:
        """The places of the rule's words in the post's texts."""
        return hits(self.query, self.reading)


class RuleSet:
    """Compiled rules, never changed: a reload makes another one and swaps the reference. Made by `compile_rules`."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = tuple(rules)
        self._told = [(rule.name, rule.version, rule.query) for rule in self._rules]
        self._scopes = [(frozenset(rule.sources), frozenset(rule.tags)) for rule in self._rules]
        self._scoped = {number for number, scope in enumerate(self._scopes) if any(scope)}
        self._late = in_order([(rule.name, rule.query.root) for rule in self._rules])
        late = set(self._late)
        needed = chosen([[] if number in late else options(rule.query.root) for number, rule in enumerate(self._rules)])
        self._always = [number for number, found in enumerate(needed) if found is None and number not in late]
        literals = list(dict.fromkeys(literal for found in needed if found for literal in sorted(found.any_of)))
        self._sure: dict[str, list[int]] = {literal: [] for literal in literals}  # the rules that hold where it occurs,
        self._called: dict[str, list[int]] = {literal: [] for literal in literals}  # and those that have to be tried
        for number, found in enumerate(needed):
            for literal in found.any_of if found else ():
                (self._sure if found and found.enough else self._called)[literal].append(number)
        self._automaton = _automaton(literals)

    def match(self, document: Document) -> tuple[RuleMatch, ...]:
        """The rules that hold on a post, in their order.

        A rule that asks for `rule:` is decided after those it asks for, and sees their matches on this post beside the
        stored ones.
        """
        reading = Reading(document)
        found: set[int] = set()
        tried = self._always
        if self._automaton:
            literals = set(self._automaton.find_matches_as_strings(_words(reading), overlapping=True))
            found.update(*map(self._sure.__getitem__, literals))
            if self._scoped:
                found = {number for number in found if number not in self._scoped or self._in_scope(number, document)}
            tried = [*tried, *set().union(*map(self._called.__getitem__, literals))]
        for number in tried:
            if number not in found and self._holds(number, reading):
                found.add(number)
        if self._late:
            names = document.rules.union(self._rules[number].name for number in found)
            for number in self._late:
                reading.document = replace(document, rules=names)
                if self._holds(number, reading):
                    found.add(number)
                    names |= {self._rules[number].name}
        return tuple([RuleMatch(*self._told[number], reading) for number in sorted(found)])

    def _in_scope(self, number: int, document: Document) -> bool:
        sources, tags = self._scopes[number]
        return document.source in sources or not tags.isdisjoint(document.tags)

    def _holds(self, number: int, reading: Reading) -> bool:
        if number in self._scoped and not self._in_scope(number, reading.document):
            return False
        return holds(self._rules[number].query.root, reading)


def compile_rules(rules: Sequence[Rule]) -> RuleSet:
    """One set of all rules. Ten thousand take a fraction of a second."""
    return RuleSet(rules)


def _automaton(words: list[str]) -> AhoCorasick | None:
    if not words:
        return None
    from ahocorasick_rs import AhoCorasick

    return AhoCorasick(words, store_patterns=True)  # hits are then references to the words, without places


def _words(reading: Reading) -> str:
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
