"""Parses a feed in the child process, within a processor time and a size; failures there become Later."""

import json
import signal
from dataclasses import dataclass
from pathlib import Path

from bot.errors import Later
from bot.foreign.feed.parsed import ParsedFeed
from bot.readers import AnswerTooLong, Readers, ToRead
from bot.sources.feed.reading import ParseRequest
from storage.state_names import UNREADABLE

ANSWER_CAP = 48 << 20
_READER = Path(__file__).with_name("reading.py")


@dataclass(frozen=True, slots=True)
class ParseLimits:
    """Seconds of processor time, which is what a feed may cost, and on the clock, for a machine that is too busy."""

    cpu_s: int
    clock_s: float


async def parse_in_child(body: bytes, order: ParseRequest, limits: ParseLimits, readers: Readers) -> ParsedFeed:
    """Parse the document.

    Raises Later with a sentence where it is no feed, is hostile, or would take too long.
    """
    question = ToRead(order, body, limits.cpu_s, limits.clock_s, ANSWER_CAP)
    try:
        answer, code = await readers.ask(_READER, question)
    except AnswerTooLong:
        raise Later(f"the feed unfolds to more than {ANSWER_CAP >> 20} MB") from None
    except TimeoutError:
        raise Later(f"this machine was too busy to read the feed within {limits.clock_s:g} s") from None
    if code == -signal.SIGXCPU:
        raise Later(f"reading the feed takes more than {limits.cpu_s} s of processor time")
    try:
        found = json.loads(answer)
    except ValueError:
        raise Later(f"the process that reads the feed died (exit {code})") from None
    if "unreadable" in found:
        raise Later(found["unreadable"], state=UNREADABLE)
    reading: ParsedFeed = found
    return reading
