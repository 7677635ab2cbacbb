"""The bot that answers: real requests on a real socket, people who write and press, and an archive that remembers."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from bot.answers.chat_limits import ChatLimits
from bot.answers.line import BotLine
from bot.archive import AsyncArchive
from bot.clock import Clock
from bot.config import Config, load
from bot.config.environment import Environment
from bot.http import IN_ALL, Http
from bot.listing.kinds import every_kind
from storage.alerts.pace import Pace, find_free_time, note_sending
from storage.answers import bots, escalations
from storage.records import Escalation
from tests.bot_api import TOKEN
from tests.bot_chat import BotChat, keyboard, wait_for


@pytest.fixture
def listen(line: Any, bot_config: Config) -> Callable[..., None]:
    """Let the bot listen until something has happened."""

    def listen(happened: Callable[[], object]) -> None:
        async def live() -> None:
            store, clock = AsyncArchive(line.archive), Clock()
            http = Http(bot_config.http_rules(), clock, per_server=IN_ALL)
            bot = BotLine.of(bot_config, http, store, clock, line.said.append, lambda: None)
            assert bot is not None
            await bot.begin()
            running = asyncio.create_task(bot.run())
            try:
                await asyncio.to_thread(wait_for, lambda: happened() or running.done())
                if running.done():
                    running.result()
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                await http.aclose()
                await store.aclose()

        asyncio.run(live())

    return listen


def texts(chat: BotChat) -> list[str]:
    return [one.text.replace("\u2060", "") for one in chat.said]


def ask(chat: BotChat, listen: Any, words: str) -> str:
    """What the bot answers to one message."""
    before = len(chat.said)
    chat.say(words)
    listen(lambda: len(chat.said) > before)
    return texts(chat)[before]


def test_commands_are_registered_and_help_names_each(chat: BotChat, listen: Any) -> None:
    said = ask(chat, listen, "/help")
    names = {one["command"] for one in chat.commands}
    assert names == {
        "status", "sources", "last", "search", "show", "why", "rules", "mute", "mutes", "unmute", "ack", "digest",
        "help",
    }  # fmt: skip
    assert all(f"/{name}: " in said for name in names)


ANSWERS = [
    ("/status", "outbox 1"),
    ("/sources@desk_bot", "spokesman: new"),
    ("/last", "spokesman, "),
    ("/last spokesman", "the northern command fell"),
    ("/last nobody", "there is no source nobody"),
    ("/search command -weather", "the northern command fell"),
    ("/search (", "at character"),
    ("/search weather", "nothing found"),
    ("/search northern near/3 command", "warning: "),
    ("/show 1", "alert 1: fire, match"),
    ("/why 1", "found “command” in body"),
    ("/why 99", "there is no alert 99"),
    ("/rules", "fire: command"),
    ("/mutes", "nothing is muted"),
    ("/digest", "1 alert since"),
    ("/digest soon", "such as 12h"),
    ("/search \ud800 command", "1 post"),
    ("/last \udfff\u202e", "there is no source"),
    ("/why 99999999999999999999999", "write the number"),
    ("/show 9223372036854775808", "there is no such post"),
    ("/search " + "(" * 300, "at character"),
    ("/ack", "write the number"),
    ("/mute fire", "write /mute RULE 2h WHY"),
    ("/mute fier 2h because", 'did you mean "fire"'),
    ("/mute fire 9d because", "7d at most"),
    ("/unmute 9", "there is no mute 9"),
    ("/nonsense", "there is no command /nonsense"),
]


def test_each_command_is_answered(chat: BotChat, listen: Any, line: Any) -> None:
    line.now = Clock().now()
    line.match(line.post())
    asked = {chat.say(words): (words, part) for words, part in ANSWERS}
    listen(lambda: len(chat.said) == len(asked))
    answers = {
        one.request["reply_parameters"]["message_id"]: said for one, said in zip(chat.said, texts(chat), strict=True)
    }
    assert [words for number, (words, part) in asked.items() if part not in answers[number]] == []


def test_ack_mute_and_unmute_do_what_they_say(chat: BotChat, listen: Any, line: Any) -> None:
    alert = line.match(line.post())
    assert ask(chat, listen, f"/ack {alert}") == f"alert {alert} is acknowledged by @anna"
    assert "rule fire: muted until" in ask(chat, listen, "/mute fire 2h too loud tonight")
    [mute] = line.rows("SELECT * FROM mutes")
    assert (mute["rule"], mute["who"], mute["why"]) == ("fire", "@anna", "too loud tonight")
    assert mute["until"] - mute["from_at"] == 2 * 3_600_000_000
    assert "source spokesman: muted until" in ask(chat, listen, "/mute source:spokesman 2h so")
    assert "mute 1: rule fire" in ask(chat, listen, "/mutes")
    assert "mute 1 is ended" in ask(chat, listen, "/unmute 1")


def test_a_command_is_carried_out_once_whatever_is_lost(chat: BotChat, listen: Any, line: Any) -> None:
    chat.lost_polls = 1
    chat.say("/mute fire 2h so")
    listen(lambda: chat.said)
    again = chat.say("/mutes")
    with line.archive.writing() as writer:  # the last confirmation never arrived at the other side
        assert bots.read_offset(writer, "4839574812", Clock().now()) == again
    chat.waiting.insert(0, {**chat.waiting[-1], "update_id": again - 1})
    chat.waiting[0]["message"] = {**chat.waiting[0]["message"], "text": "/mute fire 2h so"}
    listen(lambda: len(chat.said) > 1)
    assert len(line.rows("SELECT * FROM mutes")) == 1


def escalating(line: Any, number: str = "1") -> int:
    """An alert that nobody acknowledged in its ten minutes, while nothing ran."""
    line.now = Clock().now()
    alert = line.match(line.post(native_id=number))
    with line.archive.writing() as writer:
        escalations.start_clock(writer, alert, {"fire": Escalation(600_000_000, ("phone",))}, line.now - 700_000_000)
    return int(alert)


def test_an_ack_that_was_pressed_while_nothing_ran_comes_before_the_escalation(
    chat: BotChat, listen: Any, line: Any
) -> None:
    chat.say(f"/ack {escalating(line)}")
    other, due = escalating(line, "2"), "SELECT state, not_before FROM deliveries WHERE kind = 'escalation' ORDER BY id"
    before = line.rows(due)[1]["not_before"]
    waited: list[int] = []

    def happened() -> bool:
        waited.append(line.rows(due)[1]["not_before"])
        return bool(chat.said) and line.rows(due)[1]["not_before"] == before

    listen(happened)
    assert waited[0] > line.now, "not before what was missed is heard"
    assert [row["state"] for row in line.rows(due)] == ["silenced", "pending"], f"nobody acknowledged alert {other}"


def test_where_nobody_can_be_heard_it_escalates_after_half_a_minute_all_the_same(
    chat: BotChat, listen: Any, line: Any
) -> None:
    escalating(line)
    chat.webhook = True
    for _ in range(2):
        listen(lambda: chat.polls)
    [row] = line.rows("SELECT not_before, payload FROM deliveries WHERE kind = 'escalation'")
    assert line.now < row["not_before"] <= Clock().now() + 30_000_000
    assert json.loads(row["payload"])["due"] < line.now


def test_an_old_command_is_not_carried_out_and_says_so(chat: BotChat, listen: Any, line: Any) -> None:
    chat.say("/mute fire 2h so", ago=6 * 60)
    listen(lambda: chat.said)
    assert texts(chat) == ["/mute was sent 6 min ago and is not carried out: send it again"]
    assert line.rows("SELECT * FROM mutes") == []


def test_strangers_get_nothing_and_are_logged_once_an_hour(chat: BotChat, listen: Any, line: Any) -> None:
    chat.say("/status", who={"id": 7, "first_name": "Mallory\x1b[2J"})
    chat.say("/status", who={"id": 7, "first_name": "Mallory"})
    chat.say("/status", chat=7)
    chat.say("hello all")
    chat.say("/status@other_bot")
    chat.waiting.append({"update_id": next(chat.numbers), "message": {"chat": []}})
    chat.waiting.append({"update_id": next(chat.numbers), "poll": "what is this"})
    ask(chat, listen, "/help")
    assert len(chat.said) == 1
    assert len([words for words in line.said if "not answered" in words]) == 2, "one for each chat"
    assert "\x1b" not in "".join(line.said)


def test_a_long_answer_is_paged_by_buttons_that_outlive_the_process(chat: BotChat, listen: Any, line: Any) -> None:
    for number in range(30):
        line.post(f"the command fell in village {number}", str(number))
    assert "page 1 of" in ask(chat, listen, "/search command OR " + "x" * 200)
    [said] = chat.said
    assert [one["text"] for one in keyboard(said)[0]] == ["more »"]
    assert len(keyboard(said)[0][0]["callback_data"].encode()) <= 64
    first = said.text
    chat.press(said, "more »")
    listen(lambda: said.earlier)
    assert said.earlier == [first]
    assert "page 2 of" in said.text
    assert len(chat.said) == 1, "edited in place"
    assert len(chat.toasts) == 1


def test_words_of_others_are_neither_tappable_nor_markup(chat: BotChat, listen: Any, line: Any) -> None:
    line.post("ask @admin or /mute fire 2h or see evil.example <b>now</b> command")
    ask(chat, listen, "/last")
    assert "there is no source @stranger" in ask(chat, listen, "/last @stranger")
    assert "@stranger" not in chat.said[1].text, "nor are the words of who asks"
    text = chat.said[0].text
    assert "@admin" not in text
    assert "/mute fire" not in text
    assert "evil.example" not in text
    assert "<b>now</b>" in text
    assert "https://t.me/spokesman/1" in text, "our own link stays one"
    assert "parse_mode" not in chat.said[0].request


@pytest.mark.parametrize(
    ("trouble", "remedy"),
    [
        ("webhook", "deleteWebhook"),
        pytest.param("other_polls", "stop that program", marks=pytest.mark.long),
    ],
)
def test_somebody_else_who_hears_is_a_state_with_its_remedy(
    chat: BotChat, listen: Any, line: Any, program: Any, trouble: str, remedy: str
) -> None:
    setattr(chat, trouble, True)
    health = "SELECT payload FROM deliveries WHERE kind = 'health' ORDER BY id"
    listen(lambda: line.rows(health))
    assert remedy in line.rows(health)[0]["payload"]
    assert remedy in "".join(line.said)
    [warning] = json.loads(program("status", "--json")[1])["warnings"]
    assert remedy in warning
    setattr(chat, trouble, False)
    listen(lambda: len(line.rows(health)) == 2)
    assert "bot hears people again" in line.rows(health)[1]["payload"]
    assert json.loads(program("status", "--json")[1])["warnings"] == []


@pytest.mark.long
def test_a_refused_token_is_said_without_the_token(chat: BotChat, listen: Any, line: Any) -> None:
    chat.fail_with = [(401, "Unauthorized")] * 50
    listen(lambda: line.rows("SELECT * FROM notices"))
    assert "Telegram refuses the token" in line.rows("SELECT text FROM notices")[0]["text"]
    assert TOKEN not in str(line.rows("SELECT * FROM notices")) + "".join(line.said)


@pytest.mark.long
def test_a_wait_that_telegram_asks_for_is_kept_and_holds_alerts_too(chat: BotChat, listen: Any, line: Any) -> None:
    ask(chat, listen, "/help")
    chat.say("/mutes")
    chat.refuse_sending = 1
    listen(lambda: len(chat.said) == 2)
    assert texts(chat)[1] == "nothing is muted"
    assert line.rows("SELECT name FROM targets WHERE hold_until IS NOT NULL") == [{"name": "desk"}]


def test_after_a_quiet_week_numbers_may_begin_anywhere(chat: BotChat, line: Any) -> None:
    day = 86_400_000_000
    with line.archive.writing() as writer:
        assert bots.note_heard(writer, "1", 500, line.now)
        assert not bots.note_heard(writer, "1", 500, line.now + day)
        assert bots.read_offset(writer, "1", line.now + 7 * day) == 0
        assert bots.note_heard(writer, "1", 20, line.now + 7 * day)


def test_a_config_is_checked_with_the_bot_that_answers(
    chat: BotChat, bot_config: Config, program: Any, tmp_path: Any, line: Any
) -> None:
    def checked() -> tuple[int, str]:
        code, out, _ = program("config", "check", "--online")
        return code, out.splitlines()[-1]

    line.archive.close()
    chat.say("/status")
    assert checked() == (0, "the bot: ok: @desk_bot hears 1 chat; the next start registers its commands")
    assert len(chat.waiting) == 1, "what waits is still there"
    chat.webhook = True
    assert checked() == (
        5,
        "the bot: refused: a webhook is set for it: remove it (deleteWebhook), or give [bot] a bot of its own",
    )
    chat.webhook, chat.other_polls = False, True
    code, said = checked()
    assert (code, "another program hears for it" in said) == (5, True)
    config = tmp_path / "config.toml"
    config.write_text(config.read_text().replace("chats = [-100]", "chats = [-100, -5]"))
    chat.other_polls = False
    code, said = checked()
    assert (code, "does not know the chat -5" in said) == (5, True)
    chat.fail_with = [(401, "Unauthorized")] * 9
    code, said = checked()
    assert (code, "refuses the token" in said, TOKEN in said) == (5, True, False)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('target = "desk"\nchats', 'token_file = "other"\nchats', "by the same bot from another file"),
        ('target = "desk"\nchats', 'target = "desk"\ntoken_file = "third"\nchats', "leave one of them out"),
        ("chats = [-100]", 'chats = ["@desk"]', "does not name its chat as it does, -100"),
        ("people = [4242]", 'people = ["anna k"]', "neither"),
        ("people = [4242]", "people = [-4242]", "nor the number of a person"),
        ("chats = [-100]", 'chats = [-100, "t.me/desk"]', "nor the number of a chat"),
    ],
)
def test_what_would_leave_people_without_answers_or_buttons_is_warned_of(
    old: str, new: str, said: str, bot_config: Config, tmp_path: Any
) -> None:
    for name, token in (("other", TOKEN), ("third", "7:another")):
        (tmp_path / name).write_text(token)
        (tmp_path / name).chmod(0o600)
    config = tmp_path / "config.toml"
    assert bot_config.warnings == ()
    config.write_text(config.read_text().replace(old, new))
    [warning] = load(config, Environment(), kinds=every_kind()).warnings
    assert said in warning


def test_answers_count_as_messages_to_their_chat(chat: BotChat, listen: Any, line: Any, bot_config: Config) -> None:
    for words in ("/help", "/rules", "/mutes"):
        ask(chat, listen, words)
    [desk] = bot_config.targets
    access = desk.bot()
    assert access is not None
    counted = line.rows(
        "SELECT count(*) AS n FROM sendings WHERE chat = 'NAME'".replace("NAME", access.count_for(-100))
    )
    assert counted == [{"n": 3}]


def test_answers_leave_half_of_a_limit_to_alerts_and_wait_where_alerts_use_it(line: Any, bot_config: Config) -> None:
    [desk] = bot_config.targets
    access = desk.bot()
    assert access is not None
    pace, second = Pace(access.count_for(-100), 6), 1_000_000
    limits, free = ChatLimits(access, {"-100": pace}), line.now + 61 * second
    with line.archive.writing() as writer:
        assert [limits.claim(writer, -100, line.now) for _ in range(4)] == [None, None, None, free]
        assert find_free_time(writer, pace, line.now) <= line.now, "an alert may still go out"
        for _ in range(3):
            note_sending(writer, pace, line.now)
        assert find_free_time(writer, pace, line.now) == free, "answers count"
        assert limits.claim(writer, -100, free) is None
        assert limits.claim(writer, 4242, line.now) is None, "another chat has its own limit"
        assert [limits.claim(writer, -7, line.now) for _ in range(11)][9:] == [None, free], "groups take 20 a minute"
