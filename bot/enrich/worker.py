"""Claims what is to be heard, read or translated, has it done in a bounded child process, and stores the words."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import get_args

from sqlalchemy import Connection

from bot.archive import AsyncArchive
from bot.clock import HOUR, MINUTE, Clock
from bot.contracts.engine import Engine, EnrichResult, Made, MediaFile, Unfit
from bot.enrich.choice import Choice
from bot.enrich.engines.translate import wants
from bot.enrich.sandbox.run import Failed, Workshop
from bot.errors import Later, Never
from bot.incidents import Incidents
from storage import jobs
from storage.jobs import ClaimedJob, NewJob
from storage.media import readings, rows
from storage.media.readings import GivenUpFile
from storage.media.rows import StoredMedia
from storage.posts import texts
from storage.posts.content import storable
from storage.posts.texts import Untranslated
from storage.records import DueMedia

KINDS: tuple[Made, ...] = get_args(Made)  # in the order of their urgency
FILES: tuple[Made, ...] = ("transcript", "ocr")
LEASE = 3 * HOUR
LONG_S = 300  # a longer recording gives way to all that is short
_REST = (MINUTE, HOUR)  # of an engine whose remote side fails
_STOPPED = 6 * HOUR  # of one that a person must mend; a new config or start tries it at once
_PAGE = 500  # files in one transaction
_MOST = 100_000


@dataclass(slots=True)
class _Rest:
    """An engine that is left alone until then; `failures` in a row make the rest longer."""

    until: int = 0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class _Task:
    """A job in hand: its engine, `by` as it is configured, the file, None for what is no file, and how it is called."""

    job: ClaimedJob
    engine: Engine
    by: str
    media_id: int | None
    what: str


def reading_jobs(choice: Choice, file: DueMedia | StoredMedia, mime: str, now: int) -> list[NewJob]:
    """What is to be made of a file whose bytes are `mime`.

    Nobody waits for what is stored already, for history, and for what takes long: all of that gives way.
    """
    fresh = isinstance(file, DueMedia) and file.alerts
    patient = not fresh or (file.duration_s or 0) > LONG_S
    made = choice.readers(file.source, file.kind, mime)
    return [NewJob(what, file.post_id, now, str(file.id), patient) for what in made]


@dataclass(slots=True)
class Enriching:
    """Reads files, each call of `work` one. `hotwords` are the Latin words that rules look for.

    `stored` is called after each text; `speak` says one sentence of a file that is given up.
    """

    store: AsyncArchive
    clock: Clock
    workshop: Workshop
    choice: Choice
    hotwords: tuple[str, ...]
    stored: Callable[[], None]
    speak: Callable[[str], None]
    troubles: Incidents
    _rests: dict[str, _Rest] = field(default_factory=dict)

    def jobs_of(self, file: DueMedia, mime: str, now: int) -> list[NewJob]:
        """What is to be made of a file whose bytes have just come."""
        return reading_jobs(self.choice, file, mime, now)

    async def catch_up(self) -> None:
        """Ask for every file that no engine has read, and for what was given up by one that is now another."""
        given_up = await self.store.read(readings.given_up, limit=_MOST)
        if stale := [one.file.id for one in given_up if self._is_another(one)]:
            await self.store.run(readings.reopen, stale)
        below = None
        while page := await self.store.read(readings.unread, below=below, limit=_PAGE):
            now, below = self.clock.now(), page[-1]
            new = [job for file in page for job in reading_jobs(self.choice, file, file.mime, now)]
            if new:
                await self.store.run(jobs.ask, new, again=False)

    def _is_another(self, given_up: GivenUpFile) -> bool:
        file = given_up.file
        engine = self.choice.readers(file.source, file.kind, file.mime).get(given_up.made)
        return engine is not None and given_up.read_by not in (None, self.choice.version(engine, file.source))

    # One job --------------------------------------------------------------------------------------------------------

    async def work(self, until: int, kinds: Sequence[Made], *, patient: bool | None = None) -> bool:
        """Do the most urgent job of these kinds that is due at `until` (microseconds UTC); False if there is none.

        The newest post comes first, so that a backlog never holds up what has just come.
        """
        for kind in kinds:
            sources = self._served(kind)
            if await self.store.read(jobs.is_due, kind, until, patient=patient, sources=sources):
                job = await self.store.run(
                    jobs.claim_newest, kind, until, lease=LEASE, patient=patient, sources=sources
                )
                if job is not None:
                    await self._do(kind, job, patient=bool(patient))
                    return True
        return False

    async def is_due(self, kinds: Sequence[Made], *, patient: bool) -> bool:
        """Whether `work` would have something to do now."""
        for kind in kinds:
            sources = self._served(kind)
            if await self.store.read(jobs.is_due, kind, self.clock.now(), patient=patient, sources=sources):
                return True
        return False

    def _served(self, kind: Made) -> list[str] | None:
        """Sources whose jobs of this kind an engine would take now: those of one that rests are not even claimed."""
        if not self.choice.engines:
            return []
        return self.choice.served(kind, [name for name, rest in self._rests.items() if rest.until > self.clock.now()])

    async def _do(self, kind: Made, job: ClaimedJob, *, patient: bool) -> None:
        if kind == "translation":
            await self._translate(job)
            return
        found = await self.store.read(rows.stored_one, int(job.slot))
        engine = self.choice.readers(found.source, found.kind, found.mime).get(kind) if found is not None else None
        if found is None or engine is None:
            await self.store.run(jobs.done, [job.id])  # no engine reads it any more: nothing is owed
            return
        by = self.choice.version(engine, found.source)
        task = _Task(job, engine, by, found.id, f"{found.kind} {found.id} of {found.source}")
        result = await self._tried(task, lambda: self._read(engine, found, patient=patient))
        if result is not None:
            read = await _folded(result)
            await self.store.run(_settle, task, kind, result, read, self.clock.now())
            self.stored()

    async def _translate(self, job: ClaimedJob) -> None:
        """Translate whatever of one post is in a language that the engine is to translate, and store it together."""
        source, said = await self.store.read(texts.untranslated, job.post_id)
        engine = self.choice.translator(source)
        made: list[tuple[int | None, EnrichResult]] = []
        for text in said:
            if engine is not None and wants(engine.settings, text.language):
                task = _Task(job, engine, "", None, f"the translation of post {job.post_id}")
                result = await self._tried(task, partial(self._translated, engine, text))
                if result is None:
                    return
                made.append((text.media_id, result))
        await self.store.run(_settle_translations, job, made, self.clock.now())
        if made:
            self.stored()

    async def _translated(self, engine: Engine, text: Untranslated) -> EnrichResult:
        """Have the words read from a file, as everything is that a child process is given."""
        try:
            with tempfile.TemporaryDirectory(dir=self.workshop.place()) as folder:
                path = Path(folder) / "words"
                path.write_text(text.text, encoding="utf-8")
                words = MediaFile(path, "document", "text/plain", path.stat().st_size, languages=(text.language,))
                return await self.workshop.run(engine, words)
        except OSError as problem:  # a full disk above all
            raise Later(f"engine {engine.settings.name}: its words cannot be written: {problem}") from problem

    async def _tried(self, task: _Task, work: Callable[[], Awaitable[EnrichResult]]) -> EnrichResult | None:
        """What the engine makes of it; None where the job was put off, has failed or is given up, and that is noted."""
        name, job = task.engine.settings.name, task.job
        rest = self._rests.setdefault(name, _Rest())
        if rest.until > self.clock.now():
            await self.store.run(jobs.postpone, [job.id], rest.until)
            return None
        try:
            result = await work()
        except asyncio.CancelledError:
            await self.store.run(jobs.postpone, [job.id], self.clock.now())
            raise
        except Unfit as problem:
            await self.store.run(_give_up, task, problem.reason, self.clock.now())
        except (Later, Never) as problem:
            await self._put_off(task, rest, problem)
        except Failed as problem:
            await self._count(task, rest, f"engine {name}: {problem}")
        else:
            await self.troubles.over(f"engine {name}")
            rest.failures = rest.until = 0
            return result
        return None

    async def _read(self, engine: Engine, found: StoredMedia, *, patient: bool) -> EnrichResult:
        path = self.workshop.data_dir / found.path
        if not _is_whole(path, found.size):
            raise Unfit(f"its bytes are not at {found.path} any more")
        return await self.workshop.run(
            engine,
            MediaFile(
                path=path,
                kind=found.kind,
                mime=found.mime,
                size=found.size,
                duration_s=found.duration_s,
                languages=tuple(self.choice.languages.get(found.source, ())),
                hotwords=self.hotwords,
            ),
            patient=patient,
        )

    async def _count(self, task: _Task, rest: _Rest, reason: str) -> None:
        """Count a failure against the file, but not where the engine itself is at fault: every file would be lost."""
        try:
            await asyncio.to_thread(task.engine.ready)
        except Never as problem:
            await self._put_off(task, rest, problem)
        else:
            if await self.store.run(_failed, task, reason, self.clock.now()):
                self.speak(f"{task.what} is given up: {reason}")

    async def _put_off(self, task: _Task, rest: _Rest, problem: Later | Never) -> None:
        """Nothing counts as failed; the engine rests, and every job of it waits."""
        now = self.clock.now()
        rest.failures += 1
        if isinstance(problem, Never):
            rest.until = now + _STOPPED
        else:
            pause = min(_REST[0] << min(rest.failures - 1, 10), _REST[1])
            rest.until = max(problem.retry_at or 0, now + pause)
        about = f"engine {task.engine.settings.name}"
        if isinstance(problem, Never) or about not in await self.troubles.standing():
            await self.troubles.broke(about, f"does not work, what it should read waits: {problem}")
        await self.store.run(jobs.postpone, [task.job.id], rest.until)


def _is_whole(path: Path, size: int) -> bool:
    try:
        return path.is_file() and not path.is_symlink() and path.stat().st_size == size
    except OSError:
        return False


async def _folded(result: EnrichResult) -> texts.Read:
    """Fold the words here, for a long text would keep the archive's one writer for a moment that others feel."""
    reading = await asyncio.to_thread(texts.read, storable(result.text))
    return lambda _: reading


