"""Lets messages grow with the copies of their statement; where none can be edited, one line says it in the end.

What is due is derived from the archive: what a message says of copies, and what is so. A death between an edit and its
record repeats that edit at most once, and changes no count.
"""

import json
from collections.abc import Sequence
from dataclasses import replace

from bot.alerts.handing import hand_over, where
from bot.alerts.material import AlertMaterial, count_copies, read_alert
from bot.alerts.render import Rendering, render
from bot.archive import AsyncArchive
from bot.clock import DAY, HOUR, MINUTE, SECOND, Clock
from bot.contracts.target import Editable, Message, MessageRefused, Moved, Target
from bot.documents.event import describe_fate, describe_spread
from bot.errors import Later, Never
from bot.events.growth import is_edit_due
from bot.foreign.graphemes import clip
from bot.foreign.text import one_line
from storage.alerts import outbox, target_states
from storage.alerts.pace import Pace, note_arrival, note_sending
from storage.archive.database import Reader, Writer
from storage.archive.errors import ArchiveError
from storage.events import growing
from storage.events.growing import GrowingMessage
from storage.events.listing import read_events
from storage.events.spread import read_spread
from storage.frozen import dataclass
from storage.records import DeliveryRow

PAUSE = 30 * SECOND  # at least, between two edits of one message
_AT_ONCE = 50
_GIVEN_UP = 8 * DAY  # an edit that fails that long after the message
_WORDS = 80


@dataclass(frozen=True, slots=True)
class _Edited:
    """What became of an edit. `hold_until` is a wait that the target asked for."""

    message: Message | None = None
    ended: str = ""
    again_at: int = 0
    hold_until: int | None = None


class Growing:
    """The messages of all targets that grow. `pause_until` keeps edits from a target that did not take one."""

    def __init__(self, store: AsyncArchive, rendering: Rendering, clock: Clock) -> None:
        self._store = store
        self._rendering = rendering
        self._clock = clock
        self._pause_until: dict[str, int] = {}

    async def find_due(self, target: Target, pace: Pace) -> int | None:
        """When a message of this target is looked at."""
        name, now = target.settings.name, self._clock.now()
        due = await self._store.read(growing.find_due_time, name, halve(pace), now)
        return None if due is None else max(due, min(self._pause_until.get(name, 0), now + MINUTE))

    async def look(self, target: Target, pace: Pace, account: Sequence[str]) -> bool:
        """Look at what is due, and edit one message at most; False if nothing is due.

        `account` are the targets that a wait covers which this one asks for.
        """
        due = await self.find_due(target, pace)
        if due is None or due > self._clock.now():
            return False
        one = await self._store.run(self._claim, target, pace)
        if one is not None and isinstance(target, Editable):
            edited = await self._edit(target, one)
            await self._store.run(self._settle, one, edited, pace, account)
            self._pause_until[target.settings.name] = edited.again_at
        return True

    def _claim(self, writer: Writer, target: Target, pace: Pace) -> GrowingMessage | None:
        """Look at messages until one has to be edited, which counts as a message from now on."""
        now = self._clock.now()
        found = growing.list_due(writer, target.settings.name, now, _AT_ONCE)
        if not found:
            growing.forget_due(writer, target.settings.name, now)
        for one in found:
            if not isinstance(target, Editable):
                _look_for_the_end(writer, one, target, now)
                continue
            copies = count_copies(writer, one.event_id, one.post_id)
            shown = "\n".join(copies.lines)
            if one.receipt is not None and is_edit_due(one.shown, one.copies, one.edits, shown, copies.count):
                growing.look_again(writer, one.delivery_id, now + PAUSE)
                note_sending(writer, pace, now)
                return one
            growing.look_again(writer, one.delivery_id, None)
        return None

    async def _edit(self, target: Target, one: GrowingMessage) -> _Edited:
        """Let the message say what is so now, and say what became of that."""
        assert isinstance(target, Editable)
        receipt = one.receipt or ""
        try:
            message = await self._compose(target, one, captioned=target.has_caption(receipt))
            await target.ready()
            await hand_over(target.edit(receipt, message))
        except (MessageRefused, Moved) as problem:
            return _Edited(ended=str(problem))
        except Never:
            return _Edited(again_at=self._clock.now() + HOUR)  # the next alert says what is wrong
        except Later as problem:
            now = self._clock.now()
            if now - one.sent_at > _GIVEN_UP:
                return _Edited(ended=problem.reason)
            until = max(problem.retry_at or 0, now + MINUTE)
            return _Edited(again_at=until, hold_until=problem.retry_at if problem.obey else None)
        return _Edited(message)

    async def _compose(self, target: Target, one: GrowingMessage, *, captioned: bool) -> Message:
        try:
            row, read = await self._store.read(_read, one, target.settings.name)
            return render(row, read.story, read.post, self._rendering, target.shows, read.first, read.copies, captioned)
        except ArchiveError:
            raise
        except Exception as problem:
            raise MessageRefused(f"the message could not be composed: {where(problem)}") from problem

    def _settle(self, writer: Writer, one: GrowingMessage, edited: _Edited, pace: Pace, account: Sequence[str]) -> None:
        now = self._clock.now()
        note_arrival(writer, pace, now)
        if edited.message is not None:
            copies = edited.message.copies
            growing.note_edit(writer, one.delivery_id, "\n".join(copies.lines), copies.count, now + PAUSE)
        elif edited.ended:
            growing.end(writer, one.delivery_id, edited.ended)
        else:
            growing.look_again(writer, one.delivery_id, edited.again_at)
        if edited.hold_until is not None:
            target_states.hold_targets(writer, account, edited.hold_until, now)


def halve(pace: Pace) -> Pace:
    """The pace of edits, which leave the other half to alerts."""
    minute, hour = (None if most is None else max(most // 2, 1) for most in (pace.per_minute, pace.per_hour))
    return replace(pace, per_minute=minute, per_hour=hour)


def _read(reader: Reader, one: GrowingMessage, target: str) -> tuple[DeliveryRow, AlertMaterial]:
    rows = outbox.list_deliveries(reader, one.match_id)
    return next(row for row in rows if row.target == target), read_alert(reader, one.match_id, target)


def _look_for_the_end(writer: Writer, one: GrowingMessage, target: Target, now: int) -> None:
    """Owe the one line about the copies, once none can come any more, to a target that gets no digest."""
    if target.settings.digest is not None:
        growing.end(writer, one.delivery_id, "digests tell it")
        return
    words = describe_end(writer, one)
    if not words or now < one.closes_at:
        growing.look_again(writer, one.delivery_id, one.closes_at if words else None)
        return
    payload = {"about": f"event {one.event_id}", "text": words, "reply_to": one.receipt}
    growing.owe_line(writer, target.settings.name, json.dumps(payload, ensure_ascii=False), now)
    growing.end(writer, one.delivery_id, "no copy can come any more")


def describe_end(reader: Reader, one: GrowingMessage) -> str:
    """What became of a statement, in one line; empty if its message says so already."""
    if "\n".join(count_copies(reader, one.event_id, one.post_id).lines) == one.shown:
        return ""
    [event] = read_events(reader, [one.event_id])
    spread = read_spread(reader, one.event_id, beside=one.post_id)
    said = "; ".join(filter(None, (describe_spread(spread), describe_fate(spread))))
    words = clip(one_line(event.text[: 20 * _WORDS]), _WORDS)
    return f"{said}: {event.source}, “{words}” (alert {one.match_id}, `communique events show {one.event_id}`)"
