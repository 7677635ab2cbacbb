"""PURE: what a person wrote to the bot, or which button was pressed -> what is wanted; and the data of buttons.

The data of a button has at most 64 bytes, holds no secret, and names the alert in a way that no other archive shares.
"""

import re

from bot.alerts.buttons import ACTIONS as PRESSED
from bot.clock import DAY, HOUR, MINUTE, SECOND
from bot.contracts.message import ButtonRows
from storage.frozen import dataclass

OLDEST = 5 * MINUTE  # of a command that is carried out
COMMANDS = {
    "status": "what is watched, what fails, what waits",
    "sources": "every source and its state",
    "last": "the newest posts: /last [SOURCE]",
    "search": "posts that a query finds: /search QUERY",
    "show": "one post: /show ID",
    "why": "why an alert was sent: /why ID",
    "rules": "the rules, and what people thought of them",
    "mute": "hold alerts: /mute RULE 2h WHY, /mute source:NAME 2h WHY",
    "mutes": "what is muted, until when and why",
    "unmute": "end a mute: /unmute ID",
    "ack": "take up an alert: /ack ID",
    "digest": "what was found: /digest [24h]",
    "help": "these commands",
}
ACTIONS = ("mute", "unmute", "ack")
_COMMAND = re.compile(r"/([A-Za-z][A-Za-z0-9_]{0,31})(?:@([A-Za-z0-9_]{1,64}))?(?:\s+(.*))?\s*", re.DOTALL)
_PRESS = re.compile(r"([a-z-]{1,16}):([0-9]{1,18}):([0-9a-f]{8})")
_TURN = re.compile(r"page:([0-9]{1,18}):([0-9]{1,6})")


@dataclass(frozen=True, slots=True)
class Command:
    """A command with the words after it, on one line."""

    name: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Press:
    """A button under an alert; `mark` says of which archive the alert is."""

    action: str
    alert: int
    mark: str


@dataclass(frozen=True, slots=True)
class TurnedPage:
    """A button under an answer: another page of it, counted from 0."""

    answer: int
    page: int


def parse_command(text: str, own_name: str) -> Command | None:
    """The command that a message is; None for anything else, and for a command to another bot."""
    found = _COMMAND.fullmatch(text)
    if found is None or (found[2] is not None and found[2].casefold() != own_name.casefold()):
        return None
    return Command(found[1].lower(), " ".join((found[3] or "").split()))


def parse_data(data: str) -> Press | TurnedPage | None:
    """What a button means; None for one that is not ours."""
    if turned := _TURN.fullmatch(data):
        return TurnedPage(int(turned[1]), int(turned[2]))
    found = _PRESS.fullmatch(data)
    return Press(found[1], int(found[2]), found[3]) if found is not None and found[1] in PRESSED else None


def page_buttons(answer: int, page: int, pages: int) -> ButtonRows:
    """The buttons to the pages before and after; none where there are none."""
    row = [("« back", f"page:{answer}:{page - 1}")] if page > 0 else []
    row += [("more »", f"page:{answer}:{page + 1}")] if page + 1 < pages else []
    return (tuple(row),) if row else ()


def parse_mute(words: str) -> tuple[str, str, str, str]:
    """`RULE 2h WHY` or `source:NAME 2h WHY`, also tag: and target: -> what, its name, how long, why.

    Raises ValueError with how it is written.
    """
    what, _, rest = words.partition(" ")
    span, _, why = rest.strip().partition(" ")
    if not what or not span or not why.strip():
        raise ValueError("write /mute RULE 2h WHY, or /mute source:NAME 2h WHY")
    noun, colon, name = what.partition(":")
    if colon and noun in {"rule", "source", "tag", "target"}:
        return noun, name, span, why.strip()
    return "rule", what, span, why.strip()


def describe_age(age: int) -> str:
    """How old a command is: "12 min", "3 h"."""
    for unit, name in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min")):
        if age >= unit:
            return f"{age // unit} {name}"
    return f"{age // SECOND} s"
