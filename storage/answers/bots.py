"""What a bot remembers: how far it has heard, and the answers of which another page may be asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

_FORGOTTEN = 6 * 86_400_000_000  # microseconds: after a week without updates their numbers begin anywhere


def read_offset(reader: Reader, bot: str, now: int) -> int:
    """The number of the next update that this bot has not heard; 0: whatever there is. `bot` is its public number.

    The other side keeps updates for a day, so that none is heard twice after the six that this remembers.
    """
    found = reader.value(
        "SELECT next_update FROM bots WHERE bot = :bot AND heard_at > :since", {"bot": bot, "since": now - _FORGOTTEN}
    )
    return int(found or 0)


def note_heard(writer: Writer, bot: str, update: int, now: int) -> bool:
    """Remember that an update was heard, in the transaction of what it did; False if it was before."""
    if update < read_offset(writer, bot, now):
        return False
    writer.execute(
        "INSERT INTO bots (bot, next_update, heard_at) VALUES (:bot, :next, :now) ON CONFLICT (bot)"
        " DO UPDATE SET next_update = excluded.next_update, heard_at = excluded.heard_at",
        {"bot": bot, "next": update + 1, "now": now},
    )
    return True


def keep_answer(writer: Writer, command: str, words: str, now: int) -> int:
    """Keep what was asked, for the buttons to its other pages; its id."""
    found = writer.value(
        "INSERT INTO bot_answers (command, words, at) VALUES (:command, :words, :now) RETURNING id",
        {"command": command, "words": words, "now": now},
    )
    return int(found)


def find_answer(reader: Reader, answer: int) -> tuple[str, str] | None:
    """The command and the words of an answer; None if there is none."""
    row = reader.one("SELECT command, words FROM bot_answers WHERE id = :id", {"id": answer})
    return None if row is None else (row["command"], row["words"])
