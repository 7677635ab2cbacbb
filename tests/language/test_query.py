"""Queries: each is answered or refused in one sentence with its place."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.language.fold import fold
from storage.language.hits import evaluate
from storage.language.match import Document, DocumentText
from storage.language.query import QueryError, parse, warnings

DAY = 86_400_000_000
JULY = 1_719_792_000_000_000  # 2024-07-01T00:00:00Z


def document(*texts: tuple[str, str], posted_at: int | None = None, **facts: object) -> Document:
    made = tuple(DocumentText(number, kind, text, fold(text), "und", None) for number, (kind, text) in enumerate(texts))
    known: dict[str, object] = {
        "author": "Ministry of Information",
        "forwarded_from": "The News Desk",
        "has": frozenset({"voice"}),
        "rules": frozenset({"Fell"}),
    }
    return Document(
        **(known | {"post_id": 7, "source": "Spokesman", "tags": frozenset({"Junta"}), "side": "junta"} | facts),  # type: ignore[arg-type]
        language="und",
        posted_at=posted_at,
        texts=made,
    )


def holds(query: str, *texts: str | tuple[str, str], posted_at: int | None = None) -> bool:
    parts = [text if isinstance(text, tuple) else ("body", text) for text in texts]
    return evaluate(parse(query), document(*parts, posted_at=posted_at)) is not None


@pytest.mark.parametrize(
    "written",
    ["@Hill_Desk", "hill_desk", "t.me/hill_desk", "https://t.me/s/Hill_Desk/7?single", "telegram.me/hill_desk/3/7",
     "HILL_DESK.t.me", "https://telegram.dog/hill_desk", "tg://resolve?domain=hill_desk&post=7", "//www.t.me/hill_desk"],
)  # fmt: skip
def test_a_source_is_asked_for_by_its_channel(written: str) -> None:
    assert parse(f"source:{written}").root == parse("source:hill_desk").root


@pytest.mark.parametrize(
    ("query", "says", "position"),
    [
        ("", "empty", 0),
        ("   ", "empty", 0),
        ("& …", "no letter or digit", 0),
        ('""', "no letter or digit", 0),
        ("a AND", "AND needs a term on its right", 2),
        ("OR a", "OR needs a term on its left", 0),
        ("a OR OR b", "OR needs a term on its left", 5),
        ("a NOT", "NOT needs a term on its right", 2),
        ("(a", "never closed", 0),
        ("a)", "never opened", 1),
        ("NEAR(", "never closed", 4),
        ('a "b', "quotation mark is never closed", 2),
        ('"', "quotation mark is never closed", 0),
        ("*", "wildcard needs a letter", 0),
        ("sorce:x", "did you mean source:", 0),
        ("tags:x", "did you mean tag:", 0),
        ("a language:my", "did you mean lang:", 2),
        ("source:", "needs a value", 0),
        ("source: x", "needs a value", 0),
        ("has:photos", "one of voice, audio", 4),
        ("in:body", "one of text, card, quoted, file, transcript", 3),
        ("lang:12", "language code", 5),
        ("id:abc", "number of a post", 3),
        ("date:tomorrow", "2024-07-01", 5),
        ("date:2024-13", "no date", 5),
        ("date:[2024 TO", "date:[2024-07-01 TO 2024-07-31]", 5),
        ("date:[2025 TO 2024]", "no moment", 5),
        ("word~7", "one or two", 0),
        ('"a b"~99999', "too far", 0),
        ("a~ " * 51, "50 words with ~ are the most", 150),
        ("/(/", "regular expression cannot be read", 1),
        ("x /a(?=b)/", "cannot look ahead", 4),
        (r"/(a)\1/", "cannot refer back", 4),
        ("/a\ud800/", "half a character", 2),
        ("/a{1001}/", "regular expression cannot be read", 1),
        ("(" * 60 + "a" + ")" * 60, "50 deep", 50),
        ("a" * 20_001, "20,000 is the most", 20_000),
    ],
)
def test_bad_input_60_a_query_that_cannot_be_read_is_refused_in_one_sentence(
    query: str, says: str, position: int
) -> None:
    with pytest.raises(QueryError) as refused:
        parse(query)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.position == position


@pytest.mark.parametrize(
    "query", ["foo-bar", "C++", "col:x", "12:30", "\x00", "a\x00b", "\ud800 a", "a", "ก", "戌", "the of and"]
)
def test_bad_input_60_what_is_no_syntax_is_text(query: str) -> None:
    if query == "\x00":
        with pytest.raises(QueryError):
            parse(query)
    else:
        parse(query)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "(",
                ")",
                '"',
                "AND",
                "OR",
                "NOT",
                "-",
                "+",
                "a",
                "လား",
                "source:",
                "date:[",
                "TO",
                "]",
                "/",
                "~",
                "~2",
                "*",
                "?",
                "\\",
                "=",
                ":",
                " ",
                "in:ocr",
                "\x00",
                "\ud800",
            ]
        ),
        max_size=25,
    ).map("".join)
)
def test_no_query_ends_in_anything_but_an_answer_or_a_sentence(query: str) -> None:
    refused = None
    try:
        evaluate(parse(query), document(("body", "a လား 北 \x00 \ud800")))
    except QueryError as error:
        refused = error
    if refused:
        assert 0 <= refused.position <= len(query)
        assert "\n" not in str(refused)


def test_ten_thousand_characters_are_a_query() -> None:
    assert holds(" ".join(["a"] * 5_000), "a")
    assert holds(" OR ".join(["b"] * 1_990) + " OR a", "a")
    assert holds("/a " * 5_000, "a")
    assert holds("-(" * 50 + "a" + ")" * 50, "a")


def test_and_ranges_over_the_texts_of_a_post_and_a_phrase_does_not() -> None:
    texts = ("the army", ("transcript", "took the town"))
    assert holds("army town", *texts)
    assert not holds('"army took"', *texts)
    assert not holds('"army took"~5', *texts)
    assert not holds("army -town", *texts)


def test_in_ranges_over_the_group_that_it_stands_in() -> None:
    texts = ("the army", ("transcript", "took the town"), ("translation", "lost the village"))
    assert holds("in:transcript town", *texts)
    assert not holds("in:transcript army", *texts)
    assert holds("(in:transcript town) army", *texts)
    assert not holds("in:text (town OR village)", *texts)
    assert not holds("-in:transcript town", *texts)
    assert not holds("village", *texts)
    assert holds("in:translation village", *texts)
    assert holds("in:(text OR translation) village army", *texts)
    assert holds("in:transcript", *texts)
    assert not holds("in:ocr", *texts)
    assert holds("in:transcript -army", *texts)


def test_facts_of_the_post_are_asked_for_by_field() -> None:
    for query in (
        "source:SPOKESMAN tag:junta side:junta has:voice id:7 rule:fell from:ministry",
        'from:"news desk" -has:photo',
        "source:spoke* -id:8",
        "from:(nobody OR desk)",
    ):
        assert holds(query, "x")
        assert evaluate(parse(query), document(("body", "x"))) == ()
    assert not holds("from:spokesman", "x")


@pytest.mark.parametrize(
    ("query", "days"),
    [
        ("date:2024-07-01", [0]),
        ("date:2024-07", [0, 1, 30]),
        ("date:2024", [-1, 0, 1, 30, 31]),
        ("date:[2024-07-01 TO 2024-07-02]", [0, 1]),
        ("date:{2024-07-01 TO 2024-07-31}", [1]),
        ("date:[2024-07-02 TO *]", [1, 30, 31]),
        ("date:>2024-07-01", [1, 30, 31]),
        ("date:<=2024-07-01", [-1, 0]),
        ("since:2024-07-31", [30, 31]),
        ("until:2024-06-30", [-1]),
        ("date:[2024-06-30T23:59 TO 2024-07-01T00:00Z]", [0]),
        ("date:2024-07-02T06:30+06:30", [1]),
    ],
)
def test_a_date_is_as_wide_as_it_is_written(query: str, days: list[int]) -> None:
    assert [day for day in (-1, 0, 1, 30, 31) if holds(query, "x", posted_at=JULY + day * DAY)] == days
    assert not holds(query, "x")


def test_dates_are_meant_in_the_zone_that_is_given() -> None:
    from zoneinfo import ZoneInfo

    query = parse("date:2024-07-01", ZoneInfo("Asia/Yangon"))
    assert evaluate(query, document(posted_at=JULY - DAY // 4)) == ()
    assert evaluate(query, document(posted_at=JULY + DAY - DAY // 4)) is None


def test_hits_tell_every_place_in_the_raw_text() -> None:
    text = "Army’s north-eastern camp; the ARMIES, la\u00adshio"
    hits = evaluate(parse("army OR northeastern OR lashio OR -zzz"), document(("body", text)))
    assert hits is not None
    assert [hit.form for hit in hits] == ["Army’s", "north-eastern", "ARMIES", "la\u00adshio"]
    assert [text[hit.start : hit.end] for hit in hits] == [hit.form for hit in hits]


def test_negated_words_are_no_hits() -> None:
    assert evaluate(parse("NOT army"), document(("body", "navy"))) == ()


def test_a_keyword_of_one_burmese_syllable_warns_and_is_not_refused() -> None:
    assert "တပ်" in warnings(parse("တပ် OR army"))[0]
    assert warnings(parse("လားရှိုး army")) == ()


def test_bad_input_56_a_pattern_that_backtracks_elsewhere_is_answered() -> None:
    assert not holds(r"/(a+)+$/", "a" * 5_000 + "b")
    assert not holds(r"/^(\w+\s?)*$/", "a " * 2_000 + "!")
    assert not holds("*a*a*a*a*a*a*b", "a" * 400)


def test_bad_input_58_patterns_know_the_letters_of_every_script() -> None:
    assert holds(r"/(?i)КИЇВ/", "Київ")
    assert holds(r"/\bКи\w+\b/", "у Києві")
    assert holds(r"/^\W*\w+\W*$/", "«Київ»")
    assert re.search(r"\w", "ї")


def test_a_word_may_look_like_an_operator_in_quotes() -> None:
    assert holds('"AND"', "and so on")
    assert not holds('"OR"', "and so on")
