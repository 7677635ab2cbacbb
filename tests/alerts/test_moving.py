"""A group that became a supergroup: alerts follow at once, a person is asked, and a "no" stops them."""

from typing import Any

import pytest

from bot.alerts.moving import ask_again, forget_answered
from bot.config import Config
from storage.alerts import target_states


@pytest.fixture
def moved(line: Any, deliver: Any, telegram: Any, bot_api: Any, bot_config: Config) -> dict[str, Any]:
    """An alert that has followed its chat."""
    keys: dict[str, Any] = telegram | {"chat": -100, "health": True}
    line.match(line.post())
    bot_api.migrated_to = -1001234
    deliver(**keys)
    return keys


def chats(api: Any) -> list[object]:
    return [one.chat for one in api.said if not one.text.startswith("Communiqué")]


def test_alerts_follow_at_once_and_a_person_is_asked_at_each_start_until_there_is_an_answer(
    line: Any, deliver: Any, moved: Any, bot_api: Any, bot_config: Config, program: Any
) -> None:
    deliver(**moved)
    assert chats(bot_api) == [-1001234]
    assert "communique alerts follow desk" in bot_api.said[-1].text
    with line.archive.writing() as writer:
        [asked] = ask_again(writer, bot_config, line.now)
    assert "Is that right?" in asked
    assert program("alerts", "follow", "desk")[:2] == (
        0, "alerts of target desk go to -1001234, whatever the config says of -100\n",
    )  # fmt: skip
    with line.archive.writing() as writer:
        assert ask_again(writer, bot_config, line.now) == []
    line.match(line.post("another command", "2"))
    deliver(**moved)
    assert chats(bot_api) == [-1001234, -1001234]


def test_a_no_suspends_the_target_until_the_config_names_another_chat(
    line: Any, deliver: Any, moved: Any, bot_api: Any, bot_config: Config, program: Any
) -> None:
    deliver(**moved)
    code, out, _ = program("alerts", "follow", "desk", "--no")
    assert (code, "is suspended" in out) == (0, True)
    line.match(line.post("another command", "2"))
    deliver(**moved)
    program("alerts", "retry", "--dead")
    deliver(**moved)
    assert chats(bot_api) == [-1001234]
    with line.archive.writing() as writer:
        forget_answered(writer, bot_config, line.now)  # the same chat is no answer
        assert target_states.find_target(writer, "desk").state == "parked"
        other = bot_config.model_copy(
            update={"targets": tuple(one.model_copy(update={"chat": 7}) for one in bot_config.targets)}
        )
        forget_answered(writer, other, line.now)
        assert target_states.find_target(writer, "desk").moved_to is None
    bot_api.migrated_to = None
    deliver(**moved | {"chat": 7})
    assert chats(bot_api) == [-1001234, 7]


def test_a_yes_after_a_no_lets_alerts_go_there_again(
    line: Any, deliver: Any, moved: Any, bot_api: Any, program: Any
) -> None:
    program("alerts", "follow", "desk", "--no")
    line.match(line.post("another command", "2"))
    program("alerts", "follow", "desk")
    deliver(**moved)
    assert chats(bot_api) == [-1001234, -1001234]


def test_a_chat_that_has_not_moved_and_a_target_that_is_not_there_are_said(bot_config: Config, program: Any) -> None:
    assert program("alerts", "follow", "desk")[0] == 3
    code, _, err = program("alerts", "follow", "dsek")
    assert (code, 'did you mean "desk"' in err) == (2, True)
