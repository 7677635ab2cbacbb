"""PURE: one term of a query, folded as texts are -> a leaf of the tree; None for a term without letters and digits."""

from __future__ import annotations

import re
from collections.abc import Iterable

from storage.language import regex as regexes
from storage.language import words as word_forms
from storage.language.fold import CLOSED, closed, fold, surface
from storage.language.tree import From, Fuzzy, Near, Node, QueryError, Regex, Wild, Words

STAND_IN = {"*": "ʘ", "?": "ʗ"}  # letters that pass through folding, for wildcards
_STAR, _ONE = STAND_IN.values()
_FARTHEST = 1000
_SHORT = 5  # letters up to which a fuzzy word may be one edit away; beyond, two


def body(text: str) -> str:
    """The folded form without the closed compounds at its end."""
    return fold(text).partition(f" {CLOSED}")[0]


def plain(folded: str) -> str:
    """Folded tokens parted by spaces alone."""
    return folded.replace("-", " ").replace(word_forms.PLURAL, "").replace(word_forms.POSSESSIVE, "")


def words(text: str) -> Words | None:
    """Whole words in a row."""
    forms = _forms(text)
    return Words(tuple(f" {form} " for form in forms)) if forms else None


def any_of(phrases: Iterable[str]) -> Words | None:
    """One of several phrases: what a term with a name stands for, in every language that it is known in."""
    forms = dict.fromkeys(form for phrase in phrases for form in _forms(phrase))
    return Words(tuple(f" {form} " for form in forms)) if forms else None


def joined(word: str, other: str) -> Words | None:
    """The one word that two become side by side; None for nearly all words."""
    found = words(f"{word} {other}")
    return found if found and not any(" " in needle.strip() for needle in found.needles) else None


def sender(text: str) -> From | None:
    """The author or the forward's origin."""
    forms = _forms(text)
    return From(tuple(f" {form} " for form in forms)) if forms else None


def _forms(text: str) -> tuple[str, ...]:
    """A phrase as texts may hold it: its hyphens open, and closed."""
    folded = body(text)
    forms = (plain(folded), closed(folded)) if "-" in folded else (plain(folded),)
    return forms if forms[0] else ()


def exact(text: str) -> Words | None:
    """Whole words in a row as they are written: no plural or possessive stands for another form."""
    folded = body(text)
    return Words((), (f" {folded.replace('-', ' ')} ",)) if folded else None


def bare(word: str, position: int, *, wild: bool, exact: bool) -> Node | None:
    """A term without quotes, its wildcards stood in for."""
    fuzzy = None if wild else re.fullmatch(r"(.*[^~])~([0-9]*)", word, re.DOTALL)
    if exact and not wild and not fuzzy:
        return _exact_word(word)
    word = word[1:] if exact and len(word) > 1 else word
    if fuzzy:
        return _fuzzy(fuzzy[1], fuzzy[2], position)
    return _wildcard(word, position) if wild else words(word)


def _exact_word(word: str) -> Words | None:
    return exact(word[1:])


def _fuzzy(word: str, edits: str, position: int) -> Fuzzy | None:
    if edits and int(edits[:4]) not in (1, 2):
        raise QueryError("word~ allows one or two changed letters: write word~, word~1 or word~2", position)
    tokens = tuple(plain(body(word)).split())
    letters = sum(map(len, tokens))
    return Fuzzy(tokens, int(edits) if edits else 1 if letters <= _SHORT else 2) if tokens else None


def near(text: str, distance: int, position: int) -> Node | None:
    """The words between the quotes, each a part of its own, at most so many others among them."""
    if distance > _FARTHEST:
        raise QueryError(f'"…"~{distance} reaches too far: {_FARTHEST} words is the most', position)
    parts = tuple(tuple(tuple(form.split()) for form in forms) for part in text.split() if (forms := _forms(part)))
    return Near(parts, distance) if len(parts) > 1 else words(text)


def regex(source: str, position: int) -> Regex:
    """A regular expression between slashes."""
    try:
        translated, edges = regexes.translate(source.replace(r"\/", "/"))
    except QueryError as problem:
        raise QueryError(problem.message, position + problem.position) from None
    return Regex(translated, edges)


def _wildcard(word: str, position: int) -> Node | None:
    tokens = _attached(surface(word).split())
    if not any(char not in "*?" for token in tokens for char in token):
        if word.strip(_STAR + _ONE):
            return None
        if _STAR in word:
            raise QueryError("A wildcard needs a letter before or after it", position)
        return None
    last = tokens[-1]
    if last.endswith("*") and not any(char in "*?" for char in "".join(tokens)[:-1]):
        tokens[-1] = last[:-1]
        return _prefix(tokens, hyphen=any(char in word for char in word_forms.HYPHENS))
    if all(set(token) - {"*", "?"} for token in tokens):
        return Wild(tuple(tokens))
    raise QueryError("A wildcard needs a letter before or after it", position)


def _attached(tokens: list[str]) -> list[str]:
    """Wildcards back in place: one that stands alone belongs to the token before it, at the front to none."""
    found: list[str] = []
    for token in tokens:
        written = token.replace(_STAR, "*").replace(_ONE, "?")
        if found and not written.strip("*?"):
            found[-1] += written
        elif written != "*" or len(tokens) == 1:
            found.append(written)
    return [re.sub(r"\*+", "*", token) for token in found]


def _prefix(tokens: list[str], *, hyphen: bool) -> Words:
    """Tokens in a row, the last one's beginning; plurals whose singular does not begin so stand in the exact form."""
    *before, last = tokens
    needles = [" " + " ".join(tokens)]
    if hyphen and len(tokens) > 1:
        needles.append(" " + "".join(tokens))
    lead = " ".join(("", *before, ""))
    marked = tuple(f"{lead}{singular}{word_forms.PLURAL}" for singular in sorted(folded_elsewhere(last)))
    return Words(tuple(needles), marked)


def folded_elsewhere(prefix: str) -> frozenset[str]:
    """Singulars that do not begin like this and have a plural that does: armi, armie and armies of army."""
    stems = {prefix[:-1], prefix[:-2], prefix[:-1] + "y", prefix[:-2] + "y", prefix[:-3] + "y"}
    stems |= {singular for plural, singular in word_forms.irregular().items() if plural.startswith(prefix)}
    return frozenset(
        stem
        for stem in stems
        if stem and not stem.startswith(prefix) and any(form.startswith(prefix) for form in word_forms.plurals(stem))
    )
