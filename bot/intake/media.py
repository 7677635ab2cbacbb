"""Fetches the bytes of files as soon as a post shows them, separately: text never waits for files."""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, runtime_checkable

from bot.archive import AsyncArchive
from bot.bells import Bell
from bot.clock import DAY, HOUR, SECOND, Clock
from bot.config.model import MediaConfig
from bot.contracts.source import Source
from bot.documents.counts import format_count
from bot.errors import Later, Never
from bot.http import Http, check_busy
from bot.incidents import Incidents
from bot.intake.quota import MediaQuota, NoRoom
from storage import jobs
from storage.alerts import notices
from storage.archive.database import Writer
from storage.archive.errors import ArchiveError, ArchiveUnwritable
from storage.events.steps import add_step
from storage.jobs import NewJob
from storage.media import rows
from storage.media.shelf import Kept, Shelf
from storage.media.stored import State
from storage.posts.ids import first_id
from storage.records import DueMedia
from storage.state_names import TOO_BIG

AT_ONCE = 4
_SLOW = frozenset({"video", "document"})
_SLOW_AT_ONCE = 1  # of the two connections to a host, so that a film never keeps a voice note waiting
_BATCH = 32
_GONE_TRIES = 3  # of a plain "no": its address may be renewed by the next poll
_TRIES = 16  # of everything else: about two days, which is how long addresses live
_BACK_OFF = (30 * SECOND, 6 * HOUR)
_SLOWEST = 100_000  # bytes a second; what is slower is broken
_LIFE = 2 * DAY  # of an address on a public page
_UNWANTED = "`media` of the source does not include"

JobsOf = Callable[[DueMedia, str, int], Sequence[NewJob]]  # of a file, with what its bytes are, at a time
Look = Callable[[Kept], Awaitable[str | None]]  # what a picture looks like


@runtime_checkable
class Carrier(Protocol):
    """A source that also brings files by another way than the web; it need not know this class."""

    def carries(self, url: str) -> bool:
        """Whether this address is one of its own."""
        ...

    async def carry(self, url: str, sink: Callable[[bytes], object], cap: int) -> None:
        """Hand the bytes to `sink`, whole; Later with state TOO_BIG beyond `cap`. Raises Later and Never."""
        ...


