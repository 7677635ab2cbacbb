"""Topics of events: opened before the first message about an event, used by all that follow, closed after its time.

That one is being opened is stored before it is asked for, and its number before anything is sent there: a death
leaves at most one topic too many, and the second one says in its name that it may be a repeat.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bot.alerts.handing import hand_over
from bot.archive import AsyncArchive
from bot.clock import Clock
from bot.contracts.target import Message, Moved, NoTopics, Target, Topical, TopicGone
from bot.errors import Later, Never
from bot.foreign.graphemes import clip
from bot.foreign.inert import make_inert
from bot.foreign.text import one_line
from bot.incidents import Incidents
from storage.alerts import target_states
from storage.archive.database import Reader
from storage.events import topics
from storage.events.listing import read_events
from storage.events.topics import TopicRow
from storage.records import DeliveryRow

_NAME = 100  # UTF-16 units: with what keeps it inert, and the mark of a repeat, less than the 128 of Telegram
_REPEAT = " (possible repeat)"
_EVERY_S = 60.0


@dataclass(slots=True)
class EventTopics:
    """The topics of all targets of a config."""

    store: AsyncArchive
    clock: Clock
    targets: Mapping[str, Target]
    incidents: Incidents
    _locks: dict[tuple[str, int], asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    async def send(self, target: Target, row: DeliveryRow, message: Message) -> str | None:
        """Send a message to the topic of its event, if the target has topics. Raises what `hand_over` raises."""
        event = await self._find_event(target, row)
        if event is None:
            return await hand_over(target.send(message))
        topic = await self._find(target, event)
        for _ in range(2):
            try:
                return await hand_over(target.send(replace(message, topic=topic)))
            except TopicGone:
                topic = await self._renew(target, event, topic)
        return await hand_over(target.send(message))

    async def run(self) -> None:
        """Close topics whose time is over, until cancelled."""
        while True:
            await self.close_some()
            await asyncio.sleep(_EVERY_S)

    async def close_some(self) -> None:
        """Close those whose time is over; one that cannot be closed now is tried again."""
        for name, target in self.targets.items():
            if not (isinstance(target, Topical) and target.opens_topics):
                continue
            known = await self.store.read(target_states.find_target, name)
            if known.state == "parked" or (known.hold_until or 0) > self.clock.now():
                continue
            for one in await self.store.read(topics.list_over, name, _chat(target), self.clock.now()):
                await target.ready()
                try:
                    await hand_over(target.close_topic(one.topic or 0))
                except (TopicGone, Moved):
                    pass  # somebody deleted it, or the bot has lost the right
                except Never:
                    break  # the next alert says what is wrong
                except Later as problem:
                    if problem.obey and problem.retry_at is not None:
                        sharing = [other for other, one in self.targets.items() if one.account == target.account]
                        until = problem.retry_at
                        await self.store.run(target_states.hold_targets, sharing, until, self.clock.now())
                    break
                await self.store.run(topics.save_topic, replace(one, state="closed"), self.clock.now())

    async def _find_event(self, target: Target, row: DeliveryRow) -> int | None:
        alert = row.payload.get("alert") if row.kind == "files" else row.match_id
        # At every alert; isinstance looks at each name of a protocol, which takes longer than to sign the message.
        if not getattr(target, "opens_topics", False) or not isinstance(alert, int):
            return None
        return await self.store.read(topics.find_event, alert)

    async def _find(self, target: Target, event: int) -> int | None:
        """The topic of an event; opened if there is none. None: it is in the chat itself."""
        name, chat = target.settings.name, _chat(target)
        async with self._locks[name, event]:
            known = await self.store.read(topics.find_topic, name, chat, event)
            if known is None:
                return await self._open(target, TopicRow(name, chat, event, "opening", None, 0))
            if known.state == "opening":
                return await self._open(target, known, _REPEAT)
            if known.state == "closed":  # closed once more when this is said
                await self.store.run(topics.save_topic, replace(known, state="open"), self.clock.now())
            return known.topic

    async def _renew(self, target: Target, event: int, gone: int | None) -> int | None:
        """Somebody deleted the topic: open another, once; None after that."""
        name, chat = target.settings.name, _chat(target)
        async with self._locks[name, event]:
            known = await self.store.read(topics.find_topic, name, chat, event)
            if known is None or known.topic != gone:
                return known.topic if known else None
            if known.renewed:
                await self.store.run(topics.save_topic, replace(known, state="none", topic=None), self.clock.now())
                return None
            return await self._open(target, replace(known, state="opening", topic=None, renewed=1))

    async def _open(self, target: Target, row: TopicRow, mark: str = "") -> int | None:
        assert isinstance(target, Topical)
        about = f"topics of target {row.target}"
        words = await self.store.read(_name_event, row.event_id)
        await self.store.run(topics.save_topic, row, self.clock.now())
        try:
            topic = await hand_over(target.open_topic(f"{words}{mark}"))
        except NoTopics as problem:
            await self.store.run(topics.save_topic, replace(row, state="none"), self.clock.now())
            await self.incidents.begin(about, f"cannot be opened, alerts go to the chat itself: {problem}")
            return None
        except (Later, Never, Moved) as problem:
            if not mark and not (isinstance(problem, Later) and problem.unsure):
                await self.store.run(topics.forget_topic, row)
            raise
        await self.store.run(topics.save_topic, replace(row, state="open", topic=topic), self.clock.now())
        await self.incidents.end(about)
        return topic


def _chat(target: Target) -> str:
    return target.chat or ""


def _name_event(reader: Reader, event: int) -> str:
    """The first words of a statement, on one line in which nothing can be tapped."""
    [found] = read_events(reader, [event])
    words = clip(one_line(found.text[: 20 * _NAME]), _NAME) or f"{one_line(found.source)[:60]}, event {event}"
    return clip(make_inert(words), _NAME)
