"""News of the program for those who watch it: gaps, who sources are, a disk that fills up, alerts that do not arrive.

A gap that is closed within seconds is said once a day for each source, and others three times an hour: a busy channel
shows less than what came since the last round, again and again.
"""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.archive import AsyncArchive
from bot.bells import SWEEP_S
from bot.clock import DAY, HOUR, SECOND, Clock
from bot.contracts.amounts import size_written
from bot.documents.as_json import iso
from bot.documents.identity import describe_change
from bot.incidents import Incidents
from storage.alerts import flapping, notices, outbox, undelivered
from storage.archive.database import Writer
from storage.sources import gaps, identity
from storage.sources.gaps import GapNews
from storage.sources.identity import IdentityChange

LATE = HOUR  # longer than this the oldest message waits: people hear of it
_LEAST_ROOM = 256 << 20  # bytes, where [media] keep_free is less
_MORE_ROOM = 64 << 20  # than the limit, before it counts as room again
_START_S = 60.0
_NAMED = 5  # gaps in one message


@dataclass(slots=True)
class OwnHealth:
    """`health` names the targets that hear of it; `keep_free` is in bytes."""

    archive: AsyncArchive
    clock: Clock
    say: Callable[[str], None]
    health: Callable[[], list[str]]
    data_dir: Path
    keep_free: Callable[[], int]
    incidents: Incidents = field(init=False)
    _began: float = field(init=False)  # monotonic seconds

    def __post_init__(self) -> None:
        self.incidents = Incidents(self.archive, self.clock, self.say)
        self._began = self.clock.monotonic()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(SWEEP_S)

    async def look(self, *, waited: bool = False) -> None:
        """Say what has changed since the last look, whichever process had that.

        What waited while nothing ran is sent in the first minute; `waited` says that there was time for that.
        """
        self.incidents.health = self.health()
        news = await self.archive.read(gaps.list_news)
        if news and (sentence := await self.archive.run(_announce, news, self.incidents.health, self.clock.now())):
            self.say(sentence)
        changed = await self.archive.read(identity.list_unsaid)
        if changed:
            for sentence in await self.archive.run(_announce_changes, changed, self.incidents.health, self.clock.now()):
                self.say(sentence)
        await self._look_at_disk()
        if waited or self.clock.monotonic() - self._began >= _START_S:
            await self._look_at_alerts()

    async def _look_at_disk(self) -> None:
        least = max(self.keep_free(), _LEAST_ROOM)
        free = (await asyncio.to_thread(shutil.disk_usage, self.data_dir)).free
        if free < least:
            await self.incidents.begin("disk", f"is low: less than {size_written(least)} is free for {self.data_dir}")
        elif free >= least + _MORE_ROOM:
            await self.incidents.end("disk")

    async def _look_at_alerts(self) -> None:
        now = self.clock.now()
        oldest = await self.archive.read(undelivered.find_oldest, now)
        if oldest is not None and now - oldest > LATE:
            await self.incidents.begin(
                "alerts", "wait: the oldest has not arrived for over an hour; see `communique status`"
            )
        else:
            await self.incidents.end("alerts")


def describe_news(news: Sequence[GapNews]) -> str:
    """One sentence about gaps that opened or closed."""
    if len(news) <= _NAMED:
        return "; ".join(map(_describe, news))
    sources = list(dict.fromkeys(gap.source for gap in news))
    opened = sum(gap.how is None for gap in news)
    named = ", ".join(sources[:_NAMED]) + (f" and {len(sources) - _NAMED} more" if len(sources) > _NAMED else "")
    return f"gaps: {opened} opened, {len(news) - opened} closed, of {named}; see `communique status`"


def _describe(gap: GapNews) -> str:
    if gap.how is None:
        return f"source {gap.source} has a gap: {_place(gap)}"
    if gap.heard:
        return f"the gap of source {gap.source} that opened at {_time(gap.opened_at)} is closed: {gap.how}"
    return f"source {gap.source} had a gap for a moment, which is closed: {gap.how}"


def _place(gap: GapNews) -> str:
    if gap.low is not None or gap.high is not None:
        return f"the posts {'…' if gap.low is None else gap.low} to {gap.high or '…'} are missing"
    since = "the beginning" if gap.from_at is None else _time(gap.from_at)
    return f"posts from {since} to {'now' if gap.to_at is None else _time(gap.to_at)} may be missing"


def _time(at: int) -> str | None:
    return iso(at // SECOND * SECOND)


def _announce_changes(writer: Writer, changes: Sequence[IdentityChange], health: Sequence[str], now: int) -> list[str]:
    """Owe one message for each change of who a source is."""
    sentences = [describe_change(change) for change in changes]
    for change, sentence in zip(changes, sentences, strict=True):
        notices.add(writer, now, f"source {change.source}", sentence)
        outbox.announce(writer, health, f"source {change.source}", sentence, now)
    identity.mark_said(writer, changes)
    return sentences


def _announce(writer: Writer, news: Sequence[GapNews], health: Sequence[str], now: int) -> str:
    """Owe one message about what people want to hear now, and return it; empty if there is nothing."""
    said = []
    for gap in news:
        about = f"gaps of {gap.source}"
        if not gap.heard:
            often = flapping.count_breaks(writer, about, now, within=HOUR if gap.how is None else DAY)
            if often >= (flapping.OFTEN if gap.how is None else 1):
                continue
        notices.add(writer, now, about, _describe(gap), ends=gap.heard)
        said.append(gap)
    # One that is open and unsaid has its turn later, one that was open for a moment is over.
    gaps.mark_heard(writer, [*said, *(gap for gap in news if gap.how is not None)])
    if not said:
        return ""
    sentence = describe_news(said)
    sources = {gap.source for gap in said}
    outbox.announce(writer, health, f"source {sources.pop()}" if len(sources) == 1 else "gaps", sentence, now)
    return sentence
