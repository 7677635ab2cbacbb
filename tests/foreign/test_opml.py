"""Lists of feeds: folders, categories, what is hostile, and there and back again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.foreign.opml import Outline, read_opml, write_opml

WRITTEN = """<?xml version="1.0"?>
<opml version="1.0"><head><title>Mine</title></head><body>
<outline text="Ministries" title="Ministries">
  <outline text="North &amp; East"><outline type="rss" text="Statements" xmlUrl="https://ministry.example/feed?a=1&amp;b=2"/></outline>
</outline>
<outline type="rss" title="Desk" text="ignored" xmlUrl=" https://desk.example/rss " category="/press/daily,war"/>
<outline text="Twice" XMLURL="https://desk.example/rss"/><outline text="a note"/>
</body></opml>"""


def test_folders_and_categories_are_read_and_an_address_counts_once() -> None:
    assert read_opml(WRITTEN) == [
        Outline("https://ministry.example/feed?a=1&b=2", "Statements", ("Ministries", "North & East")),
        Outline("https://desk.example/rss", "Desk", ("press/daily", "war")),
    ]


@pytest.mark.parametrize("text", ["", "<html><body><outline xmlUrl='x'/></body></html>", "not XML", "<opml></opml>"])
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="it has no"):
        read_opml(text)


def test_deep_and_unfolding_lists_are_bounded() -> None:
    deep = "<opml><body>" + "<outline text='x'>" * 5_000 + "<outline xmlUrl='https://a.example/'/>"
    assert read_opml(deep) == []
    bomb = '<!DOCTYPE o [<!ENTITY b "x"><!ENTITY a "&b;&b;">]><opml><body>' + "&a;" * 9 + "</body></opml>"
    with pytest.raises(ValueError, match="unfold"):
        read_opml(bomb.replace("x", "x" * 90_000))


WORDS = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=20).map(str.strip).filter(bool)
FOLDERS = st.lists(WORDS.filter(lambda word: not set(word) & set(",/")), max_size=1).map(tuple)


@given(st.lists(st.builds(Outline, WORDS.map(lambda word: f"https://a.example/{word}"), WORDS, FOLDERS), max_size=5))
def test_what_is_written_reads_back(outlines: list[Outline]) -> None:
    once = list({outline.url: outline for outline in outlines}.values())
    found = read_opml(write_opml("Mine", once))
    assert sorted(found, key=lambda one: one.url) == sorted(once, key=lambda one: one.url)
