from hypothesis import given
from hypothesis import strategies as st

from bot.alerts.passages import find_passages, join_passages, split_sentences
from storage.records import Hit


def hits(text: str, *words: str) -> tuple[Hit, ...]:
    return tuple(Hit(1, "body", text.index(word), text.index(word) + len(word), word) for word in words)


def test_a_passage_is_the_whole_sentence_around_a_hit() -> None:
    text = "Rain at 3.5 km. The command fell! More later"
    assert join_passages(find_passages({1: text}, hits(text, "command"))) == "The command fell!"


def test_burmese_sentences_end_at_their_own_mark() -> None:
    text = "မိုးရွာသည်။ တိုင်းစစ်ဌာနချုပ် ကျသည်။ နောက်မှ"
    assert join_passages(find_passages({1: text}, hits(text, "တိုင်း"))) == "တိုင်းစစ်ဌာနချုပ် ကျသည်။"


def test_hits_of_one_sentence_make_one_passage_and_of_two_make_two() -> None:
    text = "One two. Three.\nFour five."
    assert [one.text for one in find_passages({1: text}, hits(text, "One", "two", "five"))] == [
        "One two.",
        "Four five.",
    ]


def test_a_hit_over_the_edge_of_sentences_takes_both() -> None:
    text = "One. Two. Three."
    assert [one.text for one in find_passages({1: text}, hits(text, "ne. Tw"))] == ["One. Two."]


@given(st.text(alphabet=st.sampled_from("ab .!?\n။"), max_size=60), st.data())
def test_a_passage_always_holds_its_hit(text: str, data: st.DataObject) -> None:
    assert "".join(split_sentences(text)) == text
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    for passage in find_passages({1: text}, [Hit(1, "body", start, end, "x")]):
        assert passage.start <= start
        assert end <= max(passage.end, start)


def test_half_a_million_dots_are_one_piece_and_hold_nobody_up() -> None:
    assert list(split_sentences("." * 500_000 + "x")) == ["." * 500_000 + "x"]
