"""Reads stored bytes again where a better reader has come since: first what is shown again, then everything else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.archive import AsyncArchive
from bot.clock import Clock
from bot.contracts.source import Rereader, Source
from bot.errors import Later
from storage.archive.columns import id_text
from storage.posts import rereading
from storage.posts.rereading import Reread
from storage.records import FetchedPost, StoredRaw

if TYPE_CHECKING:
    from storage.archive.database import Reader, Writer

_AT_ONCE = 50  # posts: a step takes a fraction of a second


def reader_of(source: Source) -> int:
    """The number of the reader of this source; 0 where it does not read again."""
    return source.reader_number if isinstance(source, Rereader) else 0


async def read_shown_again(
    archive: AsyncArchive, clock: Clock, source: Source, source_id: int, posts: Sequence[FetchedPost]
) -> None:
    """Read again what is stored of these posts, so that only what their source has changed is an edit.

    Raises Later where reading failed for once.
    """
    number = reader_of(source)
    if number and posts:
        ids = [post.native_id for post in posts]
        stored = await archive.read(rereading.find_shown, source_id, ids, number)
        await _save(archive, clock, source, stored, {id_text(post.native_id): post for post in posts})


async def read_checked_again(
    archive: AsyncArchive, clock: Clock, source: Source, post_id: int, post: FetchedPost | None
) -> None:
    """The same for one post that was looked at again."""
    number = reader_of(source)
    if number and post is not None:
        stored = await archive.read(rereading.find_posts, [post_id], number)
        await _save(archive, clock, source, stored, {id_text(post.native_id): post})


async def _save(
    archive: AsyncArchive,
    clock: Clock,
    source: Source,
    stored: Sequence[StoredRaw],
    shown: Mapping[str, FetchedPost],
) -> None:
    stored = [one for one in stored if one.native_id in shown]
    if not stored or not isinstance(source, Rereader):
        return
    same = {one.native_id for one in stored if shown[one.native_id].raw.data == one.raw.data}
    others = [one for one in stored if one.native_id not in same]
    read = dict(zip((one.native_id for one in others), await source.reread(others), strict=True)) if others else {}
    found = [Reread(one, read.get(one.native_id) or _as_shown(one, shown[one.native_id])) for one in stored]
    await archive.run(rereading.save, found, source.reader_number, clock.now())


def _as_shown(stored: StoredRaw, shown: FetchedPost) -> FetchedPost | None:
    """What the source shows now, for bytes that are the same, or of the same form and cannot be read any more.

    Whether the latter say something else than they did cannot be known; that is no ground for an alert.
    """
    forms = {raw.mime.partition(";")[0] for raw in (stored.raw, shown.raw)}
    return shown if len(forms) == 1 or shown.raw.data == stored.raw.data else None


@dataclass(slots=True)
class Rereading:
    """The rereading of everything that an older reader has read, source by source."""

    archive: AsyncArchive
    clock: Clock
    sources: Mapping[str, Source] = field(default_factory=dict)
    _noted: dict[str, int] = field(default_factory=dict)  # readers that are written down

    async def do_some(self) -> bool:
        """Read some posts again; False if nothing is left that can be read now."""
        readers = {name: number for name, source in self.sources.items() if (number := reader_of(source))}
        if self._noted != readers:
            await self.archive.run(_note, readers)
            self._noted = readers
        left = list(readers.items())
        while (found := await self.archive.read(_find_next, left)) is not None:
            place, stored, damaged = found
            name, number = left[place]
            if damaged:
                await self.archive.run(rereading.set_unreadable, damaged, number)
                return True
            if await self._read(self.sources[name], stored):
                return True
            left = left[place + 1 :]
        return False

    async def _read(self, source: Source, stored: Sequence[StoredRaw]) -> bool:
        assert isinstance(source, Rereader)
        try:
            posts = await source.reread(stored)
        except Later:  # the next hour is as good
            return False
        found = [Reread(one, post) for one, post in zip(stored, posts, strict=True)]
        await self.archive.run(rereading.save, found, source.reader_number, self.clock.now())
        return True


def _find_next(
    reader: "Reader", readers: Sequence[tuple[str, int]]
) -> tuple[int, Sequence[StoredRaw], Sequence[int]] | None:
    """The first of these sources of which something is left, by its place, and what; None if nothing is."""
    for place, (name, number) in enumerate(readers):
        stored, damaged = rereading.find_next(reader, name, number, _AT_ONCE)
        if stored or damaged:
            return place, stored, damaged
    return None


def _note(writer: "Writer", readers: Mapping[str, int]) -> None:
    for name, number in readers.items():
        rereading.set_reader(writer, name, number)
