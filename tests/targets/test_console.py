import asyncio
import os
from typing import Any

import pytest

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
    with pytest.raises(BrokenPipeError):
        around.out.close()
