"""Says that the archive cannot be written: directly to people, since the archive is what does not work."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from bot.archive import AsyncArchive
from bot.bells import Bell
from bot.clock import Clock
from bot.contracts.target import Target
from bot.daemon.direct_news import ABOUT, DirectNews, Trouble
from bot.daemon.journal import CALM_S
from bot.daemon.reserve import Reserve
from bot.documents.as_json import iso
from storage.alerts import notices, outbox
from storage.archive.database import Reader, Writer
from storage.archive.errors import ArchiveError, ArchiveMissing

_BEGINS = "the archive cannot be written: "
_LOOK_S = 10.0
_LAST_WORD_S = 15.0  # that an end of the process waits for its last message


@dataclass(slots=True)
class Alarm:
    """Watches how transactions end. `targets` are those that hear of trouble.

    Each trouble is said once on stderr and once to each target, and so is its end.
    """

    archive: AsyncArchive
    clock: Clock
    say: Callable[[str], None]
    reserve: Reserve
    targets: Callable[[], Iterable[Target]]
    news: DirectNews
    bell: Bell = field(default_factory=Bell)
    _trouble: Trouble | None = None
    _failed_at: float = 0.0  # monotonic seconds, as below
    _worked_at: float = 0.0

    def note(self, error: ArchiveError | None) -> None:
        """Take note of how a transaction ended; None if it wrote something."""
        if error is None:
            self._worked_at = self.clock.monotonic()
        elif not isinstance(error, ArchiveMissing):  # that one is the last sentence of the process
            self._failed_at = self.clock.monotonic()
            self.news.say_once(str(error))
            if self._trouble is None:
                self._trouble = Trouble(str(error), self.clock.now())
                self.bell.ring()

    async def run(self) -> None:
        """Work until cancelled."""
        known = await self._remember()
        if known is not None:
            self._trouble, self._failed_at = known, self.clock.monotonic()
        try:
            while True:
                await self.look()
                await self.bell.wait(_LOOK_S)
        finally:
            if self._trouble is not None:
                self.news.memorize(self._trouble)  # there may be room for that since it was last tried

    async def look(self) -> None:
        """Do what is due now."""
        if self._trouble is None:
            await asyncio.to_thread(self.reserve.keep)
            return
        if await asyncio.to_thread(self.reserve.release):
            self._trouble.reserve_used = True
            await asyncio.to_thread(self.news.memorize, self._trouble)
        await self._record(self._trouble)
        await self.news.send(self.targets(), self._trouble)
        await self._end_if_over(self._trouble)

    async def say_last(self, sentence: str) -> None:
        """Tell every target, before the process ends, that it ends for the archive's sake."""
        await self.news.send_last(self.targets(), sentence, _LAST_WORD_S)

    async def _remember(self) -> Trouble | None:
        """What the process before this one had begun to report. Its own notes count, unless the archive has its end."""
        known = await asyncio.to_thread(self.news.remember)
        with suppress(ArchiveError):  # `note` has heard of it
            if known is None or known.recorded:
                lasting = await self.archive.read(_read_lasting)
                return (known or lasting) if lasting else None
        return known

    async def _record(self, trouble: Trouble) -> None:
        """Write the trouble down, which works if there is room for that."""
        if not trouble.recorded:
            with suppress(ArchiveError):  # `note` has heard of it
                await self.archive.run(_add_begin, trouble)
                trouble.recorded = True
                await asyncio.to_thread(self.news.memorize, trouble)

    async def _end_if_over(self, trouble: Trouble) -> None:
        """It is over once writing has worked for a while and there is room again; half-full disks work now and then."""
        calm = self.clock.monotonic() - self._failed_at >= CALM_S
        if not calm or self._worked_at <= self._failed_at:
            return
        if trouble.reserve_used and not await asyncio.to_thread(self.reserve.keep):
            return
        sentence = f"the archive can be written again; it could not since {iso(trouble.since)} ({trouble.sentence})"
        names = [target.settings.name for target in self.targets()]
        await self.archive.run(_add_end, trouble, sentence, names, self.clock.now())
        self._trouble = None
        self.say("the archive can be written again")
        await asyncio.to_thread(self.news.forget)


def _read_lasting(reader: Reader) -> Trouble | None:
    """The trouble whose begin is in the archive, and whose end is not."""
    found = notices.read_lasting_one(reader, ABOUT)
    return Trouble(found.text.removeprefix(_BEGINS), found.at, recorded=True) if found else None


def _add_begin(writer: Writer, trouble: Trouble) -> None:
    notices.add(writer, trouble.since, ABOUT, f"{_BEGINS}{trouble.sentence}", ends=False)


def _add_end(writer: Writer, trouble: Trouble, sentence: str, health: Iterable[str], now: int) -> None:
    if not trouble.recorded:
        _add_begin(writer, trouble)
    notices.add(writer, now, ABOUT, sentence, ends=True)
    outbox.announce(writer, health, ABOUT, sentence, now)
