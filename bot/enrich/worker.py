"""Claims what is to be heard, read or translated, has it done in a bounded child process, and stores the words."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import get_args

from sqlalchemy import Connection

from bot.clock import HOUR, MINUTE, Clock
from bot.enrich._choice import chosen, translator
from bot.enrich._contract import Engine, EnrichResult, Made, Media, Unfit
from bot.enrich._run import Failed, Workshop
from bot.enrich.translate import wants
from bot.errors import Later, Never
from bot.store import Store
from storage import jobs, media, texts
from storage.jobs import ClaimedJob, NewJob
from storage.media import StoredMedia
from storage.records import MediaKind
from storage.texts import Untranslated

KINDS: tuple[Made, ...] = get_args(Made)  # in the order of their urgency
FILES: tuple[Made, ...] = ("transcript", "ocr")
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

    async def work(self, until: int, kinds: Sequence[Made] = KINDS) -> bool:
        """Do the most urgent job of these kinds that is due at `until` (microseconds UTC); False if there is none.

        The newest post comes first, so that a backlog never holds up what has just come.
        """
        if not self.engines:
            return False
        for kind in kinds:
            claimed = await self.store.run(jobs.claim, kind, until, lease=LEASE, limit=1, newest=True)
            if claimed:
                await self._do(kind, claimed[0])
                return True
        return False

    async def _do(self, kind: Made, job: ClaimedJob) -> None:
        if kind == "translation":
            await self._translate(job)
            return
        found = await self.store.read(media.stored_one, int(job.slot))
        engine = None
        if found is not None:
            engine = chosen(self.engines, found.source, self.tags.get(found.source, ()), found.kind, found.mime).get(
                kind
            )
        if found is None or engine is None:
            await self.store.run(jobs.done, [job.id])  # no engine reads it any more: nothing is owed
            return
        what = f"{found.kind} {found.id} of {found.source}"
        result = await self._tried(job, engine, lambda: self._read(engine, found), what)
        if result is not None:
            await self.store.run(_settle, job, found.id, kind, result, self.clock.now())
            self.stored()

    async def _translate(self, job: ClaimedJob) -> None:
        """Translate whatever of one post is in a language that the engine is to translate, and store it together."""
        source, said = await self.store.read(texts.untranslated, job.post_id)
        engine = translator(self.engines, source, self.tags.get(source, ()))
        made: list[tuple[int | None, EnrichResult]] = []
        for text in said:
            if engine is not None and wants(engine.settings, text.language):
                work = partial(self._translated, engine, text)
                result = await self._tried(job, engine, work, f"the translation of post {job.post_id}")
                if result is None:
                    return
                made.append((text.media_id, result))
        await self.store.run(_settle_translations, job, made, self.clock.now())
        if made:
            self.stored()

    async def _translated(self, engine: Engine, text: Untranslated) -> EnrichResult:
        """Have the words read from a file, as everything is that a child process is given."""
        with tempfile.TemporaryDirectory(dir=self.workshop.place()) as folder:
            path = Path(folder) / "words"
            path.write_text(text.text, encoding="utf-8")
            words = Media(path, "document", "text/plain", path.stat().st_size, languages=(text.language,))
            return await self.workshop.run(engine, words)

    async def _tried(
        self, job: ClaimedJob, engine: Engine, work: Callable[[], Awaitable[EnrichResult]], what: str
    ) -> EnrichResult | None:
        """What the engine makes of it; None where the job was put off, has failed or is given up, and that is noted."""
        rest = self._rests.setdefault(engine.settings.name, _Rest())
        if rest.until > self.clock.now():
            await self.store.run(jobs.postpone, [job.id], rest.until)
            return None
        try:
            result = await work()
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
                self.speak(f"{what} is given up: {reason}")
        else:
            if rest.failures:
                self.speak(f"engine {engine.settings.name} works again")
            rest.failures = rest.until = 0
            return result
        return None

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
    jobs.done(writer, [job.id])
    if texts.put_machine(writer, media_id, _text(kind, result), post_id=job.post_id) is not None:
        jobs.enqueue(writer, [NewJob("decide", job.post_id, now)])


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
