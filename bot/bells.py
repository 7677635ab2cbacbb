"""Wake-ups between stages: a bell says that there may be work; which work, the database says."""

import asyncio

SWEEP_S = 5.0  # a lost ring costs at most this


class Bell:
    """Rings are not counted: any number before a `wait` wake it once."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        self._event.set()

    async def wait(self, at_most: float = SWEEP_S) -> None:
        """Return at the next ring, or after `at_most` seconds."""
        try:
            async with asyncio.timeout(at_most):
                await self._event.wait()
        except TimeoutError:
            return
        finally:
            self._event.clear()
