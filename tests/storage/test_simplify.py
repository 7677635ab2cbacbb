"""A query that says one thing twice, or contradicts itself, is searched as what is left of it."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.language.match import Document, DocumentText, PreparedDocument, holds
from storage.language.query import parse
from storage.language.tree import Node
from storage.search import newest, search
from storage.search.simplify import is_never, simplify
from tests.storage.test_search import PLAIN, Shelf, shelf

__all__ = ["shelf"]

_WORDS = ("army", "north", "northern", "northern army", "camp")
_LEAVES = (
    "army",
    "north*",
    "northern",
    '"northern army"',
    "in:file",
    "(in:file csv)",
    "csv",
    "=camp",
    "has:voice",
    "*amp",
)


def _document(said: tuple[bool, ...], *, voice: bool, file: bool) -> PreparedDocument:
    words = " -- ".join(word for word, is_said in zip(_WORDS, said, strict=True) if is_said)
    texts = [DocumentText(1, "body", words, words, "en", None)]
    texts += [DocumentText(2, "file", "camp.csv", "camp csv", "en", None)] * file
    has = frozenset({"voice"} if voice else ())
    return PreparedDocument(Document(1, "desk", frozenset(), None, None, None, "en", has, 0, tuple(texts)))


_DOCUMENTS = [
    _document(said[2:], voice=said[0], file=said[1]) for said in product((False, True), repeat=len(_WORDS) + 2)
]
_query = st.recursive(
    st.sampled_from(_LEAVES),
    lambda inner: st.one_of(
        inner.map("NOT ({})".format),
        st.lists(inner, min_size=2, max_size=4).map(lambda parts: "(" + " ".join(parts) + ")"),
        st.lists(inner, min_size=2, max_size=4).map(lambda parts: "(" + " OR ".join(parts) + ")"),
    ),
    max_leaves=10,
)


@given(query=_query)
def test_what_is_left_of_a_query_holds_on_the_same_posts(query: str) -> None:
    root = parse(query).root
    left = simplify(root)
    for document in _DOCUMENTS:
        assert holds(root, document) == holds(left, document)


def _left_of(query: str) -> Node:
    return simplify(parse(query).root)


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("army army", "army"),
        ("(army OR camp) -army", "camp -army"),
        ("(army camp) OR camp", "camp"),
        ("north* -(camp army) army", "army north* -camp"),
        ('("northern army" OR camp) -north*', "camp -north*"),
        ("northern north*", "northern"),
        ("in:file camp", "in:file camp"),
        ("army ((camp -army) OR (camp has:voice))", "army camp has:voice"),
    ],
)
def test_what_the_rest_of_a_query_decides_is_left_out(query: str, left: str) -> None:
    assert set(getattr(_left_of(query), "parts", (_left_of(query),))) == set(
        getattr(parse(left).root, "parts", (parse(left).root,))
    )


def test_the_extension_of_a_file_does_not_follow_from_its_name() -> None:
    query = parse("(in:file csv) -csv")
    [document] = (one for one in _DOCUMENTS[-1:] if holds(query.root, one))
    assert holds(simplify(query.root), document)


NEVER = (
    "army -army",
    "-(army OR -army)",
    '"northern army" -north*',
    "(army camp) (-army OR -camp)",
    "lang:und -lang:und",
)


@pytest.mark.parametrize("query", NEVER)
def test_a_contradiction_finds_nothing_and_looks_at_nothing(shelf: Callable[..., Shelf], query: str) -> None:
    made = shelf([PLAIN | {"texts": [("body", "northern army camp")]}])
    for archive in (made.reader, _aged(made)):
        root: Any = parse(query)
        assert is_never(simplify(root.root))
        assert list(search.search(archive, root, limit=5)) == []
        assert search.count(archive, root) == 0
        assert search.count_candidates(archive, root).posts == 0
        assert newest.find_newest(archive, root.root, most=5).ids == []
        tautology = parse(f"NOT ({query})")
        assert search.count(archive, tautology) == len(newest.find_newest(archive, tautology.root, most=5).ids) == 1


def _aged(made: Shelf) -> Any:
    made.age()
    return made.reader
