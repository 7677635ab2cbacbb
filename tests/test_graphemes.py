import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.foreign.graphemes import clip, count_units, split_graphemes


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("တိုင်းစစ်", ["တို", "င်း", "စ", "စ်"]),
        ("မ္မ", ["မ္မ"]),
        ("e\u0301a", ["e\u0301", "a"]),
        ("👨‍👩‍👧x", ["👨‍👩‍👧", "x"]),
        ("👍🏽", ["👍🏽"]),
        ("🇲🇲🇹🇭", ["🇲🇲", "🇹🇭"]),
        ("☀️", ["☀️"]),
    ],
)
def test_a_letter_stays_whole(text: str, whole: list[str]) -> None:
    assert list(split_graphemes(text)) == whole


@given(st.text())
def test_clusters_are_the_text(text: str) -> None:
    assert "".join(split_graphemes(text)) == text
    assert all(split_graphemes(text))


@given(st.text(alphabet=st.sampled_from("aé\u0301👨👩\u200dတို်🇲🇲 "), max_size=60), st.integers(1, 40))
def test_what_is_clipped_fits_and_is_whole(text: str, limit: int) -> None:
    shown = clip(text, limit)
    assert count_units(shown) <= limit
    assert count_units(shown) == len(shown.encode("utf-16-le")) // 2
    if shown != text:
        assert list(split_graphemes(text))[: len(list(split_graphemes(shown[:-1])))] == list(
            split_graphemes(shown[:-1])
        )
