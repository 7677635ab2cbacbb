"""One target: claims what is due there, hands it over, several messages at once where that may be, and settles it."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.alerts import holding
from bot.alerts.composing import Composer
from bot.alerts.following import drop_empty
from bot.alerts.growing import Growing
from bot.alerts.holding import TargetLimits
from bot.alerts.hours import find_passing
from bot.alerts.muting import HoldMuted, Terms
from bot.alerts.retries import Consequence, settle_failure, settle_unsettled
from bot.alerts.settling import Ended, Settling
from bot.alerts.topics import EventTopics
from bot.archive import AsyncArchive
from bot.bells import Bell
from bot.claims import Claims
from bot.clock import SECOND, Clock
from bot.contracts.target import Message, Movable, Moved, PartlySent, Target
from bot.errors import Later, Never
from storage.alerts import claiming, outbox, target_states
from storage.alerts import holding as rows_held
from storage.alerts.settlement import Claimed, Settlement
from storage.answers import escalations
from storage.archive.database import Writer
from storage.events import growing
from storage.frozen import dataclass
from storage.records import DeliveryRow, Escalation

_COOLDOWN = (5 * SECOND, 60 * SECOND)  # of a target after failures, so that a dead one is not tried per message
_FIRST_WIDTH = 4  # messages at once, until the target has shown that it takes them
_PATIENCE_S = 1.0  # with the slowest of several messages; the others are settled then, and their places free


@dataclass(frozen=True, slots=True)
class LaneTools:
    """What the targets of a config share. `speak` gets one sentence whenever people have to hear of something.

    `ring` says that something may be due at any of them.
    """

    store: AsyncArchive
    clock: Clock
    claims: Claims
    composer: Composer
    settling: Settling
    growing: Growing
    topics: EventTopics
    speak: Callable[[str], None]
    ring: Callable[[], None]
    terms: Terms
    escalate: Mapping[str, Escalation]
    jitter: Callable[[], float]


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the target made of a message: a receipt or a problem; `accepted` messages came before it was handed over."""

    claimed: Claimed
    message: Message | None
    accepted: int
    receipt: str | None = None
    problem: Later | Never | None = None


