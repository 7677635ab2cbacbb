from dataclasses import replace
from typing import Any

import pytest

from bot.documents.as_json import as_json, headed, iso, place_of
from storage.rows import Forward, Hit, Link, PostRow, TextRow

NOW = 1_763_800_000_000_000
TITLE, BODY = "Statement 5", "They left the town."


def text(kind: str, words: str, text_id: int = 1) -> TextRow:
    return TextRow(text_id, kind, words, "en", None, None, current=True, media_id=None)


def post(**more: Any) -> PostRow:
    plain = PostRow(
        id=7,
        source="desk",
        native_id="5",
        url=None,
        title=TITLE,
        author=None,
        posted_at=NOW,
        posted_raw="",
        collected_at=NOW + 500_000,
        edited_at=None,
        deleted_at=None,
        text=BODY,
        language="en",
        forward=None,
        reply_to=None,
        raw_sha256="ab" * 32,
    )
    return replace(plain, **more)


def hit(start: int, end: int, kind: str = "body") -> Hit:
    return Hit(1, kind, start, end, "form")


def test_times_have_no_more_digits_than_they_need() -> None:
    assert iso(NOW) == "2025-11-22T08:26:40Z"
    assert iso(NOW + 500_000) == "2025-11-22T08:26:40.500Z"
    assert iso(NOW + 1) == "2025-11-22T08:26:40.000001Z"
    assert iso(-1) == "1969-12-31T23:59:59.999999Z"
    assert iso(None) is None
    assert iso(1 << 62) is None


def test_ids_are_strings_and_the_body_is_not_repeated_among_the_texts() -> None:
    shown: Any = as_json(post(texts=(text("body", BODY), text("file", "list.pdf"), text("poll", "Shall we?"))))
    assert shown["id"] == "7"
    assert [item["kind"] for item in shown["texts"]] == ["poll"]
    assert shown["collected_at"] == "2025-11-22T08:26:40.500Z"


def test_links_and_the_origin_of_a_forward_are_plain_values() -> None:
    shown = as_json(post(links=(Link("here", "https://example.org/"),), forward=Forward("Elsewhere")))
    assert shown["links"] == [{"text": "here", "url": "https://example.org/"}]
    assert shown["forwarded_from"] == {"name": "Elsewhere", "url": None, "source": None, "post": None}


@pytest.mark.parametrize(
    ("found", "raw", "title", "place"),
    [
        (hit(0, 9), f"{TITLE}\n\n{BODY}", TITLE, ("title", 0, 9)),
        (hit(13, 17), f"{TITLE}\n\n{BODY}", TITLE, ("body", 0, 4)),
        (hit(0, 9), TITLE, TITLE, ("title", 0, 9)),
        (hit(0, 4), BODY, None, ("body", 0, 4)),
        (hit(0, 4, "transcript"), BODY, TITLE, ("transcript", 0, 4)),
    ],
)
def test_offsets_count_in_the_part_that_people_see(
    found: Hit, raw: str, title: str | None, place: tuple[str, int, int]
) -> None:
    assert place_of(found, raw, title) == place


def test_a_title_ends_in_a_colon_only_where_it_has_no_mark_and_offsets_stay() -> None:
    whole = f"{TITLE}\n\n{BODY}"
    assert headed(whole, TITLE) == f"{TITLE}:\n{BODY}"
    assert headed(whole, TITLE).index(BODY) == whole.index(BODY)
    assert headed(f"Why?\n\n{BODY}", "Why?") == f"Why?\n\n{BODY}"
