"""Keeps a round of every due source under way; one slow source delays no other."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from bot.archive import AsyncArchive
from bot.clock import Clock
from bot.contracts.source import Source
from bot.daemon.journal import mistake
from bot.documents.as_json import iso
from bot.errors import Later
from bot.intake.poll import Intake, Round
from storage.archive.errors import ArchiveError
from storage.records import SourceRow
from storage.sources import states as source_rows
from storage.state_names import ARCHIVE_ERROR, STOPPED

ROUNDS_AT_ONCE = 64  # of one kind: hundreds of channels that wait for one host hold up no feed
_REST_S = 5.0  # of a source whose posts could not be stored


@dataclass(slots=True)
class Rounds:
    """Starts rounds. `every` gives a source's interval in microseconds; `speak` says one sentence."""

    store: AsyncArchive
    intake: Intake
    clock: Clock
    speak: Callable[[str], None]
    sources: Mapping[str, Source] = field(default_factory=dict)
    every: Mapping[str, int] = field(default_factory=dict)
    _under_way: dict[str, asyncio.Task[Round]] = field(default_factory=dict)
    _rung: set[str] = field(default_factory=set)
    _ringing: asyncio.Task[None] | None = None
    _places: dict[str, asyncio.Semaphore] = field(
        default_factory=lambda: defaultdict(lambda: asyncio.Semaphore(ROUNDS_AT_ONCE))
    )

    async def start_due(self) -> None:
        """Begin a round of every source that is due and not in one."""
        rows = await self.store.read(source_rows.due, None, self.clock.now())
        self._start(row for row in rows if row.name in self.sources)

    def ring(self, names: Iterable[str]) -> None:
        """Begin a round of these soon, due or not; one that is in a round now gets another after it."""
        self._rung.update(name for name in names if name in self.sources)
        if self._rung and (self._ringing is None or self._ringing.done()):
            self._ringing = asyncio.create_task(self._start_rung())

    async def _start_rung(self) -> None:
        while free := {name for name in self._rung if name not in self._under_way}:
            self._rung -= free
            now = self.clock.now()
            rows = await self.store.read(source_rows.all_sources)
            wanted = [row for row in rows if row.name in free and not row.paused and row.next_poll_at < 1 << 61]
            self._start(row for row in wanted if row.hold_until is None or row.hold_until <= now)

    async def once(self) -> dict[str, Round]:
        """One round of every source, due or not, but for those that are paused, stopped or told to wait."""
        rows = await self.store.read(source_rows.all_sources)
        now = self.clock.now()
        known = [row for row in rows if row.name in self.sources]
        for row in known:
            if why := _held_back(row, now):
                self.speak(f"{row.name}: not asked, {why}")
        self._start((row for row in known if not _held_back(row, now)), goes_on=False)
        names = list(self._under_way)
        return dict(zip(names, await asyncio.gather(*self._under_way.values()), strict=True))

    async def aclose(self) -> None:
        """Cancel what is under way and wait for it; what was committed stays."""
        self._rung.clear()
        tasks = [*self._under_way.values(), *([self._ringing] if self._ringing else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, rows: Iterable[SourceRow], *, goes_on: bool = True) -> None:
        """Begin rounds; `goes_on`: one that leaves history to be fetched is followed by another at once."""
        for row in rows:
            if row.name not in self._under_way:
                task = asyncio.create_task(self._round(row), name=f"round of {row.name}")
                self._under_way[row.name] = task
                task.add_done_callback(partial(self._ended, row.name, goes_on))

    def _ended(self, name: str, goes_on: bool, task: asyncio.Task[Round]) -> None:
        self._under_way.pop(name, None)
        if task.cancelled():
            return
        result = task.result()
        if name in self._rung or (goes_on and result.gaps_left and result.error is None):
            self.ring([name])

    async def _round(self, row: SourceRow) -> Round:
        source = self.sources[row.name]
        async with self._places[row.kind]:
            try:
                result = await self.intake.round(source, row, self.every[row.name])
            except ArchiveError as error:
                # Nothing was advanced, so the next round asks for the same again; the store has told it.
                result = Round(error=Later(str(error), state=ARCHIVE_ERROR))
                await asyncio.sleep(_REST_S)
            except Exception as error:  # noqa: BLE001 - our own mistake in one source must not blind the others
                result = await self._broke(row, error)
        for notice in result.notices:
            self.speak(f"{row.name}: {notice}")
        if result.change:
            self.speak(result.change if result.error else f"{result.change}, {_posts(result.new)}")
        return result

    async def _broke(self, row: SourceRow, error: Exception) -> Round:
        try:
            return await self.intake.broke(row, mistake(error), self.every[row.name])
        except ArchiveError as full:
            return Round(error=Later(str(full), state=ARCHIVE_ERROR))


def _posts(number: int) -> str:
    return "1 post" if number == 1 else f"{number} posts"


def _held_back(row: SourceRow, now: int) -> str | None:
    """Why one pass leaves a source alone; None where it does not."""
    if row.paused:
        return f"it is paused: `communique sources resume {row.name}` goes on"
    if row.next_poll_at >= 1 << 61:
        state = "" if row.state == STOPPED else f" ({row.state})"
        return f"it is stopped{state}: mend the config, or `communique sources resume {row.name}` asks again"
    if row.hold_until is not None and row.hold_until > now:
        return f"it told us to wait until {iso(row.hold_until)}"
    return None
