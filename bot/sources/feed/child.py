"""Parses a feed in the child process, within a processor time and a size; failures there become Later."""

from dataclasses import dataclass
from pathlib import Path

from bot.errors import Later
from bot.foreign.feed.parsed import ParsedFeed
from bot.readers import Readers, ToRead
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
    found, _ = await readers.read(_READER, question, "the feed")
    if "unreadable" in found:
        raise Later(found["unreadable"], state=UNREADABLE)
    reading: ParsedFeed = found
    return reading
