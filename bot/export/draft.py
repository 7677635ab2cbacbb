"""A directory beside the final name, in which an export is made: it appears there as a whole or not at all.

.posts.jsonl.part/          locked while its export lives; one that a killed export left is removed by the next
    new/                    what will appear
    hashes                  name, size and SHA-256 of each file of it, a line each
    old/                    what an earlier export left under the final name, for the moment of the exchange
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from io import BufferedWriter, RawIOBase
from pathlib import Path
from typing import Any, BinaryIO, Self

from bot.errors import UserError
from bot.foreign.text import visible

_PIECE = 1 << 20
_FEW = 50  # files: more are brought to the disk all at once


class HashedFile(RawIOBase):
    """A file that only grows, and the hash of its bytes."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self.state = sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        count = os.write(self._descriptor, data)
        self.state.update(data[:count])
        self.size += count
        return count


class ExportDraft:
    """What is written for one final path. Use it as a context manager: what was not published is removed at its end."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._root = target.with_name(f".{target.name}.part")
        self._files = 0

    def __enter__(self) -> Self:
        self._lock = self._take()
        self._new = self._root / "new"
        self._new.mkdir(mode=0o700)
        self._hashes = (self._root / "hashes").open("x", encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):  # a full disk: there is nothing left to say of it
            self._hashes.close()
        shutil.rmtree(self._root, ignore_errors=True)
        os.close(self._lock)

    def _take(self) -> int:
        """Make the directory, after that of a killed export is gone. Raises UserError where another one is at work."""
        with suppress(FileNotFoundError):
            left = _lock(self._root)
            try:
                self._clear()
            finally:
                os.close(left)
        try:
            self._root.mkdir(mode=0o700)
        except FileExistsError:
            raise _under_way(self._root) from None
        return _lock(self._root)

    def _clear(self) -> None:
        if foreign := {one.name for one in self._root.iterdir()} - {"new", "hashes", "work", "old"}:
            raise UserError(f"{self._root} is in the way: it holds {visible(min(foreign))}; remove it")
        old = self._root / "old"
        if old.exists() and not os.path.lexists(self._target):  # killed in the moment of the exchange
            old.rename(self._target)
        shutil.rmtree(self._root)

    # What formats write ----------------------------------------------------------------------------------------------

    @contextmanager
    def create(self, name: str) -> Iterator[BinaryIO]:
        """A new file."""
        descriptor = os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        raw = HashedFile(descriptor)
        try:
            with BufferedWriter(raw, _PIECE) as file:
                yield file
                file.flush()
                self._sync(descriptor)
        finally:
            os.close(descriptor)
        self._note(name, raw.size, raw.state.hexdigest())

    def path(self, name: str) -> Path:
        """Where a new file goes."""
        path = self._new / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def scratch(self) -> Path:
        """A directory of which nothing appears."""
        work = self._root / "work"
        work.mkdir(mode=0o700, exist_ok=True)
        return work

    def add(self, name: str) -> None:
        """Take in a file that something else has written under `path`."""
        path = self._new / name
        path.chmod(0o600)
        size, digest = measure(path)
        with path.open("rb") as file:
            self._sync(file.fileno())
        self._note(name, size, digest)

    def _sync(self, descriptor: int) -> None:
        if self._files < _FEW:
            os.fsync(descriptor)

    def _note(self, name: str, size: int, digest: str) -> None:
        self._files += 1
        self._hashes.write(json.dumps({"name": name, "bytes": size, "sha256": digest}, ensure_ascii=False) + "\n")

    def hashes(self) -> Iterator[str]:
        """A line of JSON for each file, in the order in which they were written."""
        self._hashes.flush()
        with (self._root / "hashes").open(encoding="utf-8") as lines:
            for line in lines:
                yield line.rstrip("\n")

    # What appears ----------------------------------------------------------------------------------------------------

    def publish(self, moves: dict[str, Path]) -> None:
        """Give these files of the draft their final names, in this order."""
        self._settle()
        for name, to in moves.items():
            (self._new / name).replace(to)
        sync_folder(self._target.parent)

    def publish_all(self) -> None:
        """Give the whole directory its final name; what is there goes."""
        self._settle()
        if os.path.lexists(self._target):
            self._target.rename(self._root / "old")
        self._new.rename(self._target)
        sync_folder(self._target.parent)

    def _settle(self) -> None:
        if self._files >= _FEW:
            os.sync()
        sync_folder(self._new)


def _lock(folder: Path) -> int:
    """A descriptor that holds the lock of a directory of ours. Raises UserError where another process has it."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except NotADirectoryError:
        raise UserError(f"{folder} is in the way: it is no directory of this program; remove it") from None
    owner = os.fstat(descriptor).st_uid
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise _under_way(folder) from None
    if owner != os.geteuid():
        os.close(descriptor)
        raise UserError(f"{folder} is in the way: it belongs to another user")
    return descriptor


def _under_way(folder: Path) -> UserError:
    return UserError(f"another export to {folder.parent / folder.name[1:-5]} is under way: wait for it")


def measure(path: Path) -> tuple[int, str]:
    """Size and SHA-256 of a file."""
    state, size = sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            state.update(piece)
            size += len(piece)
    return size, state.hexdigest()


def sync_folder(folder: Path) -> None:
    """Bring the names in a directory to the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
