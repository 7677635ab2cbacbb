"""PURE: the Latin words that the rules look for, as hints for speech engines."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from storage.language.query import QueryError, parse
from storage.language.tree import And, Exact, Guarded, Near, Node, Or, Words

MOST = 60  # more do an engine more harm than good
_LATIN = re.compile(r"[a-zà-ɏ]{3,}(?: [a-zà-ɏ]+)*")


def hotwords(queries: Iterable[str], terms: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Each keyword once, in the order of the rules, at most 60, without negated words.

    `terms` are the phrases behind each @name.
    """
    found: dict[str, None] = {}
    for query in queries:
        try:
            root = parse(query, terms=terms).root
        except QueryError:  # the check of the config reports it
            continue
        for words in _words(root):
            for needle in words.needles:
                text = needle.strip()
                if _LATIN.fullmatch(text):
                    found.setdefault(text.title())
        if len(found) >= MOST:
            break
    return tuple(found)[:MOST]


def _words(node: Node) -> Iterator[Words]:
    if isinstance(node, Guarded):
        yield from _words(node.part)
    elif isinstance(node, Exact):
        yield Words((node.folded,))
    elif isinstance(node, Words):
        if node.needles:
            yield node
    elif isinstance(node, And | Or | Near):
        for part in node.parts:
            yield from _words(part)
