"""The tables of cases: a query, a text, and whether the one finds the other."""

import re
from pathlib import Path

import pytest

from storage.language.fold import fold
from storage.language.hits import evaluate
from storage.language.match import Document, DocumentText
from storage.language.query import parse
from storage.language.script import language

TABLES = sorted(Path(__file__).parent.glob("*.tsv"))


def document(*texts: tuple[str, str], **facts: object) -> Document:
    made = tuple(
        DocumentText(number, kind, text, fold(text), language(text), None) for number, (kind, text) in enumerate(texts)
    )
    known: dict[str, object] = {
        "post_id": 7,
        "source": "spokesman",
        "tags": frozenset({"junta"}),
        "side": "junta",
        "author": None,
        "forwarded_from": None,
        "language": language(texts[0][1]) if texts else "und",
        "has": frozenset(),
        "posted_at": None,
        "texts": made,
    }
    return Document(**(known | facts))  # type: ignore[arg-type]


def read(cell: str) -> str:
    return re.sub(r"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)), cell.replace(r"\n", "\n"))


def cases() -> list[object]:
    lines = [line for path in TABLES for line in path.read_text(encoding="utf-8").splitlines()]
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [
        pytest.param(read(query), read(text), wanted == "1", id=f"{why}-{number}")
        for number, (query, text, wanted, why) in enumerate(rows)
    ]


@pytest.mark.parametrize(("query", "text", "wanted"), cases())
def test_a_query_finds_what_it_means_and_nothing_else(query: str, text: str, wanted: bool) -> None:
    hits = evaluate(parse(query), document(("body", text)))
    assert (hits is not None) == wanted, f"{fold(query)!r} in {fold(text)!r}"
    for hit in hits or ():
        assert text[hit.start : hit.end] == hit.form
        assert hit.form.strip()


def test_the_tables_have_seven_hundred_cases_and_none_twice() -> None:
    lines = [line for path in TABLES for line in path.read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    rows = [line.rsplit("\t", 2)[0] for line in lines]
    assert len(rows) > 700
    assert len(set(rows)) == len(rows)
