import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.enrich.layout import Word, columns, confidence, in_order, missed, rebuilt, words

LINES = ("The regional command has fallen", "and its officers were arrested", "on the road to Hsenwi")


def page(lines: tuple[str, ...], *, slope: float = 0.0) -> list[Word]:
    """Words of 20 pixels in lines of 40, each word a fragment of its own, as sparse text comes; the page leans."""
    found = []
    for row, line in enumerate(lines):
        left = 30
        for word in line.split():
            width = 12 * len(word)
            found.append(
                Word(word, left, round(50 + 40 * row + slope * left), width, 20, 90.0, (f"{row}", f"{left}", "1"))
            )
            left += width + 12
    return found


def test_sparse_words_become_lines_in_reading_order_whatever_order_they_come_in() -> None:
    shuffled = page(LINES)
    random.Random(3).shuffle(shuffled)
    assert rebuilt(shuffled) == "\n".join(LINES)


def test_a_page_that_leans_by_more_than_a_line_is_read_line_by_line() -> None:
    wide = tuple(f"{line} {line}" for line in LINES)
    assert rebuilt(page(wide, slope=0.06)) == "\n".join(wide)


def test_columns_are_read_one_after_the_other() -> None:
    left, right = (LINES, ("The bridge is closed to all", "traffic until further notice", "and so is the river"))
    moved = [
        replace(word, left=word.left + 500, fragment=(word.fragment[0], f"r{word.fragment[1]}", "1"))
        for word in page(right)
    ]
    together = [*page(left), *moved]
    random.Random(3).shuffle(together)
    assert rebuilt(together) == "\n".join((*left, *right))
    rows = [replace(word, fragment=("1", "1", word.fragment[0])) for word in sorted(together, key=lambda one: one.top)]
    assert in_order(rows) == "\n".join((*left, *right))


def test_short_words_beside_each_other_are_a_table_and_read_line_by_line() -> None:
    rows = ("Name Rank", "Aung Major", "Kyaw Captain", "Zaw Private", "Min Private", "Htun Major", "Soe Captain")
    found = [
        Word(word, 30 + 200 * place, 50 + 40 * row, 12 * len(word), 20, 90.0, (f"{row}", f"{place}", "1"))
        for row, line in enumerate(rows)
        for place, word in enumerate(line.split())
    ]
    assert columns(found) == [found]


def test_what_one_reading_missed_and_another_is_sure_of_is_named() -> None:
    whole = page(LINES)
    half = [word for word in whole if word.top < 100]
    other = [*whole, Word("speck", 900, 900, 60, 20, 20.0, ("9", "9", "9"))]
    assert [word.text for word in missed(half, other)] == LINES[2].split()
    assert missed(whole, other) == []


def test_chinese_and_thai_get_no_spaces_that_nobody_wrote() -> None:
    pieces = [Word(text, 30 + 24 * at, 50, 22, 20, 90.0, ("1", "1", "1")) for at, text in enumerate("东北军区")]
    assert in_order(pieces) == "东北军区"
    apart = [*pieces, Word("司令部", 300, 50, 66, 20, 90.0, ("1", "1", "1"))]
    assert in_order(apart) == "东北军区 司令部"


def test_confidence_counts_letters_so_that_specks_do_not() -> None:
    sure = Word("headquarters", 0, 0, 100, 20, 96.0, ("1", "1", "1"))
    speck = Word(".", 0, 0, 2, 2, 5.0, ("1", "1", "2"))
    assert confidence([sure, speck]) > 85
    assert confidence([]) == 0


def test_the_programs_table_is_read_and_what_is_no_word_is_left() -> None:
    table = (
        "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext\n"
        "1\t1\t0\t0\t0\t0\t0\t0\t800\t600\t-1\t\n"
        "5\t1\t1\t1\t1\t1\t30\t50\t80\t20\t91.5\tLashio\n"
        "5\t1\t1\t1\t1\t2\tx\t50\t80\t20\t91.5\tbroken\n"
        "5\t1\t1\t1\t1\t3\t120\t50\t80\t20\t0\t \n"
    )
    assert words(table) == [Word("Lashio", 30, 50, 80, 20, 91.5, ("1", "1", "1"))]


@given(st.text(max_size=400))
def test_no_table_is_too_odd_to_read(table: str) -> None:
    found = words(table)
    rebuilt(found)
    assert 0 <= confidence(found) <= 100


SPREAD = st.builds(
    Word,
    st.text("abcမြန်မာ中文", min_size=1, max_size=5),
    *(st.integers(0, 3000) for _ in range(2)),
    *(st.integers(0, 400) for _ in range(2)),
    st.floats(0, 100),
    st.tuples(st.sampled_from("12"), st.sampled_from("12"), st.sampled_from("123456")),
)


@given(st.lists(SPREAD, max_size=30))
def test_rebuilding_lines_loses_no_letter(found: list[Word]) -> None:
    assert sorted("".join(rebuilt(found).split())) == sorted("".join(word.text for word in found))
