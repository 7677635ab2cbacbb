import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from bot.foreign.text import MARKS, csv_cell, json_text, one_line, visible

BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
ANYTHING = st.text(st.characters(codec=None, exclude_categories=()))  # lone surrogates and controls included
NASTY = st.text(
    st.sampled_from("\x1b\x07\x9b\r\n\t\x00\x7f\x85\u2028\u202e\u2066\ufeff\U000e0041\ud800=+-@',\"|a က\u0301")
)


def acts_on_a_terminal(character: str) -> bool:
    if unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} or character in BIDI:
        return True
    return character == "\ufeff" or "\U000e0000" <= character <= "\U000e007f"


@given(ANYTHING | NASTY)
def test_nothing_that_acts_on_a_terminal_survives(text: str) -> None:
    assert not [character for character in visible(text) if acts_on_a_terminal(character)]
    assert not [character for character in one_line(text) if acts_on_a_terminal(character)]


@given(ANYTHING | NASTY)
def test_only_line_feeds_and_tabs_survive_where_lines_were_asked_for(text: str) -> None:
    acting = {character for character in visible(text, newlines=True) if acts_on_a_terminal(character)}
    assert acting <= {"\n", "\t"}


@given(ANYTHING | NASTY)
def test_no_cell_acts_on_a_terminal_or_begins_a_formula(text: str) -> None:
    cell = csv_cell(text)
    assert {character for character in cell if acts_on_a_terminal(character)} <= {"\n", "\t"}
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@given(st.dictionaries(ANYTHING, ANYTHING | NASTY) | st.lists(ANYTHING | NASTY))
def test_json_reads_back_equal_and_holds_nothing_that_acts_on_a_terminal(value: object) -> None:
    text = json_text(value)
    assert json.loads(text) == value
    assert not [character for character in text if acts_on_a_terminal(character)]
    text.encode()


@given(st.text(st.characters(categories=("L", "N", "P", "S", "Zs"))))
def test_plain_words_stay_as_they_are(text: str) -> None:
    assert visible(text) == text


def test_words_of_scripts_that_join_and_stack_stay_as_they_are() -> None:
    for words in ("တိုင်းစစ်ဌာနချုပ်", "می‌خواهم", "👩‍👩‍👧", "ที่นี่", "Z̷a̶l̴g̵o̸"):
        assert visible(words) == words


def test_bad_input_01_a_screen_clearing_post_is_shown_and_not_obeyed() -> None:
    assert visible("\x1b[2J\x1b[H fake output") == r"\u{001b}[2J\u{001b}[H fake output"


def test_bad_input_02_titles_and_clipboards_cannot_be_set() -> None:
    assert visible("\x1b]0;title\x07\x1b]52;c;eA==\x07") == r"\u{001b}]0;title\u{0007}\u{001b}]52;c;eA==\u{0007}"


def test_bad_input_03_a_hidden_link_is_shown_as_text() -> None:
    assert visible("\x1b]8;;http://evil\x07text") == r"\u{001b}]8;;http://evil\u{0007}text"


def test_bad_input_04_c1_controls_are_written_out() -> None:
    assert visible("\x9b31m\x90") == r"\u{009b}31m\u{0090}"


def test_bad_input_05_nothing_overwrites_a_line() -> None:
    assert visible("a\rb\x08\x08\x0b\x0c", newlines=True) == r"a\u{000d}b\u{0008}\u{0008}\u{000b}\u{000c}"


def test_bad_input_06_text_cannot_be_turned_around() -> None:
    assert visible("\u202egnp.exe\u2066\u2069\u061c") == r"\u{202e}gnp.exe\u{2066}\u{2069}\u{061c}"


def test_bad_input_08_tags_and_separators_are_written_out_and_break_no_line() -> None:
    shown = visible("a\U000e0041b\ufeffc\u2028d", newlines=True)
    assert shown == r"a\u{e0041}b\u{feff}c\u{2028}d"
    assert len(shown.splitlines()) == 1


def test_bad_input_09_a_hundred_thousand_marks_on_one_letter_are_cut_short() -> None:
    shown = visible("o" + "\u0301" * 100_000 + "k")
    assert shown == "o" + "\u0301" * MARKS + f"[+{100_000 - MARKS} marks]k"


def test_marks_with_joiners_between_them_are_cut_short_too() -> None:
    assert len(visible("o" + "\u0301\u200d" * 50_000)) < 50


def test_bad_input_52_formulas_get_a_leading_quote() -> None:
    for formula in ("=HYPERLINK(1)", "+1", "-2", "@x", "\t=", "\r="):
        assert csv_cell(formula).startswith("'")
    assert csv_cell("2 - 1 = 1") == "2 - 1 = 1"


def test_bad_input_61_lone_surrogates_can_be_printed() -> None:
    assert visible("\ud83d!") == r"\u{d83d}!"
