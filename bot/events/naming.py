"""PURE: which terms tokens name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

Found = tuple[int, int, str]  # a term, or a value: the first of its tokens, where they end, and its name


class TermNames(dict[tuple[str, ...], str]):
    """The folded forms of terms, each with the name of its term: looked for in every text that is compared."""

    @cached_property
    def lengths(self) -> Sequence[int]:
        """Of how many tokens forms are, the longest first."""
        return sorted(set(map(len, self)), reverse=True)

    @cached_property
    def begin(self) -> frozenset[str]:
        """The tokens with which forms begin."""
        return frozenset(form[0] for form in self)


def find_names(tokens: Sequence[str], names: Mapping[tuple[str, ...], str]) -> list[Found]:
    """The terms that these tokens name, in order; of forms that begin alike the longest."""
    names = names if isinstance(names, TermNames) else TermNames(names)
    found: list[Found] = []
    place = len(tokens) if names.begin.isdisjoint(tokens) else 0
    while place < len(tokens):
        for length in names.lengths if tokens[place] in names.begin else ():
            name = names.get(tuple(tokens[place : place + length]))
            if name is not None:
                found.append((place, place + length, name))
                place += length - 1
                break
        place += 1
    return found
