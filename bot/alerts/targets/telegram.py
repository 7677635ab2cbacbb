"""Alerts by a Telegram bot, through the Bot API (https://core.telegram.org/bots/api#sendmessage), and edits."""

import asyncio
import json
import re
from typing import Annotated, Any, Literal

from aiolimiter import AsyncLimiter
from pydantic import Field

from bot.clock import HOUR, SECOND, Clock
from bot.contracts.message import Attachment, ButtonRows
from bot.contracts.secrets import mask_secrets, read_secret
from bot.contracts.settings import SecretFile
from bot.contracts.target import BotAccess, Message, MessageRefused, Moved, Shows, TargetSettings, TargetTools
from bot.errors import Later, Never
from bot.foreign.graphemes import clip
from bot.foreign.text import one_line
from bot.http import Http, Reply, check_busy
from bot.http.form import multipart
from bot.http.masking import strike_secrets
from storage.state_names import RATE_LIMITED

_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{1,200}")
_UNITS = 4096
_CAPTION = 1024
_UPLOAD = 50 << 20
_PHOTO = 10 << 20
_AS_TEXT = ("editMessageText", "text", _UNITS)
_NO_PREVIEW = {"is_disabled": True}  # a preview would show the watched site who watches it
# Types that each method accepts (core.telegram.org/bots/api#sendvoice); anything else goes as a document.
_METHODS = {
    "voice": ("sendVoice", {"audio/ogg", "audio/mpeg", "audio/mp4"}),
    "audio": ("sendAudio", {"audio/mpeg", "audio/mp4"}),
    "photo": ("sendPhoto", {"image/jpeg", "image/png", "image/webp"}),
}
# Texts of a 400 that are about the chat, not about this message.
_ABOUT_CHAT = re.compile(
    r"chat not found|chat_id is empty|upgraded|deactivated|kicked|not a member|not enough rights|no rights|"
    r"write_forbidden|administrator rights|thread not found|topic|peer_id_invalid",
    re.IGNORECASE,
)


class Settings(TargetSettings):
    """A `[[targets]]` entry of kind "telegram": the bot must be a member of the chat and may write there."""

    kind: Literal["telegram"]
    token_file: SecretFile
    chat: int | str  # -100… of a group or channel, the number of a person, or "@public_name"
    topic: int | None = None  # message_thread_id of a forum group
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

    shows = Shows("html", units=_UNITS, replies=True, caption=_CAPTION, file_bytes=_UPLOAD)
    idempotent = False
    at_once = 1

    def __init__(self, settings: Settings, http: Http, clock: Clock) -> None:
        self.settings = settings
        self.account = f"telegram {settings.token_file.path}"
        self.chat = f"{self.account} {settings.chat}"
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
        """Send one message; the receipt holds its id and chat."""
        if message.attachment is not None:
            try:
                return await self._parsed(message, message.attachment)
            except MessageRefused:
                pass  # perhaps because of the file: try the text alone
        return await self._parsed(message, None)

    async def check(self) -> str:
        """Ask whether Telegram knows the bot and the chat, and whether the bot may write there."""
        try:
            bot, chat = await self._ask("getMe"), await self._ask("getChat", chat_id=self._chat)
            if chat.get("type") != "private":
                member = await self._ask("getChatMember", chat_id=self._chat, user_id=bot.get("id"))
                missing = _missing_right(chat, member, topic=self.settings.topic)
                if missing:
                    raise Never(missing[0], remedy=missing[1])
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
            except _Unparsed:
                await self._change(receipt, message, html=False)
        except _ChatGone as problem:
            raise MessageRefused(problem.reason) from None
        except MessageRefused as problem:
            if "message is not modified" not in problem.reason:
                raise

    async def _change(self, receipt: str, message: Message, *, html: bool) -> None:
        said = json.loads(receipt)
        if said.get("chat") != self._chat or _message_id(receipt) is None:
            raise MessageRefused("it is in another chat, or it is not known in which")
        method, field, limit = ("editMessageCaption", "caption", _CAPTION) if self.has_caption(receipt) else _AS_TEXT
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
        except _ChatGone as problem:
            raise MessageRefused(problem.reason) from None
        except MessageRefused as problem:
            if "message is not modified" not in problem.reason:
                raise

    async def _parsed(self, message: Message, attached: Attachment | None) -> str:
        try:
            return await self._post(message, attached, html=True)
        except _Unparsed:
            return await self._post(message, attached, html=False)

    async def _post(self, message: Message, attached: Attachment | None, *, html: bool) -> str:
        request = self._request(message, html=html)
        method, content, kind = "sendMessage", json.dumps(request).encode(), "application/json"
        if attached is not None:
            method, content, kind = await asyncio.to_thread(_with_file, request, attached)
        result = await self._call(method, content, kind, deadline=60 if attached is None else 110, html=html)
        receipt = {"message_id": result.get("message_id"), "chat": self._chat}
        receipt |= {"buttons": True} if message.buttons else {}
        return json.dumps(receipt if attached is None else receipt | {"caption": True})

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
        except _Unparsed as problem:
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
            "disable_notification": message.priority in {"min", "low"},
        }
        request |= _keyboard(message.buttons)
        if html:
            request["parse_mode"] = "HTML"
        if self.settings.topic is not None:
            request["message_thread_id"] = self.settings.topic
        first = _message_id(message.reply_to, self._chat)
        if first is not None:
            request["reply_parameters"] = {"message_id": first, "allow_sending_without_reply": True}
        return request

    def _result(self, reply: Reply, secrets: tuple[str, ...]) -> dict[str, Any]:
        answer = _answer(reply.body)
        if reply.ok and answer.get("ok") is True:
            result = answer.get("result")
            return result if isinstance(result, dict) else {}
        raise self._problem(reply, answer, secrets)

    def _problem(self, reply: Reply, answer: dict[str, Any], secrets: tuple[str, ...]) -> Later | Never | Moved:
        description = strike_secrets(str(answer.get("description", "")), *secrets)
        said = clip(one_line(description[:1000]), 200) or f"status {reply.status}"
        more = answer.get("parameters")
        more = more if isinstance(more, dict) else {}
        wait = more.get("retry_after")
        if reply.status == 429 and isinstance(wait, int) and wait >= 0:
            until = self._clock.now() + min(wait * SECOND, HOUR)
            return Later(f"Telegram asks to wait {wait} s", retry_at=until, state=RATE_LIMITED, obey=True)
        busy = check_busy(reply, self._clock.now(), HOUR)
        if busy is not None:
            return busy
        moved = more.get("migrate_to_chat_id")
        if isinstance(moved, int) and moved != self._chat:
            return Moved(str(self.settings.chat), str(moved))
        if reply.status == 401 or (reply.status == 404 and "method" not in said.lower()):
            return Never(f"Telegram refuses the token ({said})", remedy=f"renew {self.settings.token_file.path}")
        if reply.status == 403:
            return _ChatGone(
                f"the bot may not write there ({said})", remedy="let it into the chat, or write another chat"
            )
        if reply.status == 413:  # also from a proxy on the way
            return MessageRefused(f"this is too large for Telegram ({said})")
        if reply.status != 400:
            if not answer:  # not the Bot API, so it did not arrive: a captive portal, a proxy's page
                return Later(f"something else answered in Telegram's place with status {reply.status}")
            return Later(f"Telegram answered {reply.status}: {said}", unsure=reply.ok)
        if "can't parse" in said or "entities" in said:
            return _Unparsed(f"Telegram cannot read it ({said})")
        if _ABOUT_CHAT.search(said):
            return _ChatGone(
                f"the chat cannot be used ({said})", remedy="check chat and topic, and that the bot is a member"
            )
        return MessageRefused(f"Telegram refuses this message ({said})")


