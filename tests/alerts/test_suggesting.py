"""Words that are in what people judged noise and never in what they found useful."""

from bot.answers.suggesting import Suggestion, find_matching, leave_out, suggest_words
from storage.language.fold import fold
from storage.language.match import Document, DocumentText
from storage.language.query import parse


def post(text: str) -> Document:
    body = DocumentText(text_id=1, kind="body", text=text, folded=fold(text), language="en", confidence=None)
    return Document(1, "s", frozenset(), None, None, None, "en", frozenset(), 0, (body,))


def suggest(useful: list[str], noise: list[str], limit: int = 5, query: str = "army") -> list[Suggestion]:
    return suggest_words(parse(query), [post(text) for text in useful], [post(text) for text in noise], limit)


def test_a_word_of_noise_that_nothing_useful_has_is_named_with_what_it_would_drop() -> None:
    useful = ["The army took the bridge.", "The army left the town."]
    noise = ["The army team won the football match.", "Football: the army lost.", "The army band played in town."]
    first = suggest(useful, noise)[0]
    assert first == Suggestion("football", "football", 2, 0)


def test_a_plural_in_what_was_useful_keeps_the_word() -> None:
    found = suggest(["Two Armies met at the bridges."], ["The army bridge is painted."])
    assert [one.word for one in found] == ["painted"]


def test_the_next_word_drops_what_the_first_one_leaves() -> None:
    noise = ["football league tonight", "football league today", "weather warning"]
    assert [one.noise for one in suggest(["army"], noise, 2)] == [2, 1]


def test_burmese_and_chinese_words_are_rows_of_syllables() -> None:
    found = suggest(["တပ်မတော် တိုင်းစစ်ဌာနချုပ်"], ["တပ်မတော် ဘောလုံးပွဲ", "တပ်မတော် ဘောလုံးအသင်း"])
    assert "ဘောလုံး" in [one.word for one in found]
    assert found[0].noise == 2
    assert suggest(["军区失守了"], ["军区足球比赛", "军区足球队"])[0].word == "足球"


def test_a_term_is_written_so_that_a_query_reads_it() -> None:
    for one in suggest(["army"], ['army NOT "or" near/5 c++ o\'neil x:y အကပဲ *star* -minus (paren)']):
        query = parse(leave_out("army OR navy", one.term))
        assert find_matching(query, [post("army")])
        assert not find_matching(query, [post(f"army {one.word}")])


def test_what_only_numbers_and_short_words_tell_apart_gives_nothing() -> None:
    assert suggest(["the army"], ["the army 2:1", "the army of it"]) == []
    assert suggest([], []) == []


def test_what_the_rule_looks_for_is_no_suggestion() -> None:
    words = [one.word for one in suggest([], ["Armies played football", "army plays football"])]
    assert words[0] == "football"
    assert not {"army", "armies"} & set(words)
    assert suggest([], ["တပ်မတော် ဘောလုံးပွဲ"], query="တပ်မတော်")[0].word == "ဘောလုံးပွဲ"
