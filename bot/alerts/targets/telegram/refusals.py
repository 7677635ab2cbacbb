"""What an answer of the Bot API means for a message, its topic, its chat and the target."""

import json
import re
from typing import Any

from bot.clock import DAY, HOUR, SECOND
from bot.contracts.target import MessageRefused, Moved, NoTopics, TopicGone
from bot.errors import Later, Never
from bot.foreign.graphemes import clip
from bot.foreign.text import one_line
from bot.http import Reply, check_busy
from bot.http.masking import strike_secrets
from storage.state_names import RATE_LIMITED

# Texts of a 400 that are about the chat, not about this message.
_ABOUT_CHAT = re.compile(
    r"chat not found|chat_id is empty|upgraded|deactivated|kicked|not a member|not enough rights|no rights|"
    r"write_forbidden|administrator rights|thread not found|topic|peer_id_invalid",
    re.IGNORECASE,
)
_NOT_THERE = re.compile(r"forum|rights|topic|admin", re.IGNORECASE)
_NO_TOPIC = re.compile(r"thread not found|TOPIC_DELETED|TOPIC_ID_INVALID", re.IGNORECASE)


class ChatGone(Never):
    """The chat is gone, or the bot is out of it: nothing can be sent, and no message there can be edited."""


class Unparsed(Never):
    """400 "can't parse entities": the same words without markup may pass."""


class FileTooLarge(MessageRefused):
    """413: somebody on the way takes no file of this size."""


class TopicClosed(Never):
    """Somebody closed the topic, and the bot may not write there."""


def read_answer(body: bytes) -> dict[str, Any]:
    """The answer of the Bot API; empty if it is none."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}


def find_problem(
    reply: Reply, answer: dict[str, Any], secrets: tuple[str, ...], now: int, chats: tuple[object, object], file: object
) -> Later | Never | Moved:
    """What a refusal means; `chats` are that of the config and that of now, `file` is where the token is."""
    description = strike_secrets(str(answer.get("description", "")), *secrets)
    said = clip(one_line(description[:1000]), 200) or f"status {reply.status}"
    more = answer.get("parameters")
    more = more if isinstance(more, dict) else {}
    wait = more.get("retry_after")
    if reply.status == 429 and isinstance(wait, int) and wait >= 0:
        until = now + min(wait * SECOND, DAY)  # its own wait, to the second; a longer one is taken for a mistake
        return Later(f"Telegram asks to wait {wait} s", retry_at=until, state=RATE_LIMITED, obey=True)
    busy = check_busy(reply, now, HOUR)
    if busy is not None:
        return busy
    moved = more.get("migrate_to_chat_id")
    if isinstance(moved, int) and moved != chats[1]:
        return Moved(str(chats[0]), str(moved))
    if reply.status == 401 or (reply.status == 404 and "method" not in said.lower()):
        return Never(f"Telegram refuses the token ({said})", remedy=f"renew {file}")
    if reply.status == 403:
        return ChatGone(f"the bot may not write there ({said})", remedy="let it into the chat, or write another chat")
    if reply.status == 413:  # also from a proxy on the way
        return FileTooLarge(f"this is too large for Telegram ({said})")
    if reply.status != 400:
        if not answer:  # not the Bot API, so it did not arrive: a captive portal, a proxy's page
            return Later(f"something else answered in Telegram's place with status {reply.status}")
        return Later(f"Telegram answered {reply.status}: {said}", unsure=reply.ok)
    if "can't parse" in said or "entities" in said:
        return Unparsed(f"Telegram cannot read it ({said})")
    if _ABOUT_CHAT.search(said):
        return ChatGone(
            f"the chat cannot be used ({said})", remedy="check chat and topic, and that the bot is a member"
        )
    return MessageRefused(f"Telegram refuses this message ({said})")


def about_topic(problem: Never) -> Never:
    """What the refusal of a message to a topic of one event means: perhaps only that this topic is gone or closed."""
    if "TOPIC_CLOSED" in problem.reason.upper():
        return TopicClosed(problem.reason)
    return TopicGone(problem.reason) if _NO_TOPIC.search(problem.reason) else problem


def about_opening(problem: Never) -> Never:
    """What the refusal of a new topic means: the chat has none, or the bot may not open one."""
    if isinstance(problem, MessageRefused) or _NOT_THERE.search(problem.reason):
        return NoTopics(problem.reason, remedy="let the bot manage topics, in a group that has topics")
    return problem


def missing_right(chat: dict[str, Any], member: dict[str, Any], *, topics: bool, opens: bool) -> tuple[str, str] | None:
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
    if topics and not chat.get("is_forum"):
        return "the chat has no topics", "leave `topic` out"
    if opens and not (status == "creator" or (status == "administrator" and member.get("can_manage_topics"))):
        return "the bot may not open topics", "make it an administrator with the right to manage topics"
    return None
