"""Says that the archive cannot be written: directly to people, since the archive is what does not work."""

import asyncio
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from bot.alerts.outbox import DEADLINE_S
from bot.alerts.render import render_notice
from bot.archive import AsyncArchive
from bot.bells import Bell
from bot.clock import SECOND, Clock
from bot.contracts.target import Target
from bot.daemon.journal import CALM_S, describe_bug
from bot.daemon.reserve import Reserve
from bot.documents.as_json import iso
from bot.errors import CommuniqueError, Later
from storage.alerts import notices, outbox
from storage.archive.database import Writer
from storage.archive.errors import ArchiveError, ArchiveMissing
from storage.records import DeliveryRow

ABOUT = "archive"
RETRY_S = 180.0  # of a target that could not be reached while the trouble lasts
_LOOK_S = 10.0
_LAST_WORD_S = 15.0  # that an end of the process waits for its last message


@dataclass(slots=True)
class Trouble:
    """What is wrong, since when (microseconds UTC), and which targets have heard of it."""

    sentence: str
    since: int
    heard: list[str] = field(default_factory=list)
    reserve_used: bool = False  # as long as it cannot be made again, the disk counts as full
    recorded: bool = False  # as a notice in the archive


@dataclass(slots=True)
class Alarm:
    """Watches how transactions end. `targets` are those that hear of trouble, `memory` a file that survives a restart.

    Each trouble is said once on stderr and once to each target, and so is its end.
    """

    archive: AsyncArchive
    clock: Clock
    say: Callable[[str], None]
    reserve: Reserve
    targets: Callable[[], Iterable[Target]]
    memory: Path
    bell: Bell = field(default_factory=Bell)
    _trouble: Trouble | None = None
    _said: set[str] = field(default_factory=set)
    _failed_at: float = 0.0  # monotonic seconds, as all below
    _worked_at: float = 0.0
    _next_try: dict[str, float] = field(default_factory=dict)

    def note(self, error: ArchiveError | None) -> None:
        """Take note of how a transaction ended; None if it wrote something."""
        if error is None:
            self._worked_at = self.clock.monotonic()
        elif not isinstance(error, ArchiveMissing):  # that one is the last sentence of the process
            self._failed_at = self.clock.monotonic()
            if str(error) not in self._said:
                self._said.add(str(error))
                self.say(str(error))
            if self._trouble is None:
                self._trouble = Trouble(str(error), self.clock.now())
                self.bell.ring()

    async def run(self) -> None:
        """Work until cancelled."""
        known = await asyncio.to_thread(self._remember)
        if known is not None:
            self._trouble, self._failed_at = known, self.clock.monotonic()
        while True:
            await self.look()
            await self.bell.wait(_LOOK_S)

    async def look(self) -> None:
        """Do what is due now."""
        if self._trouble is None:
            await asyncio.to_thread(self.reserve.keep)
            return
        if await asyncio.to_thread(self.reserve.release):
            self._trouble.reserve_used = True
            await asyncio.to_thread(self._memorize, self._trouble)
        await self._record(self._trouble)
        sentence = f"the archive cannot be written: {self._trouble.sentence}"
        waiting = [target for target in self.targets() if target.settings.name not in self._trouble.heard]
        await asyncio.gather(*(self._tell(target, sentence, self._trouble) for target in waiting))
        await self._end_if_over(self._trouble)

    async def say_last(self, sentence: str) -> None:
        """Tell every target, before the process ends, that it ends for the archive's sake."""
        trouble = Trouble(sentence, self.clock.now())
        self._next_try.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORD_S):
                await asyncio.gather(*(self._tell(target, sentence, trouble) for target in self.targets()))

    async def _tell(self, target: Target, sentence: str, trouble: Trouble) -> None:
        """Send it, unless that failed a moment ago."""
        name, now = target.settings.name, self.clock.monotonic()
        if self._next_try.get(name, 0.0) > now:
            return
        row = DeliveryRow(
            0, None, name, "health", "sending", trouble.since, 1, trouble.since,
            payload={"about": ABOUT, "text": sentence},
        )  # fmt: skip
        self._next_try[name] = now + RETRY_S
        try:
            async with asyncio.timeout(DEADLINE_S):
                await target.ready()
                await target.send(render_notice(row, target.shows))
        except (CommuniqueError, TimeoutError) as problem:
            if isinstance(problem, Later) and problem.retry_at is not None:
                self._next_try[name] = now + max(RETRY_S, (problem.retry_at - self.clock.now()) / SECOND)
            self._say_once(f"target {name} did not take the message: {str(problem) or 'no answer'}")
        except Exception as bug:  # noqa: BLE001 - one bad target must not keep this from the others
            self._say_once(f"target {name} did not take the message: {describe_bug(bug)}")
        else:
            trouble.heard.append(name)
            await asyncio.to_thread(self._memorize, trouble)

    def _say_once(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            self.say(sentence)

    async def _record(self, trouble: Trouble) -> None:
        """Write the trouble down, which works if there is room for that."""
        if not trouble.recorded:
            with suppress(ArchiveError):  # `note` has heard of it
                await self.archive.run(_add_begin, trouble)
                trouble.recorded = True

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
        self.say("the archive can be written again")
        self._trouble = None
        self._said.clear()
        self._next_try.clear()
        await asyncio.to_thread(partial(self.memory.unlink, missing_ok=True))

    # What survives a restart: systemd starts a process again that cannot write --------------------------------------

    def _memorize(self, trouble: Trouble) -> None:
        with suppress(OSError):  # where even this cannot be written, a new process says it again
            self.memory.write_text(json.dumps(asdict(trouble)), encoding="utf-8")

    def _remember(self) -> Trouble | None:
        try:
            return Trouble(**json.loads(self.memory.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None


def _add_begin(writer: Writer, trouble: Trouble) -> None:
    notices.add(writer, trouble.since, ABOUT, f"the archive cannot be written: {trouble.sentence}", ends=False)


def _add_end(writer: Writer, trouble: Trouble, sentence: str, health: Iterable[str], now: int) -> None:
    if not trouble.recorded:
        _add_begin(writer, trouble)
    notices.add(writer, now, ABOUT, sentence, ends=True)
    outbox.announce(writer, health, ABOUT, sentence, now)
