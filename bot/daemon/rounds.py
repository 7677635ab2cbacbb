"""Keeps a round of every due source under way; one slow source delays no other."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType

from bot.archive import AsyncArchive
from bot.bells import Bell
from bot.clock import Clock
from bot.contracts.source import Source
from bot.daemon.journal import describe_bug
from bot.documents.as_json import iso
from bot.errors import Later
from bot.intake.poll import Intake, Round
from bot.intake.settling import Look, look_before
from bot.intake.unwritten import WRITE_EVERY_S
from storage.archive.database import Reader
from storage.archive.errors import ArchiveError
from storage.records import SourceRow
from storage.sources import states as source_rows
from storage.state_names import ARCHIVE_ERROR, STOPPED

ROUNDS_AT_ONCE = 64  # of one server: hundreds of channels that wait for one hold up no other
_NO_LOOKS: Mapping[int, Look] = MappingProxyType({})
_REST_S = 5.0  # of a source whose posts could not be stored


@dataclass(slots=True)
class Rounds:
    """Starts rounds. `every` gives a source's interval in microseconds; `say` writes one sentence."""

    archive: AsyncArchive
    intake: Intake
    clock: Clock
    say: Callable[[str], None]
    sources: Mapping[str, Source] = field(default_factory=dict)
    every: Mapping[str, int] = field(default_factory=dict)
    bell: Bell = field(default_factory=Bell)
    _under_way: dict[str, asyncio.Task[Round]] = field(default_factory=dict)
    _requested: set[str] = field(default_factory=set)
    _starting: asyncio.Task[None] | None = None
    _places: dict[str, asyncio.Semaphore] = field(
        default_factory=lambda: defaultdict(lambda: asyncio.Semaphore(ROUNDS_AT_ONCE))
    )

    async def run(self) -> None:
        """Start rounds until cancelled."""
        while True:
            await self.start_due()
            await self.bell.wait()

    async def write_down(self) -> None:
        """Write down what rounds without news keep in memory, until cancelled."""
        while True:
            await asyncio.sleep(WRITE_EVERY_S)
            await self.intake.write_down()

    async def start_due(self) -> None:
        """Begin a round of every source that is due and not in one."""
        now = self.clock.now()
        resting = self.intake.unwritten.list_resting(now)
        rows, looks = await self.archive.read(self._find_due, now, resting)
        known = [row for row in rows if row.name in self.sources]
        self._start(sorted(known, key=lambda row: self.every[row.name]), looks)  # the urgent is planned more often

    def _find_due(
        self, reader: Reader, now: int, resting: Sequence[tuple[int, int]]
    ) -> tuple[Sequence[SourceRow], Mapping[int, Look]]:
        """What is due, and what a round of each has to know before: read at once, since most rounds bring nothing."""
        rows = source_rows.find_due(reader, None, now, resting)
        asked = {
            row.id: source.settings.server()
            for row in rows
            if row.name not in self._under_way and (source := self.sources.get(row.name)) is not None
        }
        return rows, look_before(reader, asked) if asked else {}

    def start_soon(self, names: Iterable[str]) -> None:
        """Begin a round of these soon, due or not; a source that is in a round now gets another after it."""
        self._requested.update(name for name in names if name in self.sources)
        if self._requested and (self._starting is None or self._starting.done()):
            self._starting = asyncio.create_task(self._start_requested())

    async def _start_requested(self) -> None:
        while free := {name for name in self._requested if name not in self._under_way}:
            self._requested -= free
            now = self.clock.now()
            rows = await self.archive.read(source_rows.list_sources)
            wanted = [row for row in rows if row.name in free and not row.paused and not is_stopped(row)]
            self._start(row for row in wanted if row.hold_until is None or row.hold_until <= now)

    async def once(self) -> tuple[dict[str, Round], list[SourceRow]]:
        """One round of every source, due or not; and those that had none: paused, stopped or rate-limited."""
        rows = await self.archive.read(source_rows.list_sources)
        now = self.clock.now()
        known = [row for row in rows if row.name in self.sources]
        skipped = [(row, why) for row in known if (why := _reason_to_skip(row, now))]
        for row, why in skipped:
            self.say(f"{row.name}: skipped, {why}")
        left = [row for row, _ in skipped]
        self._start((row for row in known if row not in left), repeat=False)
        names = list(self._under_way)
        return dict(zip(names, await asyncio.gather(*self._under_way.values()), strict=True)), left

    async def aclose(self) -> None:
        """Cancel what is under way and wait for it; what was committed stays."""
        self._requested.clear()
        tasks = [*self._under_way.values(), *([self._starting] if self._starting else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start(self, rows: Iterable[SourceRow], looks: Mapping[int, Look] = _NO_LOOKS, *, repeat: bool = True) -> None:
        """Begin rounds; `repeat`: one that leaves history to be fetched is followed by another at once."""
        for row in rows:
            if row.name not in self._under_way:
                task = asyncio.create_task(self._round(row, looks.get(row.id)), name=f"round of {row.name}")
                self._under_way[row.name] = task
                task.add_done_callback(partial(self._ended, row.name, repeat))

    def _ended(self, name: str, repeat: bool, task: asyncio.Task[Round]) -> None:
        self._under_way.pop(name, None)
        if task.cancelled():
            return
        result = task.result()
        if name in self._requested or (repeat and result.gaps_left and result.error is None):
            self.start_soon([name])

    async def _round(self, row: SourceRow, look: Look | None) -> Round:
        source = self.sources[row.name]
        place = self._places[source.settings.server() or row.kind]
        look = None if place.locked() else look  # it gets old while this waits
        async with place:
            try:
                result = await self.intake.round(source, row, self.every[row.name], look=look)
            except ArchiveError as error:
                # Nothing was advanced, so the next round asks for the same again; the supervision has reported it.
                result = Round(error=Later(str(error), state=ARCHIVE_ERROR))
                await asyncio.sleep(_REST_S)
            except Exception as error:  # noqa: BLE001 - a bug in one source must not blind the others
                result = await self._settle_bug(row, error)
        self.start_soon(result.woken)
        for notice in result.notices:
            self.say(f"{row.name}: {notice}")
        if result.change:
            self.say(result.change if result.error else f"{result.change}, {_posts(result.new)}")
        return result

    async def _settle_bug(self, row: SourceRow, error: Exception) -> Round:
        try:
            return await self.intake.settle_bug(row, describe_bug(error), self.every[row.name])
        except ArchiveError as full:
            return Round(error=Later(str(full), state=ARCHIVE_ERROR))


def _posts(number: int) -> str:
    return "1 post" if number == 1 else f"{number} posts"


def is_stopped(row: SourceRow) -> bool:
    """Whether a person must act before this source is polled again."""
    return row.next_poll_at >= 1 << 61


def _reason_to_skip(row: SourceRow, now: int) -> str | None:
    """Why one pass skips a source; None if it does not."""
    if row.paused:
        return f"paused: `communique sources resume {row.name}` resumes it"
    if is_stopped(row):
        state = "" if row.state == STOPPED else f" ({row.state})"
        return f"stopped{state}: fix the config, or run `communique sources resume {row.name}`"
    if row.hold_until is not None and row.hold_until > now:
        return f"rate-limited until {iso(row.hold_until)}"
    return None