class Lane:
    """A target and its state in this process; `sent` and `refused` count messages. Once `closed`, nothing is claimed.

    `tasks` are what has to end before the archive is closed.
    """

    def __init__(self, target: Target, limits: TargetLimits, tools: LaneTools) -> None:
        self.bell = Bell()
        self.sent = self.refused = 0
        self.closed = False
        self.tasks: set[asyncio.Task[bool]] = set()
        self._name = target.settings.name
        self._target = target
        self._limits = limits
        self._tools = tools
        self._store, self._clock = tools.store, tools.clock
        self._lock = asyncio.Lock()
        self._swept = False  # what could not be settled has been
        self._failures = 0
        self._failed_at = 0
        self._cooldown_until = 0  # microseconds UTC
        self._limits_seen = False  # what is held is held by the limits of this config
        self._held_until: int | None = None  # when to look again at what is held
        self._accepted = 0
        self._width = _FIRST_WIDTH
        self._under_way: list[Claimed] = []
        self._settled = Bell()
        self._broken: BaseException | None = None  # what ended messages for which no turn waited

    async def turn(self) -> bool:
        """Handle what is next, to its end even if the caller is cancelled; False if nothing is due.

        Raises what the database raises.
        """
        return await asyncio.shield(self._keep(self._next()))

    async def land(self) -> bool:
        """Wait until some of the messages under way are settled; False if none is."""
        if not self._under_way:
            return False
        await self._settled.wait()
        return True

    async def find_due(self) -> int | None:
        """When there is something to do, in microseconds UTC: to send, or to look again at what was sent."""
        grows = self._cooled(await self._tools.growing.find_due(self._target, self._limits.pace))
        return min((at for at in (await self._find_due(), grows) if at is not None), default=None)

    def _keep(self, work: Coroutine[Any, Any, bool]) -> asyncio.Task[bool]:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def _find_due(self) -> int | None:
        now, healthy_at = self._clock.now(), self._tools.claims.healthy_at
        passing = find_passing(self._limits.quiet, now)
        found = await self._store.read(
            claiming.find_due_time, self._name, healthy_at, pace=self._limits.pace, passing=passing, now=now
        )
        due = min((at for at in (found, self._held_until) if at is not None), default=None)
        if due is not None and self._cooldown_until:
            known = await self._store.read(target_states.find_target, self._name)
            if known.asked_at > self._failed_at:  # a person wants it tried, or has seen it work
                self._cooldown_until = 0
        return self._cooled(due)

    def _cooled(self, due: int | None) -> int | None:
        # A cooldown is short; one that ends far ahead began before the clock was set back.
        return None if due is None else max(due, min(self._cooldown_until, self._clock.now() + _COOLDOWN[1]))

    async def _next(self) -> bool:
        async with self._lock:
            if self._broken is not None:
                broken, self._broken = self._broken, None
                raise broken
            if not self._swept:
                await self._sweep()
            await self._hold()
            due = await self._find_due()
            if due is None or due > self._clock.now():  # alerts go before edits
                idle = self.closed or self._cooldown_until > self._clock.now()
                account = self._tools.settling.sharing(self._name)
                return not idle and await self._tools.growing.look(self._target, self._limits.pace, account)
            await self._target.ready()
            if self.closed:
                return False
            places = min(self._width, self._most_at_once()) - len(self._under_way)
            healthy = self._tools.claims.healthy
            if places > 0 and await self._launch(places, healthy=healthy):
                return True
            return await self.land() or (healthy and await self._launch_suspect())

    def _most_at_once(self) -> int:
        """One where messages are counted before each goes out, or refer to the one before."""
        apart = self._limits.pace.limited or self._target.shows.replies
        return 1 if apart else self._target.at_once

    async def _sweep(self) -> None:
        """Settle what could not be settled when it was sent, and follow a chat that has moved."""
        known = await self._store.read(target_states.find_target, self._name)
        await self._store.run(growing.note_start, self._name, self._clock.now())
        if isinstance(self._target, Movable) and known.moved_from is not None and known.moved_to is not None:
            self._target.follow(known.moved_from, known.moved_to)
        under_way = {one.row.id for one in self._under_way}
        for claimed in await self._store.read(lambda reader: outbox.list_interrupted(reader, self._name)):
            if claimed.row.id not in under_way:
                settlement = settle_unsettled(claimed, self._clock.now())
                await self._write([Ended(claimed, Consequence(settlement, reason=settlement.reason or ""))])
        self._swept = True

    async def _hold(self) -> None:
        """Hold what must be held, and make the digests that are due."""
        self._held_until = None
        if (self._limits.any or not self._limits_seen) and await self._store.read(rows_held.waits, self._name):
            now = self._clock.now()
            muted = HoldMuted(self._tools.terms, now)
            self._held_until = await self._store.run(holding.hold, self._name, self._limits, now, muted)
        self._limits_seen = True

    # Messages under way ----------------------------------------------------------------------------------------------

    async def _launch(self, places: int, *, healthy: bool) -> bool:
        """Claim and send as many; False if there was none. The slowest may still be under way when this returns."""
        settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        flight = self._keep(self._fly(places, settled, healthy=healthy))
        waited: set[asyncio.Future[Any]] = {flight, settled}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if flight.done():
            return flight.result()
        flight.add_done_callback(self._note_end)
        return True

    def _note_end(self, flight: asyncio.Task[bool]) -> None:
        if not flight.cancelled() and flight.exception() is not None:
            self._broken = flight.exception()
            self.bell.ring()

    async def _fly(self, places: int, settled: "asyncio.Future[None]", *, healthy: bool) -> bool:
        async with self._tools.claims.together():
            if self.closed:
                return False
            claimed = await self._store.run(self._claim, places, healthy=healthy)
            return await self._deliver(claimed, settled)

    async def _launch_suspect(self) -> bool:
        async with self._tools.claims.alone():
            claimed = await self._store.run(self._claim_suspect)
            return await self._deliver(claimed, asyncio.get_running_loop().create_future())

    def _claim(self, writer: Writer, places: int, *, healthy: bool) -> list[Claimed]:
        now = self._clock.now()
        muted = HoldMuted(self._tools.terms, now)
        claimed = holding.claim(
            writer, self._name, self._limits, now, muted, most=places, beside=self._under_way, healthy=healthy
        )
        return self._start_clocks(writer, self._drop_empty(writer, claimed, now), now)

    def _drop_empty(self, writer: Writer, claimed: list[Claimed], now: int) -> list[Claimed]:
        data_dir, shows = self._tools.composer.rendering.data_dir, self._target.shows
        return [one for one in claimed if not drop_empty(writer, one.row, data_dir, shows, now)]

    def _claim_suspect(self, writer: Writer) -> list[Claimed]:
        now = self._clock.now()
        claimed = holding.claim_suspect(writer, self._name, self._limits, now, HoldMuted(self._tools.terms, now))
        return self._start_clocks(writer, claimed, now)

    def _start_clocks(self, writer: Writer, claimed: list[Claimed], now: int) -> list[Claimed]:
        """Let the time of whoever is asked next run from here."""
        for one in claimed if self._tools.escalate else ():
            if one.row.match_id is not None and one.row.kind in {"match", "edited"}:
                escalations.start_clock(writer, one.row.match_id, self._tools.escalate, now)
        return claimed

    async def _deliver(self, claimed: list[Claimed], settled: "asyncio.Future[None]") -> bool:
        """Send messages at the same time and settle them together; the slowest by themselves, after `settled`."""
        if not claimed:
            return False
        self._under_way += claimed
        left: list[asyncio.Task[_Answer]] = []
        try:
            messages = await self._tools.composer.compose([one.row for one in claimed], self._target.shows)
            left = [asyncio.create_task(self._attempt(*pair)) for pair in zip(claimed, messages, strict=True)]
            await asyncio.wait(left, timeout=_PATIENCE_S if len(left) > 1 else None)
            while left:
                answers = [task.result() for task in left if task.done()]
                left = [task for task in left if not task.done()]
                if answers:
                    await self._settle(answers)
                if not settled.done():
                    settled.set_result(None)
                if left:
                    await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
        except BaseException:
            self._swept = False  # rows are left as "sending": look at them again before the next
            raise
        finally:
            for task in left:
                task.cancel()
            self._leave(claimed)
        return True

    def _leave(self, ended: Sequence[Claimed]) -> None:
        gone = {one.row.id for one in ended}
        self._under_way = [one for one in self._under_way if one.row.id not in gone]
        self._settled.ring()
        self.bell.ring()

    async def _attempt(self, claimed: Claimed, message: Message | Later | Never) -> _Answer:
        accepted = self._accepted
        if isinstance(message, Later | Never):
            return _Answer(claimed, None, accepted, problem=message)
        try:
            return _Answer(claimed, message, accepted, receipt=await self._send_after_move(claimed.row, message))
        except (Later, Never) as problem:
            return _Answer(claimed, message, accepted, problem=problem)
        finally:
            if message.body is not None:
                message.body.close()

    async def _send_after_move(self, row: DeliveryRow, message: Message) -> str | None:
        """Send; if the chat has moved, keep that and send to where it is now."""
        try:
            return await self._tools.topics.send(self._target, row, message)
        except Moved as move:
            if not isinstance(self._target, Movable):
                raise
            self._target.follow(move.old, move.new)
            sentence = await self._store.run(self._tools.settling.note_move, self._name, move, self._clock.now())
            if sentence:
                self._tools.speak(sentence)
                self._tools.ring()
        try:
            return await self._tools.topics.send(self._target, row, message)
        except Moved as again:
            raise Later(f"{again}, and moved again") from again

    # What follows ----------------------------------------------------------------------------------------------------

    async def _settle(self, answers: Sequence[_Answer]) -> None:
        now = self._clock.now()
        ended = [self._conclude(one, now) for one in sorted(answers, key=lambda one: one.problem is not None)]
        self._learn([one.problem for one in answers], [one.outcome for one in ended], now)
        await self._write(ended)
        self._leave([one.claimed for one in answers])

    def _conclude(self, answer: _Answer, now: int) -> Ended:
        """What follows from an answer. A message that fails while others arrive says nothing about the target."""
        claimed, problem = answer.claimed, answer.problem
        if problem is None:
            outcome = Consequence(_as_sent(claimed, answer.receipt), "ok")
        else:
            outcome = settle_failure(
                claimed, problem, now, idempotent=self._target.idempotent, jitter=self._tools.jitter()
            )
            if outcome.target == "failing" and outcome.hold_until is None and self._accepted > answer.accepted:
                outcome = replace(outcome, target=None)
        self._accepted += outcome.target == "ok"
        self.sent += outcome.settlement.state == "sent"
        self.refused += outcome.refused
        return Ended(claimed, outcome, answer.message)

    def _learn(self, problems: Sequence[Later | Never | None], outcomes: Sequence[Consequence], now: int) -> None:
        """How many messages the target takes at once, and when it is asked again after a failure."""
        fails = any(isinstance(one, Later) and not isinstance(one, PartlySent) for one in problems)
        if any(one.target == "ok" for one in outcomes):
            self._failures = self._cooldown_until = 0
        elif fails and any(one.target == "failing" and one.hold_until is None for one in outcomes):
            self._failures += 1
            self._failed_at = now
            self._cooldown_until = now + min(_COOLDOWN[0] << min(self._failures - 1, 4), _COOLDOWN[1])
        self._width = max(self._width // 4, 1) if fails else min(self._width * 2, self._target.at_once)

    async def _write(self, ended: Sequence[Ended]) -> None:
        now = self._clock.now()
        for sentence in await self._store.run(self._tools.settling.write, self._name, self._limits.pace, ended, now):
            self._tools.speak(sentence)
            self._tools.ring()


def _as_sent(claimed: Claimed, receipt: str | None) -> Settlement:
    return Settlement(
        "sent",
        claimed.row.attempts,
        claimed.unanswered,
        possible_repeat=claimed.row.possible_repeat,
        receipt=receipt,
    )
