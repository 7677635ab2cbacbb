"""PURE: the strings of which one must occur in a post's words before a rule can hold."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from storage.frozen import dataclass
from storage.language.terms import folded_elsewhere
from storage.language.tree import FILES, KINDS, And, Exact, Guarded, Near, Node, Or, Wild, Words
from storage.language.words import PLURAL, POSSESSIVE, singular

_SHORTEST = 2  # letters of a wildcard's beginning


@dataclass(frozen=True, slots=True)
class Literals:
    """One of `any_of` occurs in the plain or closed form of a text; `enough` says that the rule then holds."""

    any_of: frozenset[str]
    enough: bool


def find_options(node: Node) -> list[Literals]:
    """Sets of strings, each of which a rule needs one of; none for a rule that can hold without any word."""
    if isinstance(node, And):
        return [Literals(found.any_of, enough=False) for part in node.parts for found in find_options(part)]
    if isinstance(node, Or):
        ways = [find_options(part) for part in node.parts]
        if not all(ways):
            return []
        best = [max(way, key=_length) for way in ways]
        return [Literals(frozenset().union(*(way.any_of for way in best)), all(way.enough for way in best))]
    found = _of_leaf(node)
    return [found] if found else []


def choose_options(rules: Sequence[list[Literals]]) -> list[Literals | None]:
    """For each rule the option that probably calls it least often: whose strings are long, and in few other rules.

    What many rules ask for is what many posts say, and so is what is short; each of an option's strings calls.
    """
    used = Counter(literal for found in rules for option in found for literal in option.any_of)

    def cost(option: Literals) -> float:
        return sum(used[literal] / len(literal) ** 2 for literal in sorted(option.any_of))

    return [min(found, key=cost) if found else None for found in rules]


def _length(option: Literals) -> int:
    return min(map(len, option.any_of))


def _of_leaf(node: Node) -> Literals | None:
    if not isinstance(node, Words | Exact | Guarded | Near | Wild) or not node.kinds <= KINDS or node.kinds == FILES:
        return None
    if isinstance(node, Exact):
        return Literals(frozenset({node.folded}), enough=False)
    if isinstance(node, Guarded):
        options = find_options(node.part)
        return Literals(options[0].any_of, enough=False) if options else None
    if isinstance(node, Words):
        marked = {needle.replace(PLURAL, " ").replace(POSSESSIVE, " ").replace("  ", " ") for needle in node.marked}
        return Literals(frozenset({*node.needles, *marked}), not marked and node.kinds == KINDS)
    if isinstance(node, Near):
        options = [option for part in node.parts for option in find_options(part)]
        return Literals(max(options, key=_length).any_of, enough=False) if options else None
    return _of_wild(node)


def _of_wild(node: Wild) -> Literals | None:
    token = max(node.tokens, key=lambda token: len(_lead(token)))
    lead = _lead(token)
    if len(lead) < _SHORTEST:
        return None
    if lead == token:
        return Literals(frozenset({f" {token} ", f" {singular(token)} "}), enough=False)
    return Literals(frozenset({f" {lead}", *(f" {form} " for form in folded_elsewhere(lead))}), enough=False)


def _lead(token: str) -> str:
    return re.split(r"[*?]", token, maxsplit=1)[0]
