"""Delivers what is owed: one lane per target, so that none delays another; the database is the queue."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from bot.alerts.composing import Composer
from bot.alerts.growing import Growing
from bot.alerts.holding import TargetLimits
from bot.alerts.lane import Lane, LaneTools
from bot.alerts.losses import describe_dropped
from bot.alerts.muting import Terms
from bot.alerts.render import Rendering
from bot.alerts.settling import Settling
from bot.alerts.topics import EventTopics
from bot.archive import AsyncArchive
from bot.bells import SWEEP_S
from bot.claims import Claims
from bot.clock import SECOND, Clock
from bot.contracts.target import Target
from bot.incidents import Incidents
from storage.alerts import notices, outbox
from storage.archive.database import Writer
from storage.frozen import dataclass
from storage.records import Escalation

CLOSING_S = 10.0  # that a message which is being sent at a stop gets to arrive


@dataclass(frozen=True, slots=True)
class Drained:
    """What one pass did: messages accepted, messages or targets refused for good."""

    sent: int = 0
    refused: int = 0


class Outbox:
    """Delivers what is owed. `speak` gets one sentence if a target fails, recovers, is suspended or loses a message.

    `run` and `drain` raise what the database raises; the caller starts them again.
    """

    def __init__(
        self,
        store: AsyncArchive,
        targets: Mapping[str, Target],
        rendering: Rendering,
        clock: Clock,
        claims: Claims,
        speak: Callable[[str], None],
        *,
        terms: Terms | None = None,
        rules_per_hour: Mapping[str, int] | None = None,
        jitter: Callable[[], float] = random.random,
        escalate: Mapping[str, Escalation] = MappingProxyType({}),
    ) -> None:
        self._store = store
        self._clock = clock
        self._speak = speak
        health = [name for name, target in targets.items() if target.settings.health]
        self.topics = EventTopics(store, clock, targets, Incidents(store, clock, speak, health))
        tools = LaneTools(
            store,
            clock,
            claims,
            Composer(store, rendering),
            Settling(targets),
            Growing(store, rendering, clock),
            self.topics,
            speak,
            self.ring,
            terms or {},
            escalate,
            jitter,
        )
        self._lanes = {
            name: Lane(target, TargetLimits.of(target, rendering.zone, rules_per_hour or {}), tools)
            for name, target in targets.items()
        }

    def ring(self) -> None:
        """There may be something new to send."""
        for lane in self._lanes.values():
            lane.bell.ring()

    async def run(self) -> None:
        """Send until cancelled."""
        await self._abandon()
        works = [self._work(lane) for lane in self._lanes.values()]
        await _together([*works, asyncio.Event().wait()])  # with no target there is nothing to do, yet no end

    async def drain(self, until: int) -> Drained:
        """Send everything that is due, or becomes due before `until` (microseconds UTC). A wait asked for is kept."""
        before = [(lane.sent, lane.refused) for lane in self._lanes.values()]
        await self._abandon()
        await _together([self._empty(lane, until) for lane in self._lanes.values()])
        lanes = list(zip(self._lanes.values(), before, strict=True))
        return Drained(
            sent=sum(lane.sent - sent for lane, (sent, _) in lanes),
            refused=sum(lane.refused - refused for lane, (_, refused) in lanes),
        )

    async def aclose(self) -> None:
        """Let what is being sent end, for at most 10 seconds; what is cut off then may have arrived.

        Cancel `run` first, and close the store after this.
        """
        for lane in self._lanes.values():
            lane.closed = True
        under_way = [task for lane in self._lanes.values() for task in lane.tasks]
        if under_way:
            _, unfinished = await asyncio.wait(under_way, timeout=CLOSING_S)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _work(self, lane: Lane) -> None:
        while not lane.closed:
            if await lane.turn():
                continue
            due = await lane.find_due()
            wait = SWEEP_S if due is None else (due - self._clock.now()) / SECOND
            await lane.bell.wait(min(max(wait, 0.0), SWEEP_S))

    async def _empty(self, lane: Lane, until: int) -> None:
        while True:
            if await lane.turn() or await lane.land():
                continue
            due = await lane.find_due()
            if due is None or due > until:
                return
            await asyncio.sleep(max(due - self._clock.now(), 0) / SECOND)

    async def _abandon(self) -> None:
        now = self._clock.now()

        def write(writer: Writer) -> str:
            count = outbox.abandon(writer, self._lanes, now)
            sentence = describe_dropped(count) if count else ""
            if sentence:
                notices.add(writer, now, "targets", sentence)
            return sentence

        sentence = await self._store.run(write)
        if sentence:
            self._speak(sentence)


async def _together(works: Iterable[Coroutine[Any, Any, Any]]) -> None:
    """Run all until the first failure, which is raised as itself."""
    try:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)
    except ExceptionGroup as several:
        raise several.exceptions[0] from several
