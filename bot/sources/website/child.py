"""Reads web pages in the child process, within a processor time and a size; failures there become Later."""

from pathlib import Path

from bot.errors import Later, Never
from bot.readers import Readers, ToRead
from bot.sources.website.reading import PageAnswer, PageRequest
from bot.sources.website.settings import INSTALL

_ANSWER_CAP = 16 << 20
_CPU_S, _CLOCK_S = 20, 600.0
_READER = Path(__file__).with_name("reading.py")


async def read_in_child(body: bytes, order: PageRequest, readers: Readers) -> PageAnswer:
    """What the page says. Raises Later where it is hostile or cannot be read, Never for a missing package."""
    found: PageAnswer
    found, _ = await readers.read(_READER, ToRead(order, body, _CPU_S, _CLOCK_S, _ANSWER_CAP), "the page")
    if "missing" in found:
        raise Never(
            "finding the text of a page by itself needs a package that is not installed",
            remedy=INSTALL,
        )
    if "unreadable" in found:
        raise Later(found["unreadable"])
    return found
