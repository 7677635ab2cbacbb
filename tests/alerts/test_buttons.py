"""Buttons under alerts: what they do, that they work for years, and that they go once somebody has the event."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from bot.alerts import targets
from bot.alerts.buttons import alert_buttons
from bot.alerts.outbox import Outbox
from bot.alerts.render import Rendering
from bot.answers.access import find_answered
from bot.answers.line import BotLine
from bot.answers.removal import ButtonRemoval
from bot.archive import AsyncArchive
from bot.claims import Claims
from bot.clock import Clock
from bot.config import Config
from bot.contracts.target import TargetTools
from bot.http import IN_ALL, Http
from storage.alerts import claiming, outbox
from storage.alerts.settlement import Settlement
from storage.answers import acks, buttons
from tests.bot_chat import BotChat, keyboard, wait_for

LABELS = ["Ack", "Useful", "Noise", "Mute source 1 h", "Mute rule 1 d", "Why"]


@pytest.fixture
def live(line: Any, bot_config: Config) -> Callable[..., None]:
    """Let the daemon's parts that people answer to work until something has happened."""

    def live(happened: Callable[[], object], *, answers: bool = True) -> None:
        async def work() -> None:
            store, clock = AsyncArchive(line.archive), Clock()
            http = Http(bot_config.http_rules(), clock, per_server=IN_ALL)
            tools = TargetTools(http, clock, bot_config.zone, None, False)  # type: ignore[arg-type]
            made = {one.name: targets.build(one, tools) for one in bot_config.targets}
            removal = ButtonRemoval(store, clock, made)
            rendering = Rendering(bot_config.zone, answered=find_answered(bot_config))
            outbox = Outbox(store, made, rendering, clock, Claims(clock), line.said.append)
            bot = BotLine.of(bot_config, http, store, clock, line.said.append, removal.bell.ring)
            assert bot is not None
            works = [outbox.run(), removal.run(), *([bot.run()] if answers else [])]
            running = [asyncio.create_task(one) for one in works]
            try:
                await asyncio.to_thread(wait_for, lambda: happened() or any(task.done() for task in running))
                for task in running:
                    if task.done():
                        task.result()
            finally:
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)
                await outbox.aclose()
                await http.aclose()
                await store.aclose()

        asyncio.run(work())

    return live


@pytest.fixture
def alert(line: Any, live: Any, chat: BotChat) -> int:
    """An alert that has arrived with its buttons."""
    line.now = Clock().now()
    number: int = line.match(line.post())
    live(lambda: chat.said, answers=False)
    return number


def labels(chat: BotChat, number: int = 0) -> list[str]:
    return [one["text"] for row in keyboard(chat.said[number]) for one in row]


def press(chat: BotChat, live: Any, label: str) -> str:
    """What is shown above the button that somebody presses."""
    query = chat.press(chat.said[0], label)
    live(lambda: query in chat.answered)
    return dict(chat.toasts)[query]


def test_each_alert_has_six_buttons_without_a_secret(chat: BotChat, alert: int) -> None:
    assert labels(chat) == LABELS
    data = [one["callback_data"] for row in keyboard(chat.said[0]) for one in row]
    assert all(len(one.encode()) <= 64 for one in data)
    assert len(set(data)) == 6


def test_ack_takes_the_buttons_from_all_messages_about_the_event(
    chat: BotChat, live: Any, line: Any, alert: int
) -> None:
    line.match(line.rows("SELECT id FROM posts")[0]["id"], rule="other rule")
    live(lambda: len(chat.said) == 2)
    assert press(chat, live, "Ack") == f"alert {alert} is acknowledged by @anna"
    live(lambda: not keyboard(chat.said[0]) and not keyboard(chat.said[1]))
    live(lambda: line.rows("SELECT buttons FROM acks") == [{"buttons": 0}])
    line.match(line.rows("SELECT id FROM posts")[0]["id"], kind="edited", word="northern")
    live(lambda: len(chat.said) == 3)
    assert keyboard(chat.said[2]) == [], "who comes later needs not take it up"


@pytest.mark.long
def test_ack_on_the_command_line_takes_them_too(chat: BotChat, live: Any, program: Any, line: Any, alert: int) -> None:
    program("alerts", "ack", str(alert), "--by", "boris")
    chat.fail_with = [(429, "Too Many Requests: retry after 1")]
    live(lambda: line.rows("SELECT hold_until FROM targets WHERE hold_until IS NOT NULL") or not keyboard(chat.said[0]))
    with line.archive.writing() as writer:
        writer.execute("UPDATE targets SET hold_until = NULL")
    live(lambda: not keyboard(chat.said[0]))
    assert press_gone(chat, live, alert, line) == f"alert {alert} was acknowledged before, by boris"


def press_gone(chat: BotChat, live: Any, alert: int, line: Any) -> str:
    """Somebody whose screen still showed the button presses it."""
    [row] = line.rows(f"SELECT post_id, at FROM matches WHERE id = {alert}")
    buttons = alert_buttons(alert, row["post_id"], row["at"])
    chat.said[0].keyboard = [[{"text": label, "callback_data": data} for label, data in one] for one in buttons]
    return press(chat, live, "Ack")


