"""Answers that are kept: made once for all who ask at the same time, and again when they are old."""

import asyncio

import pytest

from bot.web.kept import KeptAnswers


def test_who_asks_at_the_same_time_gets_the_same_answer_and_what_is_not_kept_is_made_again() -> None:
    made: list[int] = []

    async def make() -> int:
        await asyncio.sleep(0)
        made.append(len(made))
        return made[-1]

    async def ask() -> None:
        kept = KeptAnswers()
        assert await asyncio.gather(*(kept.ask("q", 60, make, lambda _: True) for _ in range(5))) == [0] * 5
        assert await kept.ask("q", 60, make, lambda _: True) == 0
        assert await kept.ask("another", 60, make, lambda _: False) == 1
        assert await kept.ask("another", 60, make, lambda _: False) == 2
        assert await kept.ask("q", 0, make, lambda _: True) == 3

    asyncio.run(ask())


def test_a_failure_is_everybodys_and_is_not_kept() -> None:
    async def fail() -> int:
        raise ValueError("no answer")

    async def make() -> int:
        return 1

    async def ask() -> None:
        kept = KeptAnswers()
        with pytest.raises(ValueError, match="no answer"):
            await kept.ask("q", 60, fail, lambda _: True)
        assert await kept.ask("q", 60, make, lambda _: True) == 1

    asyncio.run(ask())
