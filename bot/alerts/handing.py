"""Hands something to a target: within a deadline, and a bug in a target is a failure of that target alone."""

import asyncio
import traceback
from collections.abc import Awaitable
from typing import TypeVar

from bot.contracts.target import Moved
from bot.errors import Later, Never

DEADLINE_S = 120.0  # of one message, whatever its target does

T = TypeVar("T")


async def hand_over(call: Awaitable[T]) -> T:
    """Wait for what a target does. Raises Later, Never and Moved, and nothing else."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            return await call
    except TimeoutError:
        raise Later(f"no answer within {DEADLINE_S:.0f} s", unsure=True) from None
    except (Later, Never, Moved):
        raise
    except Exception as problem:  # noqa: BLE001 - one bad target stops no other
        # The text of the exception may contain a secret, so only its place is shown.
        raise Later(f"internal error in the target: {where(problem)}", unsure=True) from None


def where(problem: Exception) -> str:
    """The kind of an exception, and the function and line that raised it; not its words."""
    last = traceback.extract_tb(problem.__traceback__)[-1]
    return f"{type(problem).__name__} in {last.name}, line {last.lineno}"
