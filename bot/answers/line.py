"""The line on which people answer: hears what a bot is told, and does and answers each once.

One update is heard in one transaction: what it changes, and that it was heard. What is said back comes after that: a
death in between leaves somebody without an answer, and never does anything twice.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Self

from bot.alerts.handing import where
from bot.answers.actions import Done, carry_out, find_alert, press
from bot.answers.bot_api import BotApi, Conflict, RefusedRequest
from bot.answers.commands import (
    ACTIONS,
    COMMANDS,
    OLDEST,
    Command,
    Press,
    TurnedPage,
    describe_age,
    page_buttons,
    parse_command,
    parse_data,
)
from bot.answers.incoming import Incoming, is_allowed, is_number, read_update
from bot.answers.pages import find_page, say_of
from bot.answers.reports import Question, report
from bot.archive import AsyncArchive
from bot.clock import HOUR, MINUTE, SECOND, Clock
from bot.config import Config
from bot.contracts.message import ButtonRows
from bot.contracts.target import BotAccess
from bot.errors import Later, Never, UserError
from bot.foreign.text import one_line
from bot.http import Http
from bot.incidents import Incidents
from storage.alerts import notices, outbox
from storage.answers import bots
from storage.archive.database import Reader, Writer
from storage.archive.errors import ArchiveError

HEARS = ["message", "callback_query"]
POLL_S = 50
_SHORTEST_S, _LONGEST_S = 1.0, 60.0  # between two attempts
_PATIENCE = 5 * MINUTE  # with a network, before people hear of it
_AT_ONCE = 4  # questions
_ATTEMPTS = 5  # of one answer, where Telegram asks to wait
_CLOSING_S = 5.0
_TOAST = 190  # characters above a button
_SAID = 3_000  # UTF-16 units of one sentence
_ABOUT = "bot"
_WEBHOOK = "a webhook is set for it: remove it (deleteWebhook), or give [bot] a bot of its own"
_ELSEWHERE = "another program hears for it: stop that program, or give [bot] a bot of its own"


@dataclass(frozen=True, slots=True)
class _Reply:
    """What is said back: `said` at once, or else the answer to a `question` that has to be read."""

    said: str = ""
    question: Command | None = None
    page: int = 0
    answer: int | None = None  # that another page of was asked for
    acked: bool = False


@dataclass(slots=True)
class BotLine:
    """One bot, whatever number of targets shares its token. `acked` is called after an acknowledgement.

    `missed`: what comes now was said while nobody listened.
    """

    config: Config
    api: BotApi
    store: AsyncArchive
    clock: Clock
    say: Callable[[str], None]
    incidents: Incidents
    acked: Callable[[], None]
    sharing: Collection[str] = ()  # targets that send by this bot
    _name: str = ""
    _missed: bool = True
    _conflicts: int = 0
    _failing_since: int | None = None
    _strangers: dict[int, int] = field(default_factory=dict)
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)
    _reading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

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
        incidents, sharing = Incidents(store, clock, say, health), tuple(_find_sharing(config, access))
        return cls(config, BotApi(http, clock, access), store, clock, say, incidents, acked, sharing)

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
        if not updates:
            self._missed = False

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
                await self.incidents.begin(_ABOUT, f"hears nobody: {_WEBHOOK if webhook else _ELSEWHERE}")
            return 5.0
        if isinstance(problem, Never):
            await self.incidents.begin(_ABOUT, f"hears nobody: {problem}")
            return _LONGEST_S
        if now - self._failing_since > _PATIENCE:
            await self.incidents.begin(_ABOUT, f"hears nobody: {problem.reason}")
        wait = min(_SHORTEST_S * float(1 << min(failures - 1, 6)), _LONGEST_S)
        return max(wait, ((problem.retry_at or 0) - now) / SECOND if problem.obey else 0.0)

    async def _note_success(self) -> None:
        self._failing_since, self._conflicts = None, 0
        await self.incidents.end(_ABOUT)

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
        task = asyncio.create_task(self._say_back(heard, reply))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _chats(self) -> Collection[int | str]:
        """The chats of the config, also where Telegram has moved them to."""
        chats = self.config.bot.chats
        targets = await self.store.read(outbox.read_targets)
        written = {str(chat) for chat in chats}
        moved = [row.moved_to for row in targets.values() if row.moved_from in written and row.moved_to]
        return (*chats, *moved)

    def _note_stranger(self, heard: Incoming) -> None:
        if not (heard.query or heard.text.startswith("/")):
            return
        now = self.clock.now()
        if now - self._strangers.get(heard.chat, -HOUR) >= HOUR:
            self._strangers[heard.chat] = now
            self.say(f"the bot was asked by {heard.called} in chat {heard.chat}, who are not in [bot]: not answered")

    def _hear(self, writer: Writer, bot: str, heard: Incoming) -> _Reply | None:
        """Do what an update asks for, and remember that it was heard; None if it was, or if it asks for nothing."""
        now = self.clock.now()
        if not bots.note_heard(writer, bot, heard.update, now):
            return None
        try:
            return self._press(writer, heard) if heard.query is not None else self._command(writer, heard)
        except UserError as problem:
            return _Reply(str(problem))

    def _command(self, writer: Writer, heard: Incoming) -> _Reply | None:
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
            return _Reply(question=Command("help"))
        if command.name not in COMMANDS:
            raise UserError(f"there is no command /{command.name}: /help lists them")
        return _Reply(question=command)

    def _press(self, writer: Writer, heard: Incoming) -> _Reply:
        button = parse_data(heard.data)
        if isinstance(button, TurnedPage):
            found = bots.find_answer(writer, button.answer)
            if found is None:
                raise UserError("this archive does not know that answer any more: ask again")
            return _Reply(question=Command(*found), page=button.page, answer=button.answer)
        if not isinstance(button, Press):
            raise UserError("this button is not known any more")
        if button.action == "why":
            return _Reply(question=Command("why", str(find_alert(writer, button).id)))
        asked = Question("", self.config, self.clock.now())
        return _say(press(writer, button, heard.called, asked, missed=self._missed))

    # What is said back ---------------------------------------------------------------------------------------------

    async def _say_back(self, heard: Incoming, reply: _Reply) -> None:
        try:
            if heard.query is not None:
                await self._answer_button(heard.query, one_line(reply.said))
            if reply.question is not None:
                await self._answer_question(heard, reply, reply.question)
            elif heard.query is None:
                await self._send(heard, say_of(reply.said, _SAID), ())
        except (Later, Never, ArchiveError) as problem:
            self.say(f"the bot could not answer in chat {heard.chat}: {problem}")
        except Exception as problem:  # noqa: BLE001 - one answer that cannot be made keeps nobody from the others
            self.say(f"internal error in the bot: {where(problem)}; {heard.called} got no answer")

    async def _call(self, method: str, request: dict[str, object]) -> None:
        """Call a method, after any wait that Telegram has asked this bot for; such a wait holds alerts too."""
        for _ in range(_ATTEMPTS):
            known = await self.store.read(outbox.read_targets)
            held = max((row.hold_until or 0 for name, row in known.items() if name in self.sharing), default=0)
            await asyncio.sleep(max(held - self.clock.now(), 0) / SECOND)
            try:
                await self.api.call(method, request)
            except Later as problem:
                if not problem.obey or problem.retry_at is None:
                    raise
                await self.store.run(outbox.hold_targets, self.sharing, problem.retry_at, self.clock.now())
                await asyncio.sleep(max(problem.retry_at - self.clock.now(), 0) / SECOND)
            else:
                return
        raise Later("Telegram asked to wait again and again")

    async def _answer_button(self, query: str, said: str) -> None:
        """End the waiting sign on a button; Telegram takes that for seconds only."""
        try:
            await self.api.call("answerCallbackQuery", {"callback_query_id": query, "text": said[:_TOAST]}, deadline=10)
        except RefusedRequest:
            return  # pressed too long ago; what it asked for is done

    async def _answer_question(self, heard: Incoming, reply: _Reply, command: Command) -> None:
        asked = Question(command.words, self.config, self.clock.now())

        def read(reader: Reader) -> list[str]:
            return list(report(reader, command.name, asked))

        async with self._reading:
            try:
                lines = await self.store.read(read)
            except UserError as problem:
                lines = [str(problem)]
        page = find_page(lines, reply.page)
        answer = reply.answer
        if answer is None and page.of > 1:
            answer = await self.store.run(bots.keep_answer, command.name, command.words, asked.now)
        buttons = page_buttons(answer or 0, page.number, page.of)
        if reply.answer is None:
            await self._send(heard, page.text, buttons)
        else:
            await self._edit(heard, page.text, buttons)

    async def _send(self, heard: Incoming, text: str, buttons: ButtonRows) -> None:
        request: dict[str, object] = {
            "chat_id": heard.chat,
            "text": text,
            "link_preview_options": {"is_disabled": True},
            "reply_parameters": {"message_id": heard.message, "allow_sending_without_reply": True},
        }
        await self._call("sendMessage", request | _markup(buttons))

    async def _edit(self, heard: Incoming, text: str, buttons: ButtonRows) -> None:
        request: dict[str, object] = {
            "chat_id": heard.chat,
            "message_id": heard.message,
            "text": text,
            "link_preview_options": {"is_disabled": True},
        }
        try:
            await self._call("editMessageText", request | _markup(buttons))
        except RefusedRequest as problem:
            if "message is not modified" not in problem.reason:
                raise


def _markup(buttons: ButtonRows) -> dict[str, object]:
    rows = [[{"text": label, "callback_data": data} for label, data in row] for row in buttons]
    return {"reply_markup": {"inline_keyboard": rows}} if rows else {}


def _say(done: Done) -> _Reply:
    return _Reply(done.said, acked=done.acked)


def find_access(config: Config) -> BotAccess | None:
    """The token and the server of the bot that answers; None if there is none."""
    settings = config.bot
    if settings.token_file is not None:
        return BotAccess(settings.token_file, settings.api_base)
    return next((target.bot() for target in config.targets if target.name == settings.target), None)


def find_answered(config: Config) -> frozenset[str]:
    """The targets with buttons: those that send by the bot that answers, to a chat in which it does."""
    access = find_access(config)
    if access is None:
        return frozenset()
    chats = {str(chat).casefold() for chat in config.bot.chats}
    return frozenset(name for name, chat in _find_sharing(config, access).items() if chat.casefold() in chats)


def _find_sharing(config: Config, access: BotAccess) -> dict[str, str]:
    """The targets that send by this bot, with their chats."""
    bots = {target.name: found for target in config.targets if (found := target.bot())}
    same = (access.token_file.path, access.api_base)
    return {name: found.chat for name, found in bots.items() if (found.token_file.path, found.api_base) == same}


def end_trouble(writer: Writer, now: int) -> None:
    """There is no bot in the config any more, so that nothing is wrong with it."""
    if notices.read_lasting_one(writer, _ABOUT) is not None:
        notices.add(writer, now, _ABOUT, "no bot answers any more: the config has none", ends=True)
