"""The archive for async code: one writer thread, a few reader threads, no session across an await."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar

from storage.archive.database import Archive, Reader, Writer
from storage.archive.errors import ArchiveError

P = ParamSpec("P")
T = TypeVar("T")


class AsyncArchive:
    """The archive for async code.

    A cancelled `run` still commits what its thread had begun: the caller loses the answer, never the rows.
    `note` is called after each transaction with the ArchiveError that it raised, or None if it changed something.
    """

    def __init__(self, archive: Archive, note: Callable[[ArchiveError | None], None] = lambda _: None) -> None:
        self._archive = archive
        self._note = note
        self._writer = ThreadPoolExecutor(1, "writer")
        self._readers = ThreadPoolExecutor(4, "reader")

    async def run(self, write: Callable[Concatenate[Writer, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`write(writer, …)` in one BEGIN IMMEDIATE transaction; raises what it raises, after a rollback."""

        def transaction() -> tuple[T, bool]:
            with self._archive.writing() as writer:
                before = writer.changes
                result = write(writer, *args, **kwargs)
                changed = writer.changes != before
            return result, changed

        result, changed = await self._noted(asyncio.get_running_loop().run_in_executor(self._writer, transaction))
        if changed:
            self._note(None)
        return result

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
