"""Empties the write-ahead log and raises the mark beside the database, every few seconds in which it was written to.

In this order: the first entry of the new log is the raised count, so that a log that is lost is noticed.
"""

import asyncio
from pathlib import Path

from bot.archive import AsyncArchive
from storage.archive import marker
from storage.archive.log import empty_log, spare_commits

EVERY_S = 10.0


class Marking:
    """The mark of one archive, while this process writes to it."""

    def __init__(self, archive: AsyncArchive, database: Path) -> None:
        self._archive = archive
        self._database = database
        self._written = False

    def note_write(self) -> None:
        """Something was committed."""
        self._written = True

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._archive.run(spare_commits)  # each time, for the connection may be a new one
            await asyncio.sleep(EVERY_S)
            if self._written:
                await asyncio.to_thread(empty_log, self._database)
                mark = await self._archive.run(marker.raise_count)
                await asyncio.to_thread(marker.write, self._database, mark)
                self._written = False
