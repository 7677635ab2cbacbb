"""PURE: what a query means can change with the program: which version of the language this is, and what it changed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from storage.language.file_names import EXTENSIONS
from storage.language.terms import plain
from storage.language.tree import Exact, Guarded, Near, Node, Query, Words, leaves

LANGUAGE_VERSION = 2  # raised with every change after which a query that can be read finds other posts than before

_QUOTED = re.compile(r'"((?:\\.|[^"\\])*)"(~\d)?')
_WILDCARD = re.compile(r"(?<!\S)\*(?!\S)|\w\*|\*\w|\w\?+(?=\w)")
_EXACT = re.compile(r'(?:^|[\s(!+-])=(?:"|\w[^\s*?~()]*(?:[\s)]|$))')
_NO_WORDS = re.compile(r"(?<!\S)/(?:\\.|[^/\\])+/|\b\w+:\S*|\b(?:AND|OR|NOT|TO|O?NEAR(?:/\d+)?)\b")
# What folds in another way since version 2, wherever it is written.
_FOLDED = (
    (re.compile(r"(?:\b[^\W\d_]\.){2,}"), "initials with dots are one word"),
    (re.compile(r"\b[A-Z\u0400-\u042f]{2,6}\b"), "initials are found with dots too"),
    (re.compile(r"\d[,.\u2019']\d{3}\b"), "a number with separators is one number"),
    (re.compile(r"\d{4,}"), "a number is found with separators too"),
    (re.compile(r"(?<![~\d])\d"), "a number is found with an ending too, as in F-16s and 33rd"),
    (re.compile("[\u4e00-\u9fff]"), "traditional and simplified Chinese are found alike"),
)


def list_changes(query: Query, since: int) -> list[str]:
    """What a query means in another way than in an older version of the language; nothing for one of this version."""
    return [] if since >= LANGUAGE_VERSION else list(dict.fromkeys(_since_version_1(query)))


def _since_version_1(query: Query) -> Iterator[str]:
    text = query.text
    found = leaves(query.root)
    if any(isinstance(leaf, Exact) for leaf in found) or _EXACT.search(text):
        yield "= compares words as they are written, case and accents included"
    for value, near in _QUOTED.findall(text):
        if _WILDCARD.search(value):
            yield "* and ? are wildcards inside quotes"
        if near and "@" in value:
            yield '@name inside "…"~ is the term'
    if any(isinstance(leaf, Near) for leaf in found) and re.search(r"\bO?NEAR\b", _QUOTED.sub("", text)):
        yield "NEAR between two terms is an operator"
    if re.search(r"\bin:(?:text|\([^)]*\btext)", text, re.IGNORECASE):
        yield "in:text leaves out the names of files: write in:(text OR file) to search them"
    if any(plain(needle).replace(" ", "") in EXTENSIONS for leaf in found for needle in _needles(leaf)):
        yield "the extension of a file's name is not searched, except by in:file"
    words = _NO_WORDS.sub(" ", text) + "".join(f" {phrase}" for _, phrases in query.terms for phrase in phrases)
    for pattern, change in _FOLDED:
        if pattern.search(words):
            yield change


def _needles(leaf: Node) -> tuple[str, ...]:
    if isinstance(leaf, Guarded):
        return tuple(needle for part in leaves(leaf.part) for needle in _needles(part))
    return leaf.needles if isinstance(leaf, Words) else (leaf.folded,) if isinstance(leaf, Exact) else ()
