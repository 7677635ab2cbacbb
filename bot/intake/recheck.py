"""Re-checks stored posts on their schedule: edits become revisions, absences are observed."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.archive import AsyncArchive
from bot.bells import SWEEP_S, Bell
from bot.claims import Claims
from bot.clock import HOUR, MINUTE, SECOND, Clock
from bot.contracts.source import ManyAtOnce, Source
from bot.errors import Later, Never
from bot.intake.reread import read_checked_again, reader_of
from storage import jobs
from storage.archive.database import Writer
from storage.posts import rechecks, saving
from storage.records import Checked

LEASE = 15 * MINUTE
AT_A_TIME = 100
POSTPONED = 5 * MINUTE  # where the failure named no time
ABSENT = 6 * HOUR  # where the source is not in the config


@dataclass(slots=True)
class Rechecks:
    """The re-checks that are due. A source that fails postpones only its own."""

    archive: AsyncArchive
    clock: Clock
    claims: Claims
    stored: Callable[[], None]
    sources: Mapping[str, Source] = field(default_factory=dict)
    bell: Bell = field(default_factory=Bell)
    _left_over: list[int] = field(default_factory=list)  # claimed by a call of `work` that broke

    async def run(self) -> None:
        """Re-check what is due until cancelled."""
        while True:
            due = await self.archive.read(jobs.next_due, "recheck", self.claims.healthy_at)
            if due is not None and due <= self.clock.now():
                await self.work(self.clock.now())
            else:
                wait = SWEEP_S if due is None else (due - self.clock.now()) / SECOND
                await self.bell.wait(min(max(wait, 0.1), SWEEP_S))

    async def work(self, until: int) -> int:
        """Do what is due at `until` (microseconds UTC), a hundred at most; return how many posts were checked."""
        if self._left_over:
            await self.archive.run(jobs.postpone, self._left_over, self.clock.now() + POSTPONED)
            self._left_over = []
        async with self.claims.together():
            claimed = await self.archive.run(
                jobs.claim, "recheck", until, lease=LEASE, limit=AT_A_TIME, healthy=self.claims.healthy
            )
            if claimed:
                return await self._check_all(claimed)
        if not self.claims.healthy or not await self.archive.read(jobs.has_suspect, "recheck", until):
            return 0
        async with self.claims.alone():
            return await self._check_all(await self.archive.run(jobs.claim_suspect, "recheck", until, lease=LEASE))

    async def _check_all(self, claimed: Sequence[jobs.ClaimedJob]) -> int:
        places = await self.archive.read(rechecks.find_addresses, [job.post_id for job in claimed])
        by_source: dict[str, list[jobs.ClaimedJob]] = defaultdict(list)
        for job in claimed:
            by_source[places[job.post_id].source].append(job)
        works = [self._of_source(self.sources.get(name), found, places) for name, found in by_source.items()]
        counts = 0
        for outcome in await asyncio.gather(*works, return_exceptions=True):  # no task may outlive this call
            if isinstance(outcome, BaseException):
                self._left_over = [job.id for job in claimed]
                raise outcome
            counts += outcome
        return counts

    async def _of_source(
        self, source: Source | None, claimed: list[jobs.ClaimedJob], places: Mapping[int, rechecks.PostAddress]
    ) -> int:
        if source is None or not source.checks:
            await self.archive.run(_put_aside, claimed, self.clock.now() + ABSENT if source is None else None)
            return 0
        apart = min(10 * MINUTE, *source.settings.recheck)
        left, together = claimed, isinstance(source, ManyAtOnce)
        while left:
            if self.claims.suspect_waits and len(left) < len(claimed):
                await self.archive.run(jobs.postpone, [job.id for job in left], self.clock.now())
                return len(claimed) - len(left)
            batch = left if together else left[:1]
            try:
                found = await _check(source, [places[job.post_id].native_id for job in batch])
                for job, checked in zip(batch, found, strict=False):
                    await read_checked_again(self.archive, self.clock, source, job.post_id, checked.post)
            except (Later, Never) as error:
                await self.archive.run(jobs.postpone, [job.id for job in left], self._next_time(error))
                return len(claimed) - len(left)
            except Exception as error:  # noqa: BLE001 - a post on which we break must not keep the others waiting
                if len(batch) > 1:
                    together = False  # which of them it is shows one by one
                    continue
                reason = f"internal error: {type(error).__name__}: {error}"[:300]
                await self.archive.run(jobs.record_failure, batch[0].id, self.clock.now(), reason)
                left = left[1:]
                continue
            for job, checked in zip(batch, found, strict=False):  # it may have checked only some of them
                exact = apart if checked.apart is None else min(apart, checked.apart)
                await self.archive.run(_settle, job, checked, self.clock.now(), exact, reader_of(source))
                self.stored()
            left = left[len(found) :]
        return len(claimed)

    def _next_time(self, error: Later | Never) -> int:
        if isinstance(error, Never):
            return self.clock.now() + 6 * HOUR
        return error.retry_at or self.clock.now() + POSTPONED


async def _check(source: Source, native_ids: list[str]) -> Sequence[Checked]:
    if len(native_ids) > 1 and isinstance(source, ManyAtOnce):
        return await source.check_many(native_ids)
    return [await source.check(native_ids[0])]


def _settle(writer: Writer, job: jobs.ClaimedJob, checked: Checked, now: int, apart: int, reader: int) -> None:
    rechecks.end_look(writer, job.id)
    left_out = job.slot == rechecks.MISSING
    saving.save_check(writer, job.post_id, checked, now, apart=apart, left_out=left_out, reader=reader)


def _put_aside(writer: Writer, claimed: Sequence[jobs.ClaimedJob], later: int | None) -> None:
    """There is nothing to look with. What is in doubt waits for its source to come back; looks on schedule end."""
    doubts = [job.id for job in claimed if not job.slot[:1].isdecimal() and later is not None]
    jobs.postpone(writer, doubts, later or 0)
    jobs.finish(writer, [job.id for job in claimed if job.id not in doubts])
