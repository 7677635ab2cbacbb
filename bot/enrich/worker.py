"""Claims jobs of transcription, OCR and translation, runs each in the sandbox, and stores the words."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import get_args

from bot.archive import AsyncArchive
from bot.claims import Claims
from bot.clock import DAY, HOUR, MINUTE, Clock
from bot.contracts.engine import Engine, EnrichResult, Made, MediaFile, Unfinished, Unfit
from bot.enrich.choice import Choice, reading_jobs
from bot.enrich.places import Places
from bot.enrich.sandbox.run import Failed, Sandbox
from bot.errors import Later, Never
from bot.incidents import Incidents
from storage import jobs
from storage.archive.columns import storable
from storage.archive.database import Writer
from storage.events.steps import add_step
from storage.jobs import ClaimedJob, NewJob
from storage.media import crashes, readings
from storage.media.readings import GivenUpFile
from storage.media.stored import StoredMedia, find_stored
from storage.posts import texts
from storage.posts.texts import Untranslated
from storage.records import DueMedia

KINDS: tuple[Made, ...] = get_args(Made)  # most urgent first
FILES: tuple[Made, ...] = ("transcript", "ocr")
LEASE = 2 * DAY  # longer than any job; whoever dies frees its claims at the next start
_AFTER_A_BUG = 3 * HOUR
_UNFINISHED = (10 * MINUTE, DAY)  # shortest and longest pause of a file that the clock ended
_SUSPECT_S = 0.5
_UNFINISHED_TOLD = 3  # such ends in a row
_PAUSE = (MINUTE, HOUR)  # shortest and longest, of an engine whose remote side fails
_STOPPED = 6 * HOUR  # of an engine that a person must repair; a new config or a start tries it at once
_PAGE = 500  # files in one transaction
_MOST = 100_000


@dataclass(slots=True)
class _Pause:
    """An engine is not used from `since` to `until`; `failures` in a row make the pause longer."""

    since: int = 0  # a clock that is set back before it ends the pause
    until: int = 0
    failures: int = 0


@dataclass(frozen=True, slots=True)
class _Task:
    """A claimed job: its engine and the engine's version, the file (None for a translation), its name in messages."""

    job: ClaimedJob
    engine: Engine
    version: str
    media_id: int | None
    name: str


