"""A message about a statement that grows with its copies: what a Telegram chat shows, and what others are sent."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest

from bot.alerts.growing import halve
from bot.alerts.outbox import Outbox
from bot.alerts.render import Rendering
from bot.alerts.targets.telegram import Settings, TelegramTarget
from bot.archive import AsyncArchive
from bot.claims import Claims
from bot.clock import DAY, HOUR, SECOND, Clock
from bot.config.model import EventsConfig, RuleConfig
from bot.contracts.message import Message
from bot.events.growth import is_edit_due
from bot.http import Http, HttpRules
from storage.alerts import target_states
from storage.alerts.pace import Pace
from storage.archive.database import Archive
from storage.events import growing, links, members
from tests.alerts.conftest import Told
from tests.bot_api import TOKEN, BotApi, Said, serving
from tests.events.conftest import CLAIM, MINUTE, Desk

ALSO = "also in"


@dataclass
class Chat:
    """A desk whose alerts go to a Telegram chat, one pass of the outbox after the other."""

    desk: Desk
    api: BotApi
    per_minute: int | None = None
    spoken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.desk.directory / "token").write_text(TOKEN)
        (self.desk.directory / "token").chmod(0o600)
        self.desk.load(RuleConfig(name="fall", query="command", targets=("desk",)))

    def send(self, cls: type[TelegramTarget] = TelegramTarget) -> None:
        """One pass of a process that begins and ends with it."""

        async def live() -> None:
            clock = Clock(now=lambda: self.desk.now)
            host = urlsplit(self.api.base)
            http = Http(HttpRules("test", private=frozenset({(host.hostname or "", host.port or 0)})), clock)
            settings = Settings.model_validate(
                {
                    "name": "desk", "kind": "telegram", "token_file": str(self.desk.directory / "token"), "chat": -100,
                    "api_base": self.api.base, "per_minute": self.per_minute,
                }
            )  # fmt: skip
            store = AsyncArchive(self.desk.archive)
            target: Any = cls(settings, http, clock)
            outbox = Outbox(
                store, {"desk": target}, Rendering(ZoneInfo("UTC")), clock, Claims(clock), self.spoken.append
            )
            try:
                await outbox.drain(self.desk.now)
            finally:
                await outbox.aclose()
                await store.aclose()
                await http.aclose()

        asyncio.run(live())

    def copies(self, low: int, high: int) -> None:
        """So many copies, in channels of their own, all at this moment."""
        at = self.desk.now
        for number in range(low, high):
            self.desk.say(f"channel{number}", CLAIM)
            self.desk.now = at

    @property
    def first(self) -> Said:
        return self.api.said[0]

    def line(self, begin: str = ALSO) -> str:
        """The line of the first message that begins so."""
        return next((line for line in self.first.text.split("\n") if line.startswith(begin)), "")


@pytest.fixture
def chat(archive: Archive, tmp_path: Path) -> Iterator[Chat]:
    with serving() as api:
        yield Chat(Desk(archive, tmp_path), api)


def test_the_first_message_names_the_channels_of_its_copies_and_nothing_new_is_sent(chat: Chat) -> None:
    chat.desk.say("rangers", CLAIM)
    chat.send()
    assert chat.line() == ""
    chat.copies(0, 12)
    chat.desk.now += MINUTE
    chat.send()
    assert chat.line() == "also in 12 channels: channel0, channel1, channel2 +9"
    assert len(chat.api.said) == 1
    assert len(chat.api.edits) == 1
    assert chat.first.text.replace(chat.line() + "\n", "") == chat.first.earlier[0], "all else is as it was"
    chat.desk.now += HOUR
    chat.send()
    assert len(chat.api.edits) == 1


def test_a_message_is_edited_every_half_minute_at_most(chat: Chat) -> None:
    chat.desk.say("rangers", CLAIM)
    chat.send()
    chat.desk.now += MINUTE
    shown = []
    for number in range(10):
        chat.copies(number, number + 1)
        chat.send()
        chat.desk.now += 10 * SECOND
        shown.append(len(chat.api.edits))
    assert shown == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4]
    assert chat.line().startswith("also in 10 channels")


def test_twenty_changes_are_shown_and_then_fifty_copies(chat: Chat) -> None:
    chat.desk.say("rangers", CLAIM)
    chat.send()
    at, counts = 0, []
    for upto in (*range(1, 23), 49, 52, 53):
        chat.copies(at, upto)
        at = upto
        chat.desk.now += MINUTE
        chat.send()
        counts.append(int(chat.line().split(" ")[2]))
    assert counts == [*range(1, 21), 20, 20, 20, 52, 52]
    assert len(chat.api.edits) == 21


@pytest.mark.parametrize(
    ("copies", "edits", "now", "due"),
    [(19, 19, 20, True), (20, 20, 21, False), (20, 20, 49, False), (45, 20, 50, True), (50, 21, 99, False),
     (99, 21, 240, True), (200, 23, 900, False)],
)  # fmt: skip
def test_after_twenty_edits_there_is_one_at_50_100_and_200_copies(copies: int, edits: int, now: int, due: bool) -> None:
    assert is_edit_due("was", copies, edits, "is", now) is due
    assert not is_edit_due("is", copies, edits, "is", now)


def test_edits_and_deletions_of_copies_are_counted_in_the_message(chat: Chat) -> None:
    chat.desk.say("rangers", CLAIM)
    copies = [chat.desk.say(f"channel{number}", CLAIM) for number in range(4)]
    chat.send()
    assert chat.line().startswith("also in 4 channels"), "what is known when it goes out is in it at once"
    chat.desk.say("channel3", CLAIM + " More follows.")
    with chat.desk.archive.writing() as writer:
        for post in copies[:3]:
            writer.execute(f"UPDATE posts SET deleted_at = {chat.desk.now} WHERE id = {post}")
        growing.note_changes(writer, copies, chat.desk.now)
    chat.desk.now += MINUTE
    chat.send()
    assert chat.line("1 of its") == "1 of its copies was edited, 3 of its copies are gone"
    assert len(chat.api.said) == 1


def test_families_and_repeats_in_one_channel_are_told_where_they_say_more(chat: Chat) -> None:
    chat.desk.say("rangers", CLAIM)
    chat.send()
    for number, source in enumerate(("north", "north", "south"), 1):
        chat.desk.say(source, CLAIM, number=number)
    with chat.desk.archive.writing() as writer:
        writer.execute("UPDATE sources SET family = 'house' WHERE name IN ('north', 'south')")
    chat.desk.now += MINUTE
    chat.send()
    assert chat.line() == "also in 2 channels: north, south"
    assert chat.line("3 copies") == "3 copies in 2 channels of 1 family"


def test_a_message_that_was_removed_is_edited_no_more_and_others_still_are(chat: Chat) -> None:
    chat.desk.say("rangers", CLAIM)
    chat.desk.say("rangers", CLAIM.replace("14", "15"), number=2)
    chat.send()
    chat.desk.now += MINUTE
    chat.send()
    chat.api.removed.add(1)
    chat.desk.say("north", CLAIM)
    chat.desk.say("north", CLAIM.replace("14", "15"), number=2)
    chat.send()
    assert [ALSO in said.text for said in chat.api.said] == [False, True]
    asked = len(chat.api.edits)
    chat.desk.say("south", CLAIM)
    chat.desk.say("south", CLAIM.replace("14", "15"), number=2)
    chat.send()
    assert len(chat.api.edits) == asked + 1
    assert chat.desk.states()[:2] == ["sent", "sent"]
    with chat.desk.archive.reading() as reader:
        assert reader.value("SELECT state FROM targets WHERE name = 'desk'") in (None, "ok")
        assert "not found" in reader.value("SELECT ended FROM event_messages WHERE ended IS NOT NULL")


def test_a_wait_that_an_edit_was_asked_for_holds_alerts_too_to_the_second(chat: Chat) -> None:
    chat.desk.say("rangers", CLAIM)
    chat.send()
    chat.copies(0, 1)
    chat.desk.now += MINUTE
    chat.api.retry_after = 300
    chat.send()
    until = chat.desk.now + 300 * SECOND
    chat.api.retry_after = None
    chat.desk.say("rangers", "Something else about the command.", number=3)
    chat.desk.now = until - 1
    chat.send()
    assert (len(chat.api.said), len(chat.api.edits)) == (1, 1)
    chat.desk.now = until
    chat.send()
    assert (len(chat.api.said), len(chat.api.edits)) == (2, 2)
    assert chat.line().startswith("also in 1 channel")


def test_edits_count_against_the_pace_leave_half_of_it_and_come_after_alerts(chat: Chat) -> None:
    chat.per_minute = 4
    claims = [CLAIM.replace("14", str(number)) for number in range(20, 23)]
    for number, claim in enumerate(claims):
        chat.desk.say("rangers", claim, number=number)
    for _ in range(3):
        chat.send()
        chat.desk.now += 2 * MINUTE
    assert len(chat.api.said) == 3
    at = chat.desk.now
    for number, claim in enumerate(claims):
        chat.desk.say("north", claim, number=number)
        chat.desk.now = at
    chat.desk.say("rangers", "Something else about the command.", number=9)
    chat.desk.now = at
    chat.send()
    assert (len(chat.api.said), len(chat.api.edits)) == (4, 1), "one alert and one edit are half of four"
    chat.desk.say("rangers", "And more about the command.", number=10)
    chat.desk.now = at
    chat.send()
    assert (len(chat.api.said), len(chat.api.edits)) == (5, 1), "room was left for an alert"
    for _ in range(3):
        chat.desk.now += 2 * MINUTE
        chat.send()
    assert len(chat.api.edits) == 3
    assert all("also in 1 channel: north" in said.text for said in chat.api.said[:3])


def test_no_message_is_edited_while_its_target_is_suspended(chat: Chat) -> None:
    chat.desk.say("rangers", CLAIM)
    chat.send()
    chat.copies(0, 1)
    chat.desk.now += MINUTE
    with chat.desk.archive.writing() as writer:
        target_states.mark_target(writer, "desk", "parked", "thrown out", chat.desk.now)
    chat.send()
    assert chat.api.edits == []


def test_edits_leave_half_of_each_limit_to_alerts() -> None:
    assert halve(Pace("chat", 20, 9)) == Pace("chat", 10, 4)
    assert halve(Pace("chat", 1)) == Pace("chat", 1)


class Killed(BaseException):
    """The process ends here."""


class Dying(TelegramTarget):
    """Its process dies when the chat shows the edit, before anybody can write that down."""

    async def edit(self, receipt: str, message: Message) -> None:
        await super().edit(receipt, message)
        raise Killed


def test_a_death_between_an_edit_and_its_record_repeats_it_once_at_most_and_never_miscounts(
    chat: Chat,
) -> None:
    chat.desk.say("rangers", CLAIM)
    chat.send()
    for upto in range(1, 6):
        chat.copies(upto - 1, upto)
        chat.desk.now += MINUTE
        before = len(chat.api.edits)
        with pytest.raises(BaseExceptionGroup):
            chat.send(Dying)
        chat.send()
        assert len(chat.api.edits) == before + 1, "within the half minute it is not tried again, whoever restarts"
        chat.desk.now += MINUTE
        for _ in range(2):
            chat.send()
            chat.desk.now += MINUTE
        assert len(chat.api.edits) == before + 2
        assert chat.line().startswith(f"also in {upto} channel")
    assert len(chat.api.said) == 1
    assert len(chat.first.earlier) == 5, "the chat saw each count once"


def test_a_failed_edit_is_tried_again_and_is_no_failure_of_the_target(chat: Chat) -> None:
    chat.desk.say("rangers", CLAIM)
    chat.send()
    chat.copies(0, 1)
    chat.desk.now += MINUTE
    chat.api.fail_with = [(502, "Bad Gateway")]
    chat.send()
    assert chat.line() == ""
    assert chat.spoken == []
    chat.desk.now += MINUTE
    chat.send()
    assert chat.line().startswith("also in 1 channel")


def test_what_a_person_splits_and_joins_is_shown(chat: Chat) -> None:
    first, copy = chat.desk.say("rangers", CLAIM), chat.desk.say("north", CLAIM)
    other = chat.desk.say("south", "Other words of the command.")
    chat.send()
    assert chat.line() == "also in 1 channel: north"
    with chat.desk.archive.writing() as writer:
        links.part(writer, copy)
        links.merge_events(writer, first, other, "person")
    chat.desk.now += MINUTE
    chat.send()
    assert chat.line() == "also in 1 channel: south"


def test_whatever_changes_an_event_has_its_message_looked_at_without_a_restart(chat: Chat) -> None:
    def settled() -> bool:
        """Whether there is nothing to look at; then everything is looked at."""
        with chat.desk.archive.reading() as reader:
            due = growing.find_due_time(reader, "desk", Pace("chat"), chat.desk.now)
        for _ in range(2):
            chat.desk.now += MINUTE
            chat.send()
        return due is None

    first = chat.desk.say("rangers", CLAIM)
    chat.send()
    settled()
    assert settled()
    copy = chat.desk.say("north", CLAIM)
    assert not settled(), "a copy came"
    chat.desk.say("north", CLAIM + " More follows.")
    assert not settled(), "it was edited"
    with chat.desk.archive.writing() as writer:
        links.part(writer, copy)
    assert not settled(), "it turned out to be no copy"
    assert settled()
    with chat.desk.archive.writing() as writer:
        links.merge_events(writer, first, copy, "person")
    assert not settled(), "a person said that it is one"
    assert chat.line() == "also in 1 channel: north"


def test_a_message_whose_post_belongs_to_no_event_is_not_looked_at_for_ever(chat: Chat) -> None:
    chat.desk.say("rangers", CLAIM)
    chat.send()
    with chat.desk.archive.writing() as writer:
        members.forget_events(writer)
    chat.desk.now += MINUTE
    chat.send()
    with chat.desk.archive.reading() as reader:
        assert growing.find_due_time(reader, "desk", Pace("chat"), chat.desk.now) is None


def test_where_nothing_can_be_edited_one_line_comes_after_the_window(chat: Chat) -> None:
    target: Any = Told("desk")
    first = chat.desk.say("rangers", CLAIM)
    chat.desk.say("west", "Something else about the command.")
    chat.desk.drain(target)
    chat.copies(0, 3)
    chat.desk.now += 23 * HOUR
    chat.desk.drain(target)
    chat.copies(3, 4)
    chat.desk.now += 23 * HOUR
    chat.desk.drain(target)
    assert len(target.got) == 2
    chat.desk.now += HOUR
    for _ in range(3):
        chat.desk.drain(target)
        chat.desk.now += DAY
    assert len(target.got) == 3, "one line about the first, none about what was not copied"
    line = target.got[-1]
    assert "4 copies in 4 channels of 4 families: rangers, “Statement 14:" in line.plain
    assert line.reply_to == "receipt 1"
    assert line.kind == "event"
    assert line.document["data"]["about"] == f"event {first}"


def test_what_the_first_message_said_of_copies_is_not_said_again(chat: Chat) -> None:
    target: Any = Told("desk")
    chat.desk.load(
        RuleConfig(name="fall", query="command", targets=("desk",)), events=EventsConfig.model_validate({"wait": "2m"})
    )
    chat.desk.say("rangers", CLAIM)
    chat.desk.say("north", CLAIM)
    chat.desk.now += 2 * MINUTE
    chat.desk.drain(target)
    assert "also in 1 channel: north" in target.got[0].plain
    for _ in range(4):
        chat.desk.now += DAY
        chat.desk.drain(target)
    assert len(target.got) == 1