# In one transaction each ----------------------------------------------------------------------------------------------


def _settle(writer: Connection, task: _Task, kind: Made, result: EnrichResult, read: texts.Read, now: int) -> None:
    job = task.job
    jobs.done(writer, [job.id])
    assert task.media_id is not None
    readings.answered(writer, task.media_id, task.by, now)
    if texts.put_machine(writer, task.media_id, _text(kind, result), read, post_id=job.post_id) is not None:
        jobs.enqueue(writer, [NewJob("decide", job.post_id, now)])


def _give_up(writer: Connection, task: _Task, reason: str, now: int) -> None:
    jobs.give_up(writer, task.job.id, now, reason)
    if task.media_id is not None:
        readings.answered(writer, task.media_id, task.by, now)


def _failed(writer: Connection, task: _Task, reason: str, now: int) -> bool:
    given_up = jobs.failed(writer, task.job.id, now, reason)
    if given_up and task.media_id is not None:
        readings.answered(writer, task.media_id, task.by, now)
    return given_up


def _settle_translations(
    writer: Connection, job: ClaimedJob, made: Sequence[tuple[int | None, EnrichResult]], now: int
) -> None:
    """A decision asks for translations again, so only a new one asks for a decision."""
    jobs.done(writer, [job.id])
    last = texts.last_id(writer, job.post_id)
    ids = [
        texts.put_machine(writer, media_id, _text("translation", result), post_id=job.post_id)
        for media_id, result in made
    ]
    if any(text_id is not None and text_id > last for text_id in ids):
        jobs.enqueue(writer, [NewJob("decide", job.post_id, now)])


def _text(kind: Made, result: EnrichResult) -> texts.MachineText:
    return texts.MachineText(
        kind,
        result.text,
        result.language,
        result.confidence,
        result.engine,
        result.model,
        result.unreliable,
        result.segments,
    )
