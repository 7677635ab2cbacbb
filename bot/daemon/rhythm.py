"""Says when a source is silent for longer than usual, or at a time when it usually posts; and when it is back."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from bot.archive import AsyncArchive
from bot.clock import DAY, HOUR, SECOND, Clock
from bot.config import Config
from bot.contracts.source import SourceSettings
from bot.documents.rhythm import describe_missed_slot, describe_return, describe_silence
from bot.intake.habit import BACK, Habit, Missing, find_last_window, find_missed_slot, find_silence, learn
from bot.intake.watched import Past
from storage.alerts import notices, outbox
from storage.archive.database import Reader, Writer
from storage.posts.ids import first_id
from storage.sources import rhythm
from storage.sources.rhythm import Looked, Silence, SourcePast
from storage.sources.states import UNWATCHED

_EVERY_S = 30.0
_FRESH = HOUR  # as long as a habit that was learnt holds


@dataclass(frozen=True, slots=True)
class RhythmPlan:
    """What the config says: `usual` and `every` of each source, and the zone in which days have their times."""

    usual: Mapping[str, "int | str"]
    every: Mapping[str, int]
    zone: ZoneInfo

    @classmethod
    def of(cls, config: Config) -> "RhythmPlan":
        """What this config says."""
        return cls(
            {source.name: find_usual(config, source) for source in config.sources},
            {source.name: config.every(source) for source in config.sources},
            config.zone,
        )


def find_usual(config: Config, source: SourceSettings) -> "int | str":
    """How long a source may be silent: "auto", "off", or microseconds."""
    return config.defaults.usual if source.usual is None else source.usual


@dataclass(slots=True)
class Rhythm:
    """`health` names the targets that hear of it; `alerts_due` wakes whoever sends. Nobody looks: nothing is said."""

    archive: AsyncArchive
    clock: Clock
    say: Callable[[str], None]
    health: Callable[[], list[str]]
    plan: Callable[[], RhythmPlan]
    alerts_due: Callable[[], None]
    _habits: dict[int, tuple[int, ZoneInfo, Habit]] = field(default_factory=dict)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_EVERY_S)

    async def look(self) -> None:
        """Say what is missing now, and what is back, once each."""
        plan, now = self.plan(), self.clock.now()
        looked, open_ones = await self.archive.read(_read, now)
        for source in looked:
            known = open_ones.get(source.id, [])
            if any((source.last_post_at or 0) > one.since for one in known):
                await self._said(await self.archive.run(_end, source, known, self.health(), now))
            elif not any(one.accepted_until is not None and source.looked_at < one.accepted_until for one in known):
                await self._judge(source, {one.slot: one for one in known}, plan, now)

    async def _judge(self, source: Looked, known: Mapping[str, Silence], plan: RhythmPlan, now: int) -> None:
        usual, every = plan.usual.get(source.name, "off"), plan.every.get(source.name, 0)
        if usual == "off" or _is_said(known.get("")):
            return
        habit = Habit() if isinstance(usual, int) else await self._habit(source, plan.zone, now)
        limit = usual if isinstance(usual, int) else habit.limit
        since = max(source.last_post_at or 0, source.first_contact_at)
        if limit is not None and source.looked_at - since > limit:
            past = await self._past(source.id, since - DAY, now)
            silence = find_silence(past, since, source.looked_at, limit)
            if silence is not None:
                learnt = not isinstance(usual, int)
                words = describe_silence(source.name, source.looked_at - since, limit, every, learnt=learnt)
                await self._report(source, silence, words, now)
                return
        for slot in habit.slots:
            window = find_last_window(slot, source.looked_at, plan.zone)
            if window is None or window[0] < since or _is_said(known.get(slot.key)):
                continue
            past = await self._past(source.id, since - DAY, now)
            missed = find_missed_slot(slot, past, source.looked_at, plan.zone, since=since)
            if missed is not None:
                words = describe_missed_slot(source.name, str(slot), plan.zone.key, every)
                await self._report(source, missed, words, now)

    async def _habit(self, source: Looked, zone: ZoneInfo, now: int) -> Habit:
        """What is usual for it, worked out again after an hour."""
        learnt_at, of_zone, habit = self._habits.get(source.id, (0, zone, Habit()))
        if of_zone != zone or not 0 <= now - learnt_at < _FRESH:
            found = await self._read_past(source.id, now - BACK, now)
            habit = await asyncio.to_thread(lambda: learn(_as_past(found), source.looked_at, zone))
            self._habits[source.id] = (now, zone, habit)
        return habit

    async def _past(self, source_id: int, since: int, now: int) -> Past:
        return await asyncio.to_thread(_as_past, await self._read_past(source_id, since, now))

    async def _read_past(self, source_id: int, since: int, now: int) -> SourcePast:
        return await self.archive.read(rhythm.read_past, source_id, since, first_id(since // SECOND), now)

    async def _report(self, source: Looked, finding: Missing, words: str, now: int) -> None:
        await self._said(await self.archive.run(_begin, source, finding, words, self.health(), now))

    async def _said(self, sentence: str) -> None:
        if sentence:
            self.say(sentence)
            self.alerts_due()


def _as_past(found: SourcePast) -> Past:
    return Past.of(found.posts, found.rounds, found.missing, found.first_contact_at)


def _is_said(known: Silence | None) -> bool:
    """Whether people have heard of it, and not accepted it since for a time that is over."""
    return known is not None and known.said_at is not None and known.accepted_until is None


def _read(reader: Reader, now: int) -> tuple[list[Looked], dict[int, list[Silence]]]:
    open_ones: dict[int, list[Silence]] = defaultdict(list)
    for silence in rhythm.list_silences(reader):
        open_ones[silence.source_id].append(silence)
    return rhythm.list_looked(reader, now, UNWATCHED), dict(open_ones)


def _begin(writer: Writer, source: Looked, finding: Missing, words: str, health: Sequence[str], now: int) -> str:
    """Owe a message about what is missing, unless the source has posted meanwhile."""
    if rhythm.find_last_post(writer, source.id, now) != source.last_post_at:
        return ""
    slot = "" if finding.slot is None else finding.slot.key
    rhythm.begin(writer, source.id, slot, max(source.last_post_at or 0, source.first_contact_at), now)
    return _announce(writer, source, words, health, now)


def _end(writer: Writer, source: Looked, known: Sequence[Silence], health: Sequence[str], now: int) -> str:
    rhythm.end(writer, source.id, now)
    if not any(one.said_at is not None for one in known):
        return ""
    since = min(one.since for one in known)
    return _announce(writer, source, describe_return(source.name, (source.last_post_at or now) - since), health, now)


def _announce(writer: Writer, source: Looked, words: str, health: Sequence[str], now: int) -> str:
    notices.add(writer, now, f"source {source.name}", words)
    outbox.announce(writer, health, f"source {source.name}", words, now)
    return words
