"""PURE: a leaf of a query -> what the full-text index can be asked for it, of the folded words that it holds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import product
from typing import Protocol
from unicodedata import ucd_3_2_0

from storage.frozen import dataclass
from storage.language.file_names import extension_tokens
from storage.language.fold import CLOSED
from storage.language.sequences import glob
from storage.language.terms import folded_elsewhere
from storage.language.tree import Exact, Fuzzy, Guarded, Near, Node, Or, Wild, Words
from storage.language.words import PLURAL, POSSESSIVE, singular

_MOST_TOKENS = 12  # of one phrase: more make the question longer and hardly narrower
MOST_PARTS = 24
SHORTEST_PREFIX = 3  # shorter ones gather half the index before the first row
_MOST_FUZZY = 4  # tokens of a fuzzy term: the ways to spread its edits over more are many, and narrow little
_MOST_TOGETHER, _TOGETHER = 100, 32  # ways: at each row the index looks at each way of an OR that stands alone
_NOTHING = f'"{CLOSED}{CLOSED}"'  # what no text matches


class IndexWords(Protocol):
    """The words that the index has: which fit a pattern, which are close to a word; None where that is no help.

    `gathers` says whether very many words may be gathered before there is one post: who counts needs all posts anyway.
    """

    @property
    def gathers(self) -> bool: ...

    def beginning_with(self, lead: str) -> list[str] | None: ...

    def usual_with(self, lead: str) -> list[str]: ...

    def like(self, pattern: str) -> list[str] | None: ...

    def close_to(self, word: str, edits: int) -> dict[str, int] | None: ...


def necessary(node: Node, index: IndexWords | None = None) -> str | None:
    """What every text matches in which the leaf is found; None where the index cannot tell.

    Fuzzy words and some with wildcards are known only from the words that the index has.
    """
    if isinstance(node, Or):  # of leaves, near others
        ways = [necessary(part, index) for part in node.parts]
        return any_of(ways) if all(ways) else None
    if isinstance(node, Words):
        ways = [_beginning(needle, index) or _row(needle.split(), prefix=needle[-1] != " ") for needle in node.needles]
        ways += [_row(_unmarked(needle).split(), prefix=False) for needle in node.marked]
        return any_of(way for way in ways if way) if ways and all(ways) else None
    if isinstance(node, Exact):
        return _row(node.folded.split(), prefix=False)
    if isinstance(node, Guarded):
        return necessary(node.part, index)
    if isinstance(node, Near):
        return all_of([found for part in node.parts if (found := necessary(part, index))][:MOST_PARTS]) or None
    if isinstance(node, Wild):
        found_of = [part for token in node.tokens if (part := _like(token, index) or _wild(token))]
        return all_of(found_of[:MOST_PARTS]) or None
    return _close_to(node, index) if isinstance(node, Fuzzy) and index else None


@dataclass(frozen=True, slots=True)
class Found:
    """What a text matches in which some words are `surely` found, and what any matches in which they are found at all.

    `at_all` is None where the index cannot tell the latter.
    `extension` says that they may be the extension of a file, which is found only in the names of files. `maybe` is
    what each text matches that matches `at_all` and not `surely`, where that is a shorter question.
    """

    surely: str
    at_all: str | None
    extension: bool
    maybe: str | None = None


def tell(leaf: Words | Fuzzy | Wild, index: IndexWords | None = None) -> Found | None:
    """What the index knows of words; None where it cannot."""
    at_all = necessary(leaf, index)
    if not isinstance(leaf, Words):
        known = _alike(leaf, index) if at_all and index else []
        extension = any(_is_extension([word], prefix=False) for word in known)
        return Found(any_of(f'"{word}"' for word in known), at_all, extension) if at_all else None
    surely, maybe, extension = list[str](), list[str](), False
    for needle in leaf.needles:
        tokens = needle.split()
        prefix = needle[-1] != " "
        if beginning := _beginning(needle, index):
            surely.append(beginning)
        elif prefix and len(tokens[-1]) < SHORTEST_PREFIX:
            surely += [f'"{word}"' for word in _usual(needle, index)]
        elif at_all and len(tokens) <= _MOST_TOKENS and all(_indexed(char) for token in tokens for char in token):
            phrase, closed = _forms(tokens, prefix=prefix)
            surely.append(any_of((phrase, closed)) if len(tokens) == 1 else phrase)
            maybe.append("" if len(tokens) == 1 else closed)
        extension = extension or _is_extension(tokens, prefix=prefix)
    complete = len(maybe) == len(leaf.needles) and not leaf.marked and not extension
    return Found(any_of(surely), at_all, extension, any_of(maybe) if complete else None) if at_all or surely else None


def _alike(leaf: Fuzzy | Wild, index: IndexWords) -> list[str]:
    """Words of the index that are surely what a single word asks for: no plurals, of which the index has no mark."""
    [token, *more] = leaf.tokens
    if more:
        return []
    if isinstance(leaf, Fuzzy):
        words = list(index.close_to(token, leaf.edits) or ())
    else:
        words = [word for word in index.like(token) or () if glob(token, word.removeprefix(CLOSED))]
    return [word for word in words if all(map(_indexed, word))]


def _is_extension(tokens: list[str], *, prefix: bool) -> bool:
    known = extension_tokens()
    return not known.isdisjoint(tokens) or (prefix and any(token.startswith(tokens[-1]) for token in known))


def _beginning(needle: str, index: IndexWords | None) -> str | None:
    """A word of which only the beginning is known, by the words of the index: they are walked, not gathered first."""
    lead = needle.strip()
    if index is None or needle[-1] == " " or " " in lead or not all(map(_indexed, lead)):
        return None
    words = index.beginning_with(lead)
    if words is None:
        return any_of(_forms([lead], prefix=True)) if index.gathers else None
    return any_of(f'"{word}"' for word in words) or _NOTHING


def _usual(needle: str, index: IndexWords | None) -> list[str]:
    """Some of very many words with this beginning, those that are used most: few posts have none of them."""
    lead = needle.strip()
    if index is None or " " in lead or not all(map(_indexed, lead)):
        return []
    return [
        word for word in index.usual_with(lead) if all(map(_indexed, word)) and not {PLURAL, POSSESSIVE} & set(word)
    ]


def _unmarked(needle: str) -> str:
    return needle.replace(PLURAL, "").replace(POSSESSIVE, "")


def _row(tokens: list[str], *, prefix: bool) -> str | None:
    """Tokens in a row, in the open or in the closed form of a text."""
    if len(tokens) > _MOST_TOKENS:
        tokens, prefix = tokens[:_MOST_TOKENS], False
    if prefix and len(tokens[-1]) < SHORTEST_PREFIX:
        tokens, prefix = tokens[:-1], False
    if not any(_indexed(token) for token in tokens):
        return None
    return any_of(_forms(tokens, prefix=prefix))


def _forms(tokens: list[str], *, prefix: bool) -> tuple[str, str]:
    """Tokens in a row in the open form of a text; and what a text matches that has them in its closed form."""
    end = " *" if prefix else ""
    phrase = f'"{" ".join(tokens)}"{end}'
    ends = ["" for _ in tokens[1:]] + [end]
    closed = any_of(f'"{CLOSED}{token}"{end}' for token, end in zip(tokens, ends, strict=True) if _closable(token))
    if not closed or len(tokens) == 1:
        return phrase, closed
    either = (
        f'("{token}"{end} OR "{CLOSED}{token}"{end})'
        for token, end in zip(tokens, ends, strict=True)
        if _indexed(token)
    )
    return phrase, all_of((closed, *either))


def _wild(token: str) -> str | None:
    """A token with wildcards by what stands before the first one."""
    lead = re.split(r"[*?]", token, maxsplit=1)[0]
    if lead == token:
        return any_of(f'"{mark}{form}"' for form in {token, singular(token)} for mark in ("", CLOSED) if _indexed(form))
    if len(lead) < SHORTEST_PREFIX or not _indexed(lead):
        return None
    exact = (f'"{mark}{form}"' for form in sorted(folded_elsewhere(lead)) for mark in ("", CLOSED))
    return any_of((f'"{lead}" *', f'"{CLOSED}{lead}" *', *exact))


def _like(pattern: str, index: IndexWords | None) -> str | None:
    """A token with wildcards by the words of the index that it fits."""
    letters = re.sub(r"[*?]+", "", pattern)
    if index is None or letters in ("", pattern) or not all(map(_indexed, letters)):
        return None
    words = index.like(pattern)
    if words is None:
        return None
    return any_of(f'"{word}"' for word in words) or _NOTHING


def _close_to(leaf: Fuzzy, index: IndexWords) -> str | None:
    """Tokens in a row, a few edits away in all: for each way to spread the edits over them, the words that fit."""
    tokens = leaf.tokens[:_MOST_FUZZY]
    if not all(map(_indexed, "".join(tokens))):
        return None
    reach = [_within_reach(token, leaf.edits, index) for token in tokens]
    ways = []
    for edits in product(range(leaf.edits + 1), repeat=len(tokens)):
        if sum(edits) == leaf.edits:
            known = [
                words for of_token, most in zip(reach, edits, strict=True) if (words := of_token[most]) is not None
            ]
            if not known:
                return None
            ways.append(all_of(any_of(f'"{word}"' for word in words) for words in known) if all(known) else "")
    return any_of(ways) or _NOTHING


def _within_reach(token: str, edits: int, index: IndexWords) -> list[list[str] | None]:
    """By the number of edits, from none on: the words of the index; None where there are too many."""
    found = index.close_to(token, edits) if edits else {token: 0, CLOSED + token: 0}
    if found is None:
        return [*_within_reach(token, edits - 1, index), None]
    return [[word for word, apart in found.items() if apart <= most] for most in range(edits + 1)]


# Thai, Lao; Burmese; Khmer; Chinese and its neighbours; Korean
_WITHOUT_HYPHENS = (
    ("\u0e00", "\u0eff"),
    ("\u1000", "\u109f"),
    ("\u1780", "\u17ff"),
    ("\u2e80", "\u9fff"),
    ("\uac00", "\ud7af"),
)


@lru_cache(maxsize=4096)
def _indexed(token: str) -> bool:
    """Whether SQLite's tokenizer, whose letters are those of an older Unicode, keeps at least one of this token."""
    return any("\u1000" <= char <= "\u109f" or ucd_3_2_0.category(char) != "Cn" for char in token)


def _closable(token: str) -> bool:
    """Whether a token may be a closed compound: a word of letters, of a script that writes hyphens."""
    first = token[0]
    return not (first.isdecimal() or any(low <= first <= high for low, high in _WITHOUT_HYPHENS))


def all_of(parts: Iterable[str]) -> str:
    """What matches each of them; empty for none."""
    return _joined(" AND ", parts)


def any_of(parts: Iterable[str | None]) -> str:
    """What matches one of them; empty for none."""
    return _joined(" OR ", parts)


def _joined(word: str, parts: Iterable[str | None]) -> str:
    found = list(dict.fromkeys(filter(None, parts)))
    if word == " OR " and len(found) > _MOST_TOGETHER:
        groups = [word.join(found[start : start + _TOGETHER]) for start in range(0, len(found), _TOGETHER)]
        found = [f"(({group}) NOT {_NOTHING})" for group in groups]
    return f"({word.join(found)})" if len(found) > 1 else found[0] if found else ""
