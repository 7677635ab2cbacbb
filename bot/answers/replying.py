"""What the bot says back: sentences, pages of answers, and the end of the waiting sign on a button."""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field

from bot.alerts.handing import where
from bot.answers.bot_api import BotApi, RefusedRequest
from bot.answers.chat_limits import ChatLimits
from bot.answers.commands import Command, page_buttons
from bot.answers.incoming import Incoming
from bot.answers.pages import find_page, say_of
from bot.answers.reports import Question, report
from bot.archive import AsyncArchive
from bot.clock import MINUTE, SECOND, Clock
from bot.config import Config
from bot.contracts.message import ButtonRows
from bot.errors import Later, Never, UserError
from bot.foreign.text import one_line
from storage.alerts import target_states
from storage.answers import bots
from storage.archive.database import Reader
from storage.archive.errors import ArchiveError

_AT_ONCE = 4  # questions
_ATTEMPTS = 5  # of one answer, where Telegram asks to wait
_TOAST = 190  # characters above a button
_SAID = 3_000  # UTF-16 units of one sentence
_PATIENCE = 5 * MINUTE  # with a chat where much is asked


@dataclass(frozen=True, slots=True)
class BotReply:
    """What is said back: `said` at once, or else the answer to a `question` that has to be read."""

    said: str = ""
    question: Command | None = None
    page: int = 0
    answer: int | None = None  # that another page of was asked for
    acked: bool = False


@dataclass(slots=True)
class Replies:
    """The bot's own words. `sharing` are the targets that send by it: a wait that Telegram asks for holds them too.

    What it says in a chat counts against the limit of the chat.
    """

    config: Config
    api: BotApi
    store: AsyncArchive
    clock: Clock
    say: Callable[[str], None]
    limits: ChatLimits
    sharing: Collection[str] = ()
    _reading: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    async def say_back(self, heard: Incoming, reply: BotReply) -> None:
        """Answer; what cannot be said is logged, and raises nothing."""
        try:
            if heard.query is not None:
                await self._answer_button(heard.query, one_line(reply.said))
                if reply.acked:
                    await self._take_buttons_away(heard)
            if reply.question is not None:
                await self._answer_question(heard, reply, reply.question)
            elif heard.query is None:
                await self._send(heard, say_of(reply.said, _SAID), ())
        except (Later, Never, ArchiveError) as problem:
            self.say(f"the bot could not answer in chat {heard.chat}: {problem}")
        except Exception as problem:  # noqa: BLE001 - one answer that cannot be made keeps nobody from the others
            self.say(f"internal error in the bot: {where(problem)}; {heard.called} got no answer")

    async def _call(self, method: str, request: dict[str, object]) -> None:
        """Say something in a chat, after any wait that Telegram has asked this bot for; it holds alerts too."""
        await self._wait_for_place(request["chat_id"])
        for _ in range(_ATTEMPTS):
            known = await self.store.read(target_states.read_targets)
            held = max((row.hold_until or 0 for name, row in known.items() if name in self.sharing), default=0)
            await asyncio.sleep(max(held - self.clock.now(), 0) / SECOND)
            try:
                await self.api.call(method, request)
            except Later as problem:
                if not problem.obey or problem.retry_at is None:
                    raise
                await self.store.run(target_states.hold_targets, self.sharing, problem.retry_at, self.clock.now())
                await asyncio.sleep(max(problem.retry_at - self.clock.now(), 0) / SECOND)
            else:
                return
        raise Later("Telegram asked to wait again and again")

    async def _wait_for_place(self, chat: object) -> None:
        """Wait until the chat takes one more message, and count it."""
        began = self.clock.now()
        while (free := await self.store.run(self.limits.claim, chat, self.clock.now())) is not None:
            if free - began > _PATIENCE:
                raise Later("more is asked in this chat than Telegram lets a bot answer")
            await asyncio.sleep(max(free - self.clock.now(), 0) / SECOND)

    async def _answer_button(self, query: str, said: str) -> None:
        """End the waiting sign on a button; Telegram takes that for seconds only, and what was asked for is done."""
        try:
            await self.api.call("answerCallbackQuery", {"callback_query_id": query, "text": said[:_TOAST]}, deadline=10)
        except RefusedRequest:
            return  # pressed too long ago
        except Later as problem:
            if problem.obey and problem.retry_at is not None:
                await self.store.run(target_states.hold_targets, self.sharing, problem.retry_at, self.clock.now())
            self.say(f"a button in the bot's chat got no answer: {problem}")

    async def _take_buttons_away(self, heard: Incoming) -> None:
        """From the message that was pressed: its receipt may not have been stored, if the program died meanwhile."""
        request = {"chat_id": heard.chat, "message_id": heard.message, "reply_markup": {"inline_keyboard": []}}
        with suppress(RefusedRequest):  # they are gone already
            await self._call("editMessageReplyMarkup", request)

    async def _answer_question(self, heard: Incoming, reply: BotReply, command: Command) -> None:
        asked = Question(command.words, self.config, self.clock.now())

        def read(reader: Reader) -> list[str]:
            return list(report(reader, command.name, asked))

        async with self._reading:
            try:
                lines = await self.store.read(read)
            except UserError as problem:
                lines = [say_of(str(problem), _SAID)]
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
