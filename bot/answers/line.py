"""The line on which people answer: hears what people write to a bot, and does and answers each once.

One update is heard in one transaction: what it changes, and that it was heard. What is said back comes after that: a
death in between leaves somebody without an answer, and never does anything twice.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Self

from bot.alerts.handing import where
from bot.answers.access import ABOUT, find_access, find_paces, find_sharing
from bot.answers.actions import Done, carry_out, find_alert, press
from bot.answers.bot_api import BotApi, Conflict, RefusedRequest
from bot.answers.chat_limits import ChatLimits
from bot.answers.commands import (
    ACTIONS,
    COMMANDS,
    OLDEST,
    Command,
    Press,
    TurnedPage,
    describe_age,
    parse_command,
    parse_data,
)
from bot.answers.incoming import Incoming, is_allowed, is_number, read_update
from bot.answers.replying import BotReply, Replies
from bot.answers.reports import Question
from bot.archive import AsyncArchive
from bot.clock import HOUR, MINUTE, SECOND, Clock
from bot.config import Config
from bot.errors import Later, Never, UserError
from bot.http import Http
from bot.incidents import Incidents
from storage.alerts import target_states
from storage.answers import bots, escalations
from storage.archive.database import Writer
from storage.archive.errors import ArchiveError

HEARS = ["message", "callback_query"]
POLL_S = 50
_SHORTEST_S, _LONGEST_S = 1.0, 60.0  # between two attempts
_PATIENCE = 5 * MINUTE  # with a network, before people hear of it
_CLOSING_S = 5.0
_HEARD_FIRST = 30 * SECOND
_WEBHOOK = "a webhook is set for it: remove it (deleteWebhook), or give [bot] a bot of its own"
_ELSEWHERE = "another program hears for it: stop that program, or give [bot] a bot of its own"


@dataclass(slots=True)
class BotLine:
    """One bot, whatever number of targets shares its token. `acked` is called when alerts may have been acknowledged.

    `missed`: what comes now was said while nobody listened.
    """

    config: Config
    api: BotApi
    store: AsyncArchive
    clock: Clock
    say: Callable[[str], None]
    incidents: Incidents
    acked: Callable[[], None]
    replies: Replies
    _name: str = ""
    _missed: bool = True
    _conflicts: int = 0
    _failing_since: int | None = None
    _strangers: dict[int, int] = field(default_factory=dict)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    @classmethod
    def of(
        cls,
        config: Config,
        http: Http,
        store: AsyncArchive,
        clock: Clock,
        say: Callable[[str], None],
        acked: Callable[[], None],
    ) -> Self | None:
        """The bot of a checked config, if it has one."""
        access = find_access(config)
        if access is None:
            return None
        health = [target.name for target in config.targets if target.health]
        api, sharing = BotApi(http, clock, access), tuple(find_sharing(config, access))
        replies = Replies(config, api, store, clock, say, ChatLimits(access, find_paces(config, access)), sharing)
        return cls(config, api, store, clock, say, Incidents(store, clock, say, health), acked, replies)

    async def begin(self) -> None:
        """Let nothing escalate before what was said meanwhile is heard, for half a minute at most."""
        await self.store.run(escalations.wait_for_answers, self.clock.now() + _HEARD_FIRST)

    async def run(self) -> None:
        """Listen until cancelled. Raises what the archive raises."""
        failures = 0
        try:
            while True:
                try:
                    await self._listen_once()
                    failures = 0
                    continue
                except (Later, Never) as problem:
                    failures += 1
                    wait = await self._note_failure(problem, failures)
                await asyncio.sleep(wait)
        finally:
            if self._tasks:  # whoever asked last still gets an answer
                await asyncio.wait(self._tasks, timeout=_CLOSING_S)
            for task in self._tasks:
                task.cancel()

    async def _listen_once(self) -> None:
        if not self._name:
            await self._introduce()
        bot = self.api.bot()
        offset = await self.store.read(bots.read_offset, bot, self.clock.now())
        wait = 0 if self._missed else POLL_S  # first what was said while nobody listened
        request: dict[str, object] = {"timeout": wait, "limit": 100, "allowed_updates": HEARS}
        updates = await self.api.call(
            "getUpdates", request | ({"offset": offset} if offset else {}), deadline=wait + 30
        )
        await self._note_success()
        for update in updates if isinstance(updates, list) else ():
            if isinstance(update, dict):
                await self._take(bot, update)
        if not updates and self._missed:
            self._missed = False
            await self.store.run(escalations.stop_waiting)
            self.acked()

    async def _introduce(self) -> None:
        """Ask for the bot's own name, and register the commands."""
        me = await self.api.call("getMe", {})
        self._name = str(me.get("username", "")) if isinstance(me, dict) else ""
        listed = [{"command": name, "description": sentence[:256]} for name, sentence in COMMANDS.items()]
        try:
            await self.api.call("setMyCommands", {"commands": listed})
        except RefusedRequest as problem:
            self.say(f"the bot could not register its commands: {problem}")

    # How it goes ---------------------------------------------------------------------------------------------------

    async def _note_failure(self, problem: Later | Never, failures: int) -> float:
        """Say what a person has to know; for how many seconds to wait."""
        now = self.clock.now()
        self._failing_since = self._failing_since or now
        if now - self._failing_since > MINUTE:
            self._missed = True
        if isinstance(problem, Conflict):
            webhook = "webhook" in problem.reason.lower()
            self._conflicts += 1
            if webhook or self._conflicts > 1:  # the poll of our own last process may end only now
                await self.incidents.begin(ABOUT, f"hears nobody: {_WEBHOOK if webhook else _ELSEWHERE}")
            return 5.0
        if isinstance(problem, Never):
            await self.incidents.begin(ABOUT, f"hears nobody: {problem}")
            return _LONGEST_S
        if now - self._failing_since > _PATIENCE:
            await self.incidents.begin(ABOUT, f"hears nobody: {problem.reason}")
        wait = min(_SHORTEST_S * float(1 << min(failures - 1, 6)), _LONGEST_S)
        return max(wait, ((problem.retry_at or 0) - now) / SECOND if problem.obey else 0.0)

    async def _note_success(self) -> None:
        self._failing_since, self._conflicts = None, 0
        await self.incidents.end(ABOUT)

    # One update ----------------------------------------------------------------------------------------------------

    async def _take(self, bot: str, update: dict[str, object]) -> None:
        number = update.get("update_id")
        heard = read_update(update)
        if heard is None or not is_allowed(heard, await self._chats(), self.config.bot.people):
            if heard is not None:
                self._note_stranger(heard)
            if isinstance(number, int) and is_number(number):
                await self.store.run(bots.note_heard, bot, number, self.clock.now())
            return
        try:
            reply = await self.store.run(self._hear, bot, heard)
        except ArchiveError:
            raise
        except Exception as problem:  # noqa: BLE001 - it changed nothing, and the next one must be heard
            await self.store.run(bots.note_heard, bot, heard.update, self.clock.now())
            self.say(f"internal error in the bot: {where(problem)}; what {heard.called} asked is left out")
            return
        if reply is None:
            return
        if reply.acked:
            self.acked()
        task = asyncio.create_task(self.replies.say_back(heard, reply))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _chats(self) -> Collection[int | str]:
        """The chats of the config, also where Telegram has moved them to."""
        chats = self.config.bot.chats
        targets = await self.store.read(target_states.read_targets)
        written = {str(chat) for chat in chats}
        moved = [
            row.moved_to
            for row in targets.values()
            if row.moved_from in written and row.moved_to and row.move_answer != "no"
        ]
        return (*chats, *moved)

    def _note_stranger(self, heard: Incoming) -> None:
        if not (heard.query or heard.text.startswith("/")):
            return
        now = self.clock.now()
        if now - self._strangers.get(heard.chat, -HOUR) >= HOUR:
            self._strangers[heard.chat] = now
            self.say(f"the bot was asked by {heard.called} in chat {heard.chat}, who are not in [bot]: not answered")

    def _hear(self, writer: Writer, bot: str, heard: Incoming) -> BotReply | None:
        """Do what an update asks for, and remember that it was heard; None if it was, or if it asks for nothing."""
        now = self.clock.now()
        if not bots.note_heard(writer, bot, heard.update, now):
            return None
        try:
            return self._press(writer, heard) if heard.query is not None else self._command(writer, heard)
        except UserError as problem:
            return BotReply(str(problem))

    def _command(self, writer: Writer, heard: Incoming) -> BotReply | None:
        command = parse_command(heard.text, self._name)
        if command is None:
            return None
        now = self.clock.now()
        age = now - heard.sent_at
        if age > OLDEST:
            raise UserError(f"/{command.name} was sent {describe_age(age)} ago and is not carried out: send it again")
        if command.name in ACTIONS:
            return _say(carry_out(writer, command, heard.called, Question("", self.config, now)))
        if command.name == "start":
            return BotReply(question=Command("help"))
        if command.name not in COMMANDS:
            raise UserError(f"there is no command /{command.name}: /help lists them")
        return BotReply(question=command)

    def _press(self, writer: Writer, heard: Incoming) -> BotReply:
        button = parse_data(heard.data)
        if isinstance(button, TurnedPage):
            found = bots.find_answer(writer, button.answer)
            if found is None:
                raise UserError("this archive does not know that answer any more: ask again")
            return BotReply(question=Command(*found), page=button.page, answer=button.answer)
        if not isinstance(button, Press):
            raise UserError("this button is not known any more")
        if button.action == "why":
            return BotReply(question=Command("why", str(find_alert(writer, button).id)))
        asked = Question("", self.config, self.clock.now())
        return _say(press(writer, button, heard.called, asked, missed=self._missed))


def _say(done: Done) -> BotReply:
    return BotReply(done.said, acked=done.acked)
