import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.clock import SECOND
from bot.contracts.message import Attachment
from bot.contracts.target import MessageRefused, Moved
from bot.errors import Later, Never
from tests.bot_api import TOKEN
from tests.targets.conftest import MESSAGE


@pytest.fixture
def telegram(keys: Any) -> dict[str, Any]:
    found: dict[str, Any] = keys["telegram"]
    return found


def test_html_arrives_parsed_with_its_link_and_without_a_preview(telegram: Any, around: Any, bot_api: Any) -> None:
    text = '<b>fire</b> &lt;b&gt; &amp;amp; <a href="https://t.me/spokesman/1">https://t.me/spokesman/1</a>'
    receipt = asyncio.run(around.send(telegram, text=text))
    assert json.loads(receipt) == {"message_id": 1, "chat": 7}
    assert bot_api.said[0].text == "fire <b> &amp; https://t.me/spokesman/1"
    assert bot_api.said[0].links == ["https://t.me/spokesman/1"]
    assert bot_api.said[0].request["link_preview_options"] == {"is_disabled": True}


def test_what_telegram_cannot_parse_goes_once_more_as_plain_text(telegram: Any, around: Any, bot_api: Any) -> None:
    asyncio.run(around.send(telegram, text="<b>unclosed", plain="unclosed"))
    assert [message.text for message in bot_api.said] == ["unclosed"]
    assert len(bot_api.asked) == 2


def test_a_message_refused_even_as_plain_text_is_refused_for_good(telegram: Any, around: Any, bot_api: Any) -> None:
    bot_api.fail_with = [(400, "Bad Request: can't parse entities: x")] * 2
    with pytest.raises(MessageRefused, match="can't parse"):
        asyncio.run(around.send(telegram))


@pytest.mark.parametrize("asked", [2_072, 10_072, 100_072])
def test_429_is_obeyed_to_the_second_up_to_a_day(asked: int, telegram: Any, around: Any, bot_api: Any) -> None:
    bot_api.retry_after = asked
    with pytest.raises(Later) as problem:
        asyncio.run(around.send(telegram))
    assert problem.value.obey
    assert problem.value.retry_at == around.now + min(asked, 86_400) * SECOND


def test_a_server_in_trouble_is_tried_later(telegram: Any, around: Any, bot_api: Any) -> None:
    bot_api.fail_with = [(502, "Bad Gateway")]
    with pytest.raises(Later, match="502"):
        asyncio.run(around.send(telegram))


def test_an_answer_that_never_came_may_have_been_a_message(telegram: Any, around: Any, bot_api: Any) -> None:
    bot_api.swallow = 1
    with pytest.raises(Later) as problem:
        asyncio.run(around.send(telegram))
    assert problem.value.unsure
    assert len(bot_api.said) == 1


def test_a_blocked_bot_parks_the_target(telegram: Any, around: Any, bot_api: Any) -> None:
    bot_api.blocked = True
    with pytest.raises(Never, match="blocked") as problem:
        asyncio.run(around.send(telegram))
    assert not isinstance(problem.value, MessageRefused)


def test_an_unknown_chat_and_a_wrong_token_park_the_target(telegram: Any, around: Any) -> None:
    for keys, words in (
        ({**telegram, "chat": -5}, "chat not found"),
        ({**telegram, "token_file": around.secret("other", "1:wrong")}, "Unauthorized"),
        ({**telegram, "token_file": around.secret("odd", "1:a/../b")}, "no bot token"),
    ):
        with pytest.raises(Never, match=words) as problem:
            asyncio.run(around.send(keys))
        assert not isinstance(problem.value, MessageRefused)


def change(around: Any, keys: dict[str, Any], receipt: str, **changes: Any) -> None:
    """Edit a message that was sent."""
    asyncio.run(around.with_target(keys, lambda target: target.edit(receipt, replace(MESSAGE, **changes))))


def test_a_message_is_edited_and_saying_the_same_again_is_no_failure(telegram: Any, around: Any, bot_api: Any) -> None:
    receipt = asyncio.run(around.send(telegram, text="<b>fire</b>"))
    for _ in range(2):
        change(around, telegram, receipt, text="<b>fire</b> also in 2 channels")
    assert [(one.text, one.earlier) for one in bot_api.said] == [("fire also in 2 channels", ["fire"])]
    assert bot_api.edits[0]["link_preview_options"] == {"is_disabled": True}
    assert len(bot_api.edits) == 2


def test_an_edit_that_cannot_be_parsed_goes_once_more_as_plain_text(telegram: Any, around: Any, bot_api: Any) -> None:
    receipt = asyncio.run(around.send(telegram))
    change(around, telegram, receipt, text="<b>unclosed", plain="unclosed")
    assert bot_api.said[0].text == "unclosed"


def test_the_words_beside_a_file_are_edited_as_such(telegram: Any, around: Any, bot_api: Any) -> None:
    receipt = asyncio.run(around.send(telegram, attachment=note(around.directory)))
    change(around, telegram, receipt, text="another caption")
    assert bot_api.said[0].text == "another caption"
    with pytest.raises(MessageRefused, match="caption is too long"):
        change(around, telegram, receipt, text="x" * 1025)


