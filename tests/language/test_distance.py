"""How many letters apart two words are, beside the table of all edits written out."""

from hypothesis import given
from hypothesis import strategies as st

from storage.language.distance import distance, within

words = st.text("abcက\U0001f600", max_size=12)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[str, str]:
    """A word, and another one or itself with letters that are swapped, put in or left out."""
    word = draw(words)
    letters = list(draw(words | st.just(word)))
    for place, letter in draw(
        st.lists(st.tuples(st.integers(0, 11), st.sampled_from(["", "swap", "a", "c"])), max_size=3)
    ):
        if letter == "swap":
            letters[place : place + 2] = letters[place : place + 2][::-1]
        else:
            letters[place : place + (not letter)] = list(letter)
    return word, "".join(letters)


def count_edits(word: str, other: str) -> int:
    """Optimal string alignment, cell by cell: letters put in, left out, changed or swapped with their neighbour."""
    table = {(row, 0): row for row in range(len(word) + 1)} | {(0, column): column for column in range(len(other) + 1)}
    for row in range(1, len(word) + 1):
        for column in range(1, len(other) + 1):
            ways = [table[row - 1, column] + 1, table[row, column - 1] + 1]
            ways.append(table[row - 1, column - 1] + (word[row - 1] != other[column - 1]))
            if row > 1 and column > 1 and word[row - 2 : row] == other[column - 2 : column][::-1]:
                ways.append(table[row - 2, column - 2] + 1)
            table[row, column] = min(ways)
    return table[len(word), len(other)]


@given(pairs(), st.integers(0, 14))
def test_words_are_as_many_edits_apart_as_the_table_says(pair: tuple[str, str], limit: int) -> None:
    word, other = pair
    edits = count_edits(word, other)
    found = distance(word, other, limit)
    assert found == edits if edits <= limit else found > limit
    assert within(word, other, limit) == (edits <= limit)
