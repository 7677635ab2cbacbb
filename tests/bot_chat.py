"""A chat with people in it: the Bot API double, which also hears what they write and which buttons they press.

Rules of core.telegram.org/bots/api#getupdates: one poll at a time (409), none while a webhook is set (409), an offset
confirms all before it; of #inlinekeyboardbutton: 1 to 64 bytes of data; of #answercallbackquery: each once.
"""

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.bot_api import BotApi, Said, Sent, no, serve

ANNA = {"id": 4242, "is_bot": False, "first_name": "Anna", "username": "anna"}
GROUP = -100


@dataclass
class BotChat(BotApi):
    """`say` and `press` are what people do; `said` and `toasts` are what they see."""

    webhook: bool = False
    other_polls: bool = False
    waiting: list[dict[str, Any]] = field(default_factory=list)  # updates that nobody has confirmed
    polls: list[dict[str, Any]] = field(default_factory=list)
    toasts: list[tuple[str, str]] = field(default_factory=list)
    commands: list[dict[str, str]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(900_001))
    came: threading.Condition = field(default_factory=threading.Condition)
    answered: set[str] = field(default_factory=set)
    refuse_sending: int = 0  # so many messages are asked to wait for a second
    lost_polls: int = 0  # so many polls get what waits, and the answer never arrives

    def say(self, text: str, *, who: dict[str, Any] = ANNA, chat: int = GROUP, ago: float = 0) -> int:
        """Somebody writes something; the number of the update."""
        number = next(self.numbers)
        message = {
            "message_id": number, "from": who, "chat": {"id": chat, "type": "supergroup"},
            "date": int(time.time() - ago), "text": text,
        }  # fmt: skip
        self._come({"update_id": number, "message": message})
        return number

    def press(self, said: Said, label: str, *, who: dict[str, Any] = ANNA) -> str:
        """Somebody presses the button with this label; the id of the query."""
        data = next(one["callback_data"] for row in keyboard(said) for one in row if one["text"] == label)
        number = next(self.numbers)
        message = {"message_id": said.id, "chat": {"id": said.chat, "type": "supergroup"}, "date": 1, "text": said.text}
        query = {"id": f"q{number}", "from": who, "message": message, "data": data, "chat_instance": "1"}
        self._come({"update_id": number, "callback_query": query})
        return f"q{number}"

    def _take(self, request: dict[str, Any], files: Sequence[Sent], method: str) -> tuple[int, dict[str, Any]]:
        if self.refuse_sending:
            self.refuse_sending -= 1
            return no(429, "Too Many Requests: retry after 1", retry_after=1)
        return super()._take(request, files, method)

    def _come(self, update: dict[str, Any]) -> None:
        with self.came:
            self.waiting.append(update)
            self.came.notify_all()

    def more(self, token: str, method: str, request: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        refused = self.refusal(token)
        if refused is not None:
            return refused
        if method == "getUpdates":
            return self._poll(request)
        if method == "getMe":
            return _yes({"id": 4839574812, "is_bot": True, "username": "desk_bot"})
        if method == "getWebhookInfo":
            return _yes({"url": "https://elsewhere.example/hook" if self.webhook else ""})
        if method == "getMyCommands":
            return _yes(self.commands)
        if method in ("getChat", "getChatMember"):
            return super().more(token, method, request)
        if method == "setMyCommands":
            self.commands = request["commands"]
            return _yes(True)
        if method == "editMessageReplyMarkup":
            return self._change_keyboard(request)
        if method == "answerCallbackQuery":
            if request["callback_query_id"] in self.answered or len(request.get("text", "")) > 200:
                return no(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
            self.answered.add(request["callback_query_id"])
            self.toasts.append((request["callback_query_id"], request.get("text", "")))
            return _yes(True)
        return None

    def _change_keyboard(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        message = next((one for one in self.said if one.id == request["message_id"]), None)
        if message is None or message.id in self.removed:
            return no(400, "Bad Request: message to edit not found")
        rows = (request.get("reply_markup") or {}).get("inline_keyboard", [])
        if rows == message.keyboard:
            return no(400, "Bad Request: message is not modified")
        message.keyboard = rows
        return _yes({"message_id": message.id})

    def _poll(self, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.polls.append(request)
        if self.webhook:
            return no(409, "Conflict: can't use getUpdates method while webhook is active")
        if self.other_polls:
            return no(409, "Conflict: terminated by other getUpdates request; make sure that only one bot is running")
        with self.came:
            self.waiting = [one for one in self.waiting if one["update_id"] >= request.get("offset", 0)]
            if not self.waiting:
                self.came.wait(min(request.get("timeout", 0), 0.3))
            found = list(self.waiting[: request.get("limit", 100)])
        if found and self.lost_polls:
            self.lost_polls -= 1
            return no(502, "Bad Gateway")
        return _yes(found)


def keyboard(said: Said) -> list[list[dict[str, str]]]:
    """The buttons under a message."""
    return said.keyboard


def _yes(result: object) -> tuple[int, dict[str, Any]]:
    return 200, {"ok": True, "result": result}


@contextmanager
def chatting() -> Iterator[BotChat]:
    with serve(BotChat()) as api:
        yield api


def wait_for(happened: Any, seconds: float = 60) -> None:
    """Until it has happened; fails after the deadline."""
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.03)


__all__ = ["ANNA", "GROUP", "BotChat", "chatting", "keyboard", "wait_for"]
