"""The archive for async code: one writer thread, a few reader threads, no session across an await."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from storage.archive.database import Archive, Reader, Writer
from storage.archive.errors import ArchiveError

P = ParamSpec("P")
T = TypeVar("T")

_OVERTAKING = 8  # transactions that may go before one that waits behind them
_ENOUGH = 2_000  # rows changed, some 200 posts: then a transaction takes nothing more along


@dataclass(slots=True)
class _Write(Generic[T]):
    """A write that waits for its turn; `done` is, after the commit, its result and whether it changed something."""

    write: Callable[[Writer], T]
    done: "Future[tuple[T, bool]]" = field(default_factory=Future)

    def perform(self, writer: Writer) -> tuple[T, bool]:
        before = writer.changes
        result = self.write(writer)
        return result, writer.changes != before


class AsyncArchive:
    """The archive for async code.

    A cancelled `run` still commits what its thread had begun: the caller loses the answer, never the rows.
    `note` is called after each transaction with the ArchiveError that it raised, or None if it changed something.
    """

    def __init__(self, archive: Archive, note: Callable[[ArchiveError | None], None] = lambda _: None) -> None:
        self._archive = archive
        self._note = note
        self._writer = ThreadPoolExecutor(1, "writer")
        self._waiting: deque[_Write[Any]] = deque()
        self._behind: deque[_Write[Any]] = deque()
        self._overtaken = 0
        self._readers = ThreadPoolExecutor(4, "reader")

    async def run(self, write: Callable[Concatenate[Writer, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`write(writer, …)` in one BEGIN IMMEDIATE transaction; raises what it raises, after a rollback."""
        return await self._write(self._waiting, lambda writer: write(writer, *args, **kwargs))

    async def run_behind(self, write: Callable[Concatenate[Writer, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `run`, for what can wait: what `run` brings meanwhile goes first, eight times at most.

        Several that wait share a transaction. If that fails, `write` is called again, in one of its own.
        """
        return await self._write(self._behind, lambda writer: write(writer, *args, **kwargs))

    async def _write(self, queue: deque[_Write[Any]], write: Callable[[Writer], T]) -> T:
        one = _Write(write)
        queue.append(one)
        self._writer.submit(self._write_next)  # as many turns as there is to write; whose turn it is shows then
        result, changed = await self._noted(asyncio.wrap_future(one.done))
        if changed:
            self._note(None)
        return result

    def _write_next(self) -> None:
        overtakes = bool(self._waiting) and (not self._behind or self._overtaken < _OVERTAKING)
        self._overtaken = self._overtaken + 1 if overtakes and self._behind else 0
        first = _begin_next(self._waiting if overtakes else self._behind)
        if first is not None:  # else an earlier turn has taken it along
            self._write_together([first], deque() if overtakes else self._behind)

    def _write_together(self, group: list[_Write[Any]], queue: deque[_Write[Any]]) -> None:
        """Write one, and what waits in the queue, in one transaction; each by itself if that fails."""
        try:
            with self._archive.writing() as writer:
                before, results = writer.changes, [group[0].perform(writer)]
                while not self._waiting and writer.changes - before < _ENOUGH and (one := _begin_next(queue)):
                    group.append(one)
                    results.append(one.perform(writer))
        except BaseException as error:  # noqa: BLE001 - for whoever waits for it
            if len(group) == 1:
                group[0].done.set_exception(error)
                return
            for one in group:
                self._write_together([one], deque())
        else:
            for one, result in zip(group, results, strict=True):
                one.done.set_result(result)

    async def read(self, look: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`look(reader, …)` on a read-only connection of its own."""

        def reading() -> T:
            with self._archive.reading() as reader:
                return look(reader, *args, **kwargs)

        return await self._noted(asyncio.get_running_loop().run_in_executor(self._readers, reading))

    async def _noted(self, work: Awaitable[T]) -> T:
        try:
            return await work
        except ArchiveError as error:
            self._note(error)
            raise

    async def aclose(self) -> None:
        """Wait for the transaction under way, then let the threads and the connection go."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._writer, self._archive.close)
        await loop.run_in_executor(None, partial(self._writer.shutdown, wait=True))
        await loop.run_in_executor(None, partial(self._readers.shutdown, wait=True))


def _begin_next(queue: deque[_Write[Any]]) -> _Write[Any] | None:
    """Take the first that somebody still wants: once begun, it cannot be cancelled. None if there is none."""
    while queue:
        one = queue.popleft()
        if one.done.set_running_or_notify_cancel():
            return one
    return None
