"""Files and pictures as they come: what is the same because of them, and what is not."""

from typing import Any

import pytest

from storage.records import FetchedMedia
from tests.events.conftest import CLAIM, HOUR, Desk

PHOTO = (FetchedMedia("photo", "p", url="https://cdn.example/p.jpg"),)
LOOK = "photo " + "5a" * 352
WORDS = LOOK.replace("photo", "words")
LONG = (
    "The relief committee handed out rice and blankets to families who fled from the quarter around the barracks and"
    " who sleep in the school now."
)


def show(desk: Desk, source: str, words: str = "", content: str = "a", number: int = 1, **more: Any) -> int:
    """A post with a file whose bytes have come at once."""
    forward = {"forward": more.pop("forward")} if "forward" in more else {}
    post = desk.say(source, words, number=number, media=PHOTO, **forward)
    desk.attach(post, content, **more)
    return post


def reason(desk: Desk, post: int) -> tuple[str, float | None]:
    with desk.archive.reading() as reader:
        row = reader.one("SELECT reason, measure FROM event_posts WHERE post_id = :id", {"id": post})
    assert row is not None
    return row["reason"], row["measure"]


def test_the_same_file_with_few_words_is_one_event_and_says_so(desk: Desk) -> None:
    first, second = show(desk, "rangers"), show(desk, "north", "seen in the hills today")
    other = show(desk, "south", content="b")
    assert desk.events() == [{first, second}, {other}]
    assert reason(desk, second) == ("file", None)


def test_a_post_with_enough_words_of_its_own_is_judged_by_them_alone(desk: Desk) -> None:
    posts = [show(desk, "rangers", CLAIM), show(desk, "north", LONG), show(desk, "south")]
    assert desk.events() == [{post} for post in posts]


def test_a_file_that_its_source_shows_with_several_statements_joins_nothing(desk: Desk) -> None:
    posts = [
        show(desk, "rangers", "the ferry is closed"),
        show(desk, "rangers", "the road is open", number=2),
        show(desk, "north", "look"),
    ]
    assert desk.events() == [{post} for post in posts]


def test_what_a_file_had_joined_falls_apart_when_it_turns_out_to_be_a_banner(desk: Desk) -> None:
    first, copy = show(desk, "rangers", "the ferry is closed"), show(desk, "north", "look")
    assert desk.events() == [{first, copy}]
    other = show(desk, "rangers", "the road is open", number=2)
    assert desk.events() == [{first}, {copy}, {other}]
    assert reason(desk, copy) == ("first", None)
    desk.rebuild()
    assert desk.events() == [{first}, {copy}, {other}]


def test_the_same_photo_with_numbers_that_differ_is_two_events(desk: Desk) -> None:
    posts = [show(desk, "rangers", "three dead"), show(desk, "north", "five dead")]
    assert desk.events() == [{post} for post in posts]


def test_a_source_that_repeats_its_photo_and_words_makes_one_statement(desk: Desk) -> None:
    first, again = show(desk, "rangers", "the ferry"), show(desk, "rangers", "the ferry", number=2)
    assert desk.events() == [{first, again}]
    desk.now += 2 * HOUR
    third = show(desk, "rangers", "the ferry", number=3)
    assert desk.events() == [{first, again}, {third}]


def test_two_days_later_the_same_file_is_another_event(desk: Desk) -> None:
    first = show(desk, "rangers")
    desk.now += 48 * HOUR
    second = show(desk, "north")
    assert desk.events() == [{first}, {second}]


def test_a_picture_that_looks_the_same_is_one_event_with_its_measure(desk: Desk) -> None:
    near = LOOK[:-1] + "b"
    first = show(desk, "rangers", picture=LOOK)
    second = show(desk, "north", content="b", picture=near)
    other = show(desk, "south", content="c", picture="photo " + "a5" * 352)
    assert desk.events() == [{first, second}, {other}]
    why, measure = reason(desk, second)
    assert (why, measure is not None and measure > 0.9) == ("picture", True)


