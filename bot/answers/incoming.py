"""PURE: one update of the Bot API, which strangers write -> who says what where (core.telegram.org/bots/api#update)."""

from collections.abc import Collection, Mapping
from typing import Any

from bot.clock import SECOND
from bot.foreign.text import one_line
from storage.frozen import dataclass

_NAME = 100


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message or a pressed button. `sent_at` is microseconds UTC; of a button it is that of the message under it."""

    update: int
    chat: int
    chat_name: str  # "" without a public name
    message: int
    person: int
    person_name: str  # "" without a public name
    called: str  # the name under which an answer is kept
    sent_at: int
    text: str = ""
    query: str | None = None  # of a button: what has to be answered
    data: str = ""


def read_update(update: Mapping[str, Any]) -> Incoming | None:
    """What one update says; None for what the bot does not hear."""
    pressed = _table(update.get("callback_query"))
    message = _table(pressed.get("message")) if pressed else _table(update.get("message"))
    chat, person = _table(message.get("chat")), _table((pressed or message).get("from"))
    number, chat_id, message_id = update.get("update_id"), chat.get("id"), message.get("message_id")
    if not (is_number(number) and isinstance(chat_id, int) and isinstance(message_id, int)):
        return None
    assert isinstance(number, int)
    who = person.get("id")
    sent = message.get("date")
    query = pressed.get("id") if pressed else None
    return Incoming(
        update=number,
        chat=chat_id,
        chat_name=_words(chat.get("username")),
        message=message_id,
        person=who if isinstance(who, int) else 0,
        person_name=_words(person.get("username")),
        called=_called(person),
        sent_at=sent * SECOND if isinstance(sent, int) and abs(sent) < 1 << 40 else 0,
        text=_words(message.get("text")) if not pressed else "",
        query=query if isinstance(query, str) else None,
        data=_words(pressed.get("data")) if pressed else "",
    )


def is_number(update: object) -> bool:
    """Whether this can be the number of an update."""
    return isinstance(update, int) and 0 <= update < 1 << 62


def is_allowed(heard: Incoming, chats: Collection[int | str], people: Collection[int | str]) -> bool:
    """Whether the bot answers there, to this person."""
    return _is_among(heard.chat, heard.chat_name, chats) and (
        not people or _is_among(heard.person, heard.person_name, people)
    )


def _is_among(number: int, name: str, known: Collection[int | str]) -> bool:
    written = {str(one).removeprefix("@").casefold() for one in known}
    return str(number) in written or bool(name and not name.isdecimal() and name.casefold() in written)


def _called(person: Mapping[str, Any]) -> str:
    name = _words(person.get("username"))
    if name:
        return f"@{name}"
    first = one_line(" ".join(filter(None, (_words(person.get("first_name")), _words(person.get("last_name"))))))
    return f"{first[:_NAME].strip()} ({person.get('id', 'nobody')})".strip()


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _words(value: object) -> str:
    """A text as it can be stored: a lone half of a surrogate pair becomes U+FFFD."""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if isinstance(value, str) else ""