@pytest.mark.long
def test_a_message_that_is_gone_keeps_nobody_busy(chat: BotChat, live: Any, line: Any, alert: int) -> None:
    chat.removed.add(1)
    with line.archive.writing() as writer:
        acks.acknowledge(writer, alert, "anna", line.now)
    live(lambda: line.rows("SELECT buttons FROM acks") == [{"buttons": 0}])


def test_verdicts_mutes_and_why(chat: BotChat, live: Any, line: Any, alert: int) -> None:
    assert press(chat, live, "Useful") == f"alert {alert} of fire is useful for @anna"
    assert press(chat, live, "Noise") == f"alert {alert} of fire is noise for @anna"
    press_while_it_listens(chat, live, "Mute source 1 h", "Mute source 1 h", "Mute rule 1 d", "Why")
    mutes = line.rows("SELECT source, rule, until - from_at AS length, who FROM mutes ORDER BY id")
    hour = 3_600_000_000
    assert [(one["source"], one["rule"], one["length"], one["who"]) for one in mutes] == [
        ("spokesman", None, hour, "@anna"),
        (None, "fire", 24 * hour, "@anna"),
    ]
    live(lambda: len(chat.said) > 1)
    assert labels(chat) == LABELS, "they stay until somebody has the event"
    assert "“command” in body" in chat.said[1].text


def test_what_a_button_asks_is_answered_though_telegram_asks_to_wait(
    chat: BotChat, live: Any, line: Any, alert: int
) -> None:
    chat.press(chat.said[0], "Why")
    chat.fail_with = [(429, "Too Many Requests: retry after 1")]
    live(lambda: len(chat.said) > 1)
    assert "“command” in body" in chat.said[1].text


def test_a_message_whose_receipt_was_lost_loses_its_buttons_when_it_is_pressed(
    chat: BotChat, live: Any, line: Any, alert: int
) -> None:
    with line.archive.writing() as writer:
        writer.execute("UPDATE deliveries SET receipt = NULL")
    press(chat, live, "Ack")
    live(lambda: not keyboard(chat.said[0]))


def press_while_it_listens(chat: BotChat, live: Any, *names: str) -> None:
    """Press buttons after what was said before has been heard."""
    polls = len(chat.polls)
    pressed: list[str] = []

    def happened() -> bool:
        if not pressed and len(chat.polls) > polls and chat.polls[-1]["timeout"]:
            pressed.extend(chat.press(chat.said[0], name) for name in names)
        return bool(pressed) and set(pressed) <= chat.answered and len(chat.said) > 1

    live(happened)


def test_a_mute_that_nobody_heard_is_not_carried_out_and_an_ack_is(
    chat: BotChat, live: Any, line: Any, alert: int
) -> None:
    muted = chat.press(chat.said[0], "Mute rule 1 d")
    taken = chat.press(chat.said[0], "Ack")
    live(lambda: {muted, taken} <= chat.answered)
    assert "press it again" in dict(chat.toasts)[muted]
    assert line.rows("SELECT * FROM mutes") == []
    assert "is acknowledged by @anna" in dict(chat.toasts)[taken]


def test_buttons_that_were_on_their_way_during_the_answer_are_found(line: Any) -> None:
    first = line.match(line.post())
    with line.archive.writing() as writer:
        claimed = claiming.claim(writer, "desk", line.now)
        assert claimed is not None
        acks.acknowledge(writer, first, "anna", line.now)
        buttons.settle_acks(writer)
        outbox.settle(writer, claimed.row.id, Settlement("sent", 1, receipt='{"message_id": 1, "buttons": true}'), 1)
        [left] = buttons.list_leftover(writer)
        buttons.note_removed(writer, left.delivery)
        buttons.settle_acks(writer)
        assert buttons.list_leftover(writer) == []
    assert line.rows("SELECT buttons FROM acks") == [{"buttons": 0}]
    assert json.loads(line.rows("SELECT receipt FROM deliveries")[0]["receipt"]) == {"message_id": 1}


def test_a_button_of_another_archive_does_nothing(chat: BotChat, live: Any, line: Any, alert: int) -> None:
    with line.archive.writing() as writer:
        writer.execute("UPDATE matches SET at = at - 1")  # the same number, another alert
    assert press(chat, live, "Ack") == "this archive has no such alert"
    assert line.rows("SELECT * FROM acks") == []
    chat.said[0].keyboard = [[{"text": "Forged", "callback_data": "ack:1:; DROP"}]]
    assert press(chat, live, "Forged") == "this button is not known any more"


def test_only_a_chat_in_which_the_bot_answers_has_buttons(bot_config: Config) -> None:
    assert find_answered(bot_config) == {"desk"}
    elsewhere = bot_config.bot.model_copy(update={"chats": (7,)})
    assert find_answered(bot_config.model_copy(update={"bot": elsewhere})) == frozenset()


def test_the_receipt_says_whether_there_are_buttons(chat: BotChat, line: Any, alert: int) -> None:
    [row] = line.rows("SELECT receipt FROM deliveries WHERE match_id = 1")
    assert json.loads(row["receipt"])["buttons"] is True