def _missing_right(chat: dict[str, Any], member: dict[str, Any], *, topic: int | None) -> tuple[str, str] | None:
    """Why the bot may not write to a group or channel, and what to do (core.telegram.org/bots/api#chatmember)."""
    status, channel = member.get("status"), chat.get("type") == "channel"
    if status in {"left", "kicked"} or (status == "restricted" and not member.get("is_member")):
        return "the bot is not in the chat", "let it in"
    if status == "administrator" and channel and not member.get("can_post_messages"):
        return "the bot may not post in the channel", "give it the right to post messages"
    if channel and status not in {"administrator", "creator"}:
        return "the bot is no administrator of the channel", "make it one, with the right to post messages"
    permissions = member if status == "restricted" else chat.get("permissions") or {}
    if status in {"member", "restricted"} and permissions.get("can_send_messages") is False:
        return "the bot may not send messages to the group", "allow it, or make it an administrator"
    if topic is not None and not chat.get("is_forum"):
        return "the chat has no topics", "leave `topic` out"
    return None


def _with_file(request: dict[str, object], attached: Attachment) -> tuple[str, bytes, str]:
    """Method, body and content type of a message with a file. Raises MessageRefused if the file cannot be read."""
    method, mimes = _METHODS.get(attached.kind, ("", set()))
    if attached.mime not in mimes or (method == "sendPhoto" and attached.size > _PHOTO):
        method = "sendDocument"
    try:
        data = attached.path.read_bytes()
    except OSError as problem:
        raise MessageRefused(f"its file cannot be read ({problem.strerror})") from None
    fields = {"caption": clip(str(request["text"]), _CAPTION) if "parse_mode" not in request else str(request["text"])}
    for key in (
        "chat_id", "parse_mode", "disable_notification", "message_thread_id", "reply_parameters", "reply_markup",
    ):  # fmt: skip
        if key in request:
            value = request[key]
            fields[key] = value if isinstance(value, str) else json.dumps(value)
    body, kind = multipart(fields, method.removeprefix("send").lower(), attached.name, attached.mime, data)
    return method, body, kind


class _ChatGone(Never):
    """The chat is gone, or the bot is out of it: nothing can be sent, and no message there can be edited."""


class _Unparsed(Never):
    """400 "can't parse entities": the same words without markup may pass."""


def _keyboard(buttons: ButtonRows) -> dict[str, object]:
    rows = [[{"text": label, "callback_data": data} for label, data in row] for row in buttons]
    return {"reply_markup": {"inline_keyboard": rows}} if rows else {}


def _answer(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def _message_id(receipt: str | None, chat: int | str | None = None) -> int | None:
    """The number of a message; None if it is known to be in another chat than this. Earlier receipts name no chat."""
    said = json.loads(receipt) if receipt is not None else {}
    found = said.get("message_id")
    return found if isinstance(found, int) and (chat is None or said.get("chat", chat) == chat) else None


def build(settings: Settings, surroundings: TargetTools) -> TelegramTarget:
    """Make the target behind a checked `[[targets]]` entry."""
    return TelegramTarget(settings, surroundings.http, surroundings.clock)
