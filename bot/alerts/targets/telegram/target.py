"""Alerts by a Telegram bot, through the Bot API (https://core.telegram.org/bots/api#sendmessage), and edits."""

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from aiolimiter import AsyncLimiter
from pydantic import Field

from bot.alerts.targets.telegram.refusals import (
    ChatGone,
    FileTooLarge,
    TopicClosed,
    Unparsed,
    about_opening,
    about_topic,
    find_problem,
    missing_right,
    read_answer,
)
from bot.alerts.targets.telegram.uploads import CAPTION, UPLOAD, together, write_upload
from bot.clock import Clock
from bot.contracts.message import Attachment, ButtonRows
from bot.contracts.secrets import mask_secrets, read_secret
from bot.contracts.settings import SecretFile
from bot.contracts.target import (
    BotAccess,
    Message,
    MessageRefused,
    Moved,
    Shows,
    TargetSettings,
    TargetTools,
    TopicGone,
)
from bot.errors import Later, Never
from bot.foreign.graphemes import clip
from bot.foreign.text import one_line
from bot.http import Http, Reply

PER_EVENT = "per-event"
_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{1,200}")
_UNITS = 4096
_TOPIC = 128
_AS_TEXT = ("editMessageText", "text", _UNITS)
_NO_PREVIEW = {"is_disabled": True}  # a preview would show the watched site who watches it
_QUIET = {"min", "low"}


class Settings(TargetSettings):
    """A `[[targets]]` entry of kind "telegram": the bot must be a member of the chat and may write there."""

    kind: Literal["telegram"]
    token_file: SecretFile
    chat: int | str  # -100… of a group or channel, the number of a person, or "@public_name"
    topic: Annotated[int, Field(strict=True, ge=1)] | Literal["per-event"] | None = None  # message_thread_id
    media: bool = True  # False: no files go with alerts
    # core.telegram.org/bots/faq: 20 a minute to a group; assumed for channels and persons too
    per_minute: Annotated[int, Field(ge=1)] | None = 20
    api_base: str = "https://api.telegram.org"

    def sends_to(self) -> str:
        """The chat, and the topic in it."""
        return f"{self.chat} {self.topic or ''}".casefold()

    def bot(self) -> BotAccess | None:
        return BotAccess(self.token_file, self.api_base, str(self.chat))

    def addresses(self) -> tuple[str, ...]:
        return (self.api_base,)

    def warnings(self) -> tuple[tuple[str, str], ...]:
        if re.fullmatch(r"@[A-Za-z]\w{3,31}|-?[0-9]{1,20}", str(self.chat)):
            return ()
        shown = json.dumps(str(self.chat), ensure_ascii=False)
        return (("chat", f'{shown} is neither "@name" nor the number of a chat'),)


