"""Claims what is to be heard or read, has it done in a bounded child process, and stores the words."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from sqlalchemy import Connection

from bot.clock import HOUR, MINUTE, Clock
from bot.enrich._choice import chosen
from bot.enrich._contract import Engine, EnrichResult, Made, Media, Unfit
from bot.enrich._run import Failed, Workshop
from bot.errors import Later, Never
from bot.store import Store
from storage import jobs, media, texts
from storage.jobs import ClaimedJob, NewJob
from storage.media import StoredMedia
from storage.records import MediaKind

KINDS: tuple[Made, ...] = get_args(Made)  # in the order of their urgency: what can be heard, then what can be read
LEASE = 3 * HOUR  # longer than any job may run
_REST = (MINUTE, HOUR)  # of an engine whose remote side fails
_STOPPED = 6 * HOUR  # of one that a person must mend; a new config or start tries it at once


@dataclass(slots=True)
class _Rest:
    """An engine that is left alone until then; `failures` in a row make the rest longer."""

    until: int = 0
    failures: int = 0


@dataclass(slots=True)
class Enriching:
    """Reads one file at a time. `tags` are those of each source by name, `languages` what each speaks.

    `stored` is called after each text; `speak` says one sentence when an engine stops and when it works again.
    """

    store: Store
    clock: Clock
    workshop: Workshop
    engines: Sequence[Engine]
    tags: Mapping[str, Sequence[str]]
    languages: Mapping[str, Sequence[str]]
    hotwords: tuple[str, ...]
    stored: Callable[[], None]
    speak: Callable[[str], None]
    _rests: dict[str, _Rest] = field(default_factory=dict)

    def jobs_of(self, post_id: int, media_id: int, source: str, kind: MediaKind, mime: str, now: int) -> list[NewJob]:
        """What is to be made of a file whose bytes have just come."""
        made = chosen(self.engines, source, self.tags.get(source, ()), kind, mime)
        return [NewJob(what, post_id, now, str(media_id)) for what in made]

    async def work(self, until: int) -> bool:
        """Do the most urgent job that is due at `until` (microseconds UTC); False if there is none.

        The newest post comes first, so that a backlog never holds up what has just come.
        """
        if not self.engines:
            return False
        for kind in KINDS:
            claimed = await self.store.run(jobs.claim, kind, until, lease=LEASE, limit=1, newest=True)
            if claimed:
                await self._do(kind, claimed[0])
                return True
        return False

    async def _do(self, kind: Made, job: ClaimedJob) -> None:
        found = await self.store.read(media.stored_one, int(job.slot))
        engine = None
        if found is not None:
            engine = chosen(self.engines, found.source, self.tags.get(found.source, ()), found.kind, found.mime).get(
                kind
            )
        if found is None or engine is None:
            await self.store.run(jobs.done, [job.id])  # no engine reads it any more: nothing is owed
            return
        rest = self._rests.setdefault(engine.settings.name, _Rest())
        if rest.until > self.clock.now():
            await self.store.run(jobs.postpone, [job.id], rest.until)
            return
        try:
            result = await self._read(engine, found)
        except asyncio.CancelledError:
            await self.store.run(jobs.postpone, [job.id], self.clock.now())
            raise
        except Unfit as problem:
            await self.store.run(jobs.give_up, job.id, self.clock.now(), problem.reason)
        except (Later, Never) as problem:
            await self._put_off(job, engine, rest, problem)
        except Failed as problem:
            reason = f"engine {engine.settings.name}: {problem}"
            if await self.store.run(jobs.failed, job.id, self.clock.now(), reason):
                self.speak(f"{found.kind} {found.id} of {found.source} is given up: {reason}")
        else:
            if rest.failures:
                self.speak(f"engine {engine.settings.name} works again")
            rest.failures = rest.until = 0
            await self.store.run(_settle, job, found.id, kind, result, self.clock.now())
            self.stored()

    async def _read(self, engine: Engine, found: StoredMedia) -> EnrichResult:
        path = self.workshop.data_dir / found.path
        if not _is_whole(path, found.size):
            raise Unfit(f"its bytes are not at {found.path} any more")
        return await self.workshop.run(
            engine,
            Media(
                path=path,
                kind=found.kind,
                mime=found.mime,
                size=found.size,
                duration_s=found.duration_s,
                languages=tuple(self.languages.get(found.source, ())),
                hotwords=self.hotwords,
            ),
        )

    async def _put_off(self, job: ClaimedJob, engine: Engine, rest: _Rest, problem: Later | Never) -> None:
        """Nothing counts as failed; the engine rests, and every job of it waits."""
        now = self.clock.now()
        rest.failures += 1
        if isinstance(problem, Never):
            rest.until = now + _STOPPED
        else:
            pause = min(_REST[0] << min(rest.failures - 1, 10), _REST[1])
            rest.until = max(problem.retry_at or 0, now + pause)
        if rest.failures == 1:
            self.speak(f"engine {engine.settings.name} does not work, what it should read waits: {problem}")
        await self.store.run(jobs.postpone, [job.id], rest.until)


def _is_whole(path: Path, size: int) -> bool:
    try:
        return path.is_file() and not path.is_symlink() and path.stat().st_size == size
    except OSError:
        return False


def _settle(writer: Connection, job: ClaimedJob, media_id: int, kind: Made, result: EnrichResult, now: int) -> None:
    made = texts.MachineText(
        kind,
        result.text,
        result.language,
        result.confidence,
        result.engine,
        result.model,
        result.unreliable,
        result.segments,
    )
    jobs.done(writer, [job.id])
    if texts.put_machine(writer, media_id, made, post_id=job.post_id) is not None:
        jobs.enqueue(writer, [NewJob("decide", job.post_id, now)])
