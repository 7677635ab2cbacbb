"""Claims, sends and settles deliveries: one task per target, so that none delays another; the database is the queue."""

import asyncio
import random
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from bot.alerts import holding
from bot.alerts.digests.compose import compose_digest
from bot.alerts.growing import PAUSE, Growing
from bot.alerts.handing import hand_over, where
from bot.alerts.holding import TargetLimits
from bot.alerts.hours import find_passing
from bot.alerts.losses import describe_change, describe_dropped, describe_loss
from bot.alerts.material import read_alert
from bot.alerts.muting import HoldMuted, Terms
from bot.alerts.render import Rendering, render, render_notice
from bot.alerts.retries import Consequence, settle_failure, settle_unsettled
from bot.archive import AsyncArchive
from bot.bells import SWEEP_S, Bell
from bot.claims import Claims
from bot.clock import SECOND, Clock
from bot.contracts.target import Message, MessageRefused, Movable, Moved, PartlySent, Target
from bot.errors import Later, Never
from storage.alerts import claiming, notices, outbox, target_states
from storage.alerts import holding as rows_held
from storage.alerts.pace import note_arrival
from storage.alerts.settlement import Claimed, Settlement
from storage.answers import escalations
from storage.archive.database import Writer
from storage.archive.errors import ArchiveError
from storage.events import growing, heard
from storage.records import DeliveryRow, Escalation

CLOSING_S = 10.0  # that a message which is being sent at a stop gets to arrive
_COOLDOWN = (5 * SECOND, 60 * SECOND)  # of a target after failures, so that a dead one is not tried per message


@dataclass(frozen=True, slots=True)
class Drained:
    """What one pass did: messages accepted, messages or targets refused for good."""

    sent: int = 0
    refused: int = 0


