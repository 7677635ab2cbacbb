"""PURE: the strings of which one must occur in a post's words before a rule can hold."""

from __future__ import annotations

import re
from dataclasses import dataclass

from storage.language.terms import folded_elsewhere
from storage.language.tree import KINDS, And, Is, Near, Node, Not, Or, Wild, Words
from storage.language.words import PLURAL, POSSESSIVE, singular

_SHORTEST = 2  # letters of a wildcard's beginning


@dataclass(frozen=True, slots=True)
class Literals:
    """One of `any_of` occurs in the plain or closed form of a text; `enough` says that the rule then holds."""

    any_of: frozenset[str]
    enough: bool


def literals(node: Node) -> Literals | None:
    """What must occur; None for a rule that can hold without any word."""
    if isinstance(node, And):
        known = [found for part in node.parts if (found := literals(part))]
        best = max(known, key=lambda found: min(map(len, found.any_of)), default=None)
        return Literals(best.any_of, enough=False) if best else None
    if isinstance(node, Or):
        ways = [literals(part) for part in node.parts]
        if any(way is None for way in ways):
            return None
        any_of = frozenset().union(*(way.any_of for way in ways if way))
        return Literals(any_of, all(way.enough for way in ways if way))
    return _of_leaf(node)


def _of_leaf(node: Node) -> Literals | None:
    if not isinstance(node, Words | Near | Wild) or not node.kinds <= KINDS:
        return None
    if isinstance(node, Words):
        marked = {needle.replace(PLURAL, " ").replace(POSSESSIVE, " ").replace("  ", " ") for needle in node.marked}
        return Literals(frozenset({*node.needles, *marked}), not marked and node.kinds == KINDS)
    if isinstance(node, Near):
        part = max(node.parts, key=lambda forms: min(len("".join(form)) for form in forms))
        return Literals(frozenset(f" {' '.join(form)} " for form in part), enough=False)
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


def asks_for_rules(node: Node) -> bool:
    """Whether a query has a `rule:` in it."""
    if isinstance(node, And | Or):
        return any(map(asks_for_rules, node.parts))
    if isinstance(node, Not):
        return asks_for_rules(node.part)
    return isinstance(node, Is) and node.field == "rule"
