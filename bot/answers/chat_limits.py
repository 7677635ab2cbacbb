"""How much the bot says in a chat: its answers count against the chat's limit, and leave half of it to alerts."""

from collections.abc import Mapping
from dataclasses import replace

from bot.alerts.growing import halve
from bot.contracts.target import BotAccess
from storage.alerts.pace import Pace, find_free_time, note_sending
from storage.archive.database import Writer
from storage.frozen import dataclass

_GROUP, _PERSON = 20, 60  # messages a minute to a chat that is no target (core.telegram.org/bots/faq: limits)


@dataclass(frozen=True, slots=True)
class ChatLimits:
    """`paces` are the limits of chats that are targets, by the chat as the config has it."""

    access: BotAccess
    paces: Mapping[str, Pace]

    def claim(self, writer: Writer, chat: object, now: int) -> int | None:
        """Count one message to the chat; None if it may go out now, otherwise when to ask again."""
        group = str(chat).startswith(("-", "@"))
        pace = self.paces.get(str(chat)) or Pace(self.access.count_for(chat), _GROUP if group else _PERSON)
        answers = replace(halve(pace), chat=f"{pace.chat} answers")
        free = max(find_free_time(writer, pace, now), find_free_time(writer, answers, now))
        if free > now:
            return free
        note_sending(writer, pace, now)
        note_sending(writer, answers, now)
        return None
