"""The forms of a query beyond words: exact ones, nearness, wildcards in phrases, open compounds, names of files."""

from collections.abc import Callable

import pytest

from bot.rules import Rule, compile_rules
from storage.language.fold import fold
from storage.language.hits import evaluate
from storage.language.match import Document, DocumentText
from storage.language.query import QueryError, parse, warnings
from storage.language.terms import Term

TERMS = {
    "command": ("regional command", "တိုင်းစစ်ဌာနချုပ်"),
    "northern": Term(("Northern Command", "မြောက်ပိုင်းတိုင်းစစ်ဌာနချုပ်"), ("အရှေ့", "အနောက်"), ("of Elsewhere", "school")),
    "muse": ("=Muse", "=MUSE", "မူဆယ်"),
    "pdf": Term(("People's Force", "=PDF"), (), ("file",)),
}
Found = Callable[..., list[str] | None]


@pytest.fixture
def found() -> Found:
    """What a query finds in a text of some kind, alone and as one of several rules; None if it does not hold."""

    def find(query: str, text: str, kind: str = "body") -> list[str] | None:
        made = DocumentText(1, kind, text, fold(text), "und", None)
        post = Document(1, "spokesman", frozenset(), None, None, None, "und", frozenset(), None, (made,))
        tree = parse(query, terms=TERMS)
        hits = evaluate(tree, post)
        matched = compile_rules([Rule("other", parse("army"), "1"), Rule("this", tree, "1")]).match(post)
        assert any(match.rule == "this" for match in matched) == (hits is not None)
        for hit in hits or ():
            assert text[hit.start : hit.end] == hit.form
        return None if hits is None else [hit.form for hit in hits]

    return find


@pytest.mark.parametrize(
    ("query", "text", "forms"),
    [
        ("=US", "The US told us", ["US"]),
        ("=US", "they told us", None),
        ("=us", "The US", None),
        ('="US forces"', "US forces", ["US forces"]),
        ('="US forces"', "us forces, US Forces", None),
        ("=Müller", "Müller", ["Müller"]),
        ("=Müller", "Muller", None),
        ("=Muller", "Müller", None),
        ("=command", "commands command's Command", None),
        ("=Commands", "the Commands", ["Commands"]),
        ("=Ta'ang", "the Ta’ang army", ["Ta’ang"]),
        ("=Харків", "Xapків", None),
        ("=Харків", "Харків", ["Харків"]),
        ("=1027", "၁၀၂၇", None),
        ("=တပ်", "တပ်မတော်", ["တပ်"]),
        ("=东北", "东北军区", ["东北"]),
        ("=東北", "东北军区", None),
        ("=lashio", "la\u00adshio", ["la\u00adshio"]),
        ("=NEAR OR =near", "NEAR and far", ["NEAR"]),
        ("-=US army", "us army", ["army"]),
        ("-=US army", "US army", None),
    ],
)
def test_an_exact_word_is_found_as_it_is_written(found: Found, query: str, text: str, forms: list[str] | None) -> None:
    assert found(query, text) == forms


