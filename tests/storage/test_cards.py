"""Cards, boxes and posts that are not shown: what changes in them is no edit."""

from collections.abc import Callable
from typing import Any

import pytest

from storage.posts.content import same_content
from storage.records import FetchedPost, Preview, Raw

MINUTE = 60 * 1_000_000
Make = Callable[..., FetchedPost]
PAGE, ACCOUNT = Raw(b"<div>", "text/html"), Raw(b"\x01", "application/vnd.telegram.tl; layer=1")


def card(title: str) -> Preview:
    return Preview("https://paper.example/1", "Paper", title, "Keys handed over")


def current(desk: Any) -> list[tuple[str, str]]:
    rows = desk.rows("SELECT kind, text FROM texts WHERE current = 1 AND kind <> 'body' ORDER BY id")
    return [tuple(row) for row in rows]


def decisions(desk: Any) -> int:
    found: int = desk.rows("SELECT count(*) FROM jobs WHERE kind = 'decide'")[0][0]
    return found


def clear(desk: Any) -> None:
    with desk.archive.writing() as writer:
        writer.execute("DELETE FROM jobs")


def test_a_card_that_is_drawn_after_the_post_came_is_read_and_tried_by_rules(
    desk: Any, make_post: Make, now: int
) -> None:
    desk.save(make_post(7, "https://paper.example/1"))
    clear(desk)
    saved = desk.save(make_post(7, "https://paper.example/1", preview=card("Fort falls")), at=now + MINUTE)
    assert (saved.revised, saved.unchanged, decisions(desk)) == ((), 1, 1)
    assert current(desk) == [("card", "Paper\nFort falls\nKeys handed over")]
    assert desk.rows("SELECT texts, revision, edited_at FROM posts") == [(2, 0, None)]


def test_a_card_that_changes_later_is_found_and_is_no_news(desk: Any, make_post: Make, now: int) -> None:
    desk.save(make_post(7, "see", preview=card("Fort falls")))
    clear(desk)
    for _ in range(2):
        saved = desk.save(make_post(7, "see", preview=card("Fort holds")), at=now + 61 * MINUTE)
        assert (saved.revised, saved.unchanged, decisions(desk)) == ((), 1, 0)
    assert current(desk) == [("card", "Paper\nFort holds\nKeys handed over")]
    desk.save(make_post(7, "see"), at=now + 62 * MINUTE)  # a page that leaves the card out says nothing about it
    assert len(current(desk)) == 1


def test_a_box_whose_numbers_grow_is_stored_once(desk: Any, make_post: Make) -> None:
    for votes in (1, 22, 333):
        desk.save(make_post(7, "see", cards=(f"{votes} of {votes + 9} tickets sold",)))
    assert current(desk) == [("card", "1 of 10 tickets sold")]
    assert desk.rows("SELECT count(*) FROM texts WHERE kind = 'card'") == [(1,)]


def test_a_card_that_never_rests_stops_being_stored(desk: Any, make_post: Make) -> None:
    for number in range(60):
        desk.save(make_post(7, "see", preview=card("Fort " + "x" * number)))
    assert desk.rows("SELECT count(*) FROM texts WHERE kind = 'card'") == [(50,)]


NOT_SHOWN = "not shown by the page: Please open Telegram to view this post"


def test_a_post_that_is_not_shown_has_a_notice_of_no_language(desk: Any, make_post: Make) -> None:
    desk.save(make_post(7, "", not_shown=NOT_SHOWN, attached=(), raw=PAGE))
    assert current(desk) == [("notice", NOT_SHOWN)]
    assert desk.rows("SELECT language FROM posts") == [("und",)]


@pytest.mark.parametrize("raw", [PAGE, ACCOUNT])
def test_what_comes_to_light_is_a_revision_and_no_edit(desk: Any, make_post: Make, raw: Raw) -> None:
    desk.save(make_post(7, "", not_shown=NOT_SHOWN, attached=(), raw=PAGE))
    clear(desk)
    saved = desk.save(make_post(7, "Words at last", attached=("a button",), raw=raw))
    assert (len(saved.revised), decisions(desk)) == (1, 1)
    assert desk.rows("SELECT edited_at FROM posts") == [(None,)]
    assert current(desk) == [("attached", "a button")]


def test_a_page_that_shows_a_known_post_no_more_takes_nothing_away(desk: Any, make_post: Make) -> None:
    desk.save(make_post(7, "Words", attached=("quoted",), raw=ACCOUNT))
    saved = desk.save(make_post(7, "", not_shown=NOT_SHOWN, attached=(), raw=PAGE))
    assert (saved.revised, saved.unchanged) == ((), 1)
    assert current(desk) == [("attached", "quoted")]


def test_an_edit_of_a_post_that_has_only_words_beside_a_text_is_an_edit(desk: Any, make_post: Make, now: int) -> None:
    desk.save(make_post(7, "", attached=("Captain Hla",), raw=PAGE))
    assert desk.save(make_post(7, "", attached=("Major Hla",), raw=PAGE), at=now + 1).revised
    assert desk.rows("SELECT edited_at FROM posts") == [(now + 1,)]


def test_words_beside_the_text_are_compared_only_in_one_form(desk: Any, make_post: Make) -> None:
    """A page and the account word some of them differently: a phone number, a quotation."""
    desk.save(make_post(7, "Words", attached=("Captain Hla\n+95 900",), raw=PAGE))
    for raw, attached in ((ACCOUNT, ("Captain\nHla\n95900",)), (ACCOUNT, ()), (PAGE, ("Captain Hla\n+95 900",))):
        assert desk.save(make_post(7, "Words", attached=attached, raw=raw)).unchanged == 1
    assert current(desk) == [("attached", "Captain Hla\n+95 900")]
    assert desk.save(make_post(7, "Words", attached=("Captain Thu",), raw=PAGE)).revised


def test_words_that_only_the_account_shows_are_added_to_a_post_of_the_page(desk: Any, make_post: Make) -> None:
    desk.save(make_post(7, "Words", attached=(), raw=PAGE))
    assert desk.save(make_post(7, "Words", attached=("quoted",), raw=ACCOUNT)).unchanged == 1
    assert current(desk) == [("attached", "quoted")]
    assert desk.save(make_post(7, "Words", attached=(), raw=PAGE)).unchanged == 1
    assert current(desk) == [("attached", "quoted")]


def test_a_hash_of_an_earlier_version_has_no_form_and_is_not_compared_in_words() -> None:
    plain = "a" * 64
    assert same_content(f"{plain}~{'1' * 24}", f"{plain}~abcd{'2' * 24}")
    assert not same_content(f"{plain}~{'1' * 24}", f"{plain}~{'2' * 24}")
