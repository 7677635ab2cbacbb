import json
import re
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.alerts.lines import Span
from bot.alerts.quoting import fit_pieces
from bot.alerts.render import Rendering, render, render_notice, safe_link
from bot.contracts.message import Message, Shows
from bot.foreign.graphemes import count_units, split_graphemes
from storage.records import (
    DeliveryRow,
    Forward,
    Hit,
    MatchRow,
    MediaRow,
    ObservationRow,
    PostRow,
    Story,
    TextRow,
)
from tests.bot_api import parsed
from tests.foreign.test_inert import TAPPABLE

AT = 1_722_680_102_000_000  # 2024-08-03T10:15:02Z
TELEGRAM = Shows("html", units=4096, replies=True)
TEXT = Shows("text")
POST = PostRow(
    id=77,
    source="spokesman",
    native_id="1",
    url="https://t.me/spokesman/1",
    title=None,
    author=None,
    posted_at=AT,
    posted_raw="2024-08-03T10:15:02+00:00",
    collected_at=AT + 4_000_000,
    edited_at=None,
    deleted_at=None,
    text="",
    language="en",
    forward=None,
    reply_to=None,
    raw_sha256="0" * 64,
)


def told(
    text: str, word: str, *, shows: Shows = TEXT, kind: Any = "match", before: str | None = None, **post: Any
) -> Message:
    """The alert about `word` in `text`; `body` is what rules read of it, with a title."""
    body = post.pop("body", text)
    hits = (
        tuple(Hit(5, "body", at.start(), at.end(), word) for at in re.finditer(re.escape(word), body)) if word else ()
    )
    at = post.pop("found", AT)
    match = MatchRow("fall", "v1", 77, "h", kind, at, hits, alerting=True, why="new match", before=before, id=42)
    absent = ObservationRow(AT + 60_000_000, "absent", "embed page", None) if post.get("deleted_at") else None
    delivery = DeliveryRow(3, 42, "desk", kind, "sending", AT, 1, AT, possible_repeat=post.pop("repeat", False))
    story = Story(match, post.pop("side", None), "command", {5: body}, absent)
    return render(delivery, story, replace(POST, text=text, **post), Rendering(ZoneInfo("Asia/Yangon")), shows)


def test_an_alert_says_rule_source_both_times_snippet_link_and_its_number() -> None:
    assert told("the northern command fell", "command", side="junta").text == (
        "fall · spokesman (junta)\n"
        "posted 2024-08-03 10:15:02 UTC = 2024-08-03 16:45:02 Asia/Yangon\n"
        "the northern «command» fell\n"
        "https://t.me/spokesman/1 · alert 42"
    )


@pytest.mark.parametrize(("kinds", "said"), [(("card", "card"), True), (("card", "body"), False), ((), False)])
def test_words_of_the_card_of_a_link_are_not_taken_for_words_of_the_source(kinds: Any, said: bool) -> None:
    hits = tuple(Hit(5, kind, 0, 4, "Fort") for kind in kinds)
    match = MatchRow("fall", "v1", 77, "h", "match", AT, hits, alerting=True, why="new match", id=42)
    delivery = DeliveryRow(3, 42, "desk", "match", "sending", AT, 1, AT)
    story = Story(match, None, "fort", {5: "Fort falls"}, None)
    text = render(delivery, story, POST, Rendering(ZoneInfo("UTC")), TEXT).text
    assert ("\nonly in a card below the text, which may quote another page\n" in text) == said


def test_words_that_the_post_no_longer_says_are_quoted_and_marked_as_former() -> None:
    said = TextRow(6, "body", "all quiet", "en", None, None, True)
    shown = told("all quiet", "fell", body="the command fell", kind="edited", edited_at=AT, texts=(said,)).text
    assert "\nedited since: the post no longer says this\n" in shown
    assert "the command «fell»" in shown
    assert "was: " not in shown


@pytest.mark.parametrize("kind", ["match", "edited"])
def test_a_webhook_gets_the_words_that_the_post_no_longer_says_as_what_it_was(kind: str) -> None:
    said = TextRow(6, "body", "all quiet", "en", None, None, True)
    post: dict[str, Any] = {"body": "Rain. The command fell.", "edited_at": AT, "texts": (said,)}
    data: Any = told("all quiet", "fell", kind=kind, before="The command holds.", **post).document["data"]
    assert (data["was"], data["now"], data["post"]["text"]) == ("The command fell.", None, "all quiet")
    there = replace(said, text="The command fell.")
    data = told("The command fell.", "fell", kind=kind, edited_at=AT, texts=(there,), before="x").document["data"]
    assert (data.get("was"), data.get("now")) == (("x", "The command fell.") if kind == "edited" else (None, None))