@pytest.mark.parametrize("what", ["removed", "fixed", "blocked", "chat", "moved", "unknown"])
def test_what_can_never_be_edited_again_is_no_failure_of_the_target(
    what: str, telegram: Any, around: Any, bot_api: Any
) -> None:
    receipt = asyncio.run(around.send(telegram))
    keys = telegram
    if what in ("removed", "fixed"):
        getattr(bot_api, what).add(1)
    elif what == "blocked":
        bot_api.blocked = True
    elif what == "chat":
        keys = {**telegram, "chat": -100}  # where another message may have this number
        asyncio.run(around.send(keys))
    elif what == "moved":
        bot_api.migrated_to = -1001234
    else:
        receipt = '{"message_id": 1}'  # of an earlier release
    with pytest.raises((MessageRefused, Moved)):
        change(around, keys, receipt, text="other words")
    assert {one.text for one in bot_api.said} == {MESSAGE.plain}


def test_a_wait_that_an_edit_is_asked_for_and_a_wrong_token_are_said_as_such(
    telegram: Any, around: Any, bot_api: Any
) -> None:
    receipt = asyncio.run(around.send(telegram))
    bot_api.retry_after = 17
    with pytest.raises(Later) as problem:
        change(around, telegram, receipt, text="other words")
    assert (problem.value.obey, problem.value.retry_at) == (True, around.now + 17 * SECOND)
    with pytest.raises(Never, match="Unauthorized") as refused:
        change(around, {**telegram, "token_file": around.secret("other", "1:wrong")}, receipt, text="other words")
    assert not isinstance(refused.value, MessageRefused)


def test_a_reply_to_a_message_of_another_chat_is_no_reply(telegram: Any, around: Any, bot_api: Any) -> None:
    receipt = asyncio.run(around.send(telegram))
    asyncio.run(around.send({**telegram, "chat": -100}, reply_to=receipt))
    assert "reply_parameters" not in bot_api.said[1].request


@pytest.mark.parametrize("words", [f"Bad Request: {'no ' * 50}{TOKEN}", f"Bad Request: can't parse {TOKEN}"])
def test_bad_input_69_a_token_that_telegram_repeats_is_not_shown_in_part_either(
    words: str, telegram: Any, around: Any, bot_api: Any
) -> None:
    bot_api.fail_with = [(400, words)] * 2
    with pytest.raises(MessageRefused, match=r"\*\*\*") as problem:
        asyncio.run(around.send(telegram))
    assert TOKEN.partition(":")[2][:8] not in str(problem.value)


def test_a_migrated_group_is_named_with_its_new_number(telegram: Any, around: Any, bot_api: Any) -> None:
    bot_api.migrated_to = -1001234
    with pytest.raises(Moved) as moved:
        asyncio.run(around.send(telegram))
    assert (moved.value.old, moved.value.new) == (str(telegram["chat"]), "-1001234")


@pytest.mark.parametrize("page", ["<html>Welcome to the hotel</html>", "", "[]", "OK"])
def test_an_answer_that_is_not_of_the_bot_api_means_that_nothing_arrived(
    page: str, telegram: Any, around: Any, bot_api: Any
) -> None:
    bot_api.page = page
    with pytest.raises(Later) as problem:
        asyncio.run(around.send(telegram))
    assert not problem.value.unsure


def test_a_reply_stands_under_the_first_message_and_survives_its_loss(telegram: Any, around: Any, bot_api: Any) -> None:
    first = asyncio.run(around.send(telegram))
    asyncio.run(around.send(telegram, reply_to=first))
    asyncio.run(around.send(telegram, reply_to='{"message_id": 999}'))
    assert bot_api.said[1].request["reply_parameters"]["message_id"] == 1
    assert len(bot_api.said) == 3


def test_low_priority_makes_no_sound(telegram: Any, around: Any, bot_api: Any) -> None:
    asyncio.run(around.send(telegram, priority="low"))
    asyncio.run(around.send(telegram, priority="high"))
    assert [message.request["disable_notification"] for message in bot_api.said] == [True, False]


@pytest.mark.parametrize(
    "text", ["<b>", "</a>", "<script>", "a & b", "&lt;", "<b>x</i>", "<!-- x -->", "<a href='", "<"]
)
def test_bad_input_13_even_malformed_html_ends_as_its_literal_words(
    text: str, telegram: Any, around: Any, bot_api: Any
) -> None:
    asyncio.run(around.send(telegram, text=f"fire {text}", plain=f"fire {text}"))
    assert len(bot_api.said) == 1


@given(body=st.binary(max_size=200))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_answer_of_a_server_is_a_failure_that_we_know(body: bytes) -> None:
    from bot.alerts.targets.telegram.refusals import read_answer

    assert isinstance(read_answer(body), dict)


def note(directory: Path, kind: str = "voice", mime: str = "audio/ogg", size: int | None = None) -> Attachment:
    data = b"OggS\r\n--boundary\r\n\x00\xff" * 50
    path = directory / "content"
    path.write_bytes(data)
    return Attachment(kind, path, "spokesman-7.ogg", mime, len(data) if size is None else size)


