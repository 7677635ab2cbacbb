import json
from typing import Any

import pytest

from bot.documents.alert import match_json, passage_json, webhook_json
from bot.documents.as_json import as_json
from bot.documents.found import found_json
from bot.documents.post import post_json
from storage.records import DeliveryRow, Hit, MatchKind, MatchRow, PostRow, Story

NOW = 1_763_800_000_000_000
POST = PostRow(
    7, "desk", "5", None, "A title", None, NOW, "", NOW, None, None, "They left.", "en", None, None, "ab" * 32
)
HIT = Hit(1, "body", 9, 13, "they")
RAW = "A title\n\nThey left."
DELIVERY = DeliveryRow(1, 3, "hook", "match", "sending", NOW, 1, NOW)


def story(kind: MatchKind) -> Story:
    match = MatchRow("army", "1", 7, "hash", kind, NOW, (HIT,), alerting=True, why="it matched", before="old", id=3)
    return Story(match=match, query="they", side=None, texts={1: RAW}, absent=None)


def data(kind: MatchKind) -> dict[str, Any]:
    found = [passage_json(HIT, RAW, POST.title)]
    return match_json(
        story(kind),
        POST,
        found,
        unheard=None,
        in_reply_to=None,
        possible=False,
        late=False,
        possible_repeat=False,
        now="They left.",
    )


def test_a_post_is_the_same_in_a_search_in_show_and_in_an_alert() -> None:
    plain = as_json(POST)
    assert data("match")["post"] == plain
    assert found_json(POST, (), {}) == plain | {"matched": []}
    assert post_json(POST, {}, ()) == plain | {"text_unicode": None, "reread_at": None, "matches": []}


def test_offsets_of_a_passage_count_in_the_part_that_is_shown() -> None:
    assert data("match")["matched"] == [{"text": "They", "start": 0, "end": 4, "in": "body"}]


@pytest.mark.parametrize(("kind", "more"), [("match", set()), ("edited", {"was", "now"}), ("deleted", set())])
def test_only_an_edit_has_the_words_before_and_after(kind: MatchKind, more: set[str]) -> None:
    assert set(data(kind)) - set(data("match")) == more


def test_half_of_a_letter_does_not_break_the_receiver() -> None:
    body = webhook_json(DELIVERY, "msg_1", {"text": "half \ud800"})
    assert body["data"] == {"text": "half �"}
    assert json.loads(json.dumps(body)) == body