@dataclass(slots=True)
class _TargetLane:
    """One target and its state in this process. `cooldown_until` is in microseconds UTC."""

    target: Target
    limits: TargetLimits
    bell: Bell
    lock: asyncio.Lock
    swept: bool = False  # what could not be settled has been
    failures: int = 0
    failed_at: int = 0
    cooldown_until: int = 0
    limits_seen: bool = False  # what is held is held by the limits of this config
    held_until: int | None = None  # when to look again at what is held
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
        self._rendering = rendering
        self._clock = clock
        self._claims = claims
        self._speak = speak
        self._growing = Growing(store, rendering, clock)
        self._terms = terms or {}
        self._jitter = jitter
        self._escalate = escalate
        self._lanes = {
            name: _TargetLane(
                target, TargetLimits.of(target, rendering.zone, rules_per_hour or {}), Bell(), asyncio.Lock()
            )
            for name, target in targets.items()
        }
        self._under_way: set[asyncio.Task[bool]] = set()
        self._closed = False

    def ring(self) -> None:
        """There may be something new to send."""
        for lane in self._lanes.values():
            lane.bell.ring()

    async def run(self) -> None:
        """Send until cancelled."""
        await self._abandon()
        works = [self._work(name, lane) for name, lane in self._lanes.items()]
        await _together([*works, asyncio.Event().wait()])  # with no target there is nothing to do, yet no end

    async def drain(self, until: int) -> Drained:
        """Send everything that is due, or becomes due before `until` (microseconds UTC). A wait asked for is kept."""
        before = [(lane.sent, lane.refused) for lane in self._lanes.values()]
        await self._abandon()
        await _together([self._empty(name, lane, until) for name, lane in self._lanes.items()])
        lanes = list(zip(self._lanes.values(), before, strict=True))
        return Drained(
            sent=sum(lane.sent - sent for lane, (sent, _) in lanes),
            refused=sum(lane.refused - refused for lane, (_, refused) in lanes),
        )

    async def aclose(self) -> None:
        """Let what is being sent end, for at most 10 seconds; what is cut off then may have arrived.

        Cancel `run` first, and close the store after this.
        """
        self._closed = True
        if self._under_way:
            _, unfinished = await asyncio.wait(self._under_way, timeout=CLOSING_S)
            for task in unfinished:
                task.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)

    # One target ----------------------------------------------------------------------------------------------------

    async def _work(self, name: str, lane: _TargetLane) -> None:
        while not self._closed:
            if await self._turn(name, lane):
                continue
            due = await self._due_anything(name, lane)
            wait = SWEEP_S if due is None else (due - self._clock.now()) / SECOND
            await lane.bell.wait(min(max(wait, 0.0), SWEEP_S))

    async def _empty(self, name: str, lane: _TargetLane, until: int) -> None:
        while True:
            if await self._turn(name, lane):
                continue
            due = await self._due_anything(name, lane)
            if due is None or due > until:
                return
            await asyncio.sleep(max(due - self._clock.now(), 0) / SECOND)

    async def _due(self, name: str, lane: _TargetLane) -> int | None:
        now, healthy_at = self._clock.now(), self._claims.healthy_at
        passing = find_passing(lane.limits.quiet, now)
        found = await self._store.read(
            claiming.find_due_time, name, healthy_at, pace=lane.limits.pace, passing=passing, now=now
        )
        due = min((at for at in (found, lane.held_until) if at is not None), default=None)
        if due is not None and lane.cooldown_until:
            known = await self._store.read(target_states.find_target, name)
            if known.asked_at > lane.failed_at:  # a person wants it tried, or has seen it work
                lane.cooldown_until = 0
        return self._cooled(lane, due)

    async def _due_anything(self, name: str, lane: _TargetLane) -> int | None:
        """The same, or when a message that was sent is looked at again."""
        grows = self._cooled(lane, await self._growing.find_due(lane.target, lane.limits.pace))
        return min((at for at in (await self._due(name, lane), grows) if at is not None), default=None)

    def _cooled(self, lane: _TargetLane, due: int | None) -> int | None:
        # A cooldown is short; one that ends far ahead began before the clock was set back.
        return None if due is None else max(due, min(lane.cooldown_until, self._clock.now() + _COOLDOWN[1]))

    async def _turn(self, name: str, lane: _TargetLane) -> bool:
        """Handle the next delivery, to its end even if the caller is cancelled; False if none is due."""
        return await self._to_the_end(self._next(name, lane))

    async def _to_the_end(self, turn: Coroutine[Any, Any, bool]) -> bool:
        task = asyncio.create_task(turn)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def _next(self, name: str, lane: _TargetLane) -> bool:
        async with lane.lock:
            if not lane.swept:
                await self._sweep(name, lane)
            lane.held_until = None
            if (lane.limits.any or not lane.limits_seen) and await self._store.read(rows_held.waits, name):
                muted = HoldMuted(self._terms, now := self._clock.now())
                lane.held_until = await self._store.run(holding.hold, name, lane.limits, now, muted)
            lane.limits_seen = True
            due = await self._due(name, lane)
            if due is None or due > self._clock.now():  # alerts go before edits
                idle = self._closed or lane.cooldown_until > self._clock.now()
                return not idle and await self._growing.look(lane.target, lane.limits.pace, self._held(lane))
            await lane.target.ready()
            if self._closed:
                return False
            now, healthy, limits = self._clock.now(), self._claims.healthy, lane.limits
            held = HoldMuted(self._terms, now)
            async with self._claims.together():
                claimed = await self._store.run(self._claim, name, limits, now, held, healthy=healthy)
                if claimed is not None:
                    return await self._deliver(lane, claimed)
            if not healthy:
                return False
            async with self._claims.alone():
                claimed = await self._store.run(self._claim, name, limits, now, held, healthy=True, suspect=True)
                return claimed is not None and await self._deliver(lane, claimed)

    def _claim(
        self,
        writer: Writer,
        name: str,
        limits: TargetLimits,
        now: int,
        is_muted: HoldMuted,
        *,
        healthy: bool,
        suspect: bool = False,
    ) -> Claimed | None:
        """Claim, and let the time of whoever is asked next run from here."""
        claimed = holding.claim(writer, name, limits, now, is_muted, healthy=healthy, suspect=suspect)
        if claimed is not None and claimed.row.match_id is not None and claimed.row.kind in {"match", "edited"}:
            escalations.start_clock(writer, claimed.row.match_id, self._escalate, now)
        return claimed

    async def _sweep(self, name: str, lane: _TargetLane) -> None:
        """Settle what could not be settled when it was sent, and follow a chat that has moved."""
        known = await self._store.read(target_states.find_target, name)
        await self._store.run(growing.note_start, name, self._clock.now())
        if isinstance(lane.target, Movable) and known.moved_from is not None and known.moved_to is not None:
            lane.target.follow(known.moved_from, known.moved_to)
        for claimed in await self._store.read(lambda reader: outbox.list_interrupted(reader, name)):
            settlement = settle_unsettled(claimed, self._clock.now())
            await self._settle(lane, claimed, Consequence(settlement, reason=settlement.reason or ""))
        lane.swept = True

    async def _deliver(self, lane: _TargetLane, claimed: Claimed) -> bool:
        """Send one message and settle it; True."""
        try:
            await self._attempt(lane, claimed)
        except BaseException:
            lane.swept = False  # its row is left as "sending": look at it again before the next
            raise
        return True

    async def _attempt(self, lane: _TargetLane, claimed: Claimed) -> None:
        message: Message | None = None
        try:
            message = await self._message(lane.target, claimed.row)
            receipt = await self._send_after_move(lane.target, message)
        except (Later, Never) as problem:
            now = self._clock.now()
            outcome = settle_failure(claimed, problem, now, idempotent=lane.target.idempotent, jitter=self._jitter())
            if isinstance(problem, PartlySent):
                lane.failures = lane.cooldown_until = 0
                lane.sent += outcome.settlement.state == "sent"
            elif isinstance(problem, Later) and not problem.obey:
                lane.failures += 1
                lane.failed_at = now
                lane.cooldown_until = now + min(_COOLDOWN[0] << min(lane.failures - 1, 4), _COOLDOWN[1])
        else:
            sent = Settlement(
                "sent",
                claimed.row.attempts,
                claimed.unanswered,
                possible_repeat=claimed.row.possible_repeat,
                receipt=receipt,
            )
            outcome = Consequence(sent, "ok")
            lane.failures = lane.cooldown_until = 0
            lane.sent += 1
        lane.refused += outcome.refused
        await self._settle(lane, claimed, outcome, message)

    async def _message(self, target: Target, row: DeliveryRow) -> Message:
        """Compose the message. One that cannot be composed is refused, not tried again."""
        message = await self._composed(target, row)
        return message if row.receipt is None else replace(message, progress=row.receipt)

    async def _composed(self, target: Target, row: DeliveryRow) -> Message:
        try:
            if row.kind == "digest":
                return await self._store.read(compose_digest, row, self._rendering, target.shows)
            if row.match_id is None:
                return render_notice(row, target.shows)
            read = await self._store.read(read_alert, row.match_id, row.target)
            return render(row, read.story, read.post, self._rendering, target.shows, read.first, read.copies)
        except ArchiveError:
            raise
        except Exception as problem:
            raise MessageRefused(f"the message could not be composed: {where(problem)}") from problem

    async def _send_after_move(self, target: Target, message: Message) -> str | None:
        """Send; if the chat has moved, keep that and send to where it is now."""
        try:
            return await hand_over(target.send(message))
        except Moved as move:
            if not isinstance(target, Movable):
                raise
            name = target.settings.name
            target.follow(move.old, move.new)
            health = [other for other, lane in self._lanes.items() if lane.target.settings.health]
            sentence = await self._store.run(note_move, name, move, health, self._clock.now())
            if sentence:
                self._speak(sentence)
                self.ring()
        try:
            return await hand_over(target.send(message))
        except Moved as again:
            raise Later(f"{again}, and moved again") from again

    # What follows --------------------------------------------------------------------------------------------------

    async def _settle(
        self, lane: _TargetLane, claimed: Claimed, outcome: Consequence, message: Message | None = None
    ) -> None:
        for sentence in await self._store.run(self._settled, lane, claimed, outcome, message):
            self._speak(sentence)
            self.ring()

    def _held(self, lane: _TargetLane) -> list[str]:
        """The targets that a wait covers which this one asks for."""
        return [
            name
            for name, other in self._lanes.items()
            if other is lane or (lane.target.account is not None and other.target.account == lane.target.account)
        ]

    def _settled(
        self, writer: Writer, lane: _TargetLane, claimed: Claimed, outcome: Consequence, message: Message | None
    ) -> list[str]:
        """Write it all in one transaction; returns the sentences for people."""
        now, row = self._clock.now(), claimed.row
        outbox.settle(writer, row.id, outcome.settlement, now)
        if outcome.settlement.state == "dead" and row.kind in {"match", "digest"}:
            heard.take_up(writer, row.id, now)  # a copy of the same statement may get through
        if message is not None and outcome.settlement.state == "sent" and lane.target.settings.fold:
            copies = message.copies
            growing.note_sent(writer, row.id, "\n".join(copies.lines), copies.count, now + PAUSE)
        note_arrival(writer, lane.limits.pace, now)
        said: list[str] = []
        if outcome.hold_until is not None:
            target_states.hold_targets(writer, self._held(lane), outcome.hold_until, now)
        if outcome.target == "ok":
            changed = target_states.note_success(writer, row.target, now)
        else:
            changed = outcome.target is not None and target_states.mark_target(
                writer, row.target, outcome.target, outcome.reason or None, now
            )
        if outcome.target is not None and changed:
            said.append(describe_change(row.target, outcome.target, outcome.reason))
        if outcome.settlement.state == "dead":
            reason = outcome.settlement.reason or ""
            said.append(describe_loss(row.match_id, row.target, row.kind, reason, row.payload.get("digest")))
        for sentence in said:
            self._announce(writer, row, sentence, now)
        return said + self._note_left_out(writer, row, outcome.note, now)

    def _note_left_out(self, writer: Writer, row: DeliveryRow, note: str, now: int) -> list[str]:
        """Say once who is left out of the messages to a target, not with every message."""
        about = f"recipients of {row.target}"
        if not note or notices.read_last(writer, about) == (sentence := f"target {row.target}: {note}"):
            return []
        self._announce(writer, row, sentence, now, about=about)
        return [sentence]

    def _announce(self, writer: Writer, row: DeliveryRow, sentence: str, now: int, about: str = "") -> None:
        notices.add(writer, now, about or f"target {row.target}", sentence)
        if row.kind == "health":
            return  # a lost health message must not cause another
        others = [name for name, lane in self._lanes.items() if lane.target.settings.health and name != row.target]
        outbox.announce(writer, others, f"target {row.target}", sentence, now)

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


def note_move(writer: Writer, target: str, move: Moved, health: Iterable[str], now: int) -> str:
    """Keep where a chat is now, and ask a person to confirm it; the sentence, empty if it was known."""
    if not target_states.note_move(writer, target, move.old, move.new, now):
        return ""
    sentence = (
        f"the chat {move.old} of target {target} has become {move.new}; alerts go there now."
        f" To confirm it, write chat = {move.new} in the config"
    )
    notices.add(writer, now, f"target {target}", sentence)
    outbox.announce(writer, health, f"target {target}", sentence, now)
    return sentence


async def _together(works: Iterable[Coroutine[Any, Any, Any]]) -> None:
    """Run all until the first failure, which is raised as itself."""
    try:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)
    except ExceptionGroup as several:
        raise several.exceptions[0] from several
