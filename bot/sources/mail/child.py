"""Reads letters in the child process, within a processor time and a size; failures there become Later."""

from pathlib import Path

from bot.errors import Later
from bot.readers import Readers, ToRead
from bot.sources.mail.reading import LetterAnswer, LetterRequest

_ANSWER_CAP = 80 << 20
_CPU_S, _CLOCK_S = 20, 600.0
_READER = Path(__file__).with_name("reading.py")


class UnreadableLetter(Later):
    """A letter that no second try makes readable."""


async def read_in_child(data: bytes, order: LetterRequest, readers: Readers) -> tuple[LetterAnswer, bytes]:
    """What the letter says, or the file that was wanted. Raises Later, UnreadableLetter where it will not help."""
    question = ToRead(order, data, _CPU_S, _CLOCK_S, _ANSWER_CAP)
    letter: LetterAnswer
    letter, found = await readers.read(_READER, question, "the letter", UnreadableLetter)
    if "unreadable" in letter:
        raise UnreadableLetter(letter["unreadable"])
    return letter, found
