"""What is different between two texts, word by word in every script."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bot.documents.word_difference import compare_words


def changed(before: str, after: str) -> list[tuple[str, str]]:
    return [(one.change, one.text) for one in compare_words(before, after) if one.change != "same"]


def test_words_are_compared_as_each_script_has_them() -> None:
    assert changed("two colonels were taken", "three colonels were taken") == [("gone", "two"), ("new", "three")]
    assert changed("တံတားပိတ်သည်။", "တံတားဖွင့်သည်။") == [("gone", "ပိတ်"), ("new", "ဖွင့်")]
    assert changed("军区司令部在东", "军区司令部在西") == [("gone", "东"), ("new", "西")]
    assert changed("القيادة في القاعة", "القيادة في البلدة") == [("gone", "القاعة"), ("new", "البلدة")]


def test_neighbouring_words_that_changed_are_one_change() -> None:
    assert changed("the old north bridge", "the new south bridge") == [("gone", "old north"), ("new", "new south")]


def test_texts_too_long_to_compare_word_by_word_are_compared_by_lines() -> None:
    lines = [f"line {number} of the long statement" for number in range(1_000)]
    edited = [*lines[:500], "another line", *lines[500:]]
    edited[0], edited[-1] = "first", "last"
    found = compare_words("\n".join(lines), "\n".join(edited))
    assert ("new", "another line\n") in [(one.change, one.text) for one in found]


WORDS = st.text(st.sampled_from("ab တံတား军区 .\n'"), max_size=40)


@given(WORDS, WORDS)
def test_what_is_same_and_gone_is_the_text_before_and_what_is_same_and_new_the_text_after(
    before: str, after: str
) -> None:
    found = compare_words(before, after)
    assert "".join(one.text for one in found if one.change != "new") == before
    assert "".join(one.text for one in found if one.change != "gone") == after
    assert all(one.text for one in found)
    assert all(one.change != other.change for one, other in pairwise(found))
