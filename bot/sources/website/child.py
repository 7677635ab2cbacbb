"""Reads web pages in the child process, within a processor time and a size; failures there become Later."""

import json
import signal
from pathlib import Path

from bot.errors import Later, Never
from bot.readers import AnswerTooLong, Readers, ToRead
from bot.sources.website.reading import PageAnswer, PageRequest
from bot.sources.website.settings import INSTALL

_ANSWER_CAP = 16 << 20
_CPU_S, _CLOCK_S = 20, 600.0
_READER = Path(__file__).with_name("reading.py")


async def read_in_child(body: bytes, order: PageRequest, readers: Readers) -> PageAnswer:
    """What the page says. Raises Later where it is hostile or cannot be read, Never for a missing package."""
    try:
        answer, code = await readers.ask(_READER, ToRead(order, body, _CPU_S, _CLOCK_S, _ANSWER_CAP))
    except AnswerTooLong:
        raise Later(f"the page unfolds to more than {_ANSWER_CAP >> 20} MB") from None
    except TimeoutError:
        raise Later(f"this machine was too busy to read the page within {_CLOCK_S:g} s") from None
    if code == -signal.SIGXCPU:
        raise Later(f"reading the page takes more than {_CPU_S} s of processor time")
    try:
        found: PageAnswer = json.loads(answer)
    except ValueError:
        raise Later(f"the process that reads the page died (exit {code})") from None
    if "missing" in found:
        raise Never(
            "finding the text of a page by itself needs a package that is not installed",
            remedy=INSTALL,
        )
    if "unreadable" in found:
        raise Later(found["unreadable"])
    return found
