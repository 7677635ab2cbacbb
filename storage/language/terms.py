"""PURE: one term of a query, folded as texts are -> a leaf of the tree; None for a term without letters and digits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby, product
from typing import Self

from storage.language import regex as regexes
from storage.language import words as word_forms
from storage.language.fold import CLOSED, closed, fold, surface
from storage.language.tree import Exact, From, Fuzzy, Guarded, Near, Node, Or, QueryError, Regex, Wild, Words
from storage.language.written import Written

STAND_IN = {"*": "ʘ", "?": "ʗ"}  # letters that pass through folding, for wildcards
_STAR, _ONE = STAND_IN.values()
_FARTHEST = 1000
_DISTANCE = 10  # of NEAR without a number
_MOST_COMPOUNDS = 4  # of one phrase that are each open or closed by itself
_MOST_MIXED = 3  # words of a phrase of which each may be mixed by itself
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


class Term(tuple[str, ...]):  # noqa: SLOT001  a tuple has no room for slots
    """The phrases of one term, and what they must not be right behind or in front of to count."""

    not_after: tuple[str, ...]
    not_before: tuple[str, ...]

    def __new__(cls, phrases: Iterable[str], not_after: Iterable[str] = (), not_before: Iterable[str] = ()) -> Self:
        """A term; without guards it is just its phrases."""
        made = super().__new__(cls, phrases)
        made.not_after, made.not_before = tuple(not_after), tuple(not_before)
        return made


def guards(phrases: Sequence[str]) -> list[str]:
    """What the phrases of a term must not be beside, for telling one version of a term from another."""
    if not isinstance(phrases, Term):
        return []
    return [
        f"{where}{guard}" for where, words in (("<", phrases.not_after), (">", phrases.not_before)) for guard in words
    ]


def any_of(phrases: Iterable[str]) -> Node | None:
    """One of several phrases: what a term with a name means, in every language that it is known in.

    A phrase that begins with `=` counts only as it is written.
    """
    term = phrases if isinstance(phrases, Term) else Term(phrases)
    needles = dict.fromkeys(f" {form} " for phrase in term if phrase[:1] != "=" for form in _forms(phrase))
    ways: list[Node] = [Words(tuple(needles))] if needles else []
    ways += [found for phrase in term if phrase[:1] == "=" and (found := as_written(phrase[1:]))]
    if not ways:
        return None
    part = Or(tuple(ways)) if len(ways) > 1 else ways[0]
    after, before = _tokens(term.not_after), _tokens(term.not_before)
    return Guarded(part, after, before) if after or before else part


def _tokens(phrases: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    return tuple(dict.fromkeys(tuple(form.split()) for phrase in phrases for form in _forms(phrase)))


def joined(word: str, other: str) -> Words | None:
    """The one word that two become side by side; None for nearly all words."""
    found = words(f"{word} {other}")
    return found if found and not any(" " in needle.strip() for needle in found.needles) else None


def sender(text: str) -> From | None:
    """The author or the forward's origin."""
    forms = _forms(text)
    return From(tuple(f" {form} " for form in forms)) if forms else None


def _forms(text: str) -> tuple[str, ...]:
    """A phrase as texts may hold it: each of its hyphens open, or closed: cease-fire is ceasefire and cease fire."""
    folded = body(text)
    if not folded:
        return ()
    if "-" not in folded:
        return tuple(_with_mixed(plain(folded)))
    tokens = folded.split(" ")
    if sum("-" in token for token in tokens) > _MOST_COMPOUNDS:
        return *_with_mixed(plain(folded)), *_with_mixed(closed(folded))
    ways = ((plain(token), closed(token)) if "-" in token else (plain(token),) for token in tokens)
    forms = dict.fromkeys(" ".join(way) for way in product(*ways))
    return tuple(way for form in forms for way in _with_mixed(form))


