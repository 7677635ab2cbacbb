"""PURE: how many bytes of files may still come, by the caps of the config and the free space of the disk."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bot.contracts.amounts import size_written
from storage.media.stored import NO_ROOM
from storage.records import DueMedia

if TYPE_CHECKING:
    from bot.config.model import MediaConfig
    from storage.media.rows import Usage

_LEAST = 64 << 10  # with less left nothing is begun; of a small cap a part of it


@dataclass(frozen=True, slots=True)
class NoRoom:
    """Why a file cannot come now, and for which source; `source` None: for all."""

    what: str
    source: str | None = None

    @property
    def reason(self) -> str:
        """As it is stored at the file."""
        return NO_ROOM + self.what


@dataclass(slots=True)
class _Coming:
    """A file under way: the bytes that it may take, and how many of them are on the disk already."""

    source: str
    most: int
    written: int = 0


@dataclass(frozen=True, slots=True)
class _Ceiling:
    left: int
    least: int
    word: NoRoom

    def lets(self, need: int) -> bool:
        return self.left >= max(need, self.least)


@dataclass(slots=True)
class MediaQuota:
    """What is stored and what is under way, counted so that no cap is exceeded, whatever size a file turns out to be.

    `free` is always what the disk has left at that moment, in bytes.
    """

    limits: "MediaConfig"
    usage: "Usage"
    _coming: dict[int, _Coming] = field(default_factory=dict)
    _needs: dict[int, tuple[str, int]] = field(default_factory=dict)  # by file: its source, and bytes at least

    def full(self, sources: Iterable[str], free: int) -> list[NoRoom]:
        """Where nothing at all may come: everywhere, or from some of these sources."""
        everywhere = self._none_for(None, 1, free)
        if everywhere is not None:
            return [everywhere]
        used, most = self.usage.by_source, self.limits.per_source - _least_of(self.limits.per_source)
        near = (name for name in sources if used.get(name, 0) > most)  # which are few of very many
        return [word for name in near if (word := self._none_for(name, 1, free)) is not None]

    def parked(self, free: int) -> dict[int, NoRoom]:
        """Files that are known to need more than there is."""
        words = {file: self._none_for(source, need, free) for file, (source, need) in self._needs.items()}
        return {file: word for file, word in words.items() if word is not None}

    def found(self, file: DueMedia, free: int) -> int | NoRoom | None:
        """The bytes that a file may take; None: ask again when what is under way has ended."""
        need = max(self._needs.get(file.id, ("", 1))[1], file.bytes or 1)
        ceilings = list(self._ceilings(file.source, free, coming=True))
        if all(ceiling.lets(need) for ceiling in ceilings):
            return min(self.limits.largest(file.kind), *(ceiling.left for ceiling in ceilings))
        word = self._none_for(file.source, need, free)
        if word is not None:
            self._needs[file.id] = (file.source, need)
        return word

    def _none_for(self, source: str | None, need: int, free: int) -> NoRoom | None:
        """Why nothing of `need` bytes may come, even if nothing were under way."""
        closed = [ceiling for ceiling in self._ceilings(source, free, coming=False) if not ceiling.lets(need)]
        return min(closed, key=lambda ceiling: ceiling.left).word if closed else None

    def _ceilings(self, source: str | None, free: int, *, coming: bool) -> Iterator[_Ceiling]:
        taken = list(self._coming.values())
        disk = free - self.limits.keep_free
        disk += -sum(one.most - one.written for one in taken) if coming else sum(one.written for one in taken)
        floor = f"less than [media] keep_free ({size_written(self.limits.keep_free)}) is left on the disk"
        yield _Ceiling(disk, _LEAST, NoRoom(floor if self.limits.keep_free else "the disk is full"))
        yield self._cap("total", self.limits.total, self.usage.total, taken if coming else [])
        if source is not None:
            own = [one for one in taken if one.source == source] if coming else []
            used = self.usage.by_source.get(source, 0)
            yield self._cap("per_source", self.limits.per_source, used, own, source)

    def _cap(self, key: str, cap: int, used: int, taken: list[_Coming], source: str | None = None) -> _Ceiling:
        left = cap - used - sum(one.most for one in taken)
        word = NoRoom(f"[media] {key} ({size_written(cap)}) is full", source)
        return _Ceiling(left, _least_of(cap), word)

    # What is under way ----------------------------------------------------------------------------------------------

    def begin(self, file: DueMedia, most: int) -> None:
        """Reserve so many bytes for a file."""
        self._coming[file.id] = _Coming(file.source, most)

    def wrote(self, file: DueMedia, count: int) -> None:
        """So many more of them are on the disk."""
        self._coming[file.id].written += count

    def cut(self, file: DueMedia, most: int) -> bool:
        """It is larger than the bytes that were reserved; False: it exceeds the cap of one file too."""
        if most >= self.limits.largest(file.kind):
            return False
        self._needs[file.id] = (file.source, most + 1)
        return True

    def end(self, file: DueMedia) -> None:
        """Release what was reserved."""
        self._coming.pop(file.id, None)

    def kept(self, file: DueMedia, size: int, *, new: bool) -> None:
        """It is stored; `new` if no other file has the same content."""
        self._needs.pop(file.id, None)
        self.usage.by_source[file.source] = self.usage.by_source.get(file.source, 0) + size
        if new:
            self.usage.total += size


def _least_of(cap: int) -> int:
    """Bytes that must be left under a cap for a file to come."""
    return max(min(_LEAST, cap // 64), 1)
