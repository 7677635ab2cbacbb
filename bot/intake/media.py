"""Fetches the bytes of files as soon as a post shows them, in a lane of its own: the text never waits for it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, runtime_checkable

from bot.archive import AsyncArchive
from bot.bells import Bell
from bot.clock import HOUR, SECOND, Clock
from bot.config.model import MediaConfig
from bot.contracts.source import Source
from bot.errors import Later, Never
from bot.http import TOO_BIG, Http, waits
from bot.incidents import Incidents
from bot.intake.quota import MediaQuota, NoRoom
from storage import jobs
from storage.alerts import notices
from storage.archive.database import Writer
from storage.archive.errors import ArchiveError, ArchiveUnwritable
from storage.jobs import NewJob
from storage.media import rows
from storage.media.shelf import Kept, Shelf
from storage.records import DueMedia

AT_ONCE = 4
_SLOW = frozenset({"video", "document"})
_SLOW_AT_ONCE = 1  # of the two connections to a host, so that a film never keeps a voice note waiting
_BATCH = 32
_GONE_TRIES = 3  # of a plain "no": its address may be renewed by the next poll
_TRIES = 16  # of everything else: about two days, which is how long addresses live
_BACK_OFF = (30 * SECOND, 6 * HOUR)
_SLOWEST = 100_000  # bytes a second; what is slower is broken
_SAME_AS: Mapping[str, str] = {"round": "video"}  # how `media` of a source names a kind

JobsOf = Callable[[DueMedia, str, int], Sequence[NewJob]]  # of a file, with what its bytes are, at a time


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
    """Brings what is due. One failing file, host or source delays no other; a full disk stops all of them, not posts.

    `jobs_of` says what is to be made of a file that came; `stored` is called after each; `troubles` hears when files
    have to wait for room and when they go on, `speak` of one that is damaged.
    """

    store: AsyncArchive
    clock: Clock
    files: Shelf
    http: Http
    limits: MediaConfig
    sources: Mapping[str, Source]
    jobs_of: JobsOf
    stored: Callable[[], None]
    speak: Callable[[str], None]
    troubles: Incidents
    _room: MediaQuota | None = None
    _disk: str = ""  # what it said when it took no more
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
        """Fetch all that is due or becomes due before `until` (microseconds UTC) and for which there is room."""
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

    async def _opened(self) -> MediaQuota:
        """At first make good what a dead process had kept and could not write down; count what there is."""
        if self._room is None:
            for media_id, kept in await asyncio.to_thread(lambda: list(self.files.left_behind())):
                row = await self.store.read(rows.place, media_id)
                if kept is not None and row is not None:
                    await self.store.run(_store, row, kept, self._jobs(row, kept), self.clock.now())
                if kept is not None:
                    await asyncio.to_thread(self.files.forget, media_id)
            self._room = MediaQuota(self.limits, await self.store.read(rows.usage))
        return self._room

    # What is due ----------------------------------------------------------------------------------------------------

    async def _start_due(self, now: int) -> int:
        """Begin what is due and has room; how many."""
        room = await self._opened()
        if len(self._under_way) >= AT_ONCE:
            return 0
        free = self.files.free()
        full, parked = room.full(self.sources, free), room.parked(free)
        names = self._names(full)
        started, more = 0, bool(names)
        while more and len(self._under_way) < AT_ONCE:
            slow = len(self._slow) < _SLOW_AT_ONCE
            without = [*self._under_way, *parked]
            due = await self.store.read(rows.due, now, sources=names, without=without, slow=slow, limit=_BATCH)
            before = started + len(parked)
            for file in due:
                if refused := self._refused(file):
                    await self.store.run(rows.given_up, file.id, *refused, now)
                    self.stored()
                    started += 1
                elif isinstance(found := room.found(file, free), NoRoom):
                    parked[file.id] = found
                elif found is not None and self._has_hands(file):
                    self._start(room, file, found)
                    started += 1
            more = len(due) == _BATCH and started + len(parked) > before
        await self._explain(full, parked, now)
        return started

    async def _next_due(self) -> int | None:
        """When something is due for which there is room, microseconds UTC; None if nothing is."""
        room, free = await self._opened(), self.files.free()
        names = self._names(room.full(self.sources, free))
        return await self.store.read(rows.next_due, sources=names, without=room.parked(free)) if names else None

    def _names(self, full: Sequence[NoRoom]) -> list[str]:
        """Sources of which something may come."""
        closed = {word.source for word in full}
        return [] if None in closed else [name for name in self.sources if name not in closed]

    def _has_hands(self, file: DueMedia) -> bool:
        return len(self._under_way) < AT_ONCE and not (file.kind in _SLOW and len(self._slow) >= _SLOW_AT_ONCE)

    def _start(self, room: MediaQuota, file: DueMedia, most: int) -> None:
        room.begin(file, most)
        task = asyncio.create_task(self._bring(room, file, most), name=f"media {file.id}")
        self._under_way[file.id] = task
        if file.kind in _SLOW:
            self._slow.add(file.id)
        task.add_done_callback(partial(self._ended, room, file))

    def _ended(self, room: MediaQuota, file: DueMedia, task: asyncio.Task[None]) -> None:
        room.end(file)
        self._under_way.pop(file.id, None)
        self._slow.discard(file.id)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.speak(f"{file.kind} {file.id} of {file.source} was not fetched: {type(error).__name__}: {error}")
        self.ring()

    def _refused(self, file: DueMedia) -> tuple[rows.State, str] | None:
        """What is not even asked for, with the reason."""
        settings = self.sources[file.source].settings
        if _SAME_AS.get(file.kind, file.kind) not in settings.media:
            return "refused", f"`media` of the source does not name {_SAME_AS.get(file.kind, file.kind)}"
        cap = self.limits.largest(file.kind)
        if file.bytes is not None and file.bytes > cap:
            return "too big", f"{file.bytes:,} bytes by its source, at most {cap:,} are fetched"
        return None

    # What there is no room for --------------------------------------------------------------------------------------

    async def _explain(self, full: Sequence[NoRoom], parked: Mapping[int, NoRoom], now: int) -> None:
        """Say beside each file why it waits, and to people that it does."""
        if full or parked:
            await self.store.run(_explain, full, parked, now)
            self.stored()
        found = {_files(word.source): word.what for word in (*full, *parked.values())}
        for about, what in found.items():
            await self.troubles.broke(about, f"wait: {what}")
        for about in [about for about in await self.troubles.standing() if about.startswith("files")]:
            if about not in found:
                await self.troubles.over(about)

    def _disk_says(self, what: str) -> None:
        """An empty string: it takes files again."""
        if bool(what) != bool(self._disk):
            self.speak(f"files wait: {what}" if what else "files go on")
        self._disk = what

    # One file -------------------------------------------------------------------------------------------------------

    async def _bring(self, room: MediaQuota, file: DueMedia, most: int) -> None:
        """Fetch one file and write down what became of it. Raises only what the archive raises."""
        try:
            kept = await self._fetched(room, file, most)
        except _DiskTrouble as problem:
            self._disk_says(str(problem))
            await self.store.run(rows.again, [file.id], str(problem), self._next(file), self.clock.now(), failed=False)
        except (Later, Never) as problem:
            too_big = isinstance(problem, Later) and problem.state == TOO_BIG
            if not (too_big and room.cut(file, most)):
                await self._settle(file, problem)
        except ArchiveUnwritable:
            raise
        except ArchiveError as problem:
            await self.store.run(_damaged, file, str(problem), self.clock.now())
            self.speak(str(problem))
        else:
            self._disk_says("")
            if await self.store.run(_store, file, kept, self._jobs(file, kept), self.clock.now()):
                room.kept(file, kept.size, new=kept.new)
            await asyncio.to_thread(self.files.forget, file.id)
        self.stored()

    async def _fetched(self, room: MediaQuota, file: DueMedia, most: int) -> Kept:
        source = self.sources[file.source]
        try:
            with self.files.arriving(file.id) as arriving:

                def sink(piece: bytes) -> None:
                    _written(arriving.write, piece)
                    room.wrote(file, len(piece))

                if isinstance(source, Carrier) and source.carries(file.url):
                    await source.carry(file.url, sink, most)
                else:
                    await self._over_the_web(file.url, sink, most)
                if arriving.size == 0:
                    raise Later("it came without a byte")
                return await asyncio.to_thread(arriving.keep)
        except OSError as problem:
            raise _DiskTrouble(f"the disk does not take them ({problem.strerror})") from problem

    async def _over_the_web(self, url: str, sink: Callable[[bytes], object], cap: int) -> None:
        reply = await self.http.get(url, cap=cap, deadline=60 + cap / _SLOWEST, foreign=True, sink=sink)
        busy = waits(reply, self.clock.now())
        if busy is not None:
            raise busy
        if not reply.ok:
            raise _Denied(reply.status)

    async def _settle(self, file: DueMedia, problem: Later | Never) -> None:
        now, tries = self.clock.now(), file.failures + 1
        state, reason = _verdict(problem, tries)
        if state is not None:
            await self.store.run(rows.given_up, file.id, state, reason, now)
            return
        at = self._next(file)
        if isinstance(problem, Later) and problem.retry_at is not None:
            at = max(problem.retry_at, at)
        await self.store.run(rows.again, [file.id], reason, at, now, failed=True)

    def _next(self, file: DueMedia) -> int:
        return self.clock.now() + min(_BACK_OFF[0] << min(file.failures, 20), _BACK_OFF[1])

    def _jobs(self, file: DueMedia, kept: Kept) -> list[NewJob]:
        return list(self.jobs_of(file, kept.sniffed, self.clock.now()))


class _DiskTrouble(Exception):
    """The disk, not the network: nothing counts as a try."""


class _Denied(Later):
    """A plain "no" of the server: 404, 403 and their kin."""

    def __init__(self, status: int) -> None:
        super().__init__(f"its server answered {status}")
        self.status = status


def _written(write: Callable[[bytes], None], piece: bytes) -> None:
    try:
        write(piece)
    except OSError as problem:  # in the client's hands it would look like a broken connection
        raise _DiskTrouble(f"the disk does not take them ({problem.strerror})") from problem


def _verdict(problem: Later | Never, tries: int) -> tuple[rows.State | None, str]:
    """What becomes of a file after so many tries, None: it is tried again; and the reason."""
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


def _store(writer: Writer, file: DueMedia, kept: Kept, new: list[NewJob], now: int) -> bool:
    if not rows.stored(writer, file.id, kept, now):
        return False
    jobs.enqueue(writer, new)
    return True


def _explain(writer: Writer, full: Sequence[NoRoom], parked: Mapping[int, NoRoom], now: int) -> None:
    for word in full:
        rows.explain(writer, word.reason, now, source=word.source)
    for media_id, word in parked.items():
        rows.explain(writer, word.reason, now, media_id=media_id)


def _files(source: str | None) -> str:
    return "files" if source is None else f"files of {source}"


def _damaged(writer: Writer, file: DueMedia, reason: str, now: int) -> None:
    rows.given_up(writer, file.id, "refused", reason, now)
    notices.add(writer, now, f"media {file.id}", reason)
