"""Search for terms, search in reliable words only, and what a search has to read."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from storage.language.distance import pieces
from storage.language.query import parse
from storage.posts import texts
from storage.posts.texts import MachineText
from storage.records import FetchedMedia, FetchedPost
from storage.search import phrases, search
from storage.search.bounds import NONE, bounds

Make = Callable[..., FetchedPost]
TERMS = {
    "regional-command": ("regional command", "north-eastern command", "တိုင်းစစ်ဌာနချုပ်", "军区"),
    "many": tuple(f"w{number} ရက်" for number in range(800)),
}


@pytest.fixture
def found(desk: Any, make_post: Make) -> Callable[..., list[str]]:
    """The words of the posts that a query finds, newest first."""
    words = ("the Regional Commands", "NE: North-Eastern Command lost", "မြောက်ပိုင်းတိုင်းစစ်ဌာနချုပ်မှူး", "东北军区", "regional")
    desk.save(*(make_post(number, text) for number, text in enumerate((*words, "w799 ရက်"), 1)))

    def find(query: str, **more: Any) -> list[str]:
        with desk.archive.reading() as reader:
            items = list(search.search(reader, parse(query, terms=TERMS), limit=None, **more))
            assert search.count(reader, parse(query, terms=TERMS)) == len(items) or more
            return [hit.form for item in items for hit in item.hits]

    return find


def test_the_index_narrows_a_term_and_loses_nothing(found: Callable[..., list[str]]) -> None:
    assert sorted(found("@regional-command")) == sorted(
        ["Regional Commands", "North-Eastern Command", "တိုင်းစစ်ဌာနချုပ်", "军区"]
    )
    assert found("@regional-command lost") == ["North-Eastern Command", "lost"]
    assert found("-@regional-command regional") == ["regional"]
    assert found("@many") == ["w799 ရက်"]


def test_words_that_are_no_ground_for_an_alert_can_be_left_out(desk: Any, make_post: Make) -> None:
    desk.save(make_post(1, "army"), make_post(2, "army"), make_post(3, "navy"))
    with desk.archive.reading() as reader:
        ids = [row["id"] for row in reader.execute("SELECT id FROM posts ORDER BY number")]
    heard = MachineText("transcript", "navy", "en", 0.1, "ears", "m", unreliable=True)
    with desk.archive.writing() as writer:
        texts.save_machine_text(writer, None, heard, post_id=ids[0])
    with desk.archive.reading() as reader:

        def posts(query: str, *, reliable: bool) -> set[int]:
            items = search.search(reader, parse(query), limit=None, reliable=reliable)
            return {ids.index(item.post_id) + 1 for item in items}

        assert posts("navy", reliable=False) == {1, 3}
        assert posts("navy", reliable=True) == {3}
        assert posts("army -navy", reliable=False) == {2}
        assert posts("army -navy", reliable=True) == {1, 2}, "a rule is decided without it, so a replay is too"


def test_the_extension_of_a_file_is_not_counted_as_a_word(desk: Any, make_post: Make) -> None:
    report = FetchedMedia("document", "k", name="report.pdf")
    desk.save(make_post(1, "a statement", media=(report,)), make_post(2, "the PDF"), make_post(3, "quiet"))
    with desk.archive.reading() as reader:
        for query, posts in (
            ("pdf", 1),
            ("report", 1),
            ("in:file pdf", 1),
            ("in:text report", 0),
            ("report OR pdf", 2),
        ):
            assert search.count(reader, parse(query)) == posts, query
            assert len(list(search.search(reader, parse(query), limit=None))) == posts, query


def test_what_has_to_be_read_is_counted(desk: Any, make_post: Make) -> None:
    desk.save(*(make_post(number, "army" if number % 5 else "navy") for number in range(1, 101)))
    desk.save(make_post(101, "army လားရှိုးမြို့"))
    with desk.archive.reading() as reader:
        assert search.count_candidates(reader, parse("navy")) == search.Proposed(20, 101, indexed=True)
        assert search.count_candidates(reader, parse("/nav/")) == search.Proposed(101, 101, indexed=False)
        assert search.count_candidates(reader, parse("army lang:my")) == search.Proposed(1, 101, indexed=True)
        assert search.count_candidates(reader, parse("navy"), sources=["nobody"]) == search.Proposed(
            0, 101, indexed=True
        )
        seen: list[int] = []
        list(search.search(reader, parse("-navy"), limit=None, looking=seen.append))
        assert seen == sorted(seen, reverse=True)
        assert len(seen) >= 2


WORDS = (
    "Lashio fell",
    "Lasho fell",
    "Lashios",
    "the commander",
    "commandeers",
    "armies",
    "cease-fire",
    "လားရှိုး",
    "လားရှိုမြို့",
    "navy",
)


@pytest.mark.parametrize(
    ("query", "posts", "read"),
    [
        ("lashio~", 3, 3),
        ("lahsio~1", 2, 3),
        ("*mander", 1, 1),
        ("l?shi*", 2, 2),
        ("?rmies", 1, 1),
        ("ceasefre~", 1, 1),
        ("*sefire", 1, 1),
        ("လားရှိုး~", 2, 2),
        ('"*mander lost"', 0, 1),
        ("(lashio~ OR *mander) NEAR/3 fell", 2, 2),
        ("zzzzzz~", 0, 0),
        ("*zzz", 0, 0),
        ("fell *asho", 1, 2),
    ],
)
def test_fuzzy_words_and_wildcards_read_only_posts_with_words_that_fit(
    desk: Any, make_post: Make, query: str, posts: int, read: int
) -> None:
    desk.save(*(make_post(number, text) for number, text in enumerate((*WORDS, *["quiet"] * 90), 1)))
    with desk.archive.reading() as reader:
        assert search.count(reader, parse(query)) == posts
        proposed = search.count_candidates(reader, parse(query))
        assert proposed.indexed
        assert posts <= proposed.posts <= read
        assert reader.value("PRAGMA query_only") == 1, "the archive stays closed to writing"


class FewWords:
    """An index that knows which words are one letter away, and has too many that are further."""

    gathers = False

    def beginning_with(self, lead: str) -> list[str] | None:
        return [lead]

    def usual_with(self, lead: str) -> list[str]:
        return [lead]

    def like(self, pattern: str) -> list[str] | None:
        return [pattern] if pattern.isalpha() else None

    def close_to(self, word: str, edits: int) -> dict[str, int] | None:
        return {word: 0, f"{word}x": 1} if edits == 1 else None


class TooManyWords(FewWords):
    """An index that has very many words with each beginning, for somebody who counts."""

    gathers = True

    def beginning_with(self, lead: str) -> list[str] | None:
        return None if lead else []


@pytest.mark.parametrize("query", ["s*", "-s*", "s* OR navy", "navy -s*", "т*", "5*", "စ*"])
def test_the_index_alone_counts_what_begins_with_one_letter(query: str) -> None:
    said = bounds(parse(f"in:text ({query})").root, index=TooManyWords())
    assert said.doubtful == NONE
    assert said.surely.text


def test_a_fuzzy_term_of_several_syllables_is_narrowed_by_those_that_must_be_right() -> None:
    three = phrases.necessary(parse("လားရှိုးမြို့~").root, FewWords())
    assert three
    for way in ('"လား"', '"ရှိုး"', '"မြို့"', '("လား" OR "လားx")'):
        assert way in three
    assert phrases.necessary(parse("a~2").root, FewWords()) is None, "nothing of it is sure"


def test_a_word_that_is_some_edits_away_has_one_of_its_pieces_as_it_is() -> None:
    chance = random.Random(7)
    for _ in range(2_000):
        word = "".join(chance.choices("abc", k=chance.randrange(1, 12)))
        edits = chance.choice((1, 2))
        other = word
        for _ in range(edits):
            other = edited(other, chance)
        known = pieces(word, edits + 1)
        assert not known or any(piece in other for piece in known), (word, other)


def edited(word: str, chance: random.Random) -> str:
    """A word with one letter put in, left out, changed, or swapped with the next."""
    at, letter = chance.randrange(len(word) + 1), chance.choice("abc")
    before, after = word[:at], word[at:]
    return chance.choice(
        [before + letter + after, before + after[1:], before + letter + after[1:], before + after[1::-1] + after[2:]]
    )
