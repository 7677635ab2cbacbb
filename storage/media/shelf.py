"""Keeps the bytes of files by their content: written once, never over, private, whole or not at all.

    media/.incoming/<media id>      while it arrives; at a start only what a dead process left
    media/ab/cd/<sha256>            mode 0400, a second name of the same file until the archive knows it

Sync, and no database: `storage.media.rows` says what has been kept.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from errno import EMLINK, ENOTSUP, EPERM
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Self

from storage.archive.errors import ArchiveDamaged, ArchiveRefused
from storage.archive.permissions import create_or_check
from storage.media.types import HEAD, sniff

_NEW = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_PIECE = 1 << 20
_INCOMING = ".incoming"


@dataclass(frozen=True, slots=True)
class Kept:
    """A file under the name of its content; `path` counts from the data directory.

    `new` says that no file with this content stood there before.
    """

    sha256: str
    size: int
    path: str
    sniffed: str
    new: bool = field(default=True, compare=False)


class Shelf:
    """The media directory of one data directory. Only the process that holds the lock writes to it.

    What the disk says comes as OSError; a place that is not as we left it raises ArchiveRefused or ArchiveDamaged.
    """

    def __init__(self, data_dir: Path) -> None:
        self.root = data_dir / "media"

    def arriving(self, media_id: int) -> Arriving:
        """Open a new file for the bytes of one row; use it as a context manager."""
        with self._folder(_INCOMING) as incoming:
            name = str(media_id)
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=incoming)
            return Arriving(self, name, os.open(name, _NEW, 0o600, dir_fd=incoming))

    def left_behind(self) -> Iterator[tuple[int, Kept | None]]:
        """What a dead process was at: (row, what it had kept whole), or None where the bytes had not all come.

        A file that was cut off is removed here; one that was kept stays until `forget`.
        """
        with self._folder(_INCOMING) as incoming:
            names = os.listdir(incoming)  # noqa: PTH208  of the folder that we hold, whatever its name is now
        for name in sorted(names):
            kept = self._kept_whole(name)
            if kept is None:
                self._unlink_incoming(name)
            if name.isdigit():
                yield int(name), kept

    def forget(self, media_id: int) -> None:
        """The archive knows the file now: only the name of its content stays."""
        self._unlink_incoming(str(media_id))

    def free(self) -> int:
        """Bytes that are left on the disk."""
        return shutil.disk_usage(self.root if self.root.is_dir() else self.root.parent).free

    def fault(self, digest: str, size: int) -> str | None:
        """What is wrong with the file of a content; None if it is there, whole and as its name says."""
        where = self.root / digest[:2] / digest[2:4] / digest
        try:
            descriptor = os.open(where, _OLD)
        except OSError as problem:
            return f"{where} cannot be read ({problem.strerror})"
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                return f"{where} is not a file"
            if found.st_size != size:
                return f"{where} has {found.st_size:,} of {size:,} bytes"
            return None if _digest(descriptor) == digest else f"{where} does not hold what its name says"
        except OSError as problem:
            return f"{where} cannot be read ({problem.strerror})"
        finally:
            os.close(descriptor)

    # Names --------------------------------------------------------------------------------------------------------

    @contextmanager
    def _folder(self, *names: str) -> Iterator[int]:
        """A descriptor of a folder below the media directory, made with mode 0700; no step follows a link."""
        create_or_check(self.root)
        try:
            here = os.open(self.root, _FOLDER)
        except OSError as problem:
            raise ArchiveRefused(f"{self.root} is a link: put the data directory itself there", self.root) from problem
        try:
            for name in names:
                with suppress(FileExistsError):
                    os.mkdir(name, 0o700, dir_fd=here)
                    os.fsync(here)
                try:
                    inner = os.open(name, _FOLDER, dir_fd=here)
                except OSError as problem:
                    raise ArchiveRefused(
                        f"{self.root / name} is not the directory that we made ({problem.strerror}): look at it",
                        self.root,
                    ) from problem
                os.close(here)
                here = inner
            yield here
        finally:
            os.close(here)

    def _shelve(self, name: str, digest: str, size: int) -> bool:
        """Give an incoming file, which is whole and on disk, the name of its content; whether that is a new one."""
        new = True
        with self._folder(_INCOMING) as incoming, self._folder(digest[:2], digest[2:4]) as shelf:
            try:
                os.link(name, digest, src_dir_fd=incoming, dst_dir_fd=shelf, follow_symlinks=False)
            except FileExistsError:
                self._same(shelf, digest, size)
                new = False
            except OSError as problem:
                if problem.errno not in (EPERM, ENOTSUP, EMLINK):
                    raise
                os.rename(name, digest, src_dir_fd=incoming, dst_dir_fd=shelf)  # a disk that knows no second names
            os.fsync(shelf)
        return new

    def _same(self, shelf: int, digest: str, size: int) -> None:
        """The file of that name must have that content; it is never written over. Raises ArchiveDamaged."""
        where = self.root / digest[:2] / digest[2:4] / digest
        try:
            descriptor = os.open(digest, _OLD, dir_fd=shelf)
        except OSError as problem:
            raise ArchiveDamaged(
                f"{where} is not a file that we made ({problem.strerror}): look at it", where
            ) from problem
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_size != size or _digest(file.fileno()) != digest:
                raise ArchiveDamaged(f"{where} does not hold what its name says: look at it, then remove it", where)

    def _kept_whole(self, name: str) -> Kept | None:
        """What an incoming file became, if it had got its second name."""
        with self._folder(_INCOMING) as incoming:
            try:
                descriptor = os.open(name, _OLD, dir_fd=incoming)
            except OSError:
                return None
            try:
                found = os.fstat(descriptor)
                if not stat.S_ISREG(found.st_mode) or found.st_nlink != 2:
                    return None
                head = os.pread(descriptor, HEAD, 0)
                digest = _digest(descriptor)
            finally:
                os.close(descriptor)
        shelved = self.root / digest[:2] / digest[2:4] / digest
        try:
            same = os.lstat(shelved).st_ino == found.st_ino
        except OSError:
            return None
        return Kept(digest, found.st_size, path_of(digest), sniff(head)) if same else None

    def _unlink_incoming(self, name: str) -> None:
        with self._folder(_INCOMING) as incoming, suppress(FileNotFoundError):
            os.unlink(name, dir_fd=incoming)


class Arriving:
    """One file while its bytes come: `write` them, then `keep`. Left without `keep`, nothing of it stays."""

    def __init__(self, files: Shelf, name: str, descriptor: int) -> None:
        self.size = 0
        self._files = files
        self._name = name
        self._descriptor = descriptor
        self._hash = sha256()
        self._head = b""
        self._whole = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)
        if not self._whole:
            self._files._unlink_incoming(self._name)  # noqa: SLF001  the two classes are one door

    def write(self, piece: bytes) -> None:
        """Append. Raises OSError where the disk is full."""
        if len(self._head) < HEAD:
            self._head += piece[: HEAD - len(self._head)]
        self._hash.update(piece)
        self.size += len(piece)
        view = memoryview(piece)
        while view:
            view = view[os.write(self._descriptor, view) :]

    @property
    def sha256(self) -> str:
        """The content that has come so far."""
        return self._hash.hexdigest()

    def keep(self) -> Kept:
        """Put it on disk under the name of its content. Slow (fsync): call it from a thread.

        Its incoming name stays until `Files.forget`, so that a death in between is made good at the next start.
        """
        os.fchmod(self._descriptor, 0o400)
        os.fsync(self._descriptor)
        digest = self._hash.hexdigest()
        new = self._files._shelve(self._name, digest, self.size)  # noqa: SLF001  the two classes are one door
        self._whole = True
        return Kept(digest, self.size, path_of(digest), sniff(self._head), new)


def path_of(digest: str) -> str:
    """Where the bytes of a content are, counted from the data directory."""
    return f"media/{digest[:2]}/{digest[2:4]}/{digest}"


def _digest(descriptor: int) -> str:
    state, offset = sha256(), 0
    while piece := os.pread(descriptor, _PIECE, offset):
        state.update(piece)
        offset += len(piece)
    return state.hexdigest()