def _with_mixed(form: str) -> list[str]:
    """A phrase, and as it is where letters of another script are among those of some of its words."""
    ways = [(token, *filter(None, (word_forms.mixed(token),))) for token in form.split()]
    if sum(len(way) - 1 for way in ways) > _MOST_MIXED:
        return [form, " ".join(way[-1] for way in ways)]
    return [" ".join(tokens) for tokens in product(*ways)]


def as_written(text: str) -> Exact | None:
    """Words in a row as they are written: case, accents, endings and the kind of Chinese letters count."""
    folded = plain(body(text))
    return Exact(Written(text).form, f" {folded} ") if folded else None


def phrase(text: str) -> Node | None:
    """What stands between quotes: words in a row, some with wildcards; a lone * is any one word."""
    if not _has_wildcard(text):
        return words(text)
    tokens: list[str] = []
    for wild, written in groupby(text.split(), key=_has_wildcard):
        if wild:
            for word in written:
                tokens += ["*"] if word == "*" else _attached(surface(_stood_in(word)).split())
        else:
            tokens += plain(body(" ".join(written))).split()
    if not any(token.strip("*?") for token in tokens):
        return None
    if tokens[-1].endswith("*") and not any(char in "*?" for char in "".join(tokens)[:-1]) and tokens[-1] != "*":
        return _prefix([*tokens[:-1], tokens[-1][:-1]], hyphen=False)
    return Wild(tuple(tokens))


# In running text a * or ? is a sign of it, unless letters are on its sides or it is alone.
_WILDCARD = r"(?<!\S)\*(?!\S)|\w[\u1000-\u109f\u0300-\u036f]*\*|\*\w|\w\?+(?=\w)"


def _has_wildcard(text: str) -> bool:
    return ("*" in text or "?" in text) and re.search(_WILDCARD, text) is not None


def _stood_in(word: str) -> str:
    return "".join(STAND_IN.get(char, char) for char in word)


def bare(word: str, position: int, *, wild: bool, exact: bool) -> Node | None:
    """A term without quotes, its wildcards stood in for."""
    fuzzy = None if wild else re.fullmatch(r"(.*[^~])~([0-9]*)", word, re.DOTALL)
    if exact and not wild and not fuzzy:
        return as_written(word[1:])
    word = word[1:] if exact and len(word) > 1 else word
    if fuzzy:
        return _fuzzy(fuzzy[1], fuzzy[2], position)
    return _wildcard(word, position) if wild else words(word)


def _fuzzy(word: str, edits: str, position: int) -> Fuzzy | None:
    if edits and int(edits[:4]) not in (1, 2):
        raise QueryError("word~ allows one or two changed letters: write word~, word~1 or word~2", position)
    tokens = tuple(plain(body(word)).split())
    letters = sum(map(len, tokens))
    return Fuzzy(tokens, int(edits) if edits else 1 if letters <= _SHORT else 2) if tokens else None


def near(parts: Sequence[Node | None], distance: int, position: int) -> Node | None:
    """The parts, with at most so many other words among them, in any order."""
    if distance > _FARTHEST:
        raise QueryError(f'"…"~{distance} reaches too far: {_FARTHEST} words is the most', position)
    found = tuple(part for part in parts if part is not None)
    return Near(found, distance) if len(found) > 1 else found[0] if found else None


def near_each_other(left: Node, right: Node, how: str, position: int) -> Near:
    """Two terms that NEAR/5 or ONEAR/5 joins; ONEAR: in this order."""
    name, _, number = how.partition("/")
    distance = int(number[:5]) if number else _DISTANCE
    if distance > _FARTHEST:
        raise QueryError(f"{how} reaches too far: {_FARTHEST} words is the most", position)
    for part in (left, right):
        if not _may_be_near(part):
            raise QueryError(f'{how} joins words, "phrases" and groups of them with OR', position)
    return Near((left, right), distance, name == "ONEAR")


def _may_be_near(node: Node) -> bool:
    if isinstance(node, Or):
        return all(map(_may_be_near, node.parts))
    return isinstance(node, Words | Exact | Guarded | Wild | Fuzzy | Near)


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
    """Tokens in a row, the last one's beginning; plurals whose singular does not begin so are in the exact form."""
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
