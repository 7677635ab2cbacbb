"""Room for so many readings at once; one that may take the process with it gets all of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Places:
    """So many places. Who wants all is not overtaken by those who want one."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._free = asyncio.Semaphore(count)
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def taken(self, *, alone: bool) -> AsyncIterator[None]:
        """Wait for a place, or with `alone` for all, and hold it during the block."""
        held = 0
        try:
            async with self._turn:
                for _ in range(self._count if alone else 1):
                    await self._free.acquire()
                    held += 1
            yield
        finally:
            for _ in range(held):
                self._free.release()
