"""Reads letters in the child process, within a processor time and a size; failures there become Later."""

import json
import signal
from pathlib import Path

from bot.errors import Later
from bot.readers import AnswerTooLong, Readers, ToRead
from bot.sources.mail.reading import LetterAnswer, LetterRequest

_ANSWER_CAP = 80 << 20
_CPU_S, _CLOCK_S = 20, 600.0
_READER = Path(__file__).with_name("reading.py")


class UnreadableLetter(Later):
    """A letter that no second try makes readable."""


async def read_in_child(data: bytes, order: LetterRequest, readers: Readers) -> tuple[LetterAnswer, bytes]:
    """What the letter says, or the file that was wanted. Raises Later, UnreadableLetter where it will not help."""
    try:
        answer, code = await readers.ask(_READER, ToRead(order, data, _CPU_S, _CLOCK_S, _ANSWER_CAP))
    except AnswerTooLong:
        raise UnreadableLetter(f"it unfolds to more than {_ANSWER_CAP >> 20} MB") from None
    except TimeoutError:
        raise Later(f"this machine was too busy to read a letter within {_CLOCK_S:g} s") from None
    if code == -signal.SIGXCPU:
        raise UnreadableLetter(f"reading it takes more than {_CPU_S} s of processor time")
    line, _, found = answer.partition(b"\n")
    try:
        letter: LetterAnswer = json.loads(line)
    except ValueError:
        raise UnreadableLetter(f"the process that reads it died (exit {code})") from None
    if "unreadable" in letter:
        raise UnreadableLetter(letter["unreadable"])
    return letter, found