@dataclass(slots=True)
class MediaLane:
    """Fetches what is due. One failing file, host or source delays no other; a full disk stops all files, but no post.

    `jobs_of` lists what is to be made of a file, `look` says what it looks like; `stored` is called after each;
    `incidents` reports files that wait for space, `say` a damaged one.
    """

    archive: AsyncArchive
    clock: Clock
    files: Shelf
    http: Http
    limits: MediaConfig
    sources: Mapping[str, Source]
    jobs_of: JobsOf
    look: Look
    stored: Callable[[], None]
    say: Callable[[str], None]
    incidents: Incidents
    _quota: MediaQuota | None = None  # None: nothing was done yet
    _disk: str = ""  # why nothing can be written, empty if it can
    _under_way: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _slow: set[int] = field(default_factory=set)
    _bell: Bell = field(default_factory=Bell)

    def ring(self) -> None:
        """There may be something new to fetch."""
        self._bell.ring()

    async def run(self) -> None:
        """Fetch until cancelled."""
        while True:
            await self._start_due(self.clock.now())
            await self._bell.wait()

    async def drain(self, until: int) -> None:
        """Fetch all that is due or becomes due before `until` (microseconds UTC) if it fits the quota."""
        while True:
            if not await self._start_due(self.clock.now()) and not self._under_way:
                due = await self._next_due()
                if due is None or due > until or self._disk:
                    return
                await asyncio.sleep(max(due - self.clock.now(), SECOND // 10) / SECOND)
            if self._under_way:
                await asyncio.wait(list(self._under_way.values()), return_when=asyncio.FIRST_COMPLETED)

    async def aclose(self) -> None:
        """Stop what is under way; nothing of it stays, and all of it is due again."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _open_quota(self) -> MediaQuota:
        """The quota; the first call also saves files that a dead process had fetched and not written down."""
        if self._quota is None:
            for media_id, kept in await asyncio.to_thread(lambda: list(self.files.left_behind())):
                row = await self.archive.read(rows.find_file, media_id)
                if kept is not None and row is not None:
                    looks = await self.look(kept)
                    await self.archive.run(_store, row, kept, looks, self._jobs(row, kept), self.clock.now())
                if kept is not None:
                    await asyncio.to_thread(self.files.forget, media_id)
            await self._take_up_wanted(self.clock.now())
            self._quota = MediaQuota(self.limits, await self.archive.read(rows.measure_usage))
        return self._quota

    # What is due ----------------------------------------------------------------------------------------------------

    async def _start_due(self, now: int) -> int:
        """Begin what is due and fits; how many."""
        quota = await self._open_quota()
        if len(self._under_way) >= AT_ONCE:
            return 0
        free = self.files.free()
        full, parked = quota.full(self.sources, free), quota.parked(free)
        names = self._names(full)
        started, more = 0, bool(names)
        while more and len(self._under_way) < AT_ONCE:
            slow = len(self._slow) < _SLOW_AT_ONCE
            without = [*self._under_way, *parked]
            due = await self.archive.read(rows.find_due, now, sources=names, without=without, slow=slow, limit=_BATCH)
            before = started + len(parked)
            for file in due:
                if refused := self._refused(file):
                    await self.archive.run(rows.mark_given_up, file.id, *refused, now)
                    self.stored()
                    started += 1
                elif isinstance(found := quota.found(file, free), NoRoom):
                    parked[file.id] = found
                elif found is not None and self._is_free_for(file):
                    self._start(quota, file, found)
                    started += 1
            more = len(due) == _BATCH and started + len(parked) > before
        await self._explain(full, parked, now)
        return started

    async def _next_due(self) -> int | None:
        """When something is due for which there is space, microseconds UTC; None if nothing is."""
        quota, free = await self._open_quota(), self.files.free()
        names = self._names(quota.full(self.sources, free))
        return await self.archive.read(rows.find_next_due, sources=names, without=quota.parked(free)) if names else None

    def _names(self, full: Sequence[NoRoom]) -> list[str]:
        """Sources whose files may be fetched."""
        closed = {word.source for word in full}
        return [] if None in closed else [name for name in self.sources if name not in closed]

    def _is_free_for(self, file: DueMedia) -> bool:
        return len(self._under_way) < AT_ONCE and not (file.kind in _SLOW and len(self._slow) >= _SLOW_AT_ONCE)

    def _start(self, quota: MediaQuota, file: DueMedia, most: int) -> None:
        quota.begin(file, most)
        task = asyncio.create_task(self._save_file(quota, file, most), name=f"media {file.id}")
        self._under_way[file.id] = task
        if file.kind in _SLOW:
            self._slow.add(file.id)
        task.add_done_callback(partial(self._ended, quota, file))

    def _ended(self, quota: MediaQuota, file: DueMedia, task: asyncio.Task[None]) -> None:
        quota.end(file)
        self._under_way.pop(file.id, None)
        self._slow.discard(file.id)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, ArchiveError):  # the alarm has reported that
            self.say(f"{file.kind} {file.id} of {file.source} was not fetched: {type(error).__name__}: {error}")
        self.ring()

    def _refused(self, file: DueMedia) -> tuple[State, str] | None:
        """The state and reason of a file that is not fetched at all."""
        settings = self.sources[file.source].settings
        name = settings.name_in_media(file.kind)
        if name not in settings.media:
            return "refused", f"{_UNWANTED} {name}"
        cap = self.limits.largest(file.kind)
        if file.bytes is not None and file.bytes > cap:
            return "too big", f"its source says {file.bytes:,} bytes, at most {cap:,} are fetched"
        return None

    async def _take_up_wanted(self, now: int) -> None:
        """Make due what an earlier config had refused and this one wants, where its address may still be good."""
        found = await self.archive.read(rows.find_refused, first_id((now - _LIFE) // SECOND))
        wanted = [file for file, *why in found if file.source in self.sources and self._is_wanted_now(file, *why)]
        if wanted:
            await self.archive.run(rows.retry_now, [file.id for file in wanted], now)
        for source, count in Counter(file.source for file in wanted).items():
            self.say(
                f"the config wants more files of {source} than before: {format_count(count, 'file')} of the last two "
                f"days will be fetched; for older ones run: communique media fetch --source {source}"
            )

    def _is_wanted_now(self, file: DueMedia, state: str, reason: str) -> bool:
        """Whether the config refused it, as unwanted or as larger than a number in the reason, and no longer would."""
        sizes = [int(number) for number in re.findall(r"\b\d+\b", reason.replace(",", ""))]
        is_limit = state == "too big" and max(sizes, default=0) < self.limits.largest(file.kind)
        return self._refused(file) is None and (is_limit or reason.startswith(_UNWANTED))

    # What there is no space for -------------------------------------------------------------------------------------

    async def _explain(self, full: Sequence[NoRoom], parked: Mapping[int, NoRoom], now: int) -> None:
        """Write at each file why it waits, and report that files wait."""
        if full or parked:
            await self.archive.run(_explain, full, parked, now)
            self.stored()
        found = {_files(word.source): word.what for word in (*full, *parked.values())}
        for about, what in found.items():
            await self.incidents.begin(about, f"wait: {what}")
        for about in [about for about in await self.incidents.read_open() if about.startswith("files")]:
            if about not in found:
                await self.incidents.end(about)

    def _report_disk(self, what: str) -> None:
        """Report a change; an empty string: files can be written again."""
        if bool(what) != bool(self._disk):
            self.say(f"files wait: {what}" if what else "files are fetched again")
        self._disk = what

    # One file -------------------------------------------------------------------------------------------------------

    async def _save_file(self, quota: MediaQuota, file: DueMedia, most: int) -> None:
        """Fetch one file and save the outcome. Raises only what the archive raises."""
        try:
            kept = await self._fetch(quota, file, most)
        except _DiskError as problem:
            self._report_disk(str(problem))
            await self.archive.run(
                rows.schedule_retry, [file.id], str(problem), self._next(file), self.clock.now(), failed=False
            )
        except (Later, Never) as problem:
            too_big = isinstance(problem, Later) and problem.state == TOO_BIG
            if not (too_big and quota.cut(file, most)):
                await self._settle(file, problem)
        except ArchiveUnwritable:
            raise
        except ArchiveError as problem:
            await self.archive.run(_damaged, file, str(problem), self.clock.now())
            self.say(str(problem))
        else:
            self._report_disk("")
            looks = await self.look(kept)
            if await self.archive.run(_store, file, kept, looks, self._jobs(file, kept), self.clock.now()):
                quota.kept(file, kept.size, new=kept.new)
            await asyncio.to_thread(self.files.forget, file.id)
        self.stored()

    async def _fetch(self, quota: MediaQuota, file: DueMedia, most: int) -> Kept:
        source = self.sources[file.source]
        try:
            with self.files.arriving(file.id) as arriving:

                def sink(piece: bytes) -> None:
                    _write(arriving.write, piece)
                    quota.wrote(file, len(piece))

                if isinstance(source, Carrier) and source.carries(file.url):
                    await source.carry(file.url, sink, most)
                else:
                    await self._over_the_web(file.url, sink, most)
                if arriving.size == 0:
                    raise Later("the file is empty")
                return await asyncio.to_thread(arriving.keep)
        except OSError as problem:
            raise _DiskError(f"cannot write to disk ({problem.strerror})") from problem

    async def _over_the_web(self, url: str, sink: Callable[[bytes], object], cap: int) -> None:
        reply = await self.http.get(url, cap=cap, deadline=60 + cap / _SLOWEST, foreign=True, sink=sink)
        busy = check_busy(reply, self.clock.now())
        if busy is not None:
            raise busy
        if not reply.ok:
            raise _Denied(reply.status)

    async def _settle(self, file: DueMedia, problem: Later | Never) -> None:
        now, tries = self.clock.now(), file.failures + 1
        state, reason = _outcome(problem, tries)
        if state is not None:
            await self.archive.run(rows.mark_given_up, file.id, state, reason, now)
            return
        at = self._next(file)
        if isinstance(problem, Later) and problem.retry_at is not None:
            at = max(problem.retry_at, at)
        await self.archive.run(rows.schedule_retry, [file.id], reason, at, now, failed=True)

    def _next(self, file: DueMedia) -> int:
        return self.clock.now() + min(_BACK_OFF[0] << min(file.failures, 20), _BACK_OFF[1])

    def _jobs(self, file: DueMedia, kept: Kept) -> list[NewJob]:
        return list(self.jobs_of(file, kept.sniffed, self.clock.now()))


class _DiskError(Exception):
    """The disk, not the network: nothing counts as a try."""


class _Denied(Later):
    """A plain "no" of the server: 404, 403 and their kin."""

    def __init__(self, status: int) -> None:
        super().__init__(f"its server answered {status}")
        self.status = status


def _write(write: Callable[[bytes], None], piece: bytes) -> None:
    try:
        write(piece)
    except OSError as problem:  # to the HTTP client it would look like a broken connection
        raise _DiskError(f"cannot write to disk ({problem.strerror})") from problem


def _outcome(problem: Later | Never, tries: int) -> tuple[State | None, str]:
    """The state of a file after so many tries (None: it is tried again), and the reason."""
    if isinstance(problem, Never):
        return "refused", str(problem)
    if problem.state == TOO_BIG:
        return "too big", problem.reason
    if isinstance(problem, _Denied):
        if tries < _GONE_TRIES:
            return None, problem.reason
        return ("gone" if problem.status in (404, 410) else "refused"), f"{problem.reason}, {tries} times"
    if tries < _TRIES:
        return None, problem.reason
    return "gone", f"tried {tries} times: {problem.reason}"


def _store(writer: Writer, file: DueMedia, kept: Kept, looks: str | None, new: list[NewJob], now: int) -> bool:
    if not rows.mark_stored(writer, file.id, kept, now, picture=looks):
        return False
    add_step(writer, "file", file.post_id, now, media_id=file.id, unread=any(job.kind == "ocr" for job in new))
    jobs.enqueue(writer, new)
    return True


def _explain(writer: Writer, full: Sequence[NoRoom], parked: Mapping[int, NoRoom], now: int) -> None:
    for word in full:
        rows.set_reason(writer, word.reason, now, source=word.source)
    for media_id, word in parked.items():
        rows.set_reason(writer, word.reason, now, media_id=media_id)


def _files(source: str | None) -> str:
    return "files" if source is None else f"files of {source}"


def _damaged(writer: Writer, file: DueMedia, reason: str, now: int) -> None:
    rows.mark_given_up(writer, file.id, "refused", reason, now)
    notices.add(writer, now, f"media {file.id}", reason)