@pytest.mark.parametrize(
    ("kind", "mime", "method"),
    [
        ("voice", "audio/ogg", "sendVoice"),
        ("audio", "audio/mpeg", "sendAudio"),
        ("audio", "audio/ogg", "sendDocument"),
        ("photo", "image/png", "sendPhoto"),
        ("photo", "text/html", "sendDocument"),
        ("video", "video/mp4", "sendVideo"),
        ("round", "video/mp4", "sendVideo"),
        ("video", "video/webm", "sendDocument"),
    ],
)
def test_a_file_goes_with_its_words_as_what_its_bytes_are(
    telegram: Any, around: Any, bot_api: Any, kind: str, mime: str, method: str
) -> None:
    attached = note(around.directory, kind, mime)
    receipt = asyncio.run(around.send(telegram, text="<b>fire</b> not yet heard", attachment=attached))
    [said] = bot_api.said
    assert (said.file.method, said.file.name, said.file.mime) == (method, "spokesman-7.ogg", mime)
    assert said.file.data == attached.path.read_bytes()
    assert said.text == "fire not yet heard"
    assert json.loads(receipt) == {"message_id": 1, "chat": 7, "caption": True}


def test_words_that_answer_a_voice_note_are_a_reply_to_it(telegram: Any, around: Any, bot_api: Any) -> None:
    receipt = asyncio.run(around.send(telegram, attachment=note(around.directory)))
    asyncio.run(around.send(telegram, reply_to=receipt))
    assert bot_api.said[1].request["reply_parameters"]["message_id"] == 1


def test_a_file_that_telegram_does_not_take_is_left_out_and_the_words_go(
    telegram: Any, around: Any, bot_api: Any
) -> None:
    bot_api.refuse_files = True
    asyncio.run(around.send(telegram, text="<b>fire</b>", attachment=note(around.directory)))
    assert [(said.text, said.file) for said in bot_api.said] == [("fire", None)]


def test_a_file_that_is_too_large_for_who_is_on_the_way_is_left_out_and_the_words_go(
    telegram: Any, around: Any, bot_api: Any
) -> None:
    bot_api.fail_with = [(413, "Request Entity Too Large")]
    asyncio.run(around.send(telegram, attachment=note(around.directory)))
    assert [said.file for said in bot_api.said] == [None]


def test_a_file_that_is_gone_from_our_disk_keeps_no_words_back(telegram: Any, around: Any, bot_api: Any) -> None:
    attached = note(around.directory)
    attached.path.unlink()
    asyncio.run(around.send(telegram, attachment=attached))
    assert len(bot_api.said) == 1


def test_a_caption_that_telegram_cannot_parse_goes_once_more_as_plain_text(
    telegram: Any, around: Any, bot_api: Any
) -> None:
    asyncio.run(around.send(telegram, text="<b>unclosed", plain="unclosed", attachment=note(around.directory)))
    [said] = bot_api.said
    assert (said.text, said.file.method) == ("unclosed", "sendVoice")


GROUP = {"type": "supergroup", "title": "Desk", "permissions": {"can_send_messages": True}}


@pytest.mark.parametrize(
    ("chat", "member", "words"),
    [
        ({"type": "private"}, {}, ""),
        (GROUP, {"status": "member"}, ""),
        (GROUP, {"status": "left"}, "not in the chat"),
        (GROUP, {"status": "kicked"}, "not in the chat"),
        (GROUP | {"permissions": {"can_send_messages": False}}, {"status": "member"}, "may not send messages"),
        (GROUP | {"permissions": {"can_send_messages": False}}, {"status": "administrator"}, ""),
        (GROUP, {"status": "restricted", "is_member": True, "can_send_messages": False}, "may not send messages"),
        ({"type": "channel"}, {"status": "member"}, "no administrator"),
        ({"type": "channel"}, {"status": "administrator", "can_post_messages": False}, "may not post"),
        ({"type": "channel"}, {"status": "administrator", "can_post_messages": True}, ""),
    ],
)
def test_the_rights_of_the_bot_are_asked_for_without_a_message(
    chat: Any, member: Any, words: str, telegram: Any, around: Any, bot_api: Any
) -> None:
    bot_api.chat_facts, bot_api.member = chat, member
    if words:
        with pytest.raises(Never, match=words) as problem:
            asyncio.run(around.with_target(telegram, lambda target: target.check()))
        assert problem.value.remedy
    else:
        assert "@desk_bot may write" in asyncio.run(around.with_target(telegram, lambda target: target.check()))
    assert bot_api.said == []


def test_a_topic_needs_a_chat_with_topics_and_a_token_needs_a_bot(telegram: Any, around: Any, bot_api: Any) -> None:
    bot_api.chat_facts, bot_api.member = GROUP, {"status": "member"}
    for keys, words in (
        ({**telegram, "topic": 7}, "no topics"),
        ({**telegram, "chat": -5}, "chat not found"),
        ({**telegram, "token_file": around.secret("other", "1:wrong")}, "Unauthorized"),
    ):
        with pytest.raises(Never, match=words):
            asyncio.run(around.with_target(keys, lambda target: target.check()))