def test_a_picture_that_seems_to_hold_words_waits_until_they_are_read(desk: Desk) -> None:
    posts = [
        show(desk, name, content=name, picture=WORDS, unread=unread)
        for name, unread in (("a", False), ("b", False), ("c", True))
    ]
    assert desk.events() == [{post} for post in posts]


def test_a_picture_that_an_engine_reads_joins_once_it_was_found_to_hold_no_words(desk: Desk) -> None:
    first = show(desk, "rangers", picture=LOOK)
    second = desk.say("north", "", media=PHOTO)
    media = desk.attach(second, "b", picture=LOOK, unread=True)
    assert desk.events() == [{first}, {second}]
    desk.read(second, media, "")
    assert desk.events() == [{first, second}]


def read(desk: Desk, source: str, content: str, words: str, **more: Any) -> int:
    """A post without words, whose picture looks like words and is read."""
    post = desk.say(source, "", media=PHOTO)
    media = desk.attach(post, content, picture=WORDS, unread=True)
    desk.read(post, media, words, **more)
    return post


def test_pictures_with_words_are_judged_by_what_was_read(desk: Desk) -> None:
    first = read(desk, "rangers", "a", CLAIM)
    copy = read(desk, "north", "b", CLAIM.replace("soldiers", "soldlers"))
    other = read(desk, "south", "c", CLAIM.replace("14", "15"))
    assert desk.events() == [{first, copy}, {other}]
    assert desk.states() == ["pending", "joined", "pending"]


def test_a_text_and_a_picture_of_it_are_one_event_whichever_comes_first(desk: Desk) -> None:
    first, copy = desk.say("rangers", CLAIM), read(desk, "north", "a", CLAIM)
    later = desk.say("south", CLAIM)
    assert desk.events() == [{first, copy, later}]
    assert reason(desk, copy) == ("words", 1.0)


def test_a_picture_of_a_statement_is_found_by_the_text_that_comes_later(desk: Desk) -> None:
    first, copy = read(desk, "north", "a", CLAIM), desk.say("rangers", CLAIM)
    assert desk.events() == [{first, copy}]


def test_unreliable_machine_text_joins_nothing(desk: Desk) -> None:
    first, second = desk.say("rangers", CLAIM), read(desk, "north", "a", CLAIM, unreliable=True)
    third = read(desk, "south", "b", CLAIM, unreliable=True)
    assert desk.events() == [{first}, {second}, {third}]


def test_words_that_rang_before_the_file_came_do_not_ring_again(desk: Desk) -> None:
    first = desk.say("rangers", "the command fell", media=PHOTO)
    second = desk.say("north", "command post", media=PHOTO)
    assert desk.states() == ["pending", "pending"]
    desk.attach(first, "a")
    desk.attach(second, "a")
    assert desk.events() == [{first, second}]
    assert desk.states() == ["pending", "pending"]
    show(desk, "south", "the command today", content="b")
    assert desk.states() == ["pending", "pending", "pending"]


def test_what_a_person_split_is_not_joined_by_its_file(desk: Desk) -> None:
    first, copy = show(desk, "rangers"), show(desk, "north")
    desk.correct("split", copy)
    assert desk.events() == [{first}, {copy}]
    third = show(desk, "south")
    assert desk.events() == [{first, third}, {copy}]
    desk.rebuild()
    assert desk.events() == [{first, third}, {copy}]
    desk.correct("join", copy, first)
    assert desk.events() == [{first, copy, third}]


@pytest.mark.parametrize("other", [{}, {"content": "b", "picture": LOOK}], ids=["bytes", "looks"])
def test_a_source_that_shows_the_same_again_hours_later_rings_again(desk: Desk, other: dict[str, Any]) -> None:
    first = show(desk, "rangers", "the command", picture=LOOK)
    twice = show(desk, "rangers", "the command", number=2, **{"picture": LOOK} | other)
    desk.now += 3 * HOUR
    again = show(desk, "rangers", "the command", number=3, **{"picture": LOOK} | other)
    copy = show(desk, "north", "the command", number=4, content="c", picture=LOOK)
    assert desk.events() == [{first, twice}, {again, copy}]
    assert desk.states() == ["pending", "joined", "pending", "joined"]
