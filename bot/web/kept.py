"""Answers that took long are used again for a few seconds; whoever asks for one that is being made waits for it."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")

_MOST = 200


class KeptAnswers:
    """The newest answers, by what was asked and by whom; only what `keeps` says yes to stays."""

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, tuple[float, asyncio.Future[Any]]] = OrderedDict()

    async def get(
        self, key: Hashable, fresh_s: float, make: Callable[[], Awaitable[T]], keeps: Callable[[T], bool]
    ) -> T:
        """The answer to `key`: one that is at most so old, or a new one. Raises what `make` raises."""
        known = self._known.get(key)
        if known is not None and (not known[1].done() or time.monotonic() - known[0] < fresh_s):
            found: T = await asyncio.shield(known[1])
            return found
        made = asyncio.ensure_future(make())
        self._known[key] = (time.monotonic(), made)
        self._known.move_to_end(key)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
        made.add_done_callback(lambda done: self._settle(key, done, keeps))
        return await asyncio.shield(made)

    def _settle(self, key: Hashable, done: "asyncio.Future[T]", keeps: Callable[[T], bool]) -> None:
        failed = done.cancelled() or done.exception() is not None
        known = self._known.get(key)
        if known is not None and known[1] is done:
            if failed or not keeps(done.result()):
                del self._known[key]
            else:
                self._known[key] = (time.monotonic(), known[1])
