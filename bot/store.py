"""The async side of the storage door: one writer thread, a few reader threads, no session across an await."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from storage.database import Archive

P = ParamSpec("P")
T = TypeVar("T")


class Store:
    """The archive for async code.

    A cancelled `run` still commits what its thread had begun: the caller loses the answer, never the rows.
    """

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self._writer = ThreadPoolExecutor(1, "writer")
        self._readers = ThreadPoolExecutor(4, "reader")

    async def run(self, write: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`write(writer, …)` in one BEGIN IMMEDIATE transaction; raises what it raises, after a rollback."""

        def transaction() -> T:
            with self.archive.writing() as writer:
                return write(writer, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._writer, transaction)

    async def read(self, look: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`look(reader, …)` on a read-only connection of its own."""

        def reading() -> T:
            with self.archive.reading() as reader:
                return look(reader, *args, **kwargs)

        return await asyncio.get_running_loop().run_in_executor(self._readers, partial(reading))

    async def aclose(self) -> None:
        """Wait for the transaction under way, then let the threads and the connection go."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._writer, self.archive.close)
        await loop.run_in_executor(None, partial(self._writer.shutdown, wait=True))
        await loop.run_in_executor(None, partial(self._readers.shutdown, wait=True))
