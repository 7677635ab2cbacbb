"""From a stored match to a real peer, through the real targets."""

from typing import Any

import pytest

from bot.alerts.outbox import Drained
from storage.alerts import retrying
from tests.bot_api import TOKEN

SECOND = 1_000_000


@pytest.mark.parametrize("text", ["<b>", "</a>", "<script>", "<b>unclosed <i>", "&lt; &amp;amp;", "👨‍👩‍👧" * 3_000])
def test_bad_inputs_13_14_and_18_arrive_at_telegram_at_the_first_try(
    text: str, line: Any, deliver: Any, telegram: Any, bot_api: Any
) -> None:
    line.match(line.post(f"the command {text}"))
    assert deliver(**telegram) == Drained(sent=1)
    assert len(bot_api.asked) == 1
    assert text[:20] in bot_api.said[0].text
    assert bot_api.said[0].links == ["https://t.me/spokesman/1"]


def test_an_edit_and_a_deletion_stand_as_replies_under_the_first_message(
    line: Any, deliver: Any, telegram: Any, bot_api: Any
) -> None:
    post = line.post("the command fell")
    line.match(post)
    assert deliver(**telegram) == Drained(sent=1)
    line.post("the command stands")
    line.match(post, kind="edited", before="the command fell")
    assert deliver(**telegram) == Drained(sent=1)
    assert bot_api.said[1].request["reply_parameters"]["message_id"] == bot_api.said[0].id
    assert "was: the command fell\nnow: the command stands" in bot_api.said[1].text


@pytest.mark.parametrize(("wanted", "kept"), [(1_072, 1_072), (10_072, 10_072), (100_000, 86_400)])
def test_flood_control_is_kept_to_the_second_over_a_restart_for_at_most_a_day(
    line: Any, deliver: Any, telegram: Any, bot_api: Any, wanted: int, kept: int
) -> None:
    line.match(line.post())
    bot_api.retry_after = wanted
    deliver(**telegram)
    bot_api.retry_after = None
    line.now += (kept - 1) * SECOND
    assert deliver(**telegram) == Drained()
    line.now += SECOND
    assert deliver(**telegram) == Drained(sent=1)
    assert len(bot_api.asked) == 2


def test_an_answer_that_got_lost_makes_one_marked_copy(line: Any, deliver: Any, telegram: Any, bot_api: Any) -> None:
    line.match(line.post())
    bot_api.swallow = 1
    deliver(**telegram)
    line.now += 60 * SECOND
    assert deliver(**telegram) == Drained(sent=1)
    assert ["possible repeat" in message.text for message in bot_api.said] == [False, True]


def test_a_webhook_that_was_down_gets_it_under_the_same_id(line: Any, deliver: Any, sink: Any) -> None:
    line.match(line.post())
    sink.status = 503
    assert deliver(kind="webhook", url=sink.url) == Drained()
    sink.status = 204
    line.now += 60 * SECOND
    assert deliver(kind="webhook", url=sink.url) == Drained(sent=1)
    assert len(sink.received) == len(sink.ids()) == 1


def test_bad_input_69_no_token_is_kept_in_the_archive(line: Any, deliver: Any, telegram: Any, bot_api: Any) -> None:
    line.match(line.post())
    deliver(**{**telegram, "api_base": "http://127.0.0.1:9"})
    line.now += 60 * SECOND
    bot_api.fail_with = [(400, f"Bad Request: {TOKEN}")]
    deliver(**telegram)
    kept = [str(row) for table in ("deliveries", "targets", "notices") for row in line.rows(f"select * from {table}")]
    assert not any(TOKEN.partition(":")[2] in words for words in [*kept, *line.said])
    assert any("***" in words for words in kept)


def test_alerts_flow_to_a_group_that_became_a_supergroup_and_one_message_asks_to_confirm_it(
    line: Any, deliver: Any, telegram: Any, bot_api: Any
) -> None:
    bot_api.migrated_to = -1001234
    telegram |= {"chat": -100, "health": True}
    line.match(line.post())
    assert deliver(**telegram) == Drained(sent=2)  # with the message that asks
    line.match(line.post(native_id="2"))
    line.now += 2 * SECOND
    deliver(**telegram)  # the next process knows it
    assert [message.chat for message in bot_api.said] == [-1001234] * 3
    asked = [message.text for message in bot_api.said if "or write chat = -1001234" in message.text]
    assert len(asked) == 1
    assert "the chat -100 of target desk has become -1001234" in asked[0]
    assert [request["chat_id"] for request in bot_api.asked].count(-100) == 1
    line.match(line.post(native_id="3"))
    line.now += 2 * SECOND
    deliver(**{**telegram, "chat": -1001234})
    assert bot_api.said[-1].chat == -1001234
    assert len([message for message in bot_api.said if "Is that right?" in message.text]) == 1


def test_a_captive_portal_costs_no_repeat(line: Any, deliver: Any, telegram: Any, bot_api: Any) -> None:
    line.match(line.post())
    bot_api.page = "<html>Welcome to the hotel</html>"
    for _ in range(3):
        deliver(**telegram)
        line.now = line.rows()[0]["not_before"]
    bot_api.page = None
    assert deliver(**telegram) == Drained(sent=1)
    assert "possible repeat" not in bot_api.said[0].text


@pytest.mark.parametrize("status", [401, 403])
def test_a_webhook_that_lets_nobody_in_is_suspended_and_loses_nothing(
    status: int, line: Any, deliver: Any, sink: Any
) -> None:
    for number in range(20):
        line.match(line.post(native_id=str(number)))
    sink.status = status
    assert deliver(kind="webhook", url=sink.url).sent == 0
    assert deliver(kind="webhook", url=sink.url).sent == 0
    [said] = line.said
    assert "suspended" in said
    assert "communique alerts test desk" in said
    assert set(line.states()) == {"pending"}
    with line.archive.writing() as writer:
        retrying.retry(writer, line.now, target="desk")
    sink.status = 204
    assert deliver(kind="webhook", url=sink.url).sent == 20
