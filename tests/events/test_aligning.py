"""Two texts are aligned as difflib aligns them, however much they have in common."""

from difflib import SequenceMatcher

from hypothesis import given
from hypothesis import strategies as st

from bot.events.aligning import align

_FEW = st.lists(st.sampled_from("abcde"), max_size=6)
_MANY = st.lists(st.sampled_from([*"abc", *(f"word{number}" for number in range(12))]), max_size=12)


@given(_MANY, _FEW, _FEW, _MANY)
def test_texts_that_begin_and_end_alike_are_aligned_as_difflib_does(
    head: list[str], gone: list[str], come: list[str], tail: list[str]
) -> None:
    first, later = (*head, *gone, *tail), (*head, *come, *tail)
    assert list(align(first, later)) == SequenceMatcher(None, first, later, autojunk=False).get_opcodes()


def test_a_statement_with_another_number_is_aligned_where_it_differs() -> None:
    words = ("statement", "of", "the", "regional", "command", "about", "the", "bridge")
    first, later = (*words, "14", "of", "may"), (*words, "15", "and", "16", "of", "may")
    assert list(align(first, later)) == [("equal", 0, 8, 0, 8), ("replace", 8, 9, 8, 11), ("equal", 9, 11, 11, 13)]
