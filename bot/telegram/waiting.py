"""How long the account waits for what, and how it waits for several things at once."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any

from storage.frozen import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """How many seconds to wait for what. Telethon itself waits for ever."""

    connect: float = 25.0
    call: float = 12.0
    probe: float = 10.0
    probe_every: float = 60.0
    misses: int = 3
    lane: float = 1.5  # for an earlier call of the same method to be answered
    readiness: float = 8.0  # for a connection that is being built
    loss: float = 60.0  # a connection that is away for longer is reported
    back_off: tuple[float, float] = (1.0, 30.0)
    history: tuple[int, float] = (20, 1.0)  # pages at once, and seconds between two pages after them
    look: float = 1.0  # between two looks for another session file


async def wait_for_first(waits: Iterable[Awaitable[object]], seconds: float) -> None:
    """Return when one of them has ended, or after so many seconds."""
    tasks = [asyncio.ensure_future(one) for one in waits]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def wait_for_end(client: Any) -> BaseException | None:
    """What the connection ended with; waits until it has."""
    try:
        await client.disconnected
    except Exception as problem:  # noqa: BLE001 - it is looked at by whoever waits
        return problem
    return None
