"""Terms: one name for the phrases that a thing has in several languages."""

from collections.abc import Callable

import pytest

from storage.language.fold import fold
from storage.language.hits import evaluate
from storage.language.match import Document, DocumentText
from storage.language.query import QueryError, parse

TERMS = {
    "regional-command": ("regional command", "တိုင်းစစ်ဌာနချုပ်", "ၸုမ်းသိုၵ်း"),
    "lashio": ("Lashio", "လားရှိုး", "腊戌"),
    "signs": ("!!", "—"),
}
Found = Callable[[str, str], list[str] | None]


@pytest.fixture
def found() -> Found:
    """What a query finds in a text; None if it does not hold."""

    def find(query: str, text: str) -> list[str] | None:
        body = DocumentText(1, "body", text, fold(text), "und", None)
        post = Document(1, "spokesman", frozenset(), None, None, None, "und", frozenset(), None, (body,))
        hits = evaluate(parse(query, terms=TERMS), post)
        return None if hits is None else [hit.form for hit in hits]

    return find


@pytest.mark.parametrize(
    ("query", "text", "forms"),
    [
        ("@regional-command", "The Regional Commands fell", ["Regional Commands"]),
        ("@regional-command", "မြောက်ပိုင်းတိုင်းစစ်ဌာနချုပ်မှူး", ["တိုင်းစစ်ဌာနချုပ်"]),
        ("@regional-command", "ၸုမ်းသိုၵ်းမၢၼ်ႈ", ["ၸုမ်းသိုၵ်း"]),
        ("@regional-command", "a regional high command", None),
        ("@lashio @regional-command", "腊戌: the regional command", ["腊戌", "regional command"]),
        ("@lashio OR navy", "the navy", ["navy"]),
        ("-@lashio navy", "the navy", ["navy"]),
        ("-@lashio navy", "the navy at Lashio", None),
        ("NOT (@lashio OR army) navy", "the navy at လားရှိုး", None),
        ("+@lashio", "လားရှိုးမြို့", ["လားရှိုး"]),
        ("in:transcript @lashio", "Lashio", None),
        ("north @lashio east", "north of Lashio, east of it", ["north", "Lashio", "east"]),
    ],
)
def test_a_term_is_any_of_its_phrases(found: Found, query: str, text: str, forms: list[str] | None) -> None:
    assert found(query, text) == forms


@pytest.mark.parametrize(
    "query", ['"@lashio_news"', r"\@lashio_news", "desk@lashio_news", "@ army", "from:@lashio_news"]
)
def test_an_at_sign_that_begins_no_bare_word_is_a_sign(query: str) -> None:
    assert parse(query, terms=TERMS).terms == ()


@pytest.mark.parametrize(
    ("query", "position", "part"),
    [
        ("army @lashoi", 5, "There is no term @lashoi: did you mean @lashio?"),
        ("army OR (@regional-comand navy)", 9, "did you mean @regional-command?"),
        ("@Lashio", 0, "did you mean @lashio?"),
        ("@nobody", 0, 'To look for it as text, quote "@nobody"'),
        ("@lashio*", 0, "did you mean @lashio?"),
        ("-@တပ်", 1, "There is no term @တပ်"),
        ("@signs", 0, "The term @signs has no phrase with a letter or digit"),
    ],
)
def test_a_name_that_no_term_has_is_refused_at_its_place(query: str, position: int, part: str) -> None:
    with pytest.raises(QueryError, match="term") as refused:
        parse(query, terms=TERMS)
    assert refused.value.position == position
    assert part in refused.value.message


def test_a_query_knows_which_terms_it_used() -> None:
    query = parse("@lashio OR @lashio OR @regional-command", terms=TERMS)
    assert query.terms == (("lashio", TERMS["lashio"]), ("regional-command", TERMS["regional-command"]))
    assert parse("lashio", terms=TERMS).terms == ()
