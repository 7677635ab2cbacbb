"""Chats that have got another number: alerts follow at once, and a person is asked whether that is right.

Until somebody answers it is asked again at each start. After a "no" the target is suspended.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bot.contracts.target import Moved
from bot.errors import NotFound
from bot.foreign.text import one_line
from storage.alerts import notices, outbox, target_states
from storage.alerts.target_states import TargetRow

if TYPE_CHECKING:
    from bot.config import Config
    from storage.archive.database import Writer


def note_move(writer: "Writer", target: str, move: Moved, health: Iterable[str], now: int) -> str:
    """Keep where a chat is now, and ask a person to confirm it; the sentence, empty if it was known."""
    if not target_states.note_move(writer, target, move.old, move.new, now):
        return ""
    return _ask(writer, TargetRow(target, moved_from=move.old, moved_to=move.new), health, now)


def ask_again(writer: "Writer", config: "Config", now: int) -> list[str]:
    """Ask about every chat that has moved and that nobody has answered for; the sentences."""
    health = [target.name for target in config.targets if target.health]
    names = {target.name for target in config.targets}
    known = target_states.read_targets(writer).values()
    open_ = [row for row in known if row.name in names and row.moved_to is not None and row.move_answer is None]
    return [_ask(writer, row, health, now) for row in open_]


def forget_answered(writer: "Writer", config: "Config", now: int) -> None:
    """Where the config names another chat now, that is the answer: a target that a "no" has suspended is resumed."""
    known = target_states.read_targets(writer)
    for target in config.targets:
        row, bot = known.get(target.name), target.bot()
        if row is None or row.moved_from is None or (bot is not None and bot.chat == row.moved_from):
            continue
        target_states.forget_move(writer, target.name)
        if row.move_answer == "no" and row.state == "parked":
            target_states.note_success(writer, target.name, now)


def answer_move(writer: "Writer", target: str, now: int, *, follow: bool) -> str:
    """Keep what a person says to a chat that has moved; the sentence about it. Raises NotFound where none has."""
    row = target_states.find_target(writer, target)
    if row.moved_to is None:
        raise NotFound(f"the chat of target {one_line(target)} has not moved")
    target_states.answer_move(writer, target, "yes" if follow else "no")
    if not follow:
        target_states.mark_target(writer, target, "parked", _refused(row), now)
        return f"target {target} is suspended: {_refused(row)}"
    if row.state == "parked" and row.move_answer == "no":
        target_states.note_success(writer, target, now)
    return f"alerts of target {target} go to {row.moved_to}, whatever the config says of {row.moved_from}"


def _refused(row: TargetRow) -> str:
    return (
        f"its chat {row.moved_from} has become {row.moved_to}, and nothing is sent there: write another chat in the"
        f" config, or run `communique alerts follow {row.name}`"
    )


def _ask(writer: "Writer", row: TargetRow, health: Iterable[str], now: int) -> str:
    sentence = (
        f"the chat {row.moved_from} of target {row.name} has become {row.moved_to}; alerts go there now. Is that right?"
        f" Run `communique alerts follow {row.name}`, or with --no at its end to stop that;"
        f" or write chat = {row.moved_to} in the config"
    )
    notices.add(writer, now, f"target {row.name}", sentence)
    outbox.announce(writer, health, f"target {row.name}", sentence, now)
    return sentence
