"""Reads the archive for pages, in a few threads and through the read-only door; every read is a viewer's."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar

from bot.web.viewer import Viewer
from storage.archive.database import Archive, Reader
from storage.archive.restricted import RestrictedReaders

P = ParamSpec("P")
T = TypeVar("T")

_THREADS = 4
_MANY_COUNTS = 2


class ReadingThreads:
    """The archive, as pages ask it: never opened for writing. Raises ArchiveError where there is none."""

    def __init__(self, archive: Archive) -> None:
        self.archive = archive
        self._restricted = RestrictedReaders(archive.path)
        self._threads = ThreadPoolExecutor(_THREADS, "reading")
        self._counting = ThreadPoolExecutor(1, "counting")
        self._counts = 0  # that are being made, or wait for it

    @property
    def counts_many(self) -> bool:
        """Whether so much is being counted that a page should not wait for one more."""
        return self._counts >= _MANY_COUNTS

    async def read(
        self, viewer: Viewer, look: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """`look(reader, …)` in a thread, on what this viewer may read."""
        work = partial(self._look, viewer, look, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def count(
        self, viewer: Viewer, look: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The same for what takes long and has time: one after the other, so that no post waits behind it."""
        work = partial(self._look, viewer, look, *args, **kwargs)
        self._counts += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._counting, work)
        finally:
            self._counts -= 1

    def _look(self, viewer: Viewer, look: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """A page never says itself what somebody may see: who sees some sources has a reader that has no others."""
        seen = self.archive.reading() if viewer.sources is None else self._restricted.reading(viewer.sources)
        with seen as reader:
            return look(reader, *args, **kwargs)

    async def aclose(self) -> None:
        """Wait for what is being read, and close the archive."""
        for threads in (self._threads, self._counting):
            await asyncio.get_running_loop().run_in_executor(None, partial(threads.shutdown, wait=True))
        self.archive.close()
        self._restricted.close()