@dataclass(slots=True)
class Enricher:
    """Each call of `work` does one job. `hotwords` are the Latin words that the rules look for.

    `stored` is called after each text.
    """

    store: AsyncArchive
    clock: Clock
    claims: Claims
    sandbox: Sandbox
    choice: Choice
    hotwords: tuple[str, ...]
    stored: Callable[[], None]
    incidents: Incidents
    _pauses: dict[str, _Pause] = field(default_factory=dict)
    _unfinished: dict[int, int] = field(default_factory=dict)  # how often in a row, by job
    _places: Places = field(default_factory=lambda: Places(2))  # one for what is fresh, one for what is old

    def jobs_of(self, file: DueMedia, mime: str, now: int) -> list[NewJob]:
        """The jobs for a file that was just downloaded."""
        return reading_jobs(self.choice, file, mime, now)

    async def check_engines(self) -> None:
        """Report at the start what no engine can work without, before the first file waits for it."""
        spoken = {code for codes in self.choice.languages.values() for code in codes}
        for engine in self.choice.engines:
            name = engine.settings.name
            try:
                await asyncio.to_thread(engine.ready)
            except Never as problem:
                await self.incidents.begin(f"engine {name}", f"is not working; its files stay queued: {problem}")
                continue
            missing = engine.settings.missing_packages(spoken)
            if missing:
                await self.incidents.begin(
                    f"language data of engine {name}",
                    f"is missing for some languages of your sources: apt install {' '.join(missing)}",
                )
            else:
                await self.incidents.end(f"language data of engine {name}")

    async def catch_up(self) -> None:
        """Enqueue every file that no engine has read, and what an engine gave up that is now configured differently."""
        given_up = await self.store.read(readings.list_given_up, limit=_MOST)
        if stale := [one.file.id for one in given_up if self._engine_changed(one)]:
            await self.store.run(readings.reopen, stale)
        below = None
        while page := await self.store.read(readings.find_unread, below=below, limit=_PAGE):
            now, below = self.clock.now(), page[-1]
            new = [job for file in page for job in reading_jobs(self.choice, file, file.mime, now)]
            if new:
                await self.store.run(jobs.enqueue_missing, new, again=False)

    def _engine_changed(self, given_up: GivenUpFile) -> bool:
        file = given_up.file
        engine = self.choice.readers(file.source, file.kind, file.mime).get(given_up.made)
        return engine is not None and given_up.read_by not in (None, self.choice.version(engine, file.source))

    # One job --------------------------------------------------------------------------------------------------------

    async def work(self, until: int, kinds: Sequence[Made], *, background: bool | None = None) -> bool:
        """Do the most urgent job of these kinds that is due at `until` (microseconds UTC); False if there is none.

        The newest post comes first, so that a backlog never delays a new post.
        """
        for kind in kinds:
            sources = self._served(kind)
            if await self.store.read(jobs.is_due, kind, until, background=background, sources=sources):
                job = await self.store.run(
                    jobs.claim_newest, kind, until, lease=LEASE, healthy=self.claims.healthy, background=background,
                    sources=sources,
                )  # fmt: skip
                if job is not None:
                    try:
                        await self._do(kind, job, background=bool(background))
                    except Exception:
                        await self.store.run(jobs.postpone, [job.id], self.clock.now() + _AFTER_A_BUG)
                        raise
                    return True
        return False

    async def is_due(self, kinds: Sequence[Made], *, background: bool) -> bool:
        """Whether `work` would have something to do now."""
        for kind in kinds:
            sources = self._served(kind)
            if await self.store.read(jobs.is_due, kind, self.clock.now(), background=background, sources=sources):
                return True
        return False

    def _served(self, kind: Made) -> list[str] | None:
        """Sources whose jobs of this kind may be claimed now: those of a paused engine may not."""
        if not self.choice.engines:
            return []
        now = self.clock.now()
        return self.choice.served(kind, [name for name, pause in self._pauses.items() if pause.until > now])

    async def _do(self, kind: Made, job: ClaimedJob, *, background: bool) -> None:
        if kind == "translation":
            await self._translate(job)
            return
        found = await self.store.read(find_stored, int(job.slot))
        engine = self.choice.readers(found.source, found.kind, found.mime).get(kind) if found is not None else None
        if found is None or engine is None:
            await self.store.run(jobs.finish, [job.id])  # no engine reads such files any more
            return
        version = self.choice.version(engine, found.source)
        task = _Task(job, engine, version, found.id, f"{found.kind} {found.id} of {found.source}")
        if not self.claims.healthy and await self.store.read(crashes.is_suspect, job.id):
            await self.store.run(jobs.postpone, [job.id], self.claims.healthy_at)
            await asyncio.sleep(_SUSPECT_S)  # a single pass also takes what is due soon: it would ask for it at once
            return
        alone, broken_off = await self.store.read(crashes.was_interrupted, found.id), True
        async with self._places.taken(alone=alone):
            await self.store.run(crashes.begin_reading, found.id, self.clock.now())
            try:
                result = await self._try(task, lambda: self._read_file(engine, found, background=background))
                broken_off = False
            finally:
                await self.store.run(crashes.end_reading, found.id, broken_off=broken_off)
        if result is not None:
            read = await _fold(result)
            await self.store.run(_settle, task, kind, result, read, self.clock.now())
            self.stored()

    async def _translate(self, job: ClaimedJob) -> None:
        """Translate all texts of one post that the engine is configured for, and store them together."""
        source, said = await self.store.read(texts.find_untranslated, job.post_id)
        engine = self.choice.translator(source)
        made: list[tuple[int | None, EnrichResult]] = []
        for text in said:
            if engine is not None and engine.settings.wants_translated(text.language):
                task = _Task(job, engine, "", None, f"the translation of post {job.post_id}")
                result = await self._try(task, partial(self._translate_text, engine, text))
                if result is None:
                    return
                made.append((text.media_id, result))
        await self.store.run(_settle_translations, job, made, self.clock.now())
        if made:
            self.stored()

    async def _translate_text(self, engine: Engine, text: Untranslated) -> EnrichResult:
        """Translate one text, which is given to the child process as a file."""
        try:
            with tempfile.TemporaryDirectory(dir=self.sandbox.folder()) as folder:
                path = Path(folder) / "words"
                path.write_text(text.text, encoding="utf-8")
                words = MediaFile(path, "document", "text/plain", path.stat().st_size, languages=(text.language,))
                return await self.sandbox.run(engine, words)
        except OSError as problem:  # usually a full disk
            raise Later(f"engine {engine.settings.name}: cannot write the text to a file: {problem}") from problem

    async def _try(self, task: _Task, work: Callable[[], Awaitable[EnrichResult]]) -> EnrichResult | None:
        """The result of `work`; None if the job was postponed, failed or was given up, which is then in the archive."""
        name, job = task.engine.settings.name, task.job
        pause = self._pauses.setdefault(name, _Pause())
        if pause.since <= self.clock.now() < pause.until:
            await self.store.run(jobs.postpone, [job.id], pause.until)
            return None
        try:
            result = await work()
        except asyncio.CancelledError:
            await self.store.run(jobs.postpone, [job.id], self.clock.now())
            raise
        except Unfinished as problem:
            await self._put_behind(task, problem.reason)
            return None
        except Unfit as problem:
            await self.store.run(_give_up, task, problem.reason, self.clock.now())
        except (Later, Never) as problem:
            await self._pause(task, pause, problem)
        except Failed as problem:
            await self._count_failure(task, pause, f"engine {name}: {problem}")
        else:
            await self.incidents.end(f"engine {name}")
            pause.failures = pause.until = 0
            await self._note_finished(task)
            return result
        await self._note_finished(task)
        return None

    async def _put_behind(self, task: _Task, reason: str) -> None:
        """Try it again later, behind all that is fresh: the clock says nothing against a file or its engine."""
        times = self._unfinished[task.job.id] = self._unfinished.get(task.job.id, 0) + 1
        due_at = self.clock.now() + min(_UNFINISHED[0] << min(times - 1, 10), _UNFINISHED[1])
        await self.store.run(jobs.put_behind, task.job.id, due_at)
        if times >= _UNFINISHED_TOLD:
            await self.incidents.begin(f"reading of {task.name}", f"is tried again and again: {reason}")

    async def _note_finished(self, task: _Task) -> None:
        if self._unfinished.pop(task.job.id, 0) >= _UNFINISHED_TOLD:
            await self.incidents.end(f"reading of {task.name}")

    async def _read_file(self, engine: Engine, found: StoredMedia, *, background: bool) -> EnrichResult:
        path = self.sandbox.data_dir / found.path
        if not _is_whole(path, found.size):
            raise Unfit(f"the file {found.path} is missing or has another size")
        return await self.sandbox.run(
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
            background=background,
        )

    async def _count_failure(self, task: _Task, pause: _Pause, reason: str) -> None:
        """Count a failure against the file, unless the engine itself is broken: it would fail on every file."""
        try:
            await asyncio.to_thread(task.engine.ready)
        except Never as problem:
            await self._pause(task, pause, problem)
        else:
            await self.store.run(_failed, task, reason, self.clock.now())

    async def _pause(self, task: _Task, pause: _Pause, problem: Later | Never) -> None:
        """Postpone the job without counting a failure, and leave the engine alone for a while."""
        now = self.clock.now()
        pause.failures += 1
        pause.since = now
        if isinstance(problem, Never):
            pause.until = now + _STOPPED
        else:
            length = min(_PAUSE[0] << min(pause.failures - 1, 10), _PAUSE[1])
            pause.until = max(problem.retry_at or 0, now + length)
        about = f"engine {task.engine.settings.name}"
        if isinstance(problem, Never) or about not in await self.incidents.read_open():
            await self.incidents.begin(about, f"is not working; its files stay queued: {problem}")
        await self.store.run(jobs.postpone, [task.job.id], pause.until)