def test_the_words_that_matched_are_marked() -> None:
    assert "<b>command</b>" in told("the northern command fell", "command", shows=TELEGRAM).text
    assert "\x1b[1;33mcommand\x1b[0m" in told("the northern command fell", "command", shows=Shows("ansi")).text


def test_a_title_is_told_apart_and_a_webhook_counts_in_title_and_text() -> None:
    shown = told(
        "the command fell", "command", title="Command of the north", body="Command of the north\n\nthe command fell"
    )
    assert "\nCommand of the north: the «command» fell\n" in shown.text
    (found,) = shown.document["data"]["matched"]  # type: ignore[index]
    assert (found["in"], "the command fell"[found["start"] : found["end"]]) == ("body", "command")
    assert "\nDone! the «command»\n" in told("the command", "command", title="Done!", body="Done!\n\nthe command").text
    (found,) = told("", "Done", title="Done!", body="Done!").document["data"]["matched"]  # type: ignore[index]
    assert (found["in"], found["start"], found["end"]) == ("title", 0, 4)


def test_a_late_alert_says_so_and_shows_when_it_was_collected() -> None:
    shown = told("the command fell", "command", collected_at=AT + 31 * 60_000_000).text
    assert "(late)" in shown
    assert "collected 2024-08-03 10:46:02 UTC = 2024-08-03 17:16:02 Asia/Yangon" in shown
    assert "(late)" not in told("the command fell", "command", collected_at=AT + 29 * 60_000_000).text


def at_hour(hours: float) -> int:
    return AT + round(hours * 3_600_000_000)


@pytest.mark.parametrize(
    ("kind", "found", "post", "late"),
    [
        ("match", 0.4, {}, False),
        ("match", 0.6, {}, True),  # by a rule that saw it late
        ("match", 5.1, {"edited_at": at_hour(5)}, False),  # an edit has put the words in
        ("match", 5.6, {"edited_at": at_hour(5)}, True),
        ("edited", 5.1, {"edited_at": at_hour(5)}, False),
        ("edited", 5.6, {"edited_at": at_hour(5)}, True),
        ("edited", 5.6, {}, False),  # nobody said when it was edited
        ("edited", 5.1, {"edited_at": at_hour(5), "collected_at": at_hour(4)}, False),  # the post was late, the edit is not
    ],
)  # fmt: skip
def test_lateness_of_an_edit_counts_from_the_edit(kind: Any, found: float, post: dict[str, Any], late: bool) -> None:
    shown = told("the command fell", "command", kind=kind, before="it fell", found=at_hour(found), **post)
    assert shown.document["data"]["late"] is late  # type: ignore[index]
    if kind == "edited" and late:
        assert (
            "edited 2024-08-03 15:15:02 UTC = 2024-08-03 21:45:02 Asia/Yangon, found 2024-08-03 15:51:02" in shown.text
        )


@pytest.mark.parametrize(("arrived", "found", "late"), [(3, 3.4, False), (3, 3.6, True), (0, 0.6, True)])
def test_lateness_of_the_words_of_a_file_counts_from_its_arrival(arrived: float, found: float, late: bool) -> None:
    voice = MediaRow(
        "voice", None, None, None, "0" * 64, "stored", None, None, 42.0, id=9, stored_at=at_hour(arrived)
    )  # fmt: skip
    heard = TextRow(5, "transcript", "the command", "en", "ears", None, True, media_id=9)
    shown = told("the command", "command", media=(voice,), texts=(heard,), found=at_hour(found))
    assert shown.document["data"]["late"] is late  # type: ignore[index]


def test_a_repeat_a_forward_and_a_voice_note_are_named() -> None:
    voice = MediaRow(
        "voice", None, None, None, None, "not downloadable", "not downloadable without an account", None, 42.0
    )
    shown = told("command", "command", repeat=True, forward=Forward("Northern Eye"), media=(voice,)).text
    assert "(possible repeat)" in shown
    assert "forwarded from Northern Eye" in shown
    assert "voice note 0:42, not downloadable without an account" in shown


def test_an_edit_shows_what_it_said_and_what_it_says() -> None:
    shown = told("the command has not fallen", "command", kind="edited", before="the command has fallen").text
    assert shown.startswith("EDITED fall · spokesman")
    assert "was: the command has fallen\nnow: the «command» has not fallen" in shown


