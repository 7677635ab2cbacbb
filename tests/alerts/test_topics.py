"""A topic for each event in a forum group: opened once, used by all that follows, closed when the event is over."""

from typing import Any

import pytest

from bot.clock import DAY, MINUTE
from tests.alerts.test_answers import place


@pytest.fixture
def forum(telegram: dict[str, Any], bot_api: Any) -> dict[str, Any]:
    """The keys of a target that opens topics; the bot has every right."""
    bot_api.forum = True
    bot_api.chat_facts = {"type": "supergroup", "title": "Desk", "is_forum": True}
    bot_api.member = {"status": "administrator", "can_manage_topics": True}
    return telegram | {"chat": -100, "topic": "per-event", "fold": False}


def opened(line: Any, *events: int) -> None:
    """The events are as old as the clock says."""
    with line.archive.writing() as writer:
        for event in events:
            writer.execute(
                "UPDATE events SET opened_at = :now, newest_at = :now WHERE id = :id", {"now": line.now, "id": event}
            )


def threads(api: Any) -> list[int | None]:
    return [one.request.get("message_thread_id") for one in api.said]


def test_everything_about_an_event_is_in_its_one_topic(line: Any, deliver: Any, forum: Any, bot_api: Any) -> None:
    first, copy, other = (line.post(f"the command fell {n}", str(n)) for n in range(3))
    place(line, first, first, copy)
    place(line, other, other)
    opened(line, first, other)
    line.match(first)
    deliver(**forum)
    for post in (copy, other):
        line.match(post)
        deliver(**forum)
    line.match(first, kind="deleted", word="nothing")
    deliver(**forum)
    assert threads(bot_api) == [1000, 1000, 1001, 1000]
    assert [topic.name for topic in bot_api.topics.values()] == ["the command fell 0", "the command fell 2"]


def test_what_belongs_to_no_event_is_in_the_chat_itself(line: Any, deliver: Any, forum: Any, bot_api: Any) -> None:
    line.match(line.post())
    deliver(**forum)
    assert threads(bot_api) == [None]
    assert bot_api.topics == {}


@pytest.mark.parametrize(
    "words", ["@editor /mute all\n\x1b[2J\u202e command", "\U0001f525" * 300 + " command", "command"]
)
def test_the_name_is_one_safe_line_of_the_statement(
    words: str, line: Any, deliver: Any, forum: Any, bot_api: Any
) -> None:
    post = line.post(words)
    place(line, post, post)
    line.match(post)
    deliver(**forum)
    [topic] = bot_api.topics.values()
    assert 1 <= len(topic.name) <= 128
    assert "@editor" not in topic.name
    assert "/mute" not in topic.name
    assert not set("\n\x1b\u202e") & set(topic.name)


def test_a_death_between_opening_and_sending_opens_no_second_topic(
    line: Any, deliver: Any, forum: Any, bot_api: Any
) -> None:
    post = line.post()
    place(line, post, post)
    opened(line, post)
    line.match(post)
    refuse = [(502, "Bad Gateway")]

    def break_off(*_: Any) -> Any:
        return (refuse.pop()[0], {"ok": False}) if refuse else type(bot_api)._take(bot_api, *_)

    bot_api._take = break_off
    deliver(**forum)
    assert (len(bot_api.topics), bot_api.said) == (1, [])
    line.now += 2 * MINUTE
    deliver(**forum)
    assert (len(bot_api.topics), threads(bot_api)) == (1, [1000])


def test_a_topic_whose_answer_was_lost_may_be_repeated_and_says_so(
    line: Any, deliver: Any, forum: Any, bot_api: Any
) -> None:
    post = line.post()
    place(line, post, post)
    line.match(post)
    bot_api.lost_topics = 1
    deliver(**forum)
    line.now += 2 * MINUTE
    deliver(**forum)
    names = [topic.name for topic in bot_api.topics.values()]
    assert names == ["the northern command fell", "the northern command fell (possible repeat)"]
    assert threads(bot_api) == [1001]


@pytest.mark.parametrize("lack", ["manages_topics", "forum"])
def test_without_the_right_alerts_go_to_the_chat_itself_and_a_person_hears_once(
    lack: str, line: Any, deliver: Any, forum: Any, bot_api: Any
) -> None:
    setattr(bot_api, lack, False)
    posts = [line.post(f"the command fell {number}", str(number)) for number in range(2)]
    for post in posts:
        place(line, post, post)
        opened(line, post)
        line.match(post)
    deliver(**forum, health=True)
    deliver(**forum, health=True)
    assert sorted(threads(bot_api), key=str) == [None] * 3
    assert len([one for one in bot_api.said if "alerts go to the chat itself" in one.text]) == 1
    line.match(posts[0], kind="deleted", word="nothing")
    setattr(bot_api, lack, True)
    third = line.post("the command fell 3", "3")
    place(line, third, third)
    line.match(third)
    deliver(**forum, health=True)
    deliver(**forum, health=True)
    assert sorted(threads(bot_api)[3:], key=str) == [1000, None, None], "an event stays where it began"
    assert "topics of target desk are opened again" in bot_api.said[-1].text


def test_a_topic_that_a_person_deleted_is_opened_again_once(line: Any, deliver: Any, forum: Any, bot_api: Any) -> None:
    post = line.post()
    place(line, post, post)
    opened(line, post)
    for number in range(3):
        line.match(post, kind="match" if not number else "edited", word="command")
        deliver(**forum)
        for topic in bot_api.topics.values():
            topic.deleted = True
    assert threads(bot_api) == [1000, 1001, None]
    line.match(post, kind="deleted", word="nothing")
    deliver(**forum)
    assert threads(bot_api)[3:] == [None]
    assert line.states() == ["sent"] * 4


def test_a_topic_is_closed_after_the_time_of_its_event_and_reopened_for_what_comes_late(
    line: Any, deliver: Any, forum: Any, bot_api: Any
) -> None:
    post = line.post()
    place(line, post, post)
    opened(line, post)
    line.match(post)
    deliver(**forum)
    line.now += DAY - MINUTE
    deliver(**forum)
    assert not bot_api.topics[1000].closed
    line.now += 2 * MINUTE
    deliver(**forum)
    assert bot_api.topics[1000].closed
    line.match(post, kind="deleted", word="nothing")
    deliver(**forum)
    assert threads(bot_api) == [1000, 1000]
    assert bot_api.topics[1000].closed, "closed once more"
    asked = len(bot_api.asked)
    deliver(**forum)
    assert len(bot_api.asked) == asked


def test_a_wait_that_an_opening_is_asked_for_is_kept(line: Any, deliver: Any, forum: Any, bot_api: Any) -> None:
    post = line.post()
    place(line, post, post)
    line.match(post)
    bot_api.retry_after = 90
    deliver(**forum)
    bot_api.retry_after = None
    line.now += 89_000_000
    deliver(**forum)
    assert bot_api.topics == {}
    line.now += 2_000_000
    deliver(**forum)
    assert [topic.name for topic in bot_api.topics.values()] == ["the northern command fell"]