@pytest.mark.parametrize(
    ("query", "text", "forms"),
    [
        ("(army OR navy) NEAR/5 lost", "the navy has lost", ["navy has lost"]),
        ("(army OR navy) NEAR/1 lost", "the navy has now lost", None),
        ("army NEAR/0 base", "the base army", ["base army"]),
        ("army ONEAR/5 lost", "the army has lost", ["army has lost"]),
        ("army ONEAR/5 lost", "lost, the army", None),
        ("army NEAR lost", "lost: the army", ["lost: the army"]),
        ("army NEAR army", "the army", None),
        ("army NEAR army", "army and army", ["army and army"]),
        ("army NEAR/2 =US", "the US army; us", ["US army"]),
        ("army NEAR/2 =US", "the army told us", None),
        ("arm* NEAR/2 l?shio", "armed in Lashio", ["armed in Lashio"]),
        ("lashio~ NEAR/2 army", "lasho army", ["lasho army"]),
        ("a NEAR/1 b NEAR/1 c", "c x b y a", ["c x b y a"]),
        ("a NEAR/1 b NEAR/1 c", "c x x b y a", None),
        ("fell OR army NEAR/1 lost", "it fell", ["fell"]),
        ("fell army NEAR/1 lost", "army lost; it fell", ["army lost", "fell"]),
        ("-army NEAR/5 lost fell", "the army lost, fell", None),
        ("NOT army NEAR/5 lost fell", "the army fell", ["fell"]),
        ("@command NEAR/3 (lost OR fell)", "တိုင်းစစ်ဌာနချုပ် fell", ["တိုင်းစစ်ဌာနချုပ် fell"]),
        ('"@command lost"~10', "lost was the Regional Command", ["lost was the Regional Command"]),
        ('"@northern lost"~1', "lost မြောက်ပိုင်းတိုင်းစစ်ဌာနချုပ်", ["lost မြောက်ပိုင်းတိုင်းစစ်ဌာနချုပ်"]),
        ('"@northern lost"~3', "lost အရှေ့မြောက်ပိုင်းတိုင်းစစ်ဌာနချုပ်", None),
        ('"comm* lost"~1', "commanders who lost", ["commanders who lost"]),
        ('တပ် NEAR/2 "မြို့ သစ်"', "တပ်က မြို့သစ်", ["တပ်က မြို့သစ်"]),
        ("north-eastern NEAR/1 fell", "northeastern post fell", ["northeastern post fell"]),
        ("NEAR army", "the army is near", ["army", "near"]),
        ("army NEAR", "the army is near", ["army", "near"]),
        ('"NEAR" army', "near the army", ["near", "army"]),
        ("… NEAR/2 army", "the army", ["army"]),
    ],
)
def test_terms_are_near_each_other(found: Found, query: str, text: str, forms: list[str] | None) -> None:
    assert found(query, text) == forms


@pytest.mark.parametrize(
    ("query", "says", "position"),
    [
        ("army NEAR/5", "NEAR/5 needs a term on its right", 5),
        ("NEAR/5 army", "NEAR/5 needs a term on its left", 0),
        ("army NEAR/5 OR navy", "OR needs a term on its left", 12),
        ("army NEAR/5 -lost", "not negated", 5),
        ("army NEAR/5 (NOT lost)", "joins words", 5),
        ("(army navy) NEAR/5 lost", "joins words", 12),
        ("army ONEAR/5 /lost/", "joins words", 5),
        ("army NEAR/5 source:desk", "joins words", 5),
        ("army NEAR/1001 lost", "too far", 5),
    ],
)
def test_what_cannot_be_near_is_refused(query: str, says: str, position: int) -> None:
    with pytest.raises(QueryError, match=says) as refused:
        parse(query)
    assert refused.value.position == position


@pytest.mark.parametrize(
    ("query", "text", "forms"),
    [
        ('"comm* lost"', "the commander lost it", ["commander lost"]),
        ('"regional comm*"', "Regional Commands", ["Regional Commands"]),
        ('"commands lo*"', "the command lost", ["command lost"]),
        ('"the * command"', "the regional command", ["the regional command"]),
        ('"the * command"', "the command", None),
        ('"l?shio fell"', "Lashio fell", ["Lashio fell"]),
        ('"*mander lost"', "commander lost", ["commander lost"]),
        ('"what? they lost"', "what they lost", ["what they lost"]),
        ('"တိုင်း* ချုပ်"', "တိုင်း ချုပ်", ["တိုင်း ချုပ်"]),
        ('"တပ် * ကျ"', "တပ်မကျ", ["တပ်မကျ"]),
        ('-"comm* lost" it', "commander lost it", None),
    ],
)
def test_a_phrase_may_have_wildcards(found: Found, query: str, text: str, forms: list[str] | None) -> None:
    assert found(query, text) == forms


@pytest.mark.parametrize("text", ["ceasefire", "cease fire", "cease-fire", "Cease‑Fire", "CEASE  FIRE"])
def test_a_hyphen_finds_a_compound_open_closed_and_hyphenated(found: Found, text: str) -> None:
    assert found("cease-fire", text) == [text]
    assert found('"the cease-fire at air-base"', f"the {text} at airbase") == [f"the {text} at airbase"]


