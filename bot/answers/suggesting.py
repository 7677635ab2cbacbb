"""PURE: posts that people judged -> words that are in what was noise and never in what was useful."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from storage.language.fold import fold_with_places
from storage.language.hits import evaluate
from storage.language.match import Document
from storage.language.query import Query, QueryError, parse
from storage.language.syllables import CHINESE
from storage.language.terms import plain

_SHORTEST = 3  # letters of a word of an alphabet
_LONGEST = 40
_ROW = range(2, 7)  # syllables, clusters or characters of a word in a script without spaces
_TRIED = 300  # of the words found, the most frequent first
_LETTERS = 20_000  # of one text that are looked at
_SPACELESS = re.compile(f"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\ua9e0-\ua9ff\uaa60-\uaa7f]|{CHINESE}")
_OPERATORS = {"and", "or", "not"}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A word, as a term that a query can exclude; and how many posts that were noise, and useful, it would drop."""

    word: str
    term: str
    noise: int
    useful: int


@dataclass(slots=True)
class _Word:
    written: str
    own: bool  # it neither begins nor ends with what useful posts have too
    posts: set[int] = field(default_factory=set)


def suggest_words(query: Query, useful: Sequence[Document], noise: Sequence[Document], limit: int) -> list[Suggestion]:
    """The words that would drop the most noise and nothing useful; first those that drop what the others leave.

    Words are compared as rules compare them, so that a plural or another spelling counts as the same word. What the
    query itself looks for is not among them.
    """
    kept = {key for document in useful for key, _ in _words(document)} | _looked_for(query, noise)
    parts = {token for document in useful for text in document.texts for token in _tokens(text.text)[0]}
    found: dict[str, _Word] = {}
    for number, document in enumerate(noise):
        for key, written in _words(document):
            if key not in kept:
                edges = key.split(" ")
                own = edges[0] not in parts and edges[-1] not in parts
                found.setdefault(key, _Word(written, own)).posts.add(number)
    most = sorted(found.values(), key=lambda word: (-len(word.posts), not word.own, -len(word.written), word.written))[
        :_TRIED
    ]
    tried = [suggestion for word in _cover(_whole(most)) if (suggestion := _try(word, useful, noise))]
    return tried[:limit]


def leave_out(query: str, term: str) -> str:
    """The query that finds the same, without what the term finds."""
    return f"({query}) -{term}"


def find_matching(query: Query, documents: Iterable[Document]) -> list[Document]:
    """Those that the query still finds."""
    return [document for document in documents if evaluate(query, document) is not None]


def _looked_for(query: Query, documents: Iterable[Document]) -> set[str]:
    """The words that the query found in these posts."""
    forms = {hit.form for document in documents for hit in evaluate(query, document) or ()}
    rows = [_tokens(form)[0] for form in forms]
    return {" ".join(row[start : start + size]) for row in rows for start in range(len(row)) for size in (1, *_ROW)}


def _words(document: Document) -> Iterator[tuple[str, str]]:
    """Each word of a post as it is compared, and as it was written."""
    for text in document.texts:
        raw = text.text
        tokens, spans = _tokens(raw)
        for place, (token, (start, end)) in enumerate(zip(tokens, spans, strict=False)):
            if not _SPACELESS.match(token):
                if _SHORTEST <= len(token) <= _LONGEST and any(map(str.isalpha, token)):
                    yield token, raw[start:end].lower()
                continue
            for size in _ROW:
                row = spans[place : place + size]
                if len(row) < size or not _is_one(raw, row):
                    break
                yield " ".join(tokens[place : place + size]), raw[start : row[-1][1]]


def _tokens(raw: str) -> tuple[list[str], list[tuple[int, int]]]:
    folded, spans = fold_with_places(raw[:_LETTERS])
    return plain(folded).split(" "), spans


def _is_one(raw: str, row: Sequence[tuple[int, int]]) -> bool:
    """Whether nothing is between these tokens, all of a script without spaces."""
    touching = all(before[1] >= after[0] for before, after in pairwise(row))
    return touching and all(_SPACELESS.match(raw[start]) for start, _ in row)


def _whole(words: Sequence[_Word]) -> list[_Word]:
    """Of several pieces of one stretch of a script without spaces that are in the same posts, the likeliest word."""
    return [
        word
        for word in words
        if not _SPACELESS.match(word.written)
        or not any(
            (other.own, len(other.written)) > (word.own, len(word.written))
            and (word.written in other.written or other.written in word.written)
            and word.posts == other.posts
            for other in words
        )
    ]


def _cover(words: Sequence[_Word]) -> list[_Word]:
    """First the word in most posts, then the one in most of those that are left, and so on; then the others."""
    first: list[_Word] = []
    covered: set[int] = set()
    while best := max(words, key=lambda word: len(word.posts - covered), default=None):
        if not best.posts - covered:
            break
        first.append(best)
        covered |= best.posts
    return first + [word for word in words if word not in first]


def _try(word: _Word, useful: Sequence[Document], noise: Sequence[Document]) -> Suggestion | None:
    """What the term would do, by the rules' own reading; None if it would drop something useful or nothing."""
    bare = re.fullmatch(r"[^\W\d_]+", word.written) and word.written not in _OPERATORS
    term = word.written if bare else '"{}"'.format(word.written.replace("\\", "").replace('"', ""))
    try:
        query = parse(term)
    except QueryError:
        return None
    dropped = len(find_matching(query, noise))
    lost = len(find_matching(query, useful))
    return Suggestion(word.written, term, dropped, lost) if dropped and not lost else None
