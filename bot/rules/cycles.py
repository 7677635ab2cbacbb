"""PURE: rules that ask by `rule:` for what other rules match: who is decided before whom, and who goes in a circle."""

from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter

from storage.language.sequences import glob
from storage.language.slips import find_names
from storage.language.tree import Node


def asks_for_rules(node: Node) -> bool:
    """Whether a query has a `rule:` in it."""
    return next(names_asked(node), None) is not None


def order_rules(rules: Sequence[tuple[str, Node]]) -> list[int]:
    """The numbers of the rules that have a `rule:` in them, each after those that it asks for.

    Rules in a circle (which `circle` names, and a config refuses) keep the order in which they were given.
    """
    waiting = _waiting(rules)
    try:
        return list(TopologicalSorter(waiting).static_order())
    except CycleError:
        return list(waiting)


def find_circle(rules: Sequence[tuple[str, Node]]) -> list[int]:
    """The numbers of rules that ask for each other, the first again at the end; none where all can be decided."""
    try:
        TopologicalSorter(_waiting(rules)).prepare()
    except CycleError as found:
        return list(reversed(found.args[1]))
    return []


def _waiting(rules: Sequence[tuple[str, Node]]) -> dict[int, list[int]]:
    """By rule with a `rule:`, the others of that kind that it asks for; the rest is decided before all of them."""
    asked = {number: set(names_asked(node)) for number, (_, node) in enumerate(rules)}
    asked = {number: wanted for number, wanted in asked.items() if wanted}
    names = {rules[number][0].casefold(): number for number in asked}
    waiting: dict[int, list[int]] = {}
    for number, wanted in asked.items():
        found = {names[pattern] for pattern in wanted if pattern in names}
        for pattern in wanted:
            if "*" in pattern or "?" in pattern:
                found.update(other for name, other in names.items() if glob(pattern, name))
        waiting[number] = sorted(found)
    return waiting


def names_asked(node: Node) -> Iterator[str]:
    """The names in every `rule:` of a query, case folded; they may hold wildcards."""
    return (name for field, name in find_names(node) if field == "rule")
