"""Slips: what other tools understand, and what can never match, is said; what people write of is not bothered."""

import pytest

from storage.language.query import QueryError, parse, warnings
from storage.language.slips import unknown_names


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("regional or national", "write OR"),
        ("army And navy", "write AND"),
        ("army (navy or fleet)", "write OR"),
        ("army not navy", "write NOT"),
        ("not navy", "write NOT"),
        ("တပ် or army", "write OR"),
        ("army|navy", "write army OR navy"),
        ("army | navy", "write army OR navy"),
        ("army||navy", "write army OR navy"),
        ("army&&navy", "write army OR navy"),
        ("command^2", "a weight"),
        ('"regional command"^1.5 army', "a weight"),
        ("title:army", "no field"),
        ('headline:"the army"', "no field"),
        ("text:(army OR navy)", "no field"),
        ("filetype:pdf", "in:file"),
        ("after:2024-07-01 army", "since:"),
        ("_exists_:author", "no field"),
        ("unit:lashio", "no field"),
        ("[2024-07-01 TO 2024-07-31] army", "date:[2024-07-01 TO 2024-07-31]"),
        ("army [a TO b]", "date:"),
        ("{army TO navy}", "date:"),
        ("army w/5 lost", "w/5"),
        ("army PRE/3 lost", "PRE/3"),
        ("army ADJ lost", "ADJ"),
        ("army AROUND(5) lost", "AROUND"),
        ("army XOR navy", "XOR"),
        ("army WITHIN/3 lost", "WITHIN/3"),
        ('"army lost"~ navy', "no number"),
        ("/comm.nd/i", "ends at its slash"),
        ("army - navy", "write -navy"),
        ("army ! navy", "write NOT navy"),
        ("army = navy", "write =word"),
        ("«regional command» army", "make no phrase"),
        ("'regional command'", "make no phrase"),
        ("‘regional command’", "make no phrase"),
        ("「地区 司令部」", "make no phrase"),
        ("%army%", "% is no wildcard"),
        ("source=desk army", "with a colon"),
        ("source :desk army", "directly before its colon"),
        ("army –navy", "minus of the keyboard"),
        ("army −navy", "minus of the keyboard"),
        ("army,navy,fleet", "in a row"),
        ("army;navy", "in a row"),
        ("army+navy", "in a row"),
        ("army&navy", "in a row"),
        ("lost （army OR navy）", "write ("),
        ("source：desk army", "colon of the keyboard"),
        ("lashio~0.8", "word~1"),
        ('"army OR navy"', "inside quotes"),
        ('lost "army NEAR/5 navy"', "inside quotes"),
        ("army NOT army", "never match"),
        ("army navy -(fleet OR armies)", "never match"),
        ('"regional command" -command', "never match"),
        ("=US -us", "never match"),
        ("(army OR navy) -army -navy", "never match"),
        ("fleet OR (army -army)", "never match"),
        ("fleet (navy OR (army -army))", "never match"),
        ("source:desk army -source:desk", "never match"),
        ("source:desk source:spokesman army", "source:desk OR source:spokesman"),
        ("side:junta side:other", "one side"),
        ("since:2025 until:2024 army", "no moment in common"),
        ("in:ocr -in:ocr army", "every kind of text"),
    ],
)
def test_what_is_probably_not_meant_is_said_with_what_to_write(query: str, says: str) -> None:
    found = warnings(parse(query))
    assert any(says in slip for slip in found), found
    assert not any("\n" in slip for slip in found)


@pytest.mark.parametrize(
    "query",
    [
        "army OR navy NOT fleet",
        '"army or navy" "not now" lost',
        r"army \or navy",
        "army or",
        "the of and",
        "R&D",
        "10,000",
        '"AND" army',
        "a=b",
        "C++",
        "cease-fire",
        "army & navy",
        "12:30",
        "https://example.org/a",
        "Statement:army",
        "date:[2024 TO 2025]",
        "and/or",
        "/a|b/",
        "/a^2/",
        "'tis the king's",
        "ka'ba",
        "50%",
        "a*",
        "army – navy",
        "army -navy",
        'command -"regional command"',
        "(army OR navy) -army",
        "source:a* source:b",
        "in:transcript in:ocr army",
        "in:text army -in:ocr",
        "since:2024 until:2025",
        "lang:my lang:en",
        "same sex",
        "N95 w54",
    ],
)
def test_what_is_meant_is_not_bothered(query: str) -> None:
    assert warnings(parse(query)) == ()


def test_a_field_of_another_tool_that_is_near_one_of_ours_is_refused_with_the_right_one() -> None:
    with pytest.raises(QueryError, match=r"no field site: write source:\."):
        parse("army site:example.org")


def test_names_that_nothing_has_are_found_wherever_they_are_written() -> None:
    known = {"source": ["Desk", "spokesman"], "tag": ["junta"], "side": [], "rule": ["army"]}
    query = parse("source:desk (tag:nope OR -source:news*) side:junta -rule:army source:spoke* tag:j?nta")
    assert list(unknown_names(query.root, known)) == [("tag", "nope"), ("source", "news*"), ("side", "junta")]