class TelegramTarget:
    """One chat. Texts are HTML; one that Telegram cannot parse goes once more as plain text.

    A file that Telegram does not accept is left out: the text is always sent.
    """

    idempotent = False
    at_once = 1

    def __init__(self, settings: Settings, http: Http, clock: Clock) -> None:
        self.settings = settings
        self.shows = Shows("html", units=_UNITS, replies=True, caption=CAPTION)
        if settings.media:
            self.shows = replace(self.shows, file_bytes=UPLOAD, together=together)
        self.opens_topics = settings.topic == PER_EVENT
        self.account = f"telegram {settings.token_file.path}"
        self.chat = BotAccess(settings.token_file, settings.api_base).count_for(settings.chat)
        self._chat: int | str = settings.chat
        self._http = http
        self._clock = clock
        self._limit = AsyncLimiter(1, 1)  # core.telegram.org/bots/faq: about one message a second to a chat

    async def ready(self) -> None:
        await self._limit.acquire()

    def follow(self, old: str, new: str) -> None:
        """A group became a supergroup, which has a number of its own."""
        if old == str(self.settings.chat):
            self._chat = int(new)

    async def send(self, message: Message) -> str:
        """Send one message; the receipt holds its id and chat. Raises TopicGone where its topic is not there."""
        try:
            return await self._to_its_topic(message)
        except TopicClosed:
            await self._about_topic("reopenForumTopic", message.topic)
        try:
            return await self._to_its_topic(message)
        except TopicClosed as problem:
            raise TopicGone(problem.reason) from None

    async def _to_its_topic(self, message: Message) -> str:
        try:
            return await self._with_files(message)
        except Never as problem:
            raise (problem if message.topic is None else about_topic(problem)) from None

    async def _with_files(self, message: Message) -> str:
        """With its files as what they are, else as documents, else without: the words are always sent."""
        files = message.album or ((message.attachment,) if message.attachment else ())
        for as_documents in (False, True) if files else ():
            try:
                return await self._parsed(message, files, as_documents=as_documents)
            except MessageRefused as problem:
                if message.album and (as_documents or isinstance(problem, FileTooLarge)):
                    raise  # its words alone say nothing
                if isinstance(problem, FileTooLarge):
                    break
        return await self._parsed(message, ())

    async def check(self) -> str:
        """Ask whether Telegram knows the bot and the chat, and whether the bot may write there."""
        try:
            bot, chat = await self._ask("getMe"), await self._ask("getChat", chat_id=self._chat)
            if chat.get("type") != "private":
                member = await self._ask("getChatMember", chat_id=self._chat, user_id=bot.get("id"))
                missing = missing_right(chat, member, topics=self.settings.topic is not None, opens=self.opens_topics)
                if missing:
                    raise Never(missing[0], remedy=missing[1])
            elif self.opens_topics:
                raise Never("the chat has no topics", remedy="leave `topic` out")
        except Moved as move:
            raise Never(str(move), remedy=f"write chat = {move.new}") from None
        return one_line(
            f"@{bot.get('username')} may write to {chat.get('title') or chat.get('username') or 'the chat'}"
        )

    async def _ask(self, method: str, **given: object) -> dict[str, Any]:
        return await self._call(method, json.dumps(given).encode(), html=False)

    def has_caption(self, receipt: str) -> bool:
        """Whether the message was sent with a file; receipts of earlier releases do not say so."""
        return json.loads(receipt).get("caption") is True

    async def edit(self, receipt: str, message: Message) -> None:
        """Let a message that was sent say this (core.telegram.org/bots/api#editmessagetext).

        Raises MessageRefused where the message or its chat is gone, or where the config names another chat now.
        """
        try:
            try:
                await self._change(receipt, message, html=True)
            except Unparsed:
                await self._change(receipt, message, html=False)
        except ChatGone as problem:
            raise MessageRefused(problem.reason) from None
        except MessageRefused as problem:
            if "message is not modified" not in problem.reason:
                raise

    async def _change(self, receipt: str, message: Message, *, html: bool) -> None:
        said = json.loads(receipt)
        if said.get("chat") != self._chat or _message_id(receipt) is None:
            raise MessageRefused("it is in another chat, or it is not known in which")
        method, field, limit = ("editMessageCaption", "caption", CAPTION) if self.has_caption(receipt) else _AS_TEXT
        request: dict[str, object] = {
            "chat_id": self._chat,
            "message_id": _message_id(receipt),
            field: message.text if html else clip(message.plain, limit),
        }
        request |= _keyboard(message.buttons)
        if html:
            request["parse_mode"] = "HTML"
        if field == "text":
            request["link_preview_options"] = _NO_PREVIEW
        await self._call(method, json.dumps(request).encode(), html=html)

    async def remove_buttons(self, receipt: str) -> None:
        """Take the buttons away (core.telegram.org/bots/api#editmessagereplymarkup)."""
        said = json.loads(receipt)
        if said.get("chat") != self._chat:
            raise MessageRefused("it is in another chat")
        request = {"chat_id": self._chat, "message_id": said.get("message_id"), "reply_markup": {"inline_keyboard": []}}
        try:
            await self._call("editMessageReplyMarkup", json.dumps(request).encode(), html=False)
        except ChatGone as problem:
            raise MessageRefused(problem.reason) from None
        except MessageRefused as problem:
            if "message is not modified" not in problem.reason:
                raise

    async def open_topic(self, name: str) -> int:
        """Open a topic (core.telegram.org/bots/api#createforumtopic); the bot needs the right to manage topics."""
        try:
            result = await self._ask("createForumTopic", chat_id=self._chat, name=clip(name, _TOPIC))
        except Never as problem:
            raise about_opening(problem) from None
        number = result.get("message_thread_id")
        if not isinstance(number, int):
            raise Later("Telegram opened a topic and did not say which", unsure=True)
        return number

    async def close_topic(self, topic: int) -> None:
        await self._about_topic("closeForumTopic", topic)

    async def _about_topic(self, method: str, topic: int | None) -> None:
        """Close or reopen one; that it is so already is no failure. Raises TopicGone where that cannot be done."""
        try:
            await self._ask(method, chat_id=self._chat, message_thread_id=topic)
        except (MessageRefused, ChatGone) as problem:
            if "NOT_MODIFIED" not in problem.reason.upper():
                raise TopicGone(problem.reason) from None

    async def _parsed(self, message: Message, files: Sequence[Attachment], *, as_documents: bool = False) -> str:
        try:
            return await self._post(message, files, html=True, as_documents=as_documents)
        except Unparsed:
            return await self._post(message, files, html=False, as_documents=as_documents)

    async def _post(self, message: Message, files: Sequence[Attachment], *, html: bool, as_documents: bool) -> str:
        request = self._request(message, html=html)
        method, content, kind = "sendMessage", json.dumps(request).encode(), "application/json"
        if files:
            method, content, kind = await asyncio.to_thread(write_upload, request, files, as_documents=as_documents)
        result = await self._call(method, content, kind, deadline=110 if files else 60, html=html)
        receipt = {"message_id": result.get("message_id"), "chat": self._chat}
        receipt |= {"buttons": True} if message.buttons and len(files) < 2 else {}
        return json.dumps(receipt | {"caption": True} if files else receipt)

    async def _call(
        self, method: str, content: bytes, kind: str = "application/json", *, deadline: float = 60, html: bool
    ) -> dict[str, Any]:
        """Call one method of the Bot API; its result."""
        token = read_secret(self.settings.token_file)
        if not _TOKEN.fullmatch(token):
            raise Never(
                f"{self.settings.token_file.path} holds no bot token", remedy="write the token of @BotFather to it"
            )
        secrets = token, token.partition(":")[2]
        try:
            reply = await self._http.post(
                f"{self.settings.api_base.rstrip('/')}/bot{token}/{method}",
                content=content,
                headers={"content-type": kind},
                deadline=deadline,
            )
            return self._result(reply, secrets)
        except Unparsed as problem:
            if html:
                raise
            raise MessageRefused(problem.reason) from None
        except (Later, Never) as problem:
            raise mask_secrets(problem, *secrets) from None

    def _request(self, message: Message, *, html: bool) -> dict[str, object]:
        request: dict[str, object] = {
            "chat_id": self._chat,
            "text": message.text if html else clip(message.plain, _UNITS),
            "link_preview_options": _NO_PREVIEW,
            "disable_notification": message.priority in _QUIET,
        }
        request |= _keyboard(message.buttons)
        if html:
            request["parse_mode"] = "HTML"
        topic = message.topic if self.opens_topics else self.settings.topic
        if topic is not None:
            request["message_thread_id"] = topic
        first = _message_id(message.reply_to, self._chat)
        if first is not None:
            request["reply_parameters"] = {"message_id": first, "allow_sending_without_reply": True}
        return request

    def _result(self, reply: Reply, secrets: tuple[str, ...]) -> dict[str, Any]:
        answer = read_answer(reply.body)
        if reply.ok and answer.get("ok") is True:
            result = answer.get("result")
            if isinstance(result, list):  # the messages of an album
                result = next(iter(result), None)
            return result if isinstance(result, dict) else {}
        chats = (self.settings.chat, self._chat)
        raise find_problem(reply, answer, secrets, self._clock.now(), chats, self.settings.token_file.path)


def _keyboard(buttons: ButtonRows) -> dict[str, object]:
    rows = [[{"text": label, "callback_data": data} for label, data in row] for row in buttons]
    return {"reply_markup": {"inline_keyboard": rows}} if rows else {}


def _message_id(receipt: str | None, chat: int | str | None = None) -> int | None:
    """The number of a message; None if it is known to be in another chat than this. Earlier receipts name no chat."""
    said = json.loads(receipt) if receipt is not None else {}
    found = said.get("message_id")
    return found if isinstance(found, int) and (chat is None or said.get("chat", chat) == chat) else None


def build(settings: Settings, surroundings: TargetTools) -> TelegramTarget:
    """Make the target behind a checked `[[targets]]` entry."""
    return TelegramTarget(settings, surroundings.http, surroundings.clock)