@pytest.mark.parametrize(
    ("query", "text", "forms"),
    [
        ("@northern", "မြောက်ပိုင်းတိုင်းစစ်ဌာနချုပ်", ["မြောက်ပိုင်းတိုင်းစစ်ဌာနချုပ်"]),
        ("@northern", "အရှေ့မြောက်ပိုင်းတိုင်းစစ်ဌာနချုပ်", None),
        ("@northern", "အနောက် မြောက်ပိုင်းတိုင်းစစ်ဌာနချုပ်", None),
        ("@northern", "အရှေ့။ မြောက်ပိုင်းတိုင်းစစ်ဌာနချုပ်", ["မြောက်ပိုင်းတိုင်းစစ်ဌာနချုပ်"]),
        ("@northern", "Northern Command of Elsewhere", None),
        ("@northern", "Northern-Command-School", None),
        ("@northern", "Northern Command. School", ["Northern Command"]),
        ("@northern", "Northern Command\nSchool", ["Northern Command"]),
        ("@northern", "Northern Command school; Northern Commands", ["Northern Commands"]),
        ("@muse", "a muse", None),
        ("@muse", "in Muse and MUSE", ["Muse", "MUSE"]),
        ("@muse", "မူဆယ်မြို့", ["မူဆယ်"]),
        ("@pdf", "the PDF file", None),
        ("@pdf", "the PDF. File it", ["PDF"]),
        ("@pdf", "pdf, People's Force", ["People's Force"]),
        ("-@northern army", "army Northern Command school", ["army"]),
    ],
)
def test_a_term_says_what_it_must_not_stand_beside(
    found: Found, query: str, text: str, forms: list[str] | None
) -> None:
    assert found(query, text) == forms


@pytest.mark.parametrize(
    ("query", "name", "forms"),
    [
        ("PDF", "report.pdf", None),
        ("PDF", "the PDF of today.docx", ["PDF"]),
        ("report", "report.pdf", ["report"]),
        ("mp", "film.MP4", None),
        ("tar OR gz", "all.tar.gz", None),
        ("AI", "logo.ai", None),
        ("AI", "logo by AI.png", ["AI"]),
        ("Gen", "talk.Lt.Gen", ["Gen"]),
        ("စာတမ်း", "စာတမ်း.pdf", ["စာတမ်း"]),
        ("/pdf/", "report.pdf", None),
        ("in:text report", "report.pdf", None),
        ("-in:file report", "report.pdf", None),
        ("(in:text OR in:file) report", "report.pdf", ["report"]),
        ("in:(text OR file) report", "report.pdf", ["report"]),
        ("in:file report", "report.pdf", ["report"]),
        ("in:file pdf", "report.pdf", ["pdf"]),
        ("in:file =PDF", "report.PDF", ["PDF"]),
        ("in:file /pdf$/", "report.pdf", ["pdf"]),
        ("report -in:file", "report.pdf", None),
        ("in:card report", "report.pdf", None),
    ],
)
def test_the_kind_of_a_file_is_nothing_that_anybody_said(
    found: Found, query: str, name: str, forms: list[str] | None
) -> None:
    assert found(query, name, "file") == forms


def test_a_card_is_searched_and_has_a_scope_of_its_own(found: Found) -> None:
    assert found("army", "the army", "card") == ["army"]
    assert found("in:card army", "the army", "card") == ["army"]
    assert found("in:text army", "the army", "card") is None


@pytest.mark.parametrize(
    ("query", "says"), [("=comm*", "= does nothing"), ("=lashio~", "= does nothing"), ('"@command lost"', "in quotes")]
)
def test_forms_that_do_nothing_are_said(query: str, says: str) -> None:
    assert says in warnings(parse(query, terms=TERMS))[0]


def test_the_quotation_mark_of_a_hebrew_abbreviation_ends_no_phrase(found: Found) -> None:
    for query in ('צה"ל', '"צה"ל הודיע"', "צה״ל"):
        assert found(query, "צה״ל הודיע") is not None
