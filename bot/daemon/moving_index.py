"""Moves the full-text index of an older archive to its new form, a little at a time, as long as the disk has room."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from bot.archive import AsyncArchive
from bot.clock import Clock
from storage.posts import index_move

_SECOND = 1_000_000
_LITTLE = 100_000_000  # bytes: less free, and what comes fresh must not wait for room


@dataclass(slots=True)
class MovingIndex:
    """A chore of bot.daemon.upkeep. `say` hears when it begins, what it waits for, and when it is done.

    `free` counts the bytes that are free on the disk of the archive.
    """

    archive: AsyncArchive
    clock: Clock
    say: Callable[[str], None]
    free: Callable[[], int]
    _moves: bool = False
    _lacks: bool = False

    async def do_some(self) -> bool:
        """Index the next few hundred posts; False if nothing is left, or while the disk has too little room."""
        move = await self.archive.read(index_move.read_move)
        if move is None:
            await self._end()
            return False
        if not self._moves or self.free() < _LITTLE:
            self._moves = await self._begin()
            return self._moves
        more = await self.archive.run(index_move.move_some, self.clock.now() // _SECOND)
        if not more:
            await self._end()
        return more

    async def _begin(self) -> bool:
        needed = await self.archive.read(index_move.count_needed_bytes)
        lacking = max(needed - await asyncio.to_thread(self.free), 0)
        await self.archive.run(index_move.begin, self.clock.now() // _SECOND, lacking=lacking)
        if lacking and not self._lacks:
            self.say(f"{_LACKS}: it needs {_size(needed)} of disk, {_size(lacking)} more than is free")
        elif not lacking:
            self.say(f"{_BEGINS}; it needs about {_size(needed)} of disk, and search uses the old one until it is done")
        self._lacks = bool(lacking)
        return not lacking

    async def _end(self) -> None:
        if self._moves:
            self._moves = False
            self.say("the full-text index has its new form")
        if await self.archive.read(index_move.has_leftover, self.clock.now() // _SECOND):
            await self.archive.run(index_move.drop_leftover)


_BEGINS = "the full-text index is moved to a new form, which answers faster"
_LACKS = "the full-text index cannot be moved to its new form, which answers faster"


def _size(count: int) -> str:
    return f"{count / 1_000_000:,.0f} MB"