def test_an_edit_that_took_the_words_away_shows_what_stands_there_now() -> None:
    text = "A quiet day. The northern headquarters stands firm. Rain tomorrow."
    shown = told(text, "", kind="edited", before="The northern command stands firm.").text
    assert "now: The northern headquarters stands firm." in shown


def test_a_deletion_says_since_when_and_by_what_and_quotes_what_is_gone() -> None:
    shown = told("the command fell", "command", kind="deleted", deleted_at=AT + 90_000_000).text
    assert shown.startswith("DELETED fall · spokesman")
    assert "absent since 2024-08-03 10:16:02 UTC" in shown
    assert "by embed page" in shown
    assert "the «command» fell" in shown


def test_a_webhook_gets_the_post_and_where_it_matched() -> None:
    found = told("the command fell", "command", shows=Shows("json")).document
    assert found["type"] == "match"
    assert found["timestamp"] == "2024-08-03T10:15:02Z"
    data: Any = found["data"]
    assert (data["alert"], data["rule"], data["source"]) == ("42", "fall", "spokesman")
    assert data["matched"] == [{"text": "command", "start": 4, "end": 11, "in": "body"}]
    assert data["post"]["url"] == "https://t.me/spokesman/1"
    assert data["possible_repeat"] is False


def test_a_long_post_is_quoted_around_its_words() -> None:
    shown = told("မြို့ " * 900 + "the command fell " + "မြို့ " * 900, "command", shows=TELEGRAM)
    assert "<b>command</b>" in shown.text
    assert shown.plain.count("…") == 2
    assert count_units(shown.plain) < 2_000


def test_every_one_of_the_first_hits_of_a_long_post_is_seen() -> None:
    text = ("lorem " * 300).join(["one command", "two command", "three command"])
    assert told(text, "command", shows=TELEGRAM).text.count("<b>command</b>") == 3


@pytest.mark.parametrize(
    "text", ["<b>", "</a>", "<script>alert(1)</script>", "<b><i>", "&lt;", "&amp;amp;", "<!--", "<a href="]
)
def test_bad_inputs_13_and_14_markup_of_a_post_arrives_as_its_own_letters(text: str) -> None:
    shown = told(f"command {text} fell", "command", shows=TELEGRAM, side=text, forward=Forward(text))
    reading = parsed(shown.text)
    assert f"command {text} fell" in reading.plain
    assert reading.plain == shown.plain
    assert reading.links == ["https://t.me/spokesman/1"]


@pytest.mark.parametrize(
    "url",
    [
        "tg://user?id=1", "javascript:alert(1)", "http://good@evil.example/", "https://evil.example/\u202e", "file:///etc/passwd",
        'https://evil.example/"><b>', "http://[", "//evil.example", "https:///x", "http://a b/",
    ],
)  # fmt: skip
def test_bad_input_15_only_a_plain_web_address_of_the_post_is_a_link(url: str) -> None:
    assert safe_link(url) is None
    shown = told(f"command {url}", "command", shows=TELEGRAM, url=url)
    assert parsed(shown.text).links == []
    assert "communique show 77" in shown.plain


LIVE = "@desk_editor says /mute, /ack@bot #tag $USD +95 912 345 678 a@b.example https://evil.example evil.example"


@pytest.mark.parametrize("shows", [TELEGRAM, TEXT, Shows("html"), Shows("text", units=1_300, caption=900)])
def test_bad_inputs_15_and_16_words_of_others_ping_nobody_and_cannot_be_tapped(shows: Shows) -> None:
    name = "@owner.example /mute.pdf"
    media = (MediaRow("document", "application/pdf", name, None, None, "pending", None, None, None, 0),)
    forward = Forward("@origin evil.example", None, None)
    shown = told(f"{LIVE} command", "desk_editor", shows=shows, forward=forward, media=media, author="@author")
    plain = parsed(shown.text).plain if shows.form == "html" else shown.text
    ours = "https://t.me/spokesman/1 · alert 42"
    for words in (plain, shown.plain):
        *others, last = words.split("\n")
        assert last == ours
        assert [line for line in others if TAPPABLE.search(line) and not line.startswith("posted ")] == []
        assert f"{LIVE} command" in words.replace("\u2060", "").replace("«", "").replace("»", "")
    assert not TAPPABLE.search(shown.headline)
    assert shown.link == "https://t.me/spokesman/1"


def test_on_the_users_own_machine_words_stay_byte_for_byte() -> None:
    for shows in (Shows("ansi", local=True), Shows("text", local=True), Shows("json")):
        assert LIVE in re.sub("\x1b[^m]*m|[«»]", "", told(LIVE, "editor", shows=shows).text)


