"""Has a document taken apart by the child process, within a deadline and a size; what goes wrong there is Later."""

import asyncio
import json
import math
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from bot.errors import Later
from bot.sources.feed.reading import ParsedFeed, ParseRequest

ANSWER_CAP = 48 << 20
_READER = Path(__file__).with_name("reading.py")


async def take_apart(body: bytes, order: ParseRequest, deadline: float) -> ParsedFeed:
    """What stands in the document. `deadline` is in seconds, of the wall and of the processor alike.

    Raises Later with a sentence where it is no feed, is hostile, or would take too long.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        str(_READER),
        str(math.ceil(deadline)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(deadline):
            answer = await _exchange(process, json.dumps(order).encode() + b"\n" + body)
            code = await process.wait()
    except TimeoutError:
        raise Later(f"the feed could not be read within {deadline:g} s") from None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()
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


async def _exchange(process: asyncio.subprocess.Process, question: bytes) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(question)
        await process.stdin.drain()
    process.stdin.close()
    answer = bytearray()
    while piece := await process.stdout.read(1 << 16):
        answer += piece
        if len(answer) > ANSWER_CAP:
            raise Later(f"the feed unfolds to more than {ANSWER_CAP >> 20} MB")
    return bytes(answer)
