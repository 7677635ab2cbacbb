import asyncio
import os
from dataclasses import replace
from typing import Any

import pytest

from bot.contracts.message import Message
from bot.errors import Later


def test_an_alert_is_one_block(around: Any) -> None:
    asyncio.run(around.send({"kind": "console"}, text="one\ntwo"))
    asyncio.run(around.send({"kind": "console"}, text="three"))
    assert around.out.getvalue() == "one\ntwo\n\nthree\n\n"


def test_colour_is_asked_for_only_where_there_is_colour(around: Any) -> None:
    async def form(target: Any) -> str:
        return str(target.shows.form)

    assert asyncio.run(around.with_target({"kind": "console"}, form)) == "text"
    around.colour = True
    assert asyncio.run(around.with_target({"kind": "console"}, form)) == "ansi"


def test_a_reader_that_went_away_is_a_failure_for_later_and_may_have_read_it(around: Any) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    around.out = os.fdopen(writing, "w", buffering=1)
    with pytest.raises(Later) as problem:
        asyncio.run(around.send({"kind": "console"}))
    assert problem.value.unsure
    around.out.close()


def test_what_nobody_reads_is_written_once_and_keeps_no_other_message_waiting(around: Any, message: Message) -> None:
    reading, writing = os.pipe()
    around.out = os.fdopen(writing, "w", buffering=1)
    long, short = "x" * 100_000, "short"

    async def stuck(target: Any) -> str:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await target.send(replace(message, id="long", text=long))
        with pytest.raises(Later, match="nothing reads stdout"):
            await target.send(replace(message, id="short", text=short))
        again = asyncio.create_task(target.send(replace(message, id="long", text=long)))
        read = await asyncio.to_thread(_read, reading, len(long) + 2)
        await again
        await target.send(replace(message, id="short", text=short))
        return read + await asyncio.to_thread(_read, reading, len(short) + 2)

    assert asyncio.run(around.with_target({"kind": "console"}, stuck)) == f"{long}\n\n{short}\n\n"
    around.out.close()
    os.close(reading)


def _read(descriptor: int, count: int) -> str:
    found = b""
    while len(found) < count:
        found += os.read(descriptor, count - len(found))
    return found.decode()
