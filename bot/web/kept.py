"""Answers that took long are used again for a while; whoever asks for one that is being made waits for it."""

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

    def ask(
        self, key: Hashable, fresh_s: float, make: Callable[[], Awaitable[T]], keeps: Callable[[T], bool]
    ) -> "asyncio.Future[T]":
        """The answer to `key`: one that is at most so old, or a new one, which is made for all who ask meanwhile.

        One that is at most twice as old is given for the last time, while a new one is made. Who awaits it shields it.
        """
        known = self._known.get(key)
        age = 0.0 if known is None or not known[1].done() else time.monotonic() - known[0]
        if known is not None and age < fresh_s:
            return known[1]
        made = self._make(key, make, keeps)
        return known[1] if known is not None and age < 2 * fresh_s else made

    def _make(self, key: Hashable, make: Callable[[], Awaitable[T]], keeps: Callable[[T], bool]) -> "asyncio.Future[T]":
        made = asyncio.ensure_future(make())
        self._known[key] = (time.monotonic(), made)
        self._known.move_to_end(key)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)
        made.add_done_callback(lambda done: self._settle(key, done, keeps))
        return made

    def _settle(self, key: Hashable, done: "asyncio.Future[T]", keeps: Callable[[T], bool]) -> None:
        failed = done.cancelled() or done.exception() is not None
        known = self._known.get(key)
        if known is not None and known[1] is done:
            if failed or not keeps(done.result()):
                del self._known[key]
            else:
                self._known[key] = (time.monotonic(), known[1])