@pytest.mark.parametrize("words", ["@a " * 900, "a.b " * 900, "0123456789 " * 300, "\U0001f525#a" * 700])
def test_what_keeps_words_from_being_tapped_makes_no_message_too_long(words: str) -> None:
    shows = Shows("html", units=600)
    shown = told(f"{words} command {words}", "command", shows=shows)
    assert count_units(parsed(shown.text).plain) <= 600
    assert shown.plain.endswith("https://t.me/spokesman/1 · alert 42")


@pytest.mark.parametrize("words", ["တိုင်းစစ်ဌာနချုပ်" * 200, "\U0001f525@a" * 700, "x" * 3_000])
def test_where_a_target_counts_bytes_the_room_is_used_and_the_link_stays(words: str) -> None:
    shows = Shows("text", units=1_200, in_bytes=True)
    shown = told(f"{words} command {words}", "command", shows=shows, side="မြန်မာ" * 20)
    assert 900 < len(shown.text.encode()) <= 1_200
    assert shown.plain.endswith("https://t.me/spokesman/1 · alert 42")


def test_bad_input_18_three_thousand_emoji_fit_and_keep_their_link() -> None:
    for text in ("👨‍👩‍👧" * 3_000, "x" * 5_000, "တိုင်းစစ်ဌာနချုပ်" * 500, "<&>" * 3_000, "e" + "\u0301" * 100_000):
        shown = told(f"command {text}", "command", shows=TELEGRAM)
        reading = parsed(shown.text)
        assert count_units(reading.plain) <= 4096
        assert reading.links == ["https://t.me/spokesman/1"]
        assert "<b>command</b>" in shown.text


def test_five_hundred_characters_of_hostile_controls_act_on_nothing() -> None:
    junk = ("\u202e\u2066\x1b[2J\x1b]0;t\x07\u200f\x00\x9b31m\r\b\U000e0041" * 40)[:500]
    shown = told(f"command {junk}", "command", shows=Shows("ansi"), side=junk, forward=Forward(junk), posted_raw=junk)
    left = re.sub(r"\x1b\[(1|1;33|4|0)m", "", shown.text)
    assert not re.search(
        "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200e\u200f\U000e0000-\U000e007f]", left
    )


def test_bad_input_71_a_post_cannot_forge_a_line() -> None:
    shown = told("command\n2026-01-01 ERROR disk gone\r\nx\u2028y", "command", forward=Forward("a\nb")).text
    assert len(shown.splitlines()) == 5


def test_bad_input_20_a_lone_surrogate_becomes_json_that_everybody_reads() -> None:
    document = told("command \ud800 \x00 \u2028", "command").document
    assert json.loads(json.dumps(document).encode("ascii")) == document
    json.dumps(document, ensure_ascii=False).encode("utf-8")


@given(
    before=st.text(max_size=300),
    hit=st.text(min_size=1, max_size=50),
    after=st.text(max_size=300),
    room=st.integers(0, 200),
)
@settings(max_examples=150, deadline=None)
def test_a_snippet_fits_and_is_cut_between_letters(before: str, hit: str, after: str, room: int) -> None:
    line = fit_pieces([(before, False), (hit, True), (after, False)], room)
    assert all(isinstance(span, Span) for span in line)
    shown = "".join(span.text for span in line)
    assert count_units(shown) <= max(room, 2)
    assert not re.search("[\x00-\x1f\x7f-\x9f\ud800-\udfff]", shown)


@given(text=st.text(alphabet=st.sampled_from("<>&\"'ab\u202e👍\u0301က် \n"), min_size=1, max_size=400))
@settings(max_examples=100, deadline=None)
def test_whatever_a_post_says_telegram_can_parse_the_alert(text: str) -> None:
    shown = told(text, text[0], shows=TELEGRAM, forward=Forward(text))
    assert parsed(shown.text).plain == shown.plain
    assert list(split_graphemes(shown.plain))


def test_the_id_of_a_message_is_its_own_and_lasts_over_retries() -> None:
    row = DeliveryRow(3, None, "desk", "test", "sending", AT, 1, AT, payload={"text": "x"})
    first = render_notice(row, TEXT).id
    assert render_notice(replace(row, attempts=9, not_before=AT + 5, possible_repeat=True), TEXT).id == first
    assert render_notice(replace(row, id=4), TEXT).id != first
    assert render_notice(replace(row, created_at=AT + 1), TEXT).id != first