def _is_whole(path: Path, size: int) -> bool:
    try:
        return path.is_file() and not path.is_symlink() and path.stat().st_size == size
    except OSError:
        return False


async def _fold(result: EnrichResult) -> texts.Read:
    """Fold the words in a thread: a long text would block the archive's one writer."""
    reading = await asyncio.to_thread(texts.analyze, [storable(result.text)])
    return lambda _: reading


# In one transaction each ----------------------------------------------------------------------------------------------


def _settle(writer: Writer, task: _Task, kind: Made, result: EnrichResult, read: texts.Read, now: int) -> None:
    job = task.job
    jobs.finish(writer, [job.id])
    assert task.media_id is not None
    readings.mark_read(writer, task.media_id, task.version, now)
    text_id = texts.save_machine_text(writer, task.media_id, _text(kind, result), read, post_id=job.post_id)
    add_step(writer, "read", job.post_id, now, media_id=task.media_id, text_id=text_id)
    if text_id is not None:
        jobs.enqueue(writer, [NewJob("decide", job.post_id, now)])


def _give_up(writer: Writer, task: _Task, reason: str, now: int) -> None:
    jobs.give_up(writer, task.job.id, now, reason, announce=False)
    if task.media_id is not None:
        readings.mark_read(writer, task.media_id, task.version, now)


def _failed(writer: Writer, task: _Task, reason: str, now: int) -> None:
    if jobs.record_failure(writer, task.job.id, now, reason) and task.media_id is not None:
        readings.mark_read(writer, task.media_id, task.version, now)


def _settle_translations(
    writer: Writer, job: ClaimedJob, made: Sequence[tuple[int | None, EnrichResult]], now: int
) -> None:
    """Store the translations; enqueue a decision only for a new one, for each decision enqueues translations again."""
    jobs.finish(writer, [job.id])
    last = texts.find_last_id(writer, job.post_id)
    ids = [
        texts.save_machine_text(writer, media_id, _text("translation", result), post_id=job.post_id)
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
