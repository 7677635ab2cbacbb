"""Parses a feed in the child process, within a deadline and a size; failures there become Later."""

import asyncio
import json
import math
import signal
import sys
from pathlib import Path

from bot.child import exchange, started
from bot.errors import Later
from bot.sources.feed.reading import ParsedFeed, ParseRequest

ANSWER_CAP = 48 << 20
_READER = Path(__file__).with_name("reading.py")


async def parse_in_child(body: bytes, order: ParseRequest, deadline: float) -> ParsedFeed:
    """Parse the document. `deadline` is in seconds, of the wall and of the processor alike.

    Raises Later with a sentence where it is no feed, is hostile, or would take too long.
    """
    command = (sys.executable, "-I", str(_READER), str(math.ceil(deadline)))
    too_long = Later(f"the feed unfolds to more than {ANSWER_CAP >> 20} MB")
    try:
        async with started(command) as process, asyncio.timeout(deadline):
            answer = await exchange(process, json.dumps(order).encode() + b"\n" + body, ANSWER_CAP, too_long)
            code = await process.wait()
    except TimeoutError:
        raise Later(f"the feed could not be read within {deadline:g} s") from None
    if code == -signal.SIGXCPU:
        raise Later(f"the feed could not be read within {deadline:g} s")
    try:
        found = json.loads(answer)
    except ValueError:
        raise Later(f"the process that reads the feed died (exit {code})") from None
    if "unreadable" in found:
        raise Later(found["unreadable"])
    reading: ParsedFeed = found
    return reading
